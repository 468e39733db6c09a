"""Sets appear, change, and are replaced as a whole or not at all."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time

import dask.array as da
import numpy as np
import pandas as pd
import pytest
from samples_tools import files_of, read, write

import ktextures as kt
from ktextures.errors import InputError, OutputError
from ktextures.samples import assembly, cutting, publish, statistics
from ktextures.samples.manifest import own_files

OPTIONS = {"fractions": (1, 0, 0), "names": "a"}
SCENE, TRUTH = kt.datasets.synthetic((32, 48), k=2, bands=1, dtype="uint8")
MORE = {"append": True, "names": "b"}


def small(out, **options):
    return write(SCENE, TRUTH, out, **(OPTIONS | options))


@pytest.fixture
def out(tmp_path):
    return tmp_path / "samples"


def with_foreign_files(out):
    """A set in a folder that holds other files too."""
    small(out)
    (out / "notes.txt").write_text("mine")
    (out / "images" / "mine.tif").write_text("mine")


def check_whole(out):
    """Every chip of the manifest can be read, and nothing temporary is left."""
    samples = kt.TrainingSamples.read(out)
    for stem in samples.manifest["stem"]:
        assert kt.open_scene(samples.image(stem)).shape == (1, 16, 16)
        assert kt.read_classes(samples.label(stem)).shape == (16, 16)
    hidden = [path for path in out.parent.rglob("*") if path.name.startswith(".")]
    assert hidden == []
    return samples


def test_a_set_is_not_replaced_unless_asked_for(out):
    small(out)
    before = files_of(out)
    with pytest.raises(OutputError, match="holds training samples already: pass app"):
        small(out, names="b")
    assert files_of(out) == before
    samples = small(out, names="b", overwrite=True)
    assert set(samples.manifest["scene"]) == {"b"}
    assert all("_b_" in path.name for path in (out / "images").iterdir())


@pytest.mark.parametrize("options", [{"overwrite": True}, MORE])
def test_foreign_files_are_kept(out, options):
    with_foreign_files(out)
    small(out, **options)
    check_whole(out)
    assert (out / "notes.txt").read_text() == "mine"
    assert (out / "images" / "mine.tif").read_text() == "mine"


def test_a_new_set_joins_foreign_files(out):
    (out / "images").mkdir(parents=True)
    (out / "images" / "mine.tif").write_text("mine")
    assert len(check_whole(small(out).folder).manifest) == 6
    assert (out / "images" / "mine.tif").read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["README.md", "images/train_a_r00000_c00016.tif"], ids=["readme", "chip"]
)
def test_foreign_files_in_the_way_are_not_replaced(out, name):
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text("mine")
    with pytest.raises(OutputError, match="exists but does not belong to the samples"):
        small(out)
    assert files_of(out) == {name: b"mine"}


def test_an_empty_folder_is_filled(out):
    out.mkdir()
    assert len(check_whole(small(out).folder).manifest) == 6


@pytest.mark.parametrize("mine", ["mine", "images/mine", "mine/below"])
@pytest.mark.parametrize("options", [{}, {"overwrite": True}, MORE])
def test_empty_folders_of_others_are_kept(out, mine, options):
    if options:
        small(out)
    (out / mine).mkdir(parents=True)
    small(out, **options)
    check_whole(out)
    assert (out / mine).is_dir()


def test_append_to_nothing_makes_a_set(out):
    assert len(small(out, append=True).manifest) == 6


def test_appended_scenes_get_names_of_their_own(out):
    del_names = {"names": None}
    small(out, **del_names)
    small(out, append=True, **del_names)
    samples = small(out, append=True, **del_names)
    assert samples.manifest["scene"].unique().tolist() == [
        "scene",
        "scene-2",
        "scene-3",
    ]
    assert samples.manifest["stem"].is_unique
    with pytest.raises(InputError, match="a scene named 'scene-3' already"):
        small(out, append=True, names="scene-3")


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """Folders with a set, with another one, and with both together."""
    folder = tmp_path_factory.mktemp("sets")
    small(folder / "old")
    small(folder / "other", names="b")
    shutil.copytree(folder / "old", folder / "both")
    small(folder / "both", **MORE)
    return folder


def own_of(folder):
    return own_files(kt.TrainingSamples.read(folder).manifest["stem"].tolist())


def failing_move(move, out, moves, error):
    """A move in or out of a folder that fails when its time has come."""

    def moved(source, target):
        if str(out) in f"{source} {target}":
            moves["left"] -= 1
            if moves["left"] == 0:
                # The move may have been made when an interrupt comes.
                if isinstance(error, KeyboardInterrupt):
                    move(source, target)
                raise error
        return move(source, target)

    return moved


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
@pytest.mark.parametrize("foreign", [False, True])
@pytest.mark.parametrize("how", ["new", "overwrite", "append"])
def test_whatever_move_fails_the_folder_is_as_before(
    out, sets, monkeypatch, how, foreign, error
):
    if how != "new":
        shutil.copytree(sets / "old", out)
    if foreign:
        (out / "images").mkdir(parents=True, exist_ok=True)
        (out / "images" / "mine.tif").write_text("mine")
    own = [] if how == "new" else own_of(sets / "old")
    before, expected = files_of(out), files_of(sets / "other")
    if how == "append":
        expected = files_of(sets / "both")
    moves = {"left": 0}
    for name in ("rename", "replace"):
        move = failing_move(getattr(os, name), out, moves, error)
        monkeypatch.setattr(os, name, move)

    def once(count):
        moves["left"] = count
        scratch = out.parent / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(sets / ("both" if how == "append" else "other"), scratch / "n")
        options = {"own": own, "obsolete": how != "append", "scratch": scratch}
        publish.publish(scratch / "n", out, **options)

    count = 0
    while True:
        count += 1
        try:
            once(count)
        except (OutputError, KeyboardInterrupt):
            assert files_of(out) == before, count
            assert out.exists() == bool(before)
        else:
            break
    assert count > (12 if foreign or how == "append" else 1)
    found = files_of(out)
    assert found.pop("images/mine.tif", None) == (b"mine" if foreign else None)
    assert found == expected


def test_at_every_moment_of_append_the_old_or_the_new_set_is_there(out, monkeypatch):
    small(out)
    rows = []

    def looking(move):
        def moved(source, target):
            move(source, target)
            if str(target).startswith(str(out)):
                samples = kt.TrainingSamples.read(out)
                paths = [samples.image(stem) for stem in samples.manifest["stem"]]
                assert all(path.exists() for path in paths)
                rows.append(len(paths))

        return moved

    for name in ("rename", "replace"):
        monkeypatch.setattr(publish.os, name, looking(getattr(os, name)))
    small(out, **MORE)

    assert rows == [6] * (len(rows) - 1) + [12]
    assert len(rows) > 12


@pytest.mark.parametrize("options", [{}, MORE])
def test_a_failure_while_chips_are_cut_leaves_nothing(out, monkeypatch, options):
    if options:
        small(out)
    before = files_of(out.parent)
    written = []

    def failing(*arguments):
        written.append(arguments)
        if len(written) == 5:
            raise OSError("no space left on device")
        return write_label(*arguments)

    write_label = cutting.write_label
    monkeypatch.setattr(cutting, "write_label", failing)
    with pytest.raises(OutputError, match=r"cannot write '.*samples': no space left"):
        small(out, **options)
    assert files_of(out.parent) == before
    assert sorted(out.parent.iterdir()) == ([out] if options else [])


@pytest.mark.parametrize("name", ["write_table", "datasheet"])
def test_failures_at_the_end_are_told_too(out, monkeypatch, name):
    def failing(*arguments):
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(assembly, name, failing)
    with pytest.raises(OutputError, match=r"cannot write '.*samples': the disk is ful"):
        small(out)
    assert list(out.parent.iterdir()) == []


def test_scenes_that_cannot_be_read_are_not_taken_for_a_full_disk(out):
    def failing(block):
        raise OSError("the tape broke")

    data = da.from_array(SCENE.values, chunks=16).map_blocks(failing, dtype="uint8")
    with pytest.raises(OSError, match="the tape broke") as caught:
        write(SCENE.copy(data=data), TRUTH, out)
    assert not isinstance(caught.value, OutputError)
    assert list(out.parent.iterdir()) == []


INTERRUPTED = """
import sys, time
import ktextures as kt
from ktextures.samples import cutting

write_label = cutting.write_label

def slow(*arguments):
    write_label(*arguments)
    print("cutting", flush=True)
    time.sleep(0.2)

cutting.write_label = slow
scene, truth = kt.datasets.synthetic((48, 64), k=2, bands=1, dtype="uint8")
kt.training_samples(scene, truth, sys.argv[1], size=16, fractions=(1, 0, 0),
                    progress=False)
"""


def test_a_stopped_process_leaves_nothing(out):
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout.readline() == "cutting\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) != 0
    process.stdout.close()
    assert list(out.parent.iterdir()) == []


def test_folders_that_cannot_be_written_are_refused_at_once(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(cutting, "read_chips", None)  # nothing is read
    with pytest.raises(OutputError, match="it is a file; give a folder"):
        small(tmp_path / "file")
    with pytest.raises(OutputError, match="does not exist; create it"):
        small(tmp_path / "no" / "samples")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"size": 8},
            r"have size=16, the new ones size=8: give the same size, or make",
        ),
        ({"overlap": 2}, "have overlap=0, the new ones overlap=2"),
        (
            {"fractions": (0.5, 0.5, 0)},
            r"have fractions=\(1\.0, 0\.0, 0\.0\), the new ones fractions=\(0\.5,",
        ),
        ({"block_size": 99}, "the new ones block_size=99"),
        ({"buffer": 3}, "have buffer=4, the new ones buffer=3"),
        ({"dtype": "uint16"}, "have dtype uint8, the new ones dtype uint16"),
        ({"bands": "band_1", "names": "a"}, "a scene named 'a' already"),
        (
            {"table": kt.ClassTable(["a", "b"], ["red", "blue"])},
            r"have classes \['class 1', 'class 2'\], the new ones classes \['a', 'b'\]",
        ),
        (
            {"table": kt.Legend(["class 1", "class 2"], codes=[2, 1])},
            r"have classes \[1, 2\], the new ones classes \[2, 1\]",
        ),
    ],
)
def test_chips_of_another_kind_are_not_appended(out, options, message):
    small(out)
    before = files_of(out)
    with pytest.raises(InputError, match=message):
        small(out, **(MORE | options))
    assert files_of(out) == before


def test_other_bands_are_not_appended(out):
    small(out)
    other = SCENE.assign_coords(band=["red"])
    with pytest.raises(
        InputError, match=r"have bands \['.*'\], the new ones bands \['r"
    ):
        write(other, TRUTH, out, **(OPTIONS | MORE))


def test_append_takes_sizes_from_the_set(out):
    small(out, buffer=6, block_size=50)
    samples = small(out, **MORE)
    split = samples.description["split"]
    assert (split["buffer"], split["block_size"]) == (6, 50)
    assert [each["name"] for each in samples.description["scenes"]] == ["a", "b"]
    counts = samples.description["counts"]["train"]
    assert counts["chips"] == 12
    assert sum(counts["pixels"]) == 12 * 256


def check_statistics(samples, chips):
    """Compare the statistics with those of the files."""
    train = samples.manifest["stem"][samples.manifest["split"] == "train"]
    assert len(train) == chips
    pixels = np.concatenate([read(samples.image(s)).ravel() for s in train])
    pixels = pixels[pixels != 0].astype(float)
    found = samples.description["statistics"]
    assert found["pixels"] == pixels.size
    assert (found["min"], found["max"]) == ([pixels.min()], [pixels.max()])
    np.testing.assert_allclose(found["mean"], pixels.mean(), rtol=1e-14)
    np.testing.assert_allclose(found["std"], pixels.std(), rtol=1e-14)


@pytest.fixture
def images_read(monkeypatch):
    """Names of the images that are read for the statistics."""
    names = []

    def watched(path):
        names.append(path.name)
        return read_image(path)

    read_image = statistics.read_image
    monkeypatch.setattr(statistics, "read_image", watched)
    return names


def test_append_goes_on_with_the_statistics(out, images_read):
    small(out)
    for place, name in enumerate("bcd", start=2):
        images_read.clear()
        brighter = SCENE + np.uint8(place)
        samples = write(brighter, TRUTH, out, **(OPTIONS | MORE | {"names": name}))
        # Those of the chips that were there are not read again.
        assert len(images_read) == 6
        assert all(f"_{name}_" in each for each in images_read)
        check_statistics(samples, 6 * place)


def test_statistics_are_measured_anew_if_chips_were_taken_away(out, images_read):
    small(out)
    table = pd.read_csv(out / "samples.csv")
    table[:4].to_csv(out / "samples.csv", index=False)
    images_read.clear()
    samples = small(out, **MORE)
    assert len(images_read) == 10
    check_statistics(samples, 10)


def test_statistics_of_nothing_are_not_taken_for_those_of_pixels(out):
    """As of a set whose chips are all for the test."""
    samples = small(out)
    train = [samples.image(stem) for stem in samples.manifest["stem"]]
    nothing = statistics.measure_bands([], 1)
    before = statistics.BandStatistics.from_dict(nothing.to_dict())
    again = statistics.measure_bands(train, 1, before)
    assert again.to_dict() == samples.description["statistics"]
    assert statistics.measure_bands([], 1, before).to_dict() == nothing.to_dict()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("samples.json", "{", "samples.json' is damaged"),
        ("samples.json", "{}", "does not describe training samples"),
        ("samples.json", None, "samples.json is missing"),
        ("samples.csv", None, "samples.csv is missing"),
        ("samples.csv", "stem,split\n", "lacks the columns"),
        ("samples.csv", "", "samples.csv' is damaged"),
    ],
)
def test_damaged_sets_are_refused(out, name, content, message):
    small(out)
    (out / name).unlink()
    if content is not None:
        (out / name).write_text(content)
    before = files_of(out)
    with pytest.raises(InputError, match=message):
        kt.TrainingSamples.read(out)
    with pytest.raises(InputError, match=message):
        small(out, **MORE)
    assert files_of(out) == before


@pytest.mark.parametrize("column", ["class_2", "row", "x_min", "split"])
def test_tables_without_a_column_are_refused(out, column):
    small(out)
    table = pd.read_csv(out / "samples.csv").drop(columns=column)
    table.to_csv(out / "samples.csv", index=False)
    with pytest.raises(InputError, match=rf"lacks the columns \['{column}'\]: del"):
        repr(kt.TrainingSamples.read(out))


def test_sets_of_later_versions_are_refused(out):
    small(out)
    path = out / "samples.json"
    path.write_text(
        path.read_text().replace('"format_version": 1', '"format_version": 2')
    )
    with pytest.raises(InputError, match="has the format version 2, this ktextures re"):
        kt.TrainingSamples.read(out)


def test_a_set_that_was_moved_is_read(out, tmp_path):
    small(out)
    shutil.move(out, tmp_path / "elsewhere")
    samples = check_whole(tmp_path / "elsewhere")
    assert not np.isnan(samples.description["statistics"]["mean"]).any()
    assert time.strptime(samples.description["created"][:19], "%Y-%m-%dT%H:%M:%S")
