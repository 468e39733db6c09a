"""The file of settings and arrays: what goes in comes out, and nothing is executed."""

import io
import json
import os
import pickle
import time
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from ktextures import archive
from ktextures.archive import pack, read_archive, unpack, write_atomically
from ktextures.errors import ModelFileError, OutputError

SETTINGS = {"k": 3, "names": ["a", "b"], "loss": 0.1}
NUMBERS = st.one_of(
    npst.boolean_dtypes(), npst.integer_dtypes(), npst.floating_dtypes(sizes=(32, 64))
)


class Bomb:
    """Unpickling it would leave a trace."""

    def __reduce__(self):
        return os.mkdir, ("ktextures-bomb",)


def arrays():
    return {
        "weights/0": np.arange(6, dtype="float32").reshape(2, 3),
        "weights/1": np.zeros(0, "float32"),
        "order": np.array([1, 0]),
        "scalar": np.float64(2.5),
    }


def members(content):
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return {name: file.read(name) for name in file.namelist()}


def zipped(parts, compression=zipfile.ZIP_STORED):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return target.getvalue()


def opened(content, kind="model"):
    return unpack(io.BytesIO(content), kind, "'some file'")


def test_what_goes_in_comes_out():
    settings, found = opened(pack("model", SETTINGS, arrays()))
    assert settings == SETTINGS
    assert list(found) == list(arrays())
    for name, array in arrays().items():
        np.testing.assert_array_equal(found[name], array, strict=name != "scalar")


@given(npst.arrays(NUMBERS, npst.array_shapes(min_dims=0, min_side=0)))
def test_any_array_of_numbers_comes_out_bit_for_bit(array):
    found = opened(pack("model", {}, {"a": array}))[1]["a"]
    assert found.dtype == array.dtype
    assert found.shape == array.shape
    assert found.tobytes() == array.tobytes()


@pytest.mark.parametrize("value", [float("inf"), float("nan"), None, True, "é", 2**70])
def test_settings_keep_what_json_has_no_word_for(value):
    found = opened(pack("model", {"value": value}, {}))[0]["value"]
    assert found == value or found != found


def test_same_content_gives_the_same_bytes_at_any_time(monkeypatch):
    before = pack("model", SETTINGS, arrays())
    later = time.localtime(time.time() + 3600)
    monkeypatch.setattr(time, "localtime", lambda *_: later)
    assert pack("model", SETTINGS, arrays()) == before


def test_objects_are_not_packed():
    with pytest.raises(ValueError, match="allow_pickle=False"):
        pack("model", {}, {"a": np.array([{}, None], dtype=object)})


def test_a_pickle_in_the_file_is_not_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    target = io.BytesIO()
    np.save(target, np.array([Bomb()], dtype=object), allow_pickle=True)
    good = members(pack("model", SETTINGS, arrays()))
    for name in ("weights/0.npy", "more.npy"):
        for content in (target.getvalue(), pickle.dumps(Bomb())):
            with pytest.raises(ModelFileError, match="not a ktextures model file"):
                opened(zipped(good | {name: content}))
    assert not (tmp_path / "ktextures-bomb").exists()


def test_other_kinds_of_archive_are_named():
    with pytest.raises(
        ModelFileError,
        match=r"'some file' holds 'ktextures-encoder', not 'ktextures-model'",
    ):
        opened(pack("encoder", {}, {}))


@pytest.mark.parametrize("header", [b"[]", b'"text"', b"{}", b"null"])
def test_foreign_headers_are_refused(header):
    with pytest.raises(ModelFileError, match=r"holds None, not 'ktextures-model'"):
        opened(zipped({"header.json": header}))


def test_later_layouts_are_refused(monkeypatch):
    monkeypatch.setattr(archive, "LAYOUT", 2)
    content = pack("model", {}, {})
    monkeypatch.undo()
    with pytest.raises(ModelFileError, match=r"file layout 2; .* reads layout 1"):
        opened(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK",
        b"GIF89a and so on",
        zipped({"other.txt": b"x"}),
        zipped({"header.json": b"{not json"}),
        zipped({"header.json": b"\xff\xfe\xfa"}),
        zipped({"header.json": json.dumps({"format": "ktextures-model", "layout": 1})}),
        zipped(members(pack("model", {}, {})) | {"a.npy": b"no array"}),
        zipped(members(pack("model", {}, {})) | {"a.npy": b""}),
    ],
    ids=[
        "empty",
        "two bytes",
        "gif",
        "zip",
        "json",
        "utf",
        "settings",
        "npy",
        "no npy",
    ],
)
def test_foreign_files_are_refused(content):
    with pytest.raises(
        ModelFileError, match=r"'some file' is not a ktextures model file"
    ):
        opened(content)


def test_every_truncation_is_noticed():
    content = pack("model", SETTINGS, arrays())
    for length in range(0, len(content), 7):
        with pytest.raises(ModelFileError, match="damaged"):
            opened(content[:length])


def test_changed_bytes_are_noticed_or_harmless():
    noise = np.random.default_rng(0).random(500).astype("float32")
    content = pack("model", SETTINGS, {"weights": noise})
    for position in range(0, len(content), 11):
        changed = bytearray(content)
        changed[position] ^= 0xFF
        try:
            settings, found = opened(bytes(changed))
        except ModelFileError as error:
            assert "some file" in str(error)  # noqa: PT017 - or it is not raised
        else:
            assert settings == SETTINGS
            np.testing.assert_array_equal(found["weights"], noise)


def test_read_archive_names_the_file(tmp_path):
    path = tmp_path / "a.ktextures"
    with pytest.raises(FileNotFoundError, match=r"a\.ktextures"):
        read_archive(path, "model")
    path.write_bytes(b"nothing")
    with pytest.raises(ModelFileError, match=r"a\.ktextures' is not a ktextures model"):
        read_archive(path, "model")
    path.write_bytes(pack("model", SETTINGS, {}))
    assert read_archive(path, "model") == (SETTINGS, {})


def test_writing_replaces_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "file"
    assert write_atomically(path, b"one") == path
    assert write_atomically(str(path), b"two") == path
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"file'.*No space left on device"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["missing/file", "taken/file", "folder"])
def test_places_that_cannot_be_written_are_named(tmp_path, name):
    (tmp_path / "taken").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=f"cannot write .*{name}"):
        write_atomically(tmp_path / name, b"new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "taken"]
