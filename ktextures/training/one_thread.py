"""k-means in one thread.

The samples are so small that each of the many steps of k-means takes a millisecond or
less. Threads that wait for each other between them take far longer whenever something
else needs the processor, TensorFlow's threads for example: then up to twenty times as
long. In one thread, sums do not depend on the number of processors either.
"""

from functools import cache
from typing import Any

from sklearn.cluster import KMeans
from threadpoolctl import ThreadpoolController

__all__ = ["fit_kmeans"]


@cache
def _threads() -> ThreadpoolController:
    """Thread pools of the libraries that are loaded, among them scikit-learn's."""
    return ThreadpoolController()


def fit_kmeans(kmeans: KMeans, rows: Any, **options: Any) -> KMeans:
    """Fit a k-means in one thread.

    Parameters
    ----------
    kmeans : KMeans
    rows : array, shape (n, dimension)
        A sample, not all pixels of a scene.
    **options
        As for ``kmeans.fit``.

    Returns
    -------
    KMeans
        The same, fitted.
    """
    with _threads().limit(limits=1, user_api="openmp"):
        return kmeans.fit(rows, **options)
