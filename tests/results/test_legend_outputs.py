"""Files, areas, and figures of maps in the codes of a legend."""

import base64
from io import BytesIO

import dask.array as da
import numpy as np
import pytest
import rasterio
import xarray as xr
from PIL import Image

import ktextures as kt
import ktextures.results.leaflet
from ktextures.classes.assignment import Assignment
from ktextures.errors import InputError

SCENE, TRUTH = kt.datasets.synthetic(64, k=3)
NLCD = kt.Legend(["forest", "water", "bare"], ["green", "blue", "tan"], [41, 11, 31])
CORINE = kt.Legend(["forest", "water", "bare"], ["green", "blue", "tan"], [311, 512, 3])
COUNTS = np.bincount(TRUTH.values.ravel(), minlength=4)
LEGENDS = pytest.mark.parametrize("legend", [NLCD, CORINE], ids=["NLCD", "CORINE"])


def assigned(legend, mapping=None):
    table = kt.ClassTable.default(3).assign(mapping or {"forest": [1, 3]}, legend)
    return TRUTH.assign_attrs(table.attrs())


# --- areas -----------------------------------------------------------------------


@LEGENDS
@pytest.mark.parametrize("lazy", [False, True])
def test_areas_of_all_entries_and_of_classes_without_one(legend, lazy):
    classes = assigned(legend)
    if lazy:
        classes = classes.chunk({"y": 20, "x": 30})

    areas = kt.class_areas(classes, values="legend")

    beyond = max(legend.codes) + 2
    assert areas["class"].tolist() == [*legend.codes, beyond]
    assert areas["name"].tolist() == [*legend.names, "class 2 (unassigned)"]
    assert areas["pixels"].tolist() == [COUNTS[1] + COUNTS[3], 0, 0, COUNTS[2]]
    hectares = np.array([COUNTS[1] + COUNTS[3], 0, 0, COUNTS[2]]) / 100
    np.testing.assert_allclose(areas["area_ha"], hectares)
    assert areas["share"].sum() == pytest.approx(1)
    xr.testing.assert_identical(
        areas.to_xarray(), kt.class_areas(kt.to_legend(classes)).to_xarray()
    )


def test_areas_of_codes_without_a_crs_are_unknown():
    codes = xr.DataArray(np.full((2, 3), 512, np.uint16), dims=("y", "x"))

    areas = kt.class_areas(codes, CORINE)

    assert areas["pixels"].tolist() == [0, 6, 0]
    assert areas["area_ha"].isna().all()


def test_a_legend_names_the_codes_of_any_raster():
    codes = xr.DataArray(np.array([[41, 11, 0]], np.uint8), dims=("y", "x"))

    assert kt.class_areas(codes, NLCD)["pixels"].tolist() == [1, 1, 0]
    with pytest.raises(InputError, match="holds the code 11, which is not in the leg"):
        kt.class_areas(codes, kt.Legend(["forest"], codes=[41]))
    with pytest.raises(
        InputError, match=r"legend codes \(uint16\) without names: pass"
    ):
        kt.class_areas(codes.astype("uint16"))


def test_values_are_classes_or_legend(tmp_path):
    classes = TRUTH.assign_attrs(kt.ClassTable.default(3).attrs())
    result = xr.Dataset({"classes": classes})
    for call in (
        lambda values: kt.class_areas(classes, values=values),
        lambda values: kt.write_classes(classes, tmp_path / "a.tif", values=values),
        lambda values: kt.plot(SCENE, result, values=values),
    ):
        with pytest.raises(InputError, match="values is 'codes': give 'classes' or"):
            call("codes")
        with pytest.raises(
            InputError, match="the classes are not assigned to a legend"
        ):
            call("legend")
    with pytest.raises(InputError, match="give a ClassTable with an assignment, not a"):
        kt.class_areas(classes, NLCD, values="legend")
    assert not list(tmp_path.iterdir())


# --- files -----------------------------------------------------------------------


@LEGENDS
@pytest.mark.parametrize("driver", ["COG", "GTiff"])
def test_codes_names_and_colors_survive_a_file(tmp_path, legend, driver):
    classes = assigned(legend)

    path = kt.write_classes(
        classes, tmp_path / "codes.tif", driver=driver, values="legend"
    )

    coded, read = kt.to_legend(classes), kt.read_classes(path)
    assert read.dtype == coded.dtype == ("uint8" if legend is NLCD else "uint16")
    np.testing.assert_array_equal(read, coded)
    assert kt.Legend.from_attrs(read.attrs) == kt.Legend.from_attrs(coded.attrs)
    assert read.rio.nodata == 0
    with rasterio.open(path) as file:
        colormap = file.colormap(1)
    assert colormap[legend.code("forest")] == (0, 128, 0, 255)
    assert colormap[legend.code("water")] == (0, 0, 255, 255)
    assert colormap[0][3] == 0


@LEGENDS
def test_sidecars_name_the_codes(tmp_path, legend):
    kt.write_classes(assigned(legend), tmp_path / "codes.tif", values="legend")

    style = kt.Legend.read(tmp_path / "codes.qml")
    assert style == kt.Legend.from_attrs(kt.to_legend(assigned(legend)).attrs)
    aux = (tmp_path / "codes.tif.aux.xml").read_text()
    code = legend.code("forest")
    row = aux[aux.index(f"<F>{code}</F>") :]
    assert row.split()[1] == "<F>forest</F>"
    assert row.split()[6] == f"<F>{COUNTS[1] + COUNTS[3]}</F>"
    categories = aux.split("<Category")[1:]
    assert "nodata" in categories[1]
    assert "forest" in categories[1 + code]


@LEGENDS
def test_names_come_from_the_sidecar_if_the_file_has_none(tmp_path, legend):
    path = kt.write_classes(
        assigned(legend, {"forest": [1, 3], "water": 2}),
        tmp_path / "codes.tif",
        values="legend",
        driver="GTiff",
    )
    sidecar = tmp_path / "codes.tif.aux.xml"
    described = sidecar.read_text()
    with rasterio.open(path) as file:
        profile, values, colors = file.profile, file.read(), file.colormap(1)
    with rasterio.open(path, "w", **profile) as file:
        file.write_colormap(1, colors)
        file.write(values)
    sidecar.write_text(described)
    if legend is CORINE:
        found = kt.Legend.from_attrs(kt.read_classes(path).attrs)
        assert found == kt.Legend(["forest", "water"], ["green", "blue"], [311, 512])
    else:  # a raster of uint8 may as well hold 41 classes
        found = kt.ClassTable.from_attrs(kt.read_classes(path).attrs)
        assert found.names[40] == "forest"
        assert found.colors[40] == "#008000"


def test_uint16_without_names_is_read_by_its_codes(tmp_path):
    profile = {"driver": "GTiff", "width": 3, "height": 1, "count": 1}
    for name, values in (("codes", [0, 311, 512]), ("empty", [0, 0, 0])):
        with rasterio.open(
            tmp_path / f"{name}.tif", "w", dtype="uint16", **profile
        ) as file:
            file.write(np.array([[values]], np.uint16))

    found = kt.Legend.from_attrs(kt.read_classes(tmp_path / "codes.tif").attrs)
    assert found == kt.Legend(["code 311", "code 512"], codes=[311, 512])
    with pytest.raises(InputError, match="the raster holds 0 different codes: give a"):
        kt.read_classes(tmp_path / "empty.tif")


def test_class_maps_keep_the_assignment_in_a_file(tmp_path):
    classes = assigned(NLCD)

    read = kt.read_classes(kt.write_classes(classes, tmp_path / "classes.tif"))

    table = kt.ClassTable.from_attrs(read.attrs)
    assert table.assignment == Assignment(NLCD, (41, 0, 41))
    np.testing.assert_array_equal(kt.to_legend(read), kt.to_legend(classes))


def test_another_table_takes_the_assignment_away(tmp_path):
    path = kt.write_classes(
        assigned(NLCD), tmp_path / "classes.tif", table=kt.ClassTable.default(5)
    )

    table = kt.ClassTable.from_attrs(kt.read_classes(path).attrs)
    assert table == kt.ClassTable.default(5)


def test_lazy_maps_are_written_in_codes(tmp_path):
    classes = assigned(CORINE)
    lazy = classes.copy(data=da.from_array(classes.values, chunks=17))

    path = kt.write_classes(lazy, tmp_path / "lazy.tif", values="legend")

    np.testing.assert_array_equal(kt.read_classes(path), kt.to_legend(classes))


def test_codes_without_names_are_not_written(tmp_path):
    codes = kt.to_legend(assigned(CORINE))

    with pytest.raises(InputError, match=r"legend codes \(uint16\) without names"):
        kt.write_classes(codes.drop_attrs(), tmp_path / "a.tif")
    with pytest.raises(InputError, match="holds the code 514, which is not in the leg"):
        kt.write_classes(codes, tmp_path / "a.tif", table=CORINE)
    assert not list(tmp_path.iterdir())


def test_codes_are_written_to_netcdf_too(tmp_path):
    codes = kt.to_legend(assigned(CORINE))
    codes.to_netcdf(tmp_path / "codes.nc")

    with xr.open_dataarray(tmp_path / "codes.nc", mask_and_scale=False) as read:
        np.testing.assert_array_equal(read, codes)
        assert kt.Legend.from_attrs(read.attrs) == kt.Legend.from_attrs(codes.attrs)


# --- pictures --------------------------------------------------------------------


def images(figure, place):
    """Pictures in one of the axes that have any."""
    return [axes for axes in figure.axes if axes.images][place].images


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


@LEGENDS
def test_figures_list_the_entries_that_occur(legend):
    classes = assigned(legend)

    figure = kt.plot(SCENE, xr.Dataset({"classes": classes}), values="legend")

    shown = texts(figure)
    assert "forest" in shown
    assert "class 2 (unassigned)" in shown
    assert "water" not in shown
    picture = images(figure, 1)[0].get_array()
    forest = np.isin(classes.values, [1, 3])
    assert (picture[forest] == [0, 128, 0, 255]).all()
    again = kt.plot(SCENE, xr.Dataset({"classes": kt.to_legend(classes)}))
    np.testing.assert_array_equal(images(again, 1)[0].get_array(), picture)


@pytest.mark.parametrize("coded", [False, True])
def test_textures_remain_those_of_the_classes(coded):
    classes = assigned(NLCD)
    textures = xr.DataArray(
        np.zeros((3, 4, 8, 8)),
        dims=("class", "band", "texture_y", "texture_x"),
        coords={"band": SCENE.band},
    )
    result = xr.Dataset({"classes": kt.to_legend(classes) if coded else classes})
    result["textures"] = textures

    figure = kt.plot(SCENE, result, values="classes" if coded else "legend")

    tiles = images(figure, 2)
    assert len(tiles) == 3
    frames = [patch.get_edgecolor() for patch in tiles[0].axes.patches]
    if coded:  # the map does not tell any more which class is which
        assert len(set(frames)) == 1
    else:
        assert frames[0] == frames[2] == pytest.approx((0, 128 / 255, 0, 1))
        assert frames[1] != frames[0]


@LEGENDS
def test_results_in_codes_are_layers_of_a_map(legend):
    pytest.importorskip("ipyleaflet")
    result = xr.Dataset({"classes": kt.to_legend(assigned(legend))})

    url = result.as_leaflet_layer().url

    picture = Image.open(BytesIO(base64.b64decode(url.partition(",")[2])))
    shown = {color for _, color in picture.convert("RGBA").getcolors() if color[3]}
    assert shown == {(0, 128, 0, 255), (230, 159, 0, 255)}
