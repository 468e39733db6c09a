import io
import subprocess
import sys
import threading
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from affine import Affine
from figure_tools import check_texts
from matplotlib.figure import Figure
from PIL import Image

from ktextures.classes.table import ClassTable
from ktextures.errors import InputError
from ktextures.palette import class_colors
from ktextures.raster.georeference import georeference
from ktextures.raster.open import open_scene
from ktextures.rendering import classes_to_rgba, stretch_rgb
from ktextures.results.plot import plot
from ktextures.results.plot_history import plot_history

UTM = Affine(10, 0, 600_000, 0, -10, 5_800_000)
ROTATED = Affine(8, 6, 600_000, 6, -8, 5_800_000)
DEGREES = Affine(0.001, 0, 10, 0, -0.001, 60)
NAMES = ("open water", "dense coniferous forest, old", "meadow", "cost of $x and $y")


def scene_of(values, transform=UTM, crs=32632, names=None):
    bands, height, width = values.shape
    scene = xr.DataArray(
        values,
        dims=("band", "y", "x"),
        coords={"band": names or [f"b{n}" for n in range(1, bands + 1)]},
    )
    if transform.is_rectilinear:
        scene = scene.assign_coords(
            y=transform.f + transform.e * (np.arange(height) + 0.5),
            x=transform.c + transform.a * (np.arange(width) + 0.5),
        )
    if crs is not None:
        scene = scene.rio.write_crs(crs).rio.write_transform(transform)
    return open_scene(scene)


def example(height=60, width=80, k=4, bands=4, names=None, chunks=None, **grid):
    """A scene with nodata in its first column, and all that segment() gives."""
    rng = np.random.default_rng(0)
    values = rng.normal(100, 20, (bands, height, width)).astype("float32")
    values[:, :, 0] = np.nan
    labels = rng.integers(1, k + 1, (height, width)).astype(np.uint8)
    labels[:, 0] = 0
    simulated = values + 1
    if chunks:
        values, labels, simulated = (
            da.from_array(array, chunks=(*array.shape[:-2], chunks, chunks))
            for array in (values, labels, simulated)
        )
    scene = scene_of(values, names=names, **grid)
    table = ClassTable.default(k)
    for value, name in enumerate(NAMES[:k], start=1):
        table = table.rename(value, name)
    band = {"band": scene["band"].values}
    textures = rng.normal(100, 20, (k, bands, 16, 16)).astype("float32")
    result = xr.Dataset(
        {
            "classes": georeference(
                labels, scene, dims=("y", "x"), name="classes", attrs=table.attrs()
            ),
            "simulated": georeference(
                simulated,
                scene,
                dims=("band", "y", "x"),
                name="simulated",
                coords=band,
            ),
            "textures": xr.DataArray(
                textures, dims=("class", "band", "texture_y", "texture_x"), coords=band
            ),
        }
    )
    return scene, result


def pictures(figure):
    return [
        np.asarray(image.get_array()) for axes in figure.axes for image in axes.images
    ]


def maps(figure):
    return [axes for axes in figure.axes if axes.axison]


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_panels_show_image_classes_simulation_and_textures():
    scene, result = example()

    figure = plot(scene, result)

    assert isinstance(figure, Figure)
    image, classes, simulated, *tiles = pictures(figure)
    channels = np.moveaxis(scene.values, 0, -1)
    np.testing.assert_array_equal(image, stretch_rgb(channels))
    np.testing.assert_array_equal(
        classes, classes_to_rgba(result["classes"].values, class_colors(4))
    )
    assert simulated.shape == image.shape
    assert [tile.shape for tile in tiles] == [(16, 16, 4)] * 4
    titles = {"Image", "Classes", "Simulated", "Textures", "k = 4", "b1, b2, b3"}
    assert titles <= set(texts(figure))


def test_simulated_has_the_stretch_of_the_image():
    scene, result = example()
    result["simulated"].values[:] = scene.values

    image, _, simulated, *_ = pictures(plot(scene, result))

    np.testing.assert_array_equal(simulated, image)


def test_textures_have_the_stretch_of_the_image():
    scene, result = example(bands=1)
    low, high = np.nanpercentile(scene.values, (2, 98))
    result["textures"].values[:] = (low + high) / 2
    result["textures"].values[0] = high

    tiles = pictures(plot(scene, result))[3:]

    gray = [int(tile[0, 0, 0]) for tile in tiles]
    assert gray == pytest.approx([255, 127.5, 127.5, 127.5], abs=0.6)


def test_legend_gives_names_shares_and_areas():
    scene, result = example(height=20, width=11, k=2)
    values = np.zeros((20, 11), np.uint8)
    values[:, 1:] = 1
    values[:5, 1:] = 2
    result["classes"].values[:] = values

    shown = texts(plot(scene, result))

    # 200 valid pixels of 0.01 ha.
    for text in ("open water", "75.0 %", "1.50 ha", "25.0 %", "0.50 ha", "nodata"):
        assert text in shown


def test_dollars_in_names_are_no_formula():
    figure = plot(*example())

    named = [t for axes in figure.axes for t in axes.texts if "$" in t.get_text()]
    assert NAMES[3] in [text.get_text() for text in named]
    assert not any(text.get_parse_math() for text in named)


def test_legend_without_crs_has_no_areas_and_axes_count_pixels():
    scene, result = example(transform=Affine.identity(), crs=None)

    figure = plot(scene, result)

    assert not any("ha" in text.split() for text in texts(figure))
    assert maps(figure)[0].get_xlabel() == "column (pixel)"
    assert maps(figure)[0].get_ylim() == (60, 0)


@pytest.mark.parametrize(
    ("grid", "label", "limits"),
    [
        ({}, "easting (m)", (600_000, 600_800, 5_799_400, 5_800_000)),
        (
            {"transform": DEGREES, "crs": 4326},
            "longitude",
            (10, 10.08, 59.94, 60),
        ),
        ({"transform": ROTATED}, "column (pixel)", (0, 80, 60, 0)),
    ],
)
def test_axes_are_those_of_the_grid(grid, label, limits):
    figure = plot(*example(**grid))

    for axes in maps(figure):
        assert axes.get_xlabel() == label
        np.testing.assert_allclose((*axes.get_xlim(), *axes.get_ylim()), limits)
        np.testing.assert_allclose(axes.images[0].get_extent(), limits)


def test_degrees_are_drawn_as_wide_as_they_are():
    figure = plot(*example(transform=DEGREES, crs=4326))

    box = maps(figure)[0].get_position()
    width, height = figure.get_size_inches()

    ratio = (box.width * width) / (box.height * height)
    assert ratio == pytest.approx(80 / 60 * np.cos(np.radians(59.97)), rel=1e-6)


def test_nodata_is_transparent_over_a_hatched_ground():
    figure = plot(*example())

    for axes in maps(figure):
        assert (axes.images[0].get_array()[:, 0, 3] == 0).all()
        assert (axes.images[0].get_array()[:, 1:, 3] == 255).all()
        assert [patch.get_hatch() for patch in axes.patches] == ["//////"]


def test_red_green_blue_are_found_by_role_and_bands_can_be_chosen():
    scene, result = example(names=["nir", "blue", "green", "red"])
    channels = np.moveaxis(scene.values, 0, -1)

    by_role = pictures(plot(scene, result))[0]
    by_name = pictures(plot(scene, result, bands=["nir", "red", "green"]))[0]
    by_number = pictures(plot(scene, result, bands=[1, 4, 3]))[0]
    gray = pictures(plot(scene, result, bands="nir"))[0]

    np.testing.assert_array_equal(by_role, stretch_rgb(channels, bands=(3, 2, 1)))
    np.testing.assert_array_equal(by_name, stretch_rgb(channels, bands=(0, 3, 2)))
    np.testing.assert_array_equal(by_number, by_name)
    np.testing.assert_array_equal(gray, stretch_rgb(channels, bands=(0,)))


def test_missing_parts_are_left_out():
    scene, result = example()

    figure = plot(scene, result[["classes"]])

    assert len(maps(figure)) == 2
    assert not {"Simulated", "Textures"} & set(texts(figure))


@pytest.mark.parametrize(
    ("height", "width", "k"),
    [
        (60, 80, 2),
        (60, 60, 6),
        (60, 60, 24),
        (60, 60, 32),
        (60, 60, 128),
        (300, 60, 6),
        (300, 10, 5),
        (60, 240, 6),
        (10, 300, 6),
    ],
)
@pytest.mark.parametrize("georeferenced", [True, False])
def test_no_text_overlaps_another_or_leaves_the_page(height, width, k, georeferenced):
    grid = {} if georeferenced else {"transform": Affine.identity(), "crs": None}

    figure = plot(*example(height, width, k, **grid))

    check_texts(figure)


@pytest.mark.parametrize(("height", "width"), [(60, 80), (300, 60), (60, 240)])
def test_panels_have_equal_size_and_are_aligned(height, width):
    figure = plot(*example(height, width))

    places = [axes.get_position() for axes in maps(figure)]
    size = figure.get_size_inches()

    for place in places:
        np.testing.assert_allclose(place.size, places[0].size)
        ratio = place.width * size[0] / (place.height * size[1])
        assert ratio == pytest.approx(width / height)
    assert places[1].y0 == pytest.approx(places[0].y0)


def test_large_scenes_are_thinned():
    scene, result = example(height=2100, width=900, bands=1, k=2)

    figure = plot(scene, result)

    image, classes, simulated, *_ = pictures(figure)
    assert image.shape == classes.shape == simulated.shape == (700, 300, 4)
    np.testing.assert_array_equal(
        classes,
        classes_to_rgba(result["classes"].values[::3, ::3], class_colors(2)),
    )
    assert not any("estimated" in text for text in texts(figure))


def test_thinned_pictures_end_where_the_scene_ends():
    scene, result = example(height=1030, width=3, bands=1)

    axes = maps(plot(scene, result))[0]

    # 515 x 2 drawn pixels of 20 m over a scene of 1030 x 3 pixels of 10 m.
    assert axes.get_xlim() == (600_000, 600_030)
    np.testing.assert_allclose(
        axes.images[0].get_extent(), (600_000, 600_040, 5_789_700, 5_800_000)
    )


@pytest.mark.parametrize("grid", [{}, {"transform": ROTATED}])
def test_lazy_results_are_computed_once_and_their_areas_estimated(grid):
    scene, result = example(height=2100, width=1500, k=2, chunks=500, **grid)
    calls = []

    def count(block, block_info=None):
        calls.append(tuple(block_info[0]["chunk-location"]))
        return block

    classes = result["classes"]
    counted = classes.data.map_blocks(count, meta=classes.data._meta)
    result["classes"] = classes.copy(data=counted)
    # The simulation is made from the classes, as segment() does.
    result["simulated"] = result["simulated"].copy(
        data=result["simulated"].data + 0 * counted
    )

    figure = plot(scene, result)

    assert len(calls) == len(set(calls)) == 5 * 3
    assert "Shares and areas are estimated from 1 in 9 pixels." in texts(figure)
    areas = [text.removesuffix(" ha") for text in texts(figure) if text[-2:] == "ha"]
    total = sum(float("".join(area.split())) for area in areas)
    # One column of nodata is drawn as one of 500.
    assert total == pytest.approx(2100 * 1500 * 0.01 * 499 / 500, abs=1)


def test_plot_errors_name_what_came():
    scene, result = example()
    with pytest.raises(InputError, match="the result has no 'classes': give"):
        plot(scene, result[["simulated"]])
    with pytest.raises(InputError, match=r"\(60, 80\) pixels, but .* \(60, 40\)"):
        plot(scene[:, :, :40], result)
    with pytest.raises(InputError, match=r"no band 'swir': give names from \['b1'"):
        plot(scene, result, bands=["b1", "b2", "swir"])
    with pytest.raises(InputError, match="no band 5: give names"):
        plot(scene, result, bands=[1, 2, 5])
    with pytest.raises(InputError, match=r"bands are \[1, 2\]: give three"):
        plot(scene, result, bands=[1, 2])
    partial = result.isel(band=slice(1, None))
    with pytest.raises(InputError, match=r"'simulated' has no band 'b1', only \['b2'"):
        plot(scene, partial)


def test_figures_are_made_in_a_thread_without_pyplot():
    code = f"""
import sys, threading
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_plot import example, plot
made = []
thread = threading.Thread(target=lambda: made.append(plot(*example())._repr_png_()))
thread.start(); thread.join()
print(made[0][1:4], "matplotlib.pyplot" in sys.modules)
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "b'PNG' False"


def test_figures_can_be_drawn_in_several_threads_at_once():
    scene, result = example()
    alone = plot(scene, result)._repr_png_()
    made = []

    def draw():
        made.append(plot(scene, result)._repr_png_())

    workers = [threading.Thread(target=draw) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert made == [alone] * 3


def test_figure_does_not_depend_on_the_style_in_use():
    import matplotlib

    scene, result = example()
    light = plot(scene, result)._repr_png_()
    with matplotlib.rc_context({"font.size": 20, "axes.labelsize": 30}):
        assert plot(scene, result)._repr_png_() == light
    assert Image.open(io.BytesIO(light)).convert("RGB").getpixel((0, 0)) == (255,) * 3


@pytest.mark.slow
@pytest.mark.parametrize("first", ["pass", "import matplotlib.pyplot"])
def test_notebook_shows_the_figure_once(first):
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    cells = [first, "from ktextures.results.plot_history import plot_history"]
    cells += ["plot_history({'loss': [3.0, 2.0, 1.0]})"]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells]
    )

    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()

    assert [len(cell.outputs) for cell in notebook.cells] == [0, 0, 1]
    assert "image/png" in notebook.cells[2].outputs[0].data


def test_plot_history_draws_one_curve_per_loss():
    figure = plot_history({"loss": [4.0, 3.0], "texture": [2.0, 1.0], "step": [10, 20]})

    (axes,) = figure.axes
    curves = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    assert curves == {
        "loss": [[10, 4], [20, 3]],
        "texture": [[10, 2], [20, 1]],
    }
    assert axes.get_yscale() == "linear"
    assert figure._repr_png_()[1:4] == b"PNG"


def test_plot_history_of_several_decades_is_logarithmic():
    (axes,) = plot_history({"loss": [1000.0, 1.0]}).axes

    assert axes.get_yscale() == "log"
    assert axes.lines[0].get_xdata().tolist() == [1, 2]


def test_plot_history_errors_name_what_came():
    with pytest.raises(InputError, match=r"keys \['loss'\] but no values: train"):
        plot_history({"loss": []})
    with pytest.raises(InputError, match=r"keys \[\] but no values: train"):
        plot_history({})
    with pytest.raises(InputError, match="'loss' has 2 values for 3 steps"):
        plot_history({"loss": [1.0, 2.0], "step": [1, 2, 3]})
