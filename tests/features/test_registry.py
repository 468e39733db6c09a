"""Extractors of the user's own in model files, under their registered names."""

import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import ktextures as kt
from ktextures.errors import InputError, MissingFeaturesError, ModelFileError
from ktextures.features.protocol import registered

pytestmark = pytest.mark.usefixtures("eager")

MODULE = '''
import numpy as np
import tensorflow as tf
import ktextures as kt

@kt.register_features
class Shifted(kt.FeatureExtractor):
    """Bands minus what it learned."""

    kind = "test-shifted"

    def __init__(self, factor=1.0):
        self.factor, self.shift = factor, None

    def fit(self, pixels, bands):
        if self.shift is None:
            self.shift = pixels.reshape(-1, pixels.shape[-1]).mean(0)

    def __call__(self, tiles):
        return [self.factor * (tiles - self.shift)]

    def get_config(self):
        return {"factor": self.factor}

    def get_state(self):
        return {"shift": np.asarray(self.shift, "float32")}

    @classmethod
    def restore(cls, config, state):
        made = cls(**config)
        made.shift = state["shift"]
        return made
'''


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    (folder / "shifted_features.py").write_text(MODULE)
    sys.path.insert(0, str(folder))
    try:
        import shifted_features

        yield shifted_features
    finally:
        sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def saved(module, small, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "own.ktextures"
    kt.train(
        small, 2, features=module.Shifted(2.0), steps=1, seed=1, progress=False
    ).save(path)
    return path


def test_a_registered_extractor_is_saved_and_loaded(module, saved, small):
    model = kt.load(saved)
    (extractor,) = model.extractors
    assert isinstance(extractor, module.Shifted)
    assert extractor.factor == 2.0
    tiles = tf.zeros((1, 4, 4, 4))
    np.testing.assert_allclose(extractor(tiles)[0][0, 0, 0], -2 * extractor.shift)
    further = kt.train(small, model=model, steps=1, seed=1, progress=False)
    assert further.record.steps == 2


def test_loading_without_its_module_says_what_to_import(saved):
    code = f"import ktextures as kt; kt.load({str(saved)!r})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 1
    assert re.search(
        r"MissingFeaturesError: .*'test-shifted', which is not registered; import "
        r"shifted_features before loading",
        run.stderr,
    )


def test_unknown_kinds_are_errors_of_model_files():
    with pytest.raises(MissingFeaturesError, match="Registered are: color, filter-b"):
        registered("nothing")
    assert issubclass(MissingFeaturesError, ModelFileError)


def test_a_kind_is_registered_once():
    class Other(kt.FilterBank):
        pass

    with pytest.raises(InputError, match=r"'filter-bank' is taken by ktextures\.feat"):
        kt.register_features(Other)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (kt.FilterBank(), "decorate a subclass of ktextures.FeatureExtractor"),
        (dict, "decorate a subclass"),
        (type("Bare", (kt.FeatureExtractor,), {}), 'set one, such as kind = "bare"'),
    ],
)
def test_what_is_no_class_of_extractors_is_not_registered(wrong, message):
    with pytest.raises(InputError, match=message):
        kt.register_features(wrong)


def test_a_cell_that_is_run_again_replaces_its_class():
    for _ in range(2):

        @kt.register_features
        class Again(kt.FilterBank):
            kind = "test-again"

        assert registered("test-again") is Again
