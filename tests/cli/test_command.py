"""The command line: its files, its messages and exit codes, and signals."""

import argparse
import os
import re
import signal
import subprocess
import sys
import termios
from importlib import import_module
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import rasterio

import ktextures as kt
from ktextures.cli.arguments import (
    MAX_K,
    MAX_SEED,
    MAX_TEXTURE_SCALE,
    PRESETS,
    RESULTS,
    build_parser,
)
from ktextures.cli.command import COMMANDS, main
from ktextures.cli.segmenting import SIDECARS

ROOT = Path(__file__).parents[2]
MODEL, CLASSES, SIMULATED, OVERVIEW = RESULTS
INTERRUPT, TERMINATE = signal.SIGINT, signal.SIGTERM
RUN = "import sys; from ktextures.cli import main; sys.exit(main())"


def environment():
    """Variables of a user's shell, without those that the tests depend on."""
    own = {"TF_CPP_MIN_LOG_LEVEL", "PYTHONUNBUFFERED"}
    return {name: text for name, text in os.environ.items() if name not in own}


def ktextures(*arguments, code=RUN):
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        env=environment(),
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
def short(geotiff, tmp_path):
    """Arguments of a short training with color only, and its output folder."""
    folder = tmp_path / "results"
    arguments = ["segment", str(geotiff), "-o", str(folder), "-k", "2"]
    return [*arguments, "--texture-scale", "0", "--steps", "20"], folder


@pytest.fixture
def given(monkeypatch):
    """Arguments of `train`, which ends before it begins to train."""

    class EnoughError(kt.KTexturesError):
        pass

    given = {}

    def train(scene, k, **options):
        given.update(options, k=k, scene=scene)
        raise EnoughError("enough")

    monkeypatch.setattr("ktextures.training.train.train", train)
    return given


def assert_one_line(text):
    assert text.startswith("ktextures: ")
    assert text.count("\n") == 1
    assert "Traceback" not in text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# --- results ---------------------------------------------------------------------


def opened(folder):
    """Classes, simulated image, model and overview in a folder."""
    assert names(folder) == sorted((*RESULTS, *SIDECARS))
    with (
        rasterio.open(folder / CLASSES) as classes,
        rasterio.open(folder / SIMULATED) as simulated,
    ):
        assert classes.profile["crs"] == simulated.profile["crs"]
        assert classes.transform == simulated.transform
        return (
            (classes.read(1), classes.profile, classes.colormap(1)),
            (simulated.read(), simulated.profile),
            kt.load(folder / MODEL),
            matplotlib.image.imread(folder / OVERVIEW),
        )


def test_segment_writes_four_files_and_nothing_to_stderr(geotiff, tmp_path):
    folder = tmp_path / "new" / "folder"
    options = "-k 2 --steps 3 --seed 5 --texture-scale 0 --bands red,2,nir".split()
    run = ktextures("segment", geotiff, "-o", folder, *options)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("2 classes, 3 steps, texture scale 0 px, seed 5: ")
    assert all(str(folder / name) in run.stdout for name in RESULTS)
    (classes, profile, colors), (simulated, other), model, overview = opened(folder)
    with rasterio.open(geotiff) as scene:
        assert profile["crs"] == scene.crs
        assert profile["transform"] == scene.transform
    assert (profile["dtype"], profile["nodata"]) == ("uint8", 0)
    assert (classes[:4] == 0).all()
    assert set(np.unique(classes[4:])) <= {1, 2}
    assert colors[1] != colors[2]
    assert simulated.shape == (3, 50, 60)
    assert other["dtype"] == "float32"
    assert model.config.bands == ("red", "green", "nir")
    assert model.config.seed == 5
    expected = kt.segment(kt.open_scene(geotiff, bands=["red", 2, "nir"]), model)
    np.testing.assert_array_equal(classes, expected.classes)
    assert overview.shape[0] > 200
    assert overview.shape[1] > 400
    assert overview[..., :3].std() > 0.05


@pytest.mark.slow
def test_hints_name_classes(geotiff, tmp_path):
    path = tmp_path / "hints.geojson"
    with rasterio.open(geotiff) as file:
        places = [file.xy(20, 10), file.xy(30, 50)]
        crs = file.crs.to_string()
    points = [{"type": "Point", "coordinates": place} for place in places]
    hints = [kt.Hint(n, p, crs) for n, p in zip(("dry", "wet"), points, strict=True)]
    kt.Hints(hints).save(path)
    options = ["-o", tmp_path / "out", "--steps", 8, "--texture-scale", 0]
    run = ktextures("segment", geotiff, *options, "-k", 2, "--hints", path)
    assert run.returncode == 0, run.stderr
    assert set(kt.load(tmp_path / "out" / MODEL).classes.names) == {"dry", "wet"}


def test_hints_that_do_not_exist_are_told_in_one_line(short, tmp_path, capsys):
    arguments, _ = short
    assert main([*arguments, "--hints", str(tmp_path / "none.geojson")]) == 1
    _, error = capsys.readouterr()
    assert "none.geojson" in error
    assert_one_line(error)


@pytest.mark.slow
def test_demo_segments_the_bundled_scene(tmp_path):
    run = ktextures("demo", "-o", tmp_path, "--steps", 1, "--texture-scale", 0)
    assert (run.returncode, run.stderr) == (0, "")
    (classes, profile, _), (simulated, _), model, _ = opened(tmp_path)
    assert classes.shape == (300, 300)
    assert profile["crs"] is None
    assert classes.min() >= 1
    assert classes.max() <= model.k == 6
    assert simulated.shape == (4, 300, 300)


# --- arguments -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bands", "red,ultraviolet"], "there is no band 'ultraviolet'"),
        (["--bands", "1,9"], "there is no band 9"),
        (["--bands", "²"], "there is no band '²'"),
        (["--roles", "purple=1"], "purple"),
        (["--roles", "red=1,green=1"], "two roles"),
        (["--checkpoint", "{scene}/state"], "scene.tif/state"),
        (["-o", "{scene}/results"], "cannot create the output folder"),
    ],
)
def test_inputs_that_cannot_be_used(
    arguments, message, geotiff, given, tmp_path, capsys
):
    arguments = [argument.format(scene=geotiff) for argument in arguments]
    output = [] if "-o" in arguments else ["-o", str(tmp_path)]
    assert main(["segment", str(geotiff), *output, *arguments]) == 1
    text, error = capsys.readouterr()
    assert message in error
    assert_one_line(error)
    assert text == ""
    assert not given


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "the following arguments are required: COMMAND"),
        ("paint", "invalid choice: 'paint'"),
        ("segment -o out", "the following arguments are required: SCENE"),
        ("demo", "the following arguments are required: -o/--output"),
        ("demo -o out -k six", "-k: must be a whole number from 2 to 128, got 'six'"),
        ("demo -o out -k 1", "-k: must be a whole number from 2 to 128, got '1'"),
        ("demo -o out -k 129", "-k: must be a whole number from 2 to 128, got '129'"),
        ("demo -o out --steps 0", "--steps: must be a whole number of at least 1"),
        ("demo -o out --steps 1.5", "--steps: must be a whole number of at least 1"),
        (
            "demo -o out --seed -4",
            "--seed: must be a whole number from 0 to 2147483647",
        ),
        ("demo -o out --seed 2147483648", "from 0 to 2147483647, got '2147483648'"),
        ("demo -o out --texture-scale big", "number of pixels from 0 to 16, or 'auto'"),
        ("demo -o out --texture-scale 16.5", "or 'auto', got '16.5'"),
        ("demo -o out --texture-scale nan", "or 'auto', got 'nan'"),
        ("demo -o out --preset fast", "invalid choice: 'fast'"),
        ("demo -o out --unknown", "unrecognized arguments: --unknown"),
        ("segment a.tif -o out --bands red,,nir", "--bands: expected names or numbers"),
        ("segment a.tif -o out --roles red:1", "--roles: expected ROLE=BAND"),
        ("segment a.tif -o out --roles red=1,red=2", "red is given twice"),
    ],
)
def test_wrong_arguments(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments.split())
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("usage: ktextures")
    assert message in error


def test_limits_are_those_of_training(small):
    with pytest.raises(kt.InputError, match=str(MAX_K)):
        kt.train(small, MAX_K + 1)
    with pytest.raises(kt.InputError, match=str(MAX_SEED)):
        kt.train(small, 2, seed=MAX_SEED + 1)
    with pytest.raises(kt.InputError, match=str(MAX_TEXTURE_SCALE)):
        kt.train(small, 2, texture_scale=MAX_TEXTURE_SCALE + 0.1)
    with pytest.raises(kt.InputError, match=".*".join(PRESETS)):
        kt.train(small, 2, preset="fast")


def test_mistakes_are_found_without_tensorflow(geotiff, tmp_path):
    (tmp_path / CLASSES).touch()
    code = (
        "import sys; from ktextures.cli import main\n"
        f"codes = [main(['segment', 'absent.tif', '-o', {str(tmp_path / 'new')!r}]),\n"
        f"         main(['segment', {__file__!r}, '-o', {str(tmp_path / 'new')!r}]),\n"
        f"         main(['segment', {str(geotiff)!r}, '-o', {str(tmp_path)!r}]),\n"
        f"         main(['segment', {str(geotiff)!r}, '-o', {str(geotiff)!r}]),\n"
        f"         main(['demo', '-o', 'out', '--checkpoint', {__file__!r}])]\n"
        "print(codes, {'tensorflow', 'keras'} & set(sys.modules))"
    )
    run = ktextures(code=code)
    assert run.stdout == "[1, 1, 1, 1, 1] set()\n", run.stderr
    lines = run.stderr.splitlines()
    assert all(line.startswith("ktextures: ") for line in lines)
    wanted = ("absent.tif", "test_command.py", "already exist", "folder", "checkpoint")
    for line, word in zip(lines, wanted, strict=True):
        assert word in line
    assert names(tmp_path) == [CLASSES]


@pytest.mark.parametrize("name", RESULTS)
def test_a_file_that_cannot_be_written_is_found_before_training(
    name, geotiff, given, tmp_path, capsys
):
    (tmp_path / name).mkdir()
    assert main(["segment", str(geotiff), "-o", str(tmp_path), "--overwrite"]) == 1
    error = capsys.readouterr().err
    assert name in error
    assert_one_line(error)
    assert names(tmp_path) == [name]
    assert not given


@pytest.mark.parametrize("name", [*RESULTS, *SIDECARS, f"{SIMULATED}.aux.xml"])
def test_existing_results_are_not_replaced(name, given, tmp_path, capsys):
    path = tmp_path / name
    path.write_text("from an earlier run")
    # The scene does not exist either; the results are checked before it is opened.
    assert main(["segment", "absent.tif", "-o", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert f"these files already exist: {path};" in error
    assert "--overwrite" in error
    assert_one_line(error)
    assert path.read_text() == "from an earlier run"
    assert not given


@pytest.mark.parametrize(
    ("time", "bands"),
    [("2024-07", ["red"]), ("0", ["red"]), ("all", ["red_2024-06", "red_2024-07"])],
)
def test_one_of_several_dates_can_be_chosen(time, bands, tmp_path, given, capsys):
    scene, _ = kt.datasets.synthetic(64, k=2)
    days = np.array(["2024-06-03", "2024-07-01"], "datetime64[ns]")
    cube = scene[:2].rename(band="time").drop_vars(["role", "time"]).rename("red")
    cube.assign_coords(time=days).to_netcdf(tmp_path / "cube.nc")
    command = ["segment", str(tmp_path / "cube.nc"), "-o", str(tmp_path / "out")]

    assert main(command) == 1
    assert (
        "has 2 steps along 'time' (2024-06-03, 2024-07-01);" in capsys.readouterr().err
    )
    assert not given

    assert main([*command, "--time", time]) == 1
    assert given["scene"].band.values.tolist() == bands


def test_arguments_reach_training(geotiff, tmp_path, given):
    command = ["segment", str(geotiff), "-o", str(tmp_path)]
    options = "-k 9 --preset paper --steps 12 --texture-scale 3.5 --seed 8".split()
    options += ["--bands", "3, 1", "--roles", "red=1,nir=blue"]
    options += ["--checkpoint", str(tmp_path / "state")]
    options += ["--hints", str(tmp_path / "hints.geojson")]
    assert main([*command, *options]) == 1
    scene = given.pop("scene")
    assert scene.band.values.tolist() == ["blue", "red"]
    assert scene.role.values.tolist() == ["nir", "red"]
    assert len(given.pop("callbacks")) == 1
    assert given == {
        "k": 9,
        "preset": "paper",
        "steps": 12,
        "texture_scale": 3.5,
        "seed": 8,
        "checkpoint": tmp_path / "state",
        "hints": tmp_path / "hints.geojson",
        "progress": False,
    }
    assert main(command) == 1
    assert given["scene"].sizes["band"] == 4
    assert (given["k"], given["texture_scale"], given["steps"]) == (6, "auto", None)
    assert given["checkpoint"] is None
    assert given["hints"] is None


@pytest.mark.parametrize(("options", "shown"), [([], True), (["--quiet"], False)])
def test_the_progress_bar_is_for_terminals(
    options, shown, geotiff, tmp_path, given, monkeypatch
):
    controller, terminal = os.openpty()
    try:
        with os.fdopen(terminal, "w") as stderr:
            monkeypatch.setattr(sys, "stderr", stderr)
            main(["segment", str(geotiff), "-o", str(tmp_path), *options])
    finally:
        os.close(controller)
    assert given["progress"] is shown


@pytest.mark.usefixtures("given")
@pytest.mark.filterwarnings("always::UserWarning")
def test_warnings_are_one_line(tmp_path, capsys):
    path = tmp_path / "rgba.tif"
    values = np.random.default_rng(1).integers(1, 255, (4, 40, 40), "uint8")
    size = {"count": 4, "height": 40, "width": 40, "dtype": "uint8"}
    size |= {"transform": rasterio.Affine(10, 0, 500, 0, -10, 900)}
    with rasterio.open(path, "w", photometric="RGB", alpha="YES", **size) as file:
        file.write(values)
    assert main(["segment", str(path), "-o", str(tmp_path / "out")]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("ktextures: warning: band 4 of ")
    assert second == "ktextures: enough"


# --- help and standard output ----------------------------------------------------


def test_python_runs_the_package_as_the_command():
    command = [sys.executable, "-m", "ktextures", "--version"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout == f"ktextures {kt.__version__}\n"


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_help_is_quick_and_loads_no_large_library(option):
    code = (
        "import sys, ktextures.cli.command as cli\n"
        "try:\n    cli.main()\nexcept SystemExit as stop:\n"
        "    heavy = {'tensorflow', 'keras', 'xarray'} & set(sys.modules)\n"
        "    sys.exit(f'{heavy} loaded' if heavy else stop.code)\n"
    )
    run = ktextures(option, code=code)
    assert run.returncode == 0, run.stderr
    assert "ktextures" in run.stdout


def test_every_argument_has_a_help_text():
    (commands,) = (
        action
        for action in build_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    assert set(commands.choices) == set(COMMANDS)
    for name, parser in commands.choices.items():
        for action in parser._actions:
            assert action.help, f"{action.option_strings} has no help text"
        if name not in ("segment", "demo"):
            continue
        steps = (kt.presets.default.steps, kt.presets.paper.steps)
        wanted = "default: {}; with --preset paper: {}".format(*steps)
        assert wanted in " ".join(parser.format_help().split())


def test_a_closed_stdout_is_not_an_error():
    reader, writer = os.pipe()
    os.close(reader)
    try:
        run = subprocess.run(
            [sys.executable, "-c", RUN, "segment", "--help"],
            cwd=ROOT,
            env=environment(),
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writer)
    assert (run.returncode, run.stderr) == (0, "")


# --- signals ---------------------------------------------------------------------


@pytest.fixture
def send(monkeypatch):
    """Make a function send signals to this process when it is called."""

    def arrange(place, *numbers, call=1):
        owner, _, name = place.rpartition(".")
        module, _, cls = owner.partition(":")
        owner = import_module(f"ktextures.{module}")
        owner = getattr(owner, cls) if cls else owner
        original, calls = getattr(owner, name), []

        def sending(*arguments, **options):
            calls.append(name)
            if len(calls) == call:
                for number in numbers:
                    signal.raise_signal(number)
            return original(*arguments, **options)

        monkeypatch.setattr(owner, name, sending)
        return calls

    before = {number: signal.getsignal(number) for number in (INTERRUPT, TERMINATE)}
    yield arrange
    assert {number: signal.getsignal(number) for number in before} == before


STEP = "training.loop:TrainingLoop._one_step"
SAVE = "model.ktextures:KTextures.save"
SEGMENT = "segmentation.segment"
WRITE_SIMULATED = "results.write_layers.write_simulated"


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    ("number", "cause", "code"),
    [(INTERRUPT, "Ctrl-C", 130), (TERMINATE, "SIGTERM", 143)],
)
def test_a_signal_stops_training_and_the_results_are_written(
    number, cause, code, short, send, capsys
):
    arguments, folder = short
    send(STEP, number, call=2)
    assert main(arguments) == code
    text, error = capsys.readouterr()
    assert f"training was stopped by {cause} after step 2" in error
    assert_one_line(error)
    assert text.startswith("2 classes, 2 steps")
    (classes, _, _), _, model, _ = opened(folder)
    assert model.record.steps == 2
    assert classes[4:].min() >= 1


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    ("sent", "written", "code"),
    [
        ([(STEP, [INTERRUPT] * 2)], (MODEL,), 130),
        ([(STEP, [INTERRUPT]), (SAVE, [INTERRUPT])], (MODEL,), 130),
        ([(STEP, [TERMINATE]), (SEGMENT, [INTERRUPT])], (MODEL,), 143),
        ([(SAVE, [TERMINATE])], (MODEL,), 143),
        ([(WRITE_SIMULATED, [INTERRUPT])], (MODEL, CLASSES), 130),
    ],
    ids=["twice", "while saving", "while segmenting", "saving", "while writing"],
)
def test_a_signal_while_results_are_written_keeps_the_model(
    sent, written, code, short, send, capsys
):
    arguments, folder = short
    for place, numbers in sent:
        send(place, *numbers)
    assert main([*arguments, "--steps", "2"]) == code
    text, error = capsys.readouterr()
    last = error.splitlines()[-1]
    cause = {130: "Ctrl-C", 143: "SIGTERM"}[code]
    done = ", ".join(str(folder / name) for name in written)
    missing = ", ".join(str(folder / name) for name in RESULTS if name not in written)
    assert last == (
        f"ktextures: stopped by {cause}; written: {done}; not written: {missing}"
    )
    assert set(names(folder)) - set(SIDECARS) == set(written)
    assert kt.load(folder / MODEL).record.steps in (1, 2)
    assert text == ""


@pytest.mark.parametrize(
    ("place", "number", "code"),
    [
        ("raster.open.open_scene", INTERRUPT, 130),
        ("training.train.prepare_scenes", TERMINATE, 143),
    ],
)
def test_a_signal_before_the_first_step_writes_nothing(
    place, number, code, short, send, capsys
):
    arguments, folder = short
    send(place, number)
    assert main(arguments) == code
    error = capsys.readouterr().err
    assert error.endswith("; no files were written\n")
    assert_one_line(error)
    assert not folder.exists() or names(folder) == []


@pytest.mark.usefixtures("eager")
def test_results_of_an_earlier_run_are_reported_as_such(short, send, capsys):
    arguments, folder = short
    folder.mkdir()
    (folder / MODEL).write_text("earlier")
    (folder / CLASSES).write_text("earlier")
    send(SEGMENT, INTERRUPT)
    assert main([*arguments, "--steps", "1", "--overwrite"]) == 130
    error = capsys.readouterr().err
    assert f"written: {folder / MODEL}; not written: {folder / SIMULATED}, " in error
    assert error.endswith(f"; left from an earlier run: {folder / CLASSES}\n")
    assert (folder / CLASSES).read_text() == "earlier"
    assert kt.load(folder / MODEL).k == 2


@pytest.mark.usefixtures("eager")
def test_an_interrupted_training_continues_from_its_checkpoint(
    short, send, tmp_path, capsys
):
    arguments, folder = short
    arguments += ["--steps", "5", "--checkpoint", str(tmp_path / "state")]
    steps = send(STEP, INTERRUPT, call=2)
    assert main(arguments) == 130
    assert len(steps) == 2
    error = capsys.readouterr().err
    assert error.endswith(
        "ktextures: to continue training, run the same command with --overwrite\n"
    )
    steps = send(STEP)
    assert main([*arguments, "--overwrite"]) == 0
    assert len(steps) == 3
    assert kt.load(folder / MODEL).record.steps == 5


@pytest.mark.usefixtures("eager")
def test_an_error_after_training_names_what_was_written(short, monkeypatch, capsys):
    def full(*_, **__):
        raise kt.OutputError("no space left on the disk")

    arguments, folder = short
    monkeypatch.setattr("ktextures.results.write_layers.write_simulated", full)
    assert main([*arguments, "--steps", "1"]) == 1
    error = capsys.readouterr().err
    assert error.startswith(
        f"ktextures: no space left on the disk; written: {folder / MODEL}, "
        f"{folder / CLASSES}; not written: {folder / SIMULATED}, "
    )
    assert_one_line(error)


def test_a_process_in_a_terminal_shows_progress_and_stops_on_sigterm(short):
    # Its standard output is closed, which must not change the exit code.
    arguments, folder = short
    controller, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (24, 120))
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen(
        # Without a buffer, writing to the closed stdout fails at once.
        [sys.executable, "-u", "-c", RUN, *arguments, "--steps", "100000"],
        cwd=ROOT,
        env=environment(),
        stdout=writer,
        stderr=terminal,
    )
    os.close(terminal)
    os.close(writer)
    shown, stopping = b"", False
    try:
        while part := _read(controller):
            shown += part
            if not stopping and re.search(rb"[1-9]\d*/100000", shown):
                process.terminate()
                stopping = True
        assert process.wait(60) == 143, shown.decode()
    finally:
        process.kill()
        os.close(controller)
    messages = [line for line in shown.decode().splitlines() if "ktextures: " in line]
    assert len(messages) == 1
    assert "training was stopped by SIGTERM after step " in messages[0]
    assert "0000 00:00" not in shown.decode()
    opened(folder)


def _read(controller):
    """What the terminal shows next; empty when its last user is gone."""
    try:
        return os.read(controller, 4096)
    except OSError:
        return b""
