"""Commands that make products: apply, polygons, assess, samples."""

import json
import signal

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import ktextures as kt
from ktextures.blocks.store import BlockStore
from ktextures.cli.command import main
from ktextures.products import classified


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two scenes that belong together, one with other bands, and a model."""
    folder = tmp_path_factory.mktemp("scenes")
    scene = kt.datasets.synthetic(80, k=3, seed=2).scene
    model = kt.train(scene, k=3, steps=6, seed=1, progress=False)
    model.save(folder / "model.ktextures")
    kt.write_simulated(scene[:, :, :40], folder / "west.tif")
    kt.write_simulated(scene[:, :, 40:], folder / "east.tif")
    kt.write_simulated(scene[:2], folder / "other.tif")
    return folder


def run(*arguments):
    return main([str(each) for each in arguments])


def test_apply_reports_per_scene_and_goes_on_after_a_failure(folder, tmp_path, capsys):
    scenes = [folder / f"{name}.tif" for name in ("west", "other", "east")]
    out = tmp_path / "out"
    model = folder / "model.ktextures"
    code = run("apply", model, *scenes, "-o", out, "--products", "areas,classes")
    printed = capsys.readouterr()
    assert code == 1
    assert f"{scenes[0]}: written: {out}/west_classes.tif" in printed.out
    assert f"{scenes[1]}: failed: " in printed.err
    assert "3 scenes: 2 written, 1 failed" in printed.out
    expected = kt.segment(kt.open_scene(scenes[2]), model).classes
    found = kt.read_classes(out / "east_classes.tif")
    np.testing.assert_array_equal(found.values, expected.values)


def test_apply_skips_what_is_done_and_makes_what_is_missing(folder, tmp_path, capsys):
    arguments = ["apply", folder / "model.ktextures", folder / "west.tif"]
    arguments += ["-o", tmp_path, "--json"]
    assert run(*arguments) == 0
    first = json.loads(capsys.readouterr().out)["scenes"][0]
    assert first["status"] == "written"
    before = (tmp_path / "west_classes.tif").stat()
    assert run(*arguments) == 0
    second = json.loads(capsys.readouterr().out)["scenes"][0]
    assert second["status"] == "skipped"
    assert second["files"] == first["files"]
    assert run(*arguments, "--products", "classes,polygons", "--simplify", "1") == 0
    third = json.loads(capsys.readouterr().out)["scenes"][0]
    assert set(third["files"]) == {"classes", "polygons"}
    after = (tmp_path / "west_classes.tif").stat()
    assert after.st_mtime_ns == before.st_mtime_ns
    assert run(*arguments, "--overwrite") == 0
    assert (tmp_path / "west_classes.tif").stat().st_mtime_ns > after.st_mtime_ns


def test_apply_finds_mistakes_before_it_begins(folder, tmp_path, capsys):
    model, west = folder / "model.ktextures", folder / "west.tif"
    twin = tmp_path / "west.tif"
    twin.write_bytes(west.read_bytes())
    assert run("apply", model, west, twin, "-o", tmp_path / "out") == 1
    assert "would be written under the same name, west" in capsys.readouterr().err
    assert run("apply", model, west, "-o", tmp_path, "--products", "shapes") == 1
    assert "products are ['shapes']: choose from" in capsys.readouterr().err
    assert run("apply", tmp_path / "no.ktextures", west, "-o", tmp_path) == 1
    assert "no.ktextures" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_polygons_are_written_with_areas(folder, tmp_path, capsys):
    truth = kt.datasets.synthetic(80, k=3, seed=2).truth
    path = kt.write_classes(truth, tmp_path / "truth.tif")
    arguments = ["polygons", path, "-o", tmp_path / "fields.gpkg"]
    arguments += ["--min-area", "0.5ha", "--simplify", "1"]
    assert run(*arguments, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    read = gpd.read_file(found["file"])
    assert (
        len(read)
        == found["polygons"]
        == sum(each["polygons"] for each in found["classes"])
    )
    np.testing.assert_allclose(
        sum(each["area_ha"] for each in found["classes"]), 80 * 80 / 100
    )
    expected = kt.to_polygons(truth, "0.5 ha", 1)
    assert read.geometry.geom_equals(expected.geometry).all()
    assert run(*arguments) == 1
    assert "already exist" in capsys.readouterr().err
    assert run(*arguments, "--overwrite") == 0
    assert f"{len(read)} polygons: {tmp_path}/fields.gpkg" in capsys.readouterr().out


def test_polygons_of_another_suffix_are_refused_at_once(tmp_path, capsys):
    assert run("polygons", tmp_path / "none.tif", "-o", tmp_path / "a.doc") == 1
    assert "give a name that ends in .gpkg" in capsys.readouterr().err


@pytest.fixture
def labeled(tmp_path):
    """A class map with errors, and points that know the truth."""
    truth = kt.datasets.synthetic(80, k=3, seed=2).truth
    wrong = truth.copy(data=truth.values.copy())
    wrong[:10] = 1
    path = kt.write_classes(wrong, tmp_path / "map.tif")
    points = kt.sample_points(wrong, 150, seed=0)
    x, y = (xr.DataArray(each) for each in (points.geometry.x, points.geometry.y))
    points["reference"] = truth.sel(x=x, y=y, method="nearest").values
    points.to_file(tmp_path / "points.gpkg")
    kt.write_classes(truth, tmp_path / "truth.tif")
    return tmp_path, path, kt.assess(wrong, points), float((wrong == truth).mean())


def test_assess_prints_and_writes_what_python_finds(labeled, capsys):
    folder, path, expected, _ = labeled
    arguments = ["assess", path, folder / "points.gpkg", "-o", folder / "found"]
    assert run(*arguments) == 0
    assert f"Overall accuracy {expected.overall:.3f} ± " in capsys.readouterr().out
    found = json.loads((folder / "found" / "assessment.json").read_text())
    assert found["overall"] == pytest.approx(expected.overall)
    areas = pd.read_csv(folder / "found" / "areas.csv")
    np.testing.assert_allclose(areas["interval_ha"], expected.areas["interval_ha"])
    assert run(*arguments) == 1
    assert "already exist" in capsys.readouterr().err
    assert run(*arguments, "--overwrite", "--json") == 0
    assert json.loads(capsys.readouterr().out) == found


def test_assess_takes_rasters_and_refuses_what_is_missing(labeled, capsys):
    folder, path, _, share = labeled
    assert run("assess", path, folder / "truth.tif", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["overall"] == pytest.approx(share)
    assert found["overall_interval"] is None
    assert run("assess", path, folder / "missing.gpkg") == 1
    assert "missing.gpkg" in capsys.readouterr().err


def test_samples_are_written_for_pairs_of_scene_and_map(tmp_path, capsys):
    scene, truth = kt.datasets.synthetic(160, k=3, seed=2)
    kt.write_simulated(scene, tmp_path / "scene.tif")
    kt.write_classes(truth, tmp_path / "map.tif")
    arguments = ["samples", tmp_path / "scene.tif", tmp_path / "map.tif"]
    arguments += ["-o", tmp_path / "chips", "--size", "16", "--block-size", "40"]
    assert run(*arguments, "--fractions", "0.5,0.25,0.25", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    images = list((tmp_path / "chips" / "images").iterdir())
    assert len(images) == sum(found["chips"].values())
    assert all(found["chips"].values())
    assert run(*arguments) == 1
    assert "overwrite" in capsys.readouterr().err
    assert run(*arguments, "--overwrite") == 0
    assert " chips (" in capsys.readouterr().out
    assert run("samples", tmp_path / "scene.tif", "-o", tmp_path / "other") == 1
    assert "give pairs of a scene and its class map" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:the chunks of the scene are")
def test_ctrl_c_ends_apply_with_a_report_of_what_is_complete(
    folder, tmp_path, capsys, monkeypatch
):
    put = BlockStore._put

    def put_and_interrupt(*arguments):
        put(*arguments)
        if (tmp_path / "west_classes.tif").exists():
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(BlockStore, "_put", put_and_interrupt)
    monkeypatch.setattr(classified, "BLOCK", 32)
    monkeypatch.setattr("ktextures.blocks.plan.SIDE", 32)
    scenes = [folder / f"{name}.tif" for name in ("west", "east", "other")]
    model = folder / "model.ktextures"
    assert run("apply", model, *scenes, "-o", tmp_path, "--json") == 130
    printed = capsys.readouterr()
    found = json.loads(printed.out)["scenes"]
    assert [each["status"] for each in found] == ["written", "stopped", "not started"]
    assert "stopped by Ctrl-C" in printed.err
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"west_classes.tif", "west_classes.qml", "west_classes.tif.aux.xml"}
    # The same command goes on from there.
    monkeypatch.undo()
    assert run("apply", model, *scenes[:2], "-o", tmp_path) == 0
    assert "1 skipped, 1 written" in capsys.readouterr().out
