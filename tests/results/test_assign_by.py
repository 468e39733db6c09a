"""Classes assigned by a reference map."""

import dask.array as da
import numpy as np
import pytest
import rioxarray  # noqa: F401 - registers .rio
import xarray as xr
from affine import Affine

import ktextures as kt
from ktextures.errors import InputError

GRID = Affine(10, 0, 500_000, 0, -10, 5_000_000)
CLASSES = [[1, 1, 1, 1], [2, 2, 3, 3], [4, 4, 0, 0]]
REFERENCE = [[41, 41, 41, 11], [11, 0, 41, 31], [0, 0, 41, 41]]


def raster(values, dtype="uint8", transform=GRID, crs=32632, **attrs):
    values = np.array(values, dtype)
    height, width = values.shape
    made = xr.DataArray(
        values,
        dims=("y", "x"),
        coords={
            "y": transform.f + transform.e * (np.arange(height) + 0.5),
            "x": transform.c + transform.a * (np.arange(width) + 0.5),
        },
        attrs=attrs,
    ).rio.write_transform(transform)
    return made if crs is None else made.rio.write_crs(crs)


def test_majority_purity_and_runner_up_of_each_class():
    found = kt.assign_by(raster(CLASSES), raster(REFERENCE))

    purity = found.purity
    assert list(purity) == [
        "class",
        "class_name",
        "name",
        "pixels",
        "share",
        "known",
        "purity",
        "second",
    ]
    assert purity["class"].tolist() == [1, 2, 3, 4]
    assert purity["class_name"].tolist() == [f"class {n}" for n in (1, 2, 3, 4)]
    # Class 3 has one pixel of 31 and one of 41: the lower code counts.
    assert purity["name"].tolist() == ["code 41", "code 11", "code 31", ""]
    assert purity["pixels"].tolist() == [4, 2, 2, 2]
    np.testing.assert_allclose(purity["share"], [0.4, 0.2, 0.2, 0.2])
    assert purity["known"].tolist() == [4, 1, 2, 0]
    np.testing.assert_allclose(purity["purity"], [0.75, 1, 0.5, np.nan])
    assert purity["second"].tolist() == ["code 11", "", "code 41", ""]


def test_classes_are_listed_by_name_and_those_without_a_known_pixel_are_not():
    found = kt.assign_by(raster(CLASSES), raster(REFERENCE))

    assert found.assignment == {"code 11": [2], "code 31": [3], "code 41": [1]}
    assert found.legend.codes == (11, 31, 41)


def test_names_come_from_the_legend_or_else_from_the_reference():
    legend = {"wood": 41, "lake": 11, "rock": 31, "town": 21}
    flags = {"flag_values": [0, 11, 31, 41], "flag_meanings": "none water bare forest"}
    named = raster(REFERENCE, **flags)

    assert kt.assign_by(raster(CLASSES), named, legend).assignment == {
        "wood": [1],
        "lake": [2],
        "rock": [3],
    }
    assert kt.assign_by(raster(CLASSES), named).assignment == {
        "water": [2],
        "bare": [3],
        "forest": [1],
    }
    some = raster(REFERENCE, flag_values=[11], flag_meanings="water")
    assert kt.assign_by(raster(CLASSES), some).assignment == {
        "water": [2],
        "code 31": [3],
        "code 41": [1],
    }


def test_a_table_takes_the_result_with_its_legend():
    found = kt.assign_by(raster(CLASSES), raster(REFERENCE))

    table = kt.ClassTable.default(4).assign({"old": 1}).assign(found)

    assert table.legend == found.legend
    assert table.assignment.codes == (41, 11, 31, 0)
    other = kt.Legend(["code 41", "code 11", "code 31"], codes=[1, 2, 3])
    assert kt.ClassTable.default(4).assign(found, other).assignment.codes == (
        1,
        2,
        3,
        0,
    )


def test_maps_in_codes_are_found_again():
    truth = kt.datasets.synthetic(64, k=4).truth
    table = kt.ClassTable.default(4).assign(
        {"a": [1, 3], "b": [4, 2]}, {"a": 311, "b": 512}
    )

    found = kt.assign_by(truth, kt.to_legend(truth, table))

    assert found.assignment == {"a": [1, 3], "b": [2, 4]}
    assert (found.purity["purity"] == 1).all()
    assert found.purity["share"].sum() == pytest.approx(1)
    assert "1.0" in found._repr_html_()


def test_another_grid_is_resampled_by_nearest_neighbor():
    classes = raster(np.repeat([[1, 2]], 4, axis=1).repeat(8, axis=0))
    coarse = Affine(40, 0, 500_000, 0, -40, 5_000_000)
    reference = raster([[41, 11], [41, 11]], transform=coarse)

    found = kt.assign_by(classes, reference)

    assert found.assignment == {"code 11": [2], "code 41": [1]}
    assert found.purity["known"].tolist() == [32, 32]
    assert found.purity["purity"].tolist() == [1, 1]


def test_another_crs_is_resampled_and_what_it_does_not_cover_is_unknown():
    values = np.repeat([[1, 2]], 20, axis=1).repeat(40, axis=0)
    classes = raster(values)
    geographic = raster(np.where(values == 1, 41, 11)).rio.reproject(4326)
    geographic = geographic.isel(y=slice(0, geographic.sizes["y"] // 2))

    found = kt.assign_by(classes, geographic)

    assert found.assignment == {"code 11": [2], "code 41": [1]}
    assert (found.purity["purity"] > 0.9).all()
    assert (found.purity["known"] < 0.7 * found.purity["pixels"]).all()


@pytest.mark.parametrize(
    "reference",
    [
        raster(np.where(np.array(REFERENCE) == 0, 255, REFERENCE)).rio.write_nodata(
            255
        ),
        raster(np.where(np.array(REFERENCE) == 0, np.nan, REFERENCE), "float32"),
        raster(
            np.where(np.array(REFERENCE) == 0, -1, REFERENCE), "int16"
        ).rio.write_nodata(-1),
        raster(REFERENCE).expand_dims("band"),
    ],
)
def test_nodata_is_unknown(reference):
    expected = kt.assign_by(raster(CLASSES), raster(REFERENCE))

    found = kt.assign_by(raster(CLASSES), reference)

    assert found.assignment == expected.assignment
    assert found.purity.equals(expected.purity)


@pytest.mark.parametrize("crs", [32632, 4326])
def test_only_the_part_of_a_reference_around_the_map_is_read(crs):
    large = raster(np.where(np.arange(900) < 450, 41, 11) * np.ones((900, 1)))
    large = large if crs == 32632 else large.rio.reproject(crs)
    read = []

    def load(block):
        read.append(block.size)
        return block

    values = da.from_array(large.values, chunks=100).map_blocks(load, dtype="uint8")
    classes = raster(np.repeat([[1, 2]], 40, axis=1).repeat(60, axis=0))
    classes = classes.assign_coords(x=classes.x + 4_100, y=classes.y - 3_000)
    classes = classes.rio.write_transform(classes.rio.transform(recalc=True))

    read.clear()
    found = kt.assign_by(classes, large.copy(data=values))

    assert found.assignment == {"code 11": [2], "code 41": [1]}
    assert found.purity["known"].tolist() == [2400, 2400]
    assert (found.purity["purity"] > 0.9).all()
    assert 0 < sum(read) < large.size / 10


def test_maps_far_from_each_other_share_nothing():
    far = Affine(10, 0, 600_000, 0, -10, 5_000_000)
    with pytest.raises(InputError, match="no known pixel where the map has classes"):
        kt.assign_by(raster(CLASSES), raster(REFERENCE, transform=far))


def test_lazy_maps_are_computed():
    classes = raster(CLASSES)
    lazy = classes.copy(data=da.from_array(classes.values, chunks=2))

    assert kt.assign_by(lazy, raster(REFERENCE)).assignment["code 41"] == [1]


PLAIN = xr.DataArray(np.ones((2, 2), "uint8"), dims=("y", "x"))


@pytest.mark.parametrize(
    ("classes", "reference", "legend", "message"),
    [
        (
            np.ones((2, 2)),
            PLAIN,
            None,
            "classes is ndarray: give a DataArray with dims",
        ),
        (
            PLAIN,
            PLAIN.rename(y="row"),
            None,
            r"reference is \('row', 'x'\): give a Data",
        ),
        (PLAIN.astype(float), PLAIN, None, "classes are float64: give uint8"),
        (PLAIN, PLAIN[:1], None, r"the reference has \(1, 2\) pixels and the CRS None"),
        (PLAIN, PLAIN * 0, None, "no known pixel where the map has classes: give maps"),
        (PLAIN, PLAIN * 0.5, None, "holds values from 0.0 to 0.5: give codes as whole"),
        (PLAIN, PLAIN * np.int8(-1), None, "holds values from -1 to 0: give codes as"),
        (PLAIN, PLAIN * np.int64(70_000), None, "70000: give codes as whole numbers"),
        (PLAIN, PLAIN.astype(str), None, "the reference holds <U.*: give codes"),
        (PLAIN, PLAIN, {"a": 2}, r"holds the codes \[1\], which the legend does not"),
        (PLAIN, PLAIN, 3, "the legend is 3: give a Legend"),
    ],
)
def test_maps_that_cannot_be_compared(classes, reference, legend, message):
    with pytest.raises(InputError, match=message):
        kt.assign_by(classes, reference, legend)


def test_images_are_no_reference():
    side = 40
    many = np.arange(1, side**2 + 1).reshape(side, side)
    with pytest.raises(
        InputError, match="holds 1600 different codes: give a map of at"
    ):
        kt.assign_by(raster(np.ones((side, side))), raster(many, "uint16"))
