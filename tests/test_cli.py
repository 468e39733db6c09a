"""The command line: four files, one line for a mistake, and nothing trained in vain."""

import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import rasterio

import ktextures as kt
from ktextures import cli
from ktextures.cli import RESULTS, main

ROOT = Path(__file__).parents[1]


def ktextures(*arguments):
    """Run the command in a process of its own."""
    code = "import sys; from ktextures.cli import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


@pytest.fixture(scope="module")
def geotiff(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "scene.tif"
    scene = kt.datasets.synthetic((50, 60), k=2, seed=1, contrast="color").scene
    scene[:, :4] = 0
    scene.rio.write_nodata(0).rio.to_raster(path)
    with rasterio.open(path, "r+") as file:
        file.descriptions = scene.band.values.tolist()
    return path


@pytest.fixture
def untrained(monkeypatch):
    """Fail where training begins."""

    def train(*_, **__):
        raise AssertionError("training began")

    monkeypatch.setattr("ktextures.training.train.train", train)


def assert_one_line(text):
    assert text.startswith("ktextures: ")
    assert text.count("\n") == 1
    assert "Traceback" not in text


def opened(folder):
    """Classes, simulated image, model and overview of a folder."""
    assert {path.name for path in folder.iterdir()} >= set(RESULTS)
    with (
        rasterio.open(folder / "classes.tif") as classes,
        rasterio.open(folder / "simulated.tif") as simulated,
    ):
        assert classes.profile["crs"] == simulated.profile["crs"]
        assert classes.transform == simulated.transform
        return (
            (classes.read(1), classes.profile, classes.colormap(1)),
            (simulated.read(), simulated.profile),
            kt.load(folder / "model.ktextures"),
            matplotlib.image.imread(folder / "overview.png"),
        )


def test_segment_writes_four_files(geotiff, tmp_path):
    folder = tmp_path / "made" / "here"
    run = ktextures(
        "segment",
        geotiff,
        "-k",
        2,
        "-o",
        folder,
        "--steps",
        3,
        "--seed",
        5,
        "--texture-scale",
        0,
        "--bands",
        "red,2,nir",
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("2 classes, 3 steps, texture scale 0 px, seed 5: ")
    assert all(str(folder / name) in run.stdout for name in RESULTS)
    assert "3/3" in run.stderr
    (classes, profile, colors), (simulated, its_profile), model, overview = opened(
        folder
    )
    with rasterio.open(geotiff) as scene:
        assert profile["crs"] == scene.crs
        assert profile["transform"] == scene.transform
    assert (profile["dtype"], profile["nodata"]) == ("uint8", 0)
    assert (classes[:4] == 0).all()
    assert set(np.unique(classes[4:])) <= {1, 2}
    assert colors[1] != colors[2]
    assert simulated.shape == (3, 50, 60)
    assert its_profile["dtype"] == "float32"
    assert model.config.bands == ("red", "green", "nir")
    assert model.config.seed == 5
    wanted = kt.segment(kt.open_scene(geotiff, bands=["red", 2, "nir"]), model)
    np.testing.assert_array_equal(classes, wanted.classes)
    assert overview.shape[0] > 200
    assert overview.shape[1] > 400
    assert overview[..., :3].std() > 0.05


@pytest.mark.slow
def test_demo_segments_the_bundled_scene(tmp_path):
    run = ktextures(
        "demo", "-o", tmp_path, "--steps", 1, "--texture-scale", 0, "--quiet"
    )
    assert run.returncode == 0, run.stderr
    (classes, profile, _), (simulated, _), model, _ = opened(tmp_path)
    assert classes.shape == (300, 300)
    assert profile["crs"] is None
    assert classes.min() >= 1
    assert classes.max() <= model.k == 6
    assert simulated.shape == (4, 300, 300)
    assert "it/s" not in run.stderr
    assert "step/s" not in run.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["segment", "absent.tif", "-o", "{out}"], "absent.tif"),
        (["segment", __file__, "-o", "{out}"], "test_cli.py"),
        (["segment", "{scene}", "-o", "{scene}/in"], "cannot make the folder"),
    ],
    ids=["absent", "foreign", "folder"],
)
def test_mistakes_are_one_line_in_a_process_of_its_own(
    arguments, message, geotiff, tmp_path
):
    places = {"out": tmp_path, "scene": geotiff}
    run = ktextures(*(argument.format(**places) for argument in arguments))
    assert run.returncode == 1
    assert message in run.stderr
    assert_one_line(run.stderr)
    assert run.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-k", "1"], "k is 1; choose a number of classes from 2 to 128"),
        (["-k", "200"], "k is 200"),
        (["--steps", "0"], "steps is 0"),
        (["--texture-scale", "99"], "texture_scale is 99"),
        (["--seed", "-4"], "seed is -4"),
        (["--bands", "red,ultraviolet"], "ultraviolet"),
        (["--bands", "1,9"], "9"),
        (["--roles", "red:1"], "--roles 'red:1': write it as ROLE=BAND"),
        (["--roles", "purple=1"], "purple"),
    ],
)
def test_arguments_that_cannot_be_used(arguments, message, geotiff, tmp_path, capsys):
    code = main(["segment", str(geotiff), "-o", str(tmp_path), "--quiet", *arguments])
    assert code == 1
    output = capsys.readouterr()
    assert message in output.err
    assert_one_line(output.err)
    assert output.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["paint"],
        ["segment", "scene.tif"],
        ["segment", "-o", "out"],
        ["demo", "-o", "out", "-k", "six"],
        ["demo", "-o", "out", "--preset", "fast"],
        ["demo", "-o", "out", "--texture-scale", "big"],
        ["demo", "-o", "out", "--unknown"],
    ],
    ids=" ".join,
)
def test_wrong_usage(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    output = capsys.readouterr().err
    assert output.startswith("usage: ktextures")
    assert "error: " in output


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("name", RESULTS)
def test_what_cannot_be_written_is_found_before_training(
    name, geotiff, tmp_path, capsys
):
    (tmp_path / name).mkdir()
    assert main(["segment", str(geotiff), "-o", str(tmp_path)]) == 1
    output = capsys.readouterr().err
    assert name in output
    assert_one_line(output)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.usefixtures("untrained")
def test_an_output_that_is_a_file_is_found_before_training(geotiff, tmp_path, capsys):
    taken = tmp_path / "taken"
    taken.write_text("mine")
    assert main(["demo", "-o", str(taken)]) == 1
    assert_one_line(capsys.readouterr().err)
    assert taken.read_text() == "mine"


def test_arguments_reach_training(geotiff, tmp_path, monkeypatch):
    class EnoughError(kt.KTexturesError):
        pass

    given = {}

    def train(scene, k, **options):
        given.update(options, k=k, scene=scene)
        raise EnoughError("enough")

    monkeypatch.setattr("ktextures.training.train.train", train)
    command = [
        "segment",
        str(geotiff),
        "-o",
        str(tmp_path),
        "-k",
        "9",
        "--preset",
        "paper",
        "--steps",
        "12",
        "--texture-scale",
        "3.5",
        "--seed",
        "8",
        "--quiet",
        "--bands",
        "3, 1",
        "--roles",
        "red=1",
    ]
    assert main(command) == 1
    scene = given.pop("scene")
    assert scene.band.values.tolist() == ["blue", "red"]
    assert given == {
        "k": 9,
        "preset": "paper",
        "steps": 12,
        "texture_scale": 3.5,
        "seed": 8,
        "progress": False,
    }
    assert main(["segment", str(geotiff), "-o", str(tmp_path)]) == 1
    assert given["scene"].sizes["band"] == 4
    assert (given["k"], given["texture_scale"], given["steps"]) == (6, "auto", None)
    assert given["progress"]


def test_an_interrupt_before_there_is_anything_to_keep(tmp_path, monkeypatch, capsys):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "open_input", interrupted)
    assert main(["demo", "-o", str(tmp_path)]) == 130
    assert capsys.readouterr().err == "ktextures: interrupted, nothing was written\n"


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_help_is_quick_and_loads_nothing_heavy(option):
    code = (
        "import sys, ktextures.cli as cli\n"
        "try:\n    cli.main()\nexcept SystemExit as stop:\n"
        "    heavy = {'tensorflow', 'keras', 'xarray'} & set(sys.modules)\n"
        "    sys.exit(f'{heavy} loaded' if heavy else stop.code)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, option],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "ktextures" in run.stdout
