"""Scenes of Zarr stores."""

import json
import pickle
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import rioxarray  # noqa: F401 - registers .rio
import xarray as xr

from ktextures.errors import InputError, MissingExtraError
from ktextures.raster.nodata import scene_nodata, valid_pixels
from ktextures.raster.open import open_scene

BANDS = ("blue", "green", "red")
FIRST_CHUNK = {
    (2, True): "0.0.0",
    (2, False): "0.0",
    (3, True): "c/0/0/0",
    (3, False): "c/0/0",
}


def cube():
    return xr.DataArray(
        np.arange(3 * 8 * 12, dtype="uint16").reshape(3, 8, 12) + 1,
        {
            "band": list(BANDS),
            "y": 5e6 - 5 - 10.0 * np.arange(8),
            "x": 5e5 + 5 + 10.0 * np.arange(12),
        },
        ("band", "y", "x"),
        name="image",
    ).rio.write_crs(32633)


def store(path, *, together, zarr_format, consolidated, fill=None):
    """Write a store of chunks of 4 x 4 pixels, and remove the first chunk."""
    pytest.importorskip("zarr", reason="needs zarr, of the extra products")
    array = cube()
    dataset = array.to_dataset()
    if not together:
        # Out of order, which says nothing: the store does not keep it.
        names = BANDS[::-1]
        dataset = xr.Dataset({b: array.sel(band=b, drop=True) for b in names})
    for variable in dataset.data_vars.values():
        variable.encoding["chunks"] = (3, 4, 4)[-variable.ndim :]
        if fill is not None:
            variable.encoding["_FillValue"] = fill
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of zarr, about formats to come
        dataset.to_zarr(path, zarr_format=zarr_format, consolidated=consolidated)
    for name in ("image",) if together else BANDS:
        (Path(path) / name / FIRST_CHUNK[zarr_format, together]).unlink()
    return path


@pytest.mark.parametrize("chunks", [None, 4])
@pytest.mark.parametrize("consolidated", [True, False])
@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("together", [True, False])
def test_missing_chunks_are_nodata(
    tmp_path, together, zarr_format, consolidated, chunks
):
    path = store(
        tmp_path / "a.zarr",
        together=together,
        zarr_format=zarr_format,
        consolidated=consolidated,
        fill=0,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*consolidated")
        scene = open_scene(path, chunks=chunks)
    assert scene.dtype == np.uint16
    assert scene.rio.nodata == 0
    assert scene.band.values.tolist() == list(BANDS)
    assert scene.role.values.tolist() == list(BANDS)
    assert scene.rio.crs.to_epsg() == 32633
    assert tuple(scene.rio.transform())[:6] == (10, 0, 5e5, 0, -10, 5e6)
    assert scene.encoding["source"] == str(path)
    wanted = cube().values
    wanted[:, :4, :4] = 0
    np.testing.assert_array_equal(scene.values, wanted)
    valid = valid_pixels(scene.values, scene_nodata(scene))
    assert not valid[:4, :4].any()
    assert valid.sum() == 8 * 12 - 16
    scene.close()


def test_fill_values_that_are_not_declared_are_values(tmp_path):
    path = store(tmp_path / "a.zarr", together=True, zarr_format=3, consolidated=True)
    scene = open_scene(path, bands=["red"])
    assert scene.rio.nodata is None
    assert scene.values[0, 0, 0] == 0


def test_what_is_missing_without_zarr_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(
        MissingExtraError,
        match=r"Zarr stores need zarr, which is not installed; run pi",
    ):
        open_scene(tmp_path / "a.zarr")


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return Path.mkdir, (self.place,)


def test_a_store_with_a_pickle_is_refused_and_runs_nothing(tmp_path):
    path = store(
        tmp_path / "scene.zarr", together=True, zarr_format=2, consolidated=False
    )
    header = json.loads((path / "x" / ".zarray").read_text())
    header |= {"dtype": "|O", "compressor": None, "fill_value": None}
    header["filters"] = [{"id": "pickle", "protocol": 5}]
    (path / "x" / ".zarray").write_text(json.dumps(header))
    place = tmp_path / "code was run"
    (path / "x" / "0").write_bytes(pickle.dumps(Evil(place)))
    with pytest.raises(InputError, match=r"cannot open '.*scene\.zarr' as a scene"):
        open_scene(path)
    assert not place.exists()
    pickle.loads((path / "x" / "0").read_bytes())
    assert place.exists()  # as it would have been
