"""Segmenting: the same labels however a scene is cut, lazy, on the scene's grid."""

import json
import re

import dask
import dask.array as da
import numpy as np
import pytest
import rioxarray
import xarray as xr
from affine import Affine

import ktextures as kt
from ktextures.errors import InputError
from ktextures.inference import block, contextual, frozen

HARD = ("classes", "masks", "simulated")
ALL = (*HARD, "probabilities", "confidence")


@pytest.fixture(params=["trained", "published"])
def model(request):
    return request.getfixturevalue(request.param)


def possible(model):
    return HARD if model.config.masks == "published" else ALL


def assert_equal(found, wanted):
    for name, variable in wanted.items():
        np.testing.assert_array_equal(found[name], variable, err_msg=name)
        assert found[name].dtype == variable.dtype


@pytest.fixture(scope="module")
def large():
    """Larger than what the models were trained on, and with a hole."""
    scene = kt.datasets.synthetic((90, 110), k=3, seed=8, contrast="both").scene
    scene[1, 30:44, 50:55] = 0
    return scene.rio.write_nodata(0)


# --- the same labels -----------------------------------------------------------------


@pytest.mark.parametrize(
    "chunks", [(90, 110), (37, 41), ((1, 89), (100, 10)), (13, 110)]
)
@pytest.mark.filterwarnings("ignore:the chunks of the scene are")
def test_chunks_do_not_matter(large, model, chunks):
    wanted = kt.segment(large, model, outputs=HARD)
    lazy = large.copy(data=da.from_array(large.values, chunks=(2, *chunks)))
    found = kt.segment(lazy, model, outputs=HARD)
    assert_equal(found.compute(), wanted)


@pytest.mark.parametrize("window", [16, 33, 64])
def test_windows_do_not_matter(large, model, window, monkeypatch):
    wanted = kt.segment(large, model, outputs=HARD)
    monkeypatch.setattr(block, "WINDOW", window)
    monkeypatch.setattr(contextual, "ROWS", max(1, window // 4))
    assert_equal(kt.segment(large, model, outputs=HARD), wanted)


@pytest.mark.parametrize(
    ("rows", "cols"),
    [
        (slice(10, 80), slice(20, 70)),
        (slice(0, 40), slice(0, 110)),
        (slice(31, 90), slice(5, 9)),
    ],
)
def test_a_crop_matters_within_the_reach_of_its_own_edge_only(large, model, rows, cols):
    wanted = kt.segment(large, model).classes[rows, cols].values
    found = kt.segment(large[:, rows, cols], model).classes.values
    same = np.zeros(found.shape, bool)
    # An edge that is the scene's own is no edge of the crop.
    top, bottom = (
        (0 if rows.start == 0 else model.reach),
        (0 if rows.stop == 90 else model.reach),
    )
    left, right = (
        (0 if cols.start == 0 else model.reach),
        (0 if cols.stop == 110 else model.reach),
    )
    same[top : found.shape[0] - bottom, left : max(found.shape[1] - right, 0)] = True
    np.testing.assert_array_equal(found[same], wanted[same])


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (5, 3)])
def test_scenes_smaller_than_the_reach(large, model, size):
    result = kt.segment(large[:, : size[0], : size[1]], model, outputs=HARD)
    assert result.classes.shape == size
    assert result.classes.values.min() >= 1


@pytest.mark.filterwarnings("ignore:the chunks of the scene are")
def test_soft_outputs_do_not_depend_on_chunks_either(large, trained):
    wanted = kt.segment(large, trained, outputs=ALL)
    found = kt.segment(large.chunk({"y": 29, "x": 40}), trained, outputs=ALL)
    for name in ("probabilities", "confidence"):
        np.testing.assert_allclose(found[name], wanted[name], atol=1e-5, equal_nan=True)


def test_one_output_is_the_same_as_among_all(large, model):
    wanted = kt.segment(large, model, outputs=possible(model))
    for name in possible(model):
        alone = kt.segment(large, model, outputs=name)
        assert set(alone.data_vars) == {name, "textures"}
        np.testing.assert_array_equal(alone[name], wanted[name])


def test_worker_processes_give_the_same(large, trained):
    distributed = pytest.importorskip("distributed")
    wanted = kt.segment(large, trained, outputs=HARD)
    lazy = kt.segment(large.chunk({"y": 45}), trained, outputs=HARD)
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
    ):
        assert_equal(lazy.compute(), wanted)


@pytest.mark.parametrize("width", [5, 64])
def test_parts_without_a_valid_pixel_are_skipped(model, width, monkeypatch):
    scene = kt.datasets.synthetic((70, 150), k=3, seed=8, contrast="both").scene
    scene[2, :, width:] = 0
    scene = scene.rio.write_nodata(0)
    outputs = possible(model)
    wanted = kt.segment(scene, model, outputs=outputs)
    assert ((wanted.classes.values > 0) == (np.arange(150) < width)).all()
    prepared = []
    original = frozen.FrozenModel.prepared

    def counted(self, values, valid, window, padding):
        prepared.append(window)
        return original(self, values, valid, window, padding)

    monkeypatch.setattr(frozen.FrozenModel, "prepared", counted)
    monkeypatch.setattr(block, "WINDOW", 50)
    found = kt.segment(scene, model, outputs=outputs)
    assert len(prepared) == -(-width // 50)
    for name in outputs:
        np.testing.assert_array_equal(found[name], wanted[name], err_msg=name)
    prepared.clear()
    empty = kt.segment(scene[:, :, width:].chunk({"x": 45}), model, outputs=outputs)
    for name in outputs:
        nothing = {"classes": 0, "masks": False}.get(name, np.nan)
        assert np.array_equal(
            empty[name].values,
            np.full(empty[name].shape, nothing, wanted[name].dtype),
            equal_nan=True,
        )
    assert prepared == []


# --- lazy ----------------------------------------------------------------------------


def test_a_lazy_scene_stays_lazy(large, model):
    def never(block):
        raise AssertionError("something was computed")

    data = da.from_array(large.values, chunks=(4, 45, 55)).map_blocks(
        never, dtype=large.dtype, meta=np.empty((0, 0, 0), large.dtype)
    )
    result = kt.segment(large.copy(data=data), model, outputs=possible(model))
    for name in possible(model):
        assert isinstance(result[name].data, da.Array)
        assert result[name].shape[-2:] == (90, 110)
        assert result[name].data.chunks[-2:] == ((45, 45), (55, 55))
    with pytest.raises(AssertionError, match="something was computed"):
        result.classes.compute()


@pytest.mark.filterwarnings("ignore:the chunks of the scene are")
def test_only_what_is_needed_is_computed(large, model):
    read = []

    def logged(block, block_info=None):
        read.append(tuple(block_info[0]["chunk-location"][1:]))
        return block

    data = da.from_array(large.values, chunks=(4, 18, 110)).map_blocks(
        logged, dtype=large.dtype, meta=np.empty((0, 0, 0), large.dtype)
    )
    result = kt.segment(large.copy(data=data), model, outputs=HARD)
    with dask.config.set(scheduler="synchronous"):
        part = result.classes[:10].compute()
    # The first row of chunks, and those below that its halo reaches into.
    assert set(read) == {(row, 0) for row in range(-(-(18 + model.reach) // 18))}
    assert (4, 0) not in read
    np.testing.assert_array_equal(part, kt.segment(large, model).classes[:10])


def test_outputs_of_a_chunk_are_computed_together(large, trained, monkeypatch):
    calls = []
    original = block.BlockClassifier.__call__

    def counted(self, *arguments):
        calls.append(arguments[1])
        return original(self, *arguments)

    monkeypatch.setattr(block.BlockClassifier, "__call__", counted)
    lazy = kt.segment(large.chunk({"y": 45}), trained, outputs=ALL)
    with dask.config.set(scheduler="synchronous"):
        lazy.compute()
    assert len(calls) == 2


def test_segmenting_twice_makes_the_same_tasks(large, trained):
    lazy = large.chunk({"y": 45})

    def tasks():
        graph = kt.segment(lazy, trained).classes.data.__dask_graph__()
        return {key for key in graph if "ktextures" in str(key)}

    assert tasks() == tasks() != set()


# --- conventions ---------------------------------------------------------------------


@pytest.mark.parametrize("lazy", [False, True])
def test_outputs_follow_the_conventions(large, trained, lazy):
    scene = large.chunk({"y": 50}) if lazy else large
    result = kt.segment(scene, trained, outputs=ALL)
    assert list(result.data_vars) == [*ALL, "textures"]
    kinds = {name: (result[name].dims, str(result[name].dtype)) for name in ALL}
    assert kinds == {
        "classes": (("y", "x"), "uint8"),
        "masks": (("class", "y", "x"), "bool"),
        "simulated": (("band", "y", "x"), "float32"),
        "probabilities": (("class", "y", "x"), "float32"),
        "confidence": (("y", "x"), "float32"),
    }
    for name in ALL:
        array = result[name]
        assert array.rio.crs == large.rio.crs == "EPSG:32633"
        assert array.rio.transform() == large.rio.transform()
        np.testing.assert_array_equal(array.y, large.y)
        np.testing.assert_array_equal(array.x, large.x)
        assert array.attrs["long_name"]
    assert result["class"].values.tolist() == [1, 2, 3]
    assert result.simulated.band.values.tolist() == large.band.values.tolist()
    assert result.simulated.role.values.tolist() == large.role.values.tolist()


def test_classes_carry_cf_flags_and_nodata(large, trained):
    classes = kt.segment(large, trained).classes
    assert classes.name == "classes"
    assert classes.rio.nodata == 0
    assert list(classes.attrs["flag_values"]) == [1, 2, 3]
    assert classes.attrs["flag_meanings"] == "class_1 class_2 class_3"
    assert len(classes.attrs["flag_colors"].split()) == 3
    assert kt.ClassTable.from_attrs(classes.attrs) == trained.record.classes


def test_nothing_of_the_scenes_attributes_is_kept(large, trained):
    scene = large.assign_attrs(scale_factor=0.0001, valid_range=[0, 1], AREA="x")
    result = kt.segment(scene, trained, outputs=ALL)
    for name in ALL:
        assert not {"scale_factor", "valid_range", "AREA"} & set(result[name].attrs)


def test_nodata_is_0_false_or_nan(large, trained):
    result = kt.segment(large, trained, outputs=ALL)
    hole = np.zeros((90, 110), bool)
    hole[30:44, 50:55] = True
    assert ((result.classes.values == 0) == hole).all()
    assert not result.masks.values[:, hole].any()
    for name in ("simulated", "probabilities", "confidence"):
        assert (np.isnan(result[name].values) == hole).all()
    assert np.isnan(result.simulated.rio.nodata)


def test_masks_and_probabilities_sum_to_1(large, trained):
    result = kt.segment(large, trained, outputs=ALL)
    known = result.classes.values > 0
    assert (result.masks.values.sum(0) == known).all()
    for value in (1, 2, 3):
        same = result.masks.sel({"class": value}).values == (
            result.classes.values == value
        )
        assert same.all()
    soft = result.probabilities.values[:, known]
    np.testing.assert_allclose(soft.sum(0), 1, rtol=1e-5)
    assert (soft.argmax(0) + 1 == result.classes.values[known]).all()
    top = np.sort(soft, 0)
    np.testing.assert_allclose(
        result.confidence.values[known], top[-1] - top[-2], atol=1e-6
    )


def test_the_simulated_image_is_masks_times_textures(large, model):
    result = kt.segment(large, model, outputs=HARD)
    side = result.textures.sizes["texture_y"]
    rows, cols = np.arange(90) % side, np.arange(110) % side
    laid = result.textures.values[:, :, rows][..., cols]
    wanted = (result.masks.values[:, None] * laid).sum(0)
    known = result.classes.values > 0
    np.testing.assert_allclose(
        result.simulated.values[:, known], wanted[:, known], rtol=1e-5
    )


def test_textures_are_in_the_scenes_units(large, trained):
    textures = kt.segment(large, trained).textures
    assert textures.dims == ("class", "band", "texture_y", "texture_x")
    assert textures["class"].values.tolist() == [1, 2, 3]
    assert textures.band.values.tolist() == large.band.values.tolist()
    low, high = (
        np.array(each)
        for each in (
            trained.preparation.scaler.low,
            trained.preparation.scaler.high,
        )
    )
    assert (textures.values.min((0, 2, 3)) >= low - 1).all()
    assert (textures.values.max((0, 2, 3)) <= high + 1).all()


def test_provenance_is_on_the_dataset(large, trained):
    attrs = kt.segment(large, trained).attrs
    training = json.loads(attrs["ktextures_training"])
    assert training == trained.record.provenance
    assert training["seed"] == 1
    scaler = kt.BandScaler.from_dict(json.loads(attrs["ktextures_scaler"]))
    assert scaler == trained.preparation.scaler
    assert kt.__version__ in attrs["source"]


def test_a_result_goes_through_netcdf_and_geotiff(large, trained, tmp_path):
    result = kt.segment(large, trained, outputs=ALL)
    result.to_netcdf(tmp_path / "result.nc")
    with xr.open_dataset(tmp_path / "result.nc", mask_and_scale=False) as again:
        np.testing.assert_array_equal(again.classes, result.classes)
        assert again.attrs == result.attrs
    result.classes.rio.to_raster(tmp_path / "classes.tif")
    with rioxarray.open_rasterio(tmp_path / "classes.tif") as again:
        np.testing.assert_array_equal(again[0], result.classes)
        assert again.rio.nodata == 0
        assert again.rio.crs == large.rio.crs


def test_a_scene_without_crs(large, trained):
    bare = xr.DataArray(
        large.values, dims=("band", "y", "x"), coords={"band": large.band.values}
    )
    result = kt.segment(bare.rio.write_nodata(0), trained)
    assert result.rio.crs is None
    np.testing.assert_array_equal(result.classes, kt.segment(large, trained).classes)
    assert result.classes.x.values[:2].tolist() == [0.5, 1.5]


def test_a_rotated_scene(large, trained):
    rotated = Affine(8.66, 5.0, 500_000.0, 5.0, -8.66, 5_000_000.0)
    array = xr.DataArray(
        large.values, dims=("band", "y", "x"), coords={"band": large.band.values}
    )
    array = array.rio.write_crs("EPSG:32633").rio.write_transform(rotated)
    result = kt.segment(array.rio.write_nodata(0), trained)
    assert result.classes.rio.transform() == rotated
    np.testing.assert_array_equal(result.classes, kt.segment(large, trained).classes)


def test_any_order_of_dims(large, trained):
    turned = large.transpose("y", "x", "band")
    assert kt.segment(turned, trained).identical(kt.segment(large, trained))


# --- warnings -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chunks", "shown"),
    [({"y": 20}, "20 x 110"), ({"x": (20,) * 5 + (10,)}, "90 x 20")],
)
def test_chunks_smaller_than_the_reach_are_told(large, trained, chunks, shown):
    message = re.escape(
        f"the chunks of the scene are {shown} pixels, and the model looks 39 pixels "
        "around each: most pixels are read and prepared many times. Make the chunks "
        "larger, for example with scene.chunk({'y': 1024, 'x': 1024})."
    )
    assert trained.reach == 39
    with pytest.warns(UserWarning, match=message) as told:
        kt.segment(large.chunk(chunks), trained)
    assert [each.filename for each in told] == [__file__]


def test_larger_chunks_and_small_scenes_are_not_told(large, trained):
    # Own warnings are errors in tests.
    kt.segment(large.chunk({"y": 39}), trained)
    kt.segment(large.chunk({"y": (80, 10)}), trained)
    kt.segment(large[:, :9, :9].chunk(), trained)


# --- mistakes ------------------------------------------------------------------------


@pytest.mark.parametrize("outputs", [("classes", "colors"), "colors", ()])
def test_unknown_outputs_are_refused(large, trained, outputs):
    names = [outputs] if isinstance(outputs, str) else list(outputs)
    message = re.escape(f"outputs={names}; choose from classes, masks, simulated")
    with pytest.raises(InputError, match=message):
        kt.segment(large, trained, outputs=outputs)


@pytest.mark.parametrize("name", ["probabilities", "confidence"])
def test_published_masks_have_nothing_soft(large, published, name):
    with pytest.raises(
        InputError, match=f"{name} cannot be computed .* leave them out, or train"
    ):
        kt.segment(large, published, outputs=("classes", name))


def test_a_model_may_be_given_as_its_file(large, trained, tmp_path):
    trained.save(tmp_path / "m.ktextures")
    for path in (tmp_path / "m.ktextures", str(tmp_path / "m.ktextures")):
        found = kt.segment(large, path).classes
        np.testing.assert_array_equal(found, kt.segment(large, trained).classes)
    with pytest.raises(FileNotFoundError, match="absent"):
        kt.segment(large, "absent.ktextures")


@pytest.mark.parametrize("bands", [["red"], ["nir", "red", "green", "blue"]])
def test_other_bands_are_refused(large, trained, bands):
    with pytest.raises(InputError, match=r"The scene has the bands .*bands=\[\.\.\.\]"):
        kt.segment(large.sel(band=bands), trained)
    renamed = large.assign_coords(band=["a", "b", "c", "d"])
    with pytest.raises(InputError, match=r"bands \['a', 'b', 'c', 'd'\]; the model"):
        kt.segment(renamed, trained)
