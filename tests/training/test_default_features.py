"""Which features the default preset chooses, by bands and by what is installed."""

import pytest

import ktextures as kt
from ktextures.features import vgg16_weights
from ktextures.features.color import ColorFeatures
from ktextures.raster.scene_set import open_scenes
from ktextures.training.default_features import default_features


def chosen(scene, color_only=False):
    color = ColorFeatures(0.4)
    found = default_features(open_scenes(scene), color, color_only=color_only)
    assert found[-1] is color
    return [(each.kind, getattr(each, "bands", None)) for each in found[:-1]]


def test_bands_decide(small):
    rgb, nir = ("red", "green", "blue"), ("nir", "red", "green")
    assert chosen(small) == [("vgg16", rgb), ("vgg16", nir)]
    assert chosen(small[:3]) == [("vgg16", rgb)]
    assert chosen(small[:1]) == [("vgg16", ("red",) * 3)]
    assert chosen(small[1:]) == [("filter-bank", None)]
    assert chosen(small, color_only=True) == []


@pytest.mark.usefixtures("offline", "eager")
def test_without_weights_a_filter_bank_takes_over_and_says_so(small, monkeypatch):
    monkeypatch.setattr(vgg16_weights, "find_spec", lambda _: None)
    message = (
        r"a filter bank replaces VGG-16, whose weights are missing: classes that "
        r"differ in texture are told apart less well\. No VGG-16 weights .*Three ways"
    )
    with pytest.warns(UserWarning, match=message) as warned:
        model = kt.train(small, 3, steps=4, seed=1, progress=False)
    assert len([each for each in warned if "VGG-16" in str(each.message)]) == 1
    assert "filter-bank" in [each.kind for each in model.extractors]
    assert kt.segment(small, model).classes.values.max() == 3
