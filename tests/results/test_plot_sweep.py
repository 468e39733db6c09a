"""Figures of sweeps, from Datasets made by hand."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex

import ktextures as kt

KS = [2, 3, 4]
MEASURES = (
    "prediction_strength",
    "prediction_strength_error",
    "stability",
    "silhouette",
    "calinski_harabasz",
    "davies_bouldin",
    "dictionary_loss",
    "smallest_share",
)
COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7")


@pytest.fixture
def sweep():
    """Quarters of a map: halves first, of which one, then both, are divided."""
    quarters = np.repeat([[1, 1, 2, 2], [3, 3, 4, 4]], 2, axis=0)
    steps = [[0, 1, 1, 2, 2], [0, 1, 3, 2, 2], [0, 1, 3, 2, 4]]
    maps = [np.array(each, np.uint8)[quarters] for each in steps]
    maps[0][0, 0] = maps[1][0, 0] = maps[2][0, 0] = 0
    colors = [[*COLORS[:k], *[""] * (4 - k)] for k in KS]
    data = {
        "classes": (("k", "y", "x"), np.stack(maps)),
        "color": (("k", "class"), np.array(colors)),
        "parent": (("k", "class"), np.zeros((3, 4), np.uint8)),
    } | {name: ("k", np.linspace(0.1, 0.9, 3)) for name in MEASURES}
    coords = {"k": KS, "class": [1, 2, 3, 4]}
    return xr.Dataset(data, coords, {"recommended_k": 3})


def test_a_panel_for_each_measure_and_each_map(sweep):
    figure = kt.plot_sweep(sweep)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert len(titles) == len(MEASURES) - 1 + len(KS)
    assert titles[-3:] == ["k = 2", "k = 3, recommended", "k = 4"]
    assert all(axes.get_ylabel() for axes in figure.axes[:7])
    assert figure._repr_png_()


def test_maps_have_the_colors_of_the_sweep(sweep):
    picture = kt.plot_sweep(sweep).axes[-1].images[0].get_array()
    assert picture[0, 0, 3] == 0
    assert picture[-1, -1].tolist() == [0xCC, 0x79, 0xA7, 255]


def test_nan_of_a_file_is_nodata(sweep):
    masked = sweep.assign(classes=sweep.classes.where(sweep.classes > 0))
    for plot in (kt.plot_sweep, kt.plot_lineage):
        assert plot(masked)._repr_png_() == plot(sweep)._repr_png_()


def test_bands_lead_from_each_class_to_its_parts(sweep):
    (axes,) = kt.plot_lineage(sweep).axes
    bands = [each for each in axes.collections if isinstance(each, PolyCollection)]
    assert len(bands) == 3 + 4
    bars = [bar.get_height() for bar in axes.patches]
    assert len(bars) == 2 + 3 + 4
    assert bars[:2] == pytest.approx([7 / 15, 8 / 15])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["2", "3", "4"]


def test_bars_have_the_number_of_their_class_where_it_fits(sweep):
    (axes,) = kt.plot_lineage(sweep).axes
    assert [text.get_text() for text in axes.texts] == [*"12", *"123", *"1234"]
    for bar, text in zip(axes.patches, axes.texts, strict=True):
        assert bar.get_y() < text.get_position()[1] < bar.get_y() + bar.get_height()
        is_blue = to_hex(bar.get_facecolor()) == COLORS[0]
        assert text.get_color() == ("white" if is_blue else "black")
    rare = sweep.classes.where(~((sweep.k == 2) & (sweep.classes == 2)), 1)
    (axes,) = kt.plot_lineage(sweep.assign(classes=rare)).axes
    assert [text.get_text() for text in axes.texts][:3] == [*"112"]


def test_bands_have_the_height_of_what_they_share(sweep):
    (axes,) = kt.plot_lineage(sweep).axes
    for band in axes.collections:
        points = band.get_paths()[0].vertices
        ends = points[points[:, 0] == points[:, 0].max(), 1]
        assert np.ptp(ends) == pytest.approx(4 / 15, abs=0.07) or np.ptp(
            ends
        ) == pytest.approx(8 / 15)


@pytest.mark.parametrize("plot", [kt.plot_sweep, kt.plot_lineage])
def test_other_datasets_are_refused(sweep, plot):
    with pytest.raises(kt.InputError, match="not the Dataset of a sweep"):
        plot(sweep.drop_vars("color"))
    with pytest.raises(kt.InputError, match="single k"):
        plot(sweep.isel(k=0))
