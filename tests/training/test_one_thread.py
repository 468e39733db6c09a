"""k-means in one thread."""

import numpy as np
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_info

from ktextures.training.one_thread import fit_kmeans


def threads():
    """Threads of OpenMP, of each library that uses it."""
    return [each["num_threads"] for each in threadpool_info() if is_openmp(each)]


def is_openmp(library):
    return library["user_api"] == "openmp"


class Observed(KMeans):
    """A k-means that notes how many threads it was given."""

    def fit(self, *given, **options):
        self.threads = threads()
        return super().fit(*given, **options)


def test_it_is_fitted_in_one_thread_and_the_limit_ends_with_it():
    rows = np.random.default_rng(0).normal(size=(500, 3)).astype("float32")
    rows[250:] += 10
    before = threads()
    weights = np.ones(500)
    fitted = fit_kmeans(
        Observed(2, n_init=1, random_state=0), rows, sample_weight=weights
    )
    assert set(fitted.threads) == {1}
    assert threads() == before
    assert len(set(fitted.labels_[:250])) == len(set(fitted.labels_[250:])) == 1
    assert fitted.labels_[0] != fitted.labels_[-1]
