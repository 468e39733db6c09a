"""Figures of accuracy: what they show, and that no text covers another."""

import numpy as np
import pytest
import xarray as xr
from accuracy_maps import class_map
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.container import ErrorbarContainer
from matplotlib.text import Text

import ktextures as kt
from ktextures.accuracy.texts import hectares

RNG = np.random.default_rng(1)
LONG = [
    "grassland and herbaceous vegetation of dry places, with rocks",
    "x",
    *(f"a rather long name of class {number}" for number in range(3, 60)),
]


def maps(k, long, crs=32632):
    truth = RNG.integers(1, k + 1, (60, 80)).astype(np.uint8)
    mapped = np.where(RNG.random(truth.shape) < 0.2, RNG.integers(1, k + 1), truth)
    names = LONG[:k] if long else [f"class {n}" for n in range(1, k + 1)]
    return (class_map(each, names=names, crs=crs) for each in (mapped, truth))


def labeled(mapped, truth, n):
    points = kt.sample_points(mapped, n, design="equal")
    rows = np.searchsorted(-mapped.y.values, -points.geometry.y)
    cols = np.searchsorted(mapped.x.values, points.geometry.x)
    return points.assign(reference=truth.values[rows, cols])


def texts(figure):
    """Everything that is written, with its place in pixels."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    found = []
    for axes in figure.axes:
        for text in axes.findobj(Text):
            shown = axes.axison or text in axes.texts
            if shown and text.get_visible() and text.get_text().strip():
                found.append((text.get_text(), text.get_window_extent(renderer)))
    return found


def covered(figure):
    """Pairs of texts that overlap, and texts that leave the page."""
    found = texts(figure)
    width, height = figure.bbox.width, figure.bbox.height
    bad = [
        text
        for text, box in found
        if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height
    ]
    edges = np.array([box.extents for _, box in found])
    low = np.maximum(edges[:, None, :2], edges[None, :, :2])
    high = np.minimum(edges[:, None, 2:], edges[None, :, 2:])
    both = np.argwhere((high - low > 0.5).all(axis=2))
    bad += [(found[one][0], found[other][0]) for one, other in both if one < other]
    return bad


@pytest.mark.parametrize(("k", "long"), [(2, False), (4, True), (15, True), (45, True)])
def test_no_text_covers_another(k, long):
    mapped, truth = maps(k, long)
    reference = truth
    if k < 45:
        reference = labeled(mapped, truth, 20 * k)
        reference.loc[:2, "reference"] = k + 1
    figures = kt.assess(mapped, reference).plot(), kt.compare(mapped, truth).plot()
    for figure in figures:
        assert covered(figure) == []


def test_an_assessment_shows_counts_names_bars_and_intervals():
    mapped, truth = maps(3, long=False)
    found = kt.assess(mapped, labeled(mapped, truth, 120))
    figure = found.plot()

    shown = [text for text, _ in texts(figure)]
    for count in found.matrix.to_numpy().ravel():
        assert str(count) in shown
    assert f"Overall accuracy {found.overall:.3f} ± {found.overall_interval:.3f}" in (
        shown
    )
    area = found.areas.iloc[0]
    assert hectares(area["estimated_ha"], area["interval_ha"]) in shown
    accuracy, areas = (axes for axes in figure.axes if axes.containers)
    bars = [bar.get_width() for group in accuracy.containers[::2] for bar in group]
    expected = [*found.classes["users_accuracy"], *found.classes["producers_accuracy"]]
    assert bars == pytest.approx(expected)
    lines = accuracy.containers[1].lines[2][0].get_segments()
    ends = [segment[:, 0].tolist() for segment in lines]
    half = found.classes["users_accuracy_interval"]
    middle = found.classes["users_accuracy"]
    assert ends == [
        pytest.approx([m - h, m + h]) for m, h in zip(middle, half, strict=True)
    ]
    bars = [bar.get_width() for bar in areas.containers[0]]
    assert bars == pytest.approx(found.areas["mapped_ha"].tolist())
    assert figure._repr_png_()


def test_a_raster_has_no_lines_of_intervals_and_says_why():
    mapped, truth = maps(3, long=False)
    figure = kt.assess(mapped, truth).plot()

    for axes in figure.axes:
        for container in axes.containers:
            if isinstance(container, ErrorbarContainer):
                assert not container.lines[2][0].get_segments()
    shown = [text for text, _ in texts(figure)]
    assert any("no sampling error" in text for text in shown)
    assert "in the reference" in shown


def test_unknown_areas_are_drawn_as_percent():
    mapped, truth = maps(3, long=True, crs=None)
    figure = kt.assess(mapped, truth).plot()
    assert covered(figure) == []
    assert "%" in [axes.get_xlabel() for axes in figure.axes]
    assert covered(kt.compare(mapped, truth).plot()) == []


def test_a_comparison_shows_the_map_of_agreement():
    mapped, truth = maps(3, long=False)
    mapped[:10] = 0
    found = kt.compare(mapped, truth)
    figure = found.plot()

    pictures = [axes.images[0] for axes in figure.axes if axes.images]
    (picture,) = (each for each in pictures if np.shape(each.get_array())[2] == 4)
    rgba = np.asarray(picture.get_array())
    assert (rgba[:10, :, 3] == 0).all()
    different = found.agreement.values == 2
    assert (rgba[different] == [0xD5, 0x5E, 0x00, 255]).all()
    shown = [text for text, _ in texts(figure)]
    largest = found.changes.iloc[0]
    assert f"{largest['name_a']} → {largest['name_b']}" in shown
    assert f"{hectares(largest['area_ha'])} ha" in shown


def test_maps_that_agree_are_drawn():
    mapped, _ = maps(2, long=False)
    figure = kt.compare(mapped, mapped).plot()
    assert covered(figure) == []
    assert "none" in [text for text, _ in texts(figure)]


def test_long_and_narrow_maps_are_drawn():
    values = np.ones((3, 5000), np.uint8)
    long = xr.DataArray(values, dims=("y", "x"))
    figure = kt.compare(long, long).plot()
    assert figure.axes
