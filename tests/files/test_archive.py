"""Archives of settings and arrays: round trips, damage, and hostile files."""

import io
import json
import os
import pickle
import threading
import time
import tracemalloc
import zipfile
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from ktextures.errors import ModelFileError, OutputError
from ktextures.files import archive
from ktextures.files.archive import pack, read_archive, unpack, write_atomically

SETTINGS = {"k": 3, "names": ["a", "b"], "loss": 0.1}
NUMBERS = st.one_of(
    npst.boolean_dtypes(), npst.integer_dtypes(), npst.floating_dtypes(sizes=(32, 64))
)


class Bomb:
    """Unpickling it would make a folder."""

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


def array_bytes(header, content=b"", version=1, length=None):
    """A .npy member with any header, consistent or not."""
    text = header if isinstance(header, bytes) else f"{header}\n".encode()
    text = text.replace(b")}\n", b"), }\n")
    size = len(text) if length is None else length
    start = b"\x93NUMPY" + bytes([version, 0])
    return start + size.to_bytes(2 if version == 1 else 4, "little") + text + content


def numbers_of(shape, kind="<f4"):
    return {"descr": kind, "fortran_order": False, "shape": shape}


@contextmanager
def memory_below(limit):
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


def test_crafted_headers_differ_from_good_ones_only_where_a_test_says_so():
    content = members(pack("model", {}, {}))
    content["a.npy"] = array_bytes(numbers_of((2,)), b"\0\0\0\0\0\0\x80\x3f")
    assert opened(zipped(content))[1]["a"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (array_bytes(numbers_of((2**40,))), r"shape \(1099511627776,\) of float32"),
        (array_bytes(numbers_of((2**70, 2**70))), "which does not fit its 0 bytes"),
        (array_bytes(numbers_of((0, 2**70))), "damaged"),
        (array_bytes(numbers_of((-1,)), bytes(4)), "not an array"),
        (array_bytes(numbers_of((-1, -1)), bytes(4)), "not an array"),
        (array_bytes(numbers_of((2,)), bytes(9)), "does not fit its 9 bytes"),
        (array_bytes(numbers_of((1,), "|O"), bytes(8)), "not an array of numbers"),
        (array_bytes(numbers_of((1,), "|S4"), bytes(4)), "not an array of numbers"),
        (array_bytes(numbers_of((1,)), length=60_000), "damaged"),
        (array_bytes(numbers_of((1,)), version=2, length=2**32 - 1), "not an array"),
        (array_bytes(numbers_of((1,), "<f3"), bytes(3)), "not an array"),
        (array_bytes(b"(" * 9000), "damaged"),
        (array_bytes(b"-" * 9000 + b"1"), "damaged"),
        (array_bytes(b"{[]: 1}"), "not an array"),
        (array_bytes(b"x" * 20_000), "damaged"),
    ],
)
def test_array_headers_that_do_not_fit_are_refused(member, reason):
    content = zipped(members(pack("model", {}, {})) | {"a.npy": member})
    with (
        memory_below(2**22),
        pytest.raises(ModelFileError, match=rf"(?s)not a ktextures model.*{reason}"),
    ):
        opened(content)


def bomb(declared=None):
    """An archive of 0.5 MiB whose member inflates to 512 MiB, or declares less."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("header.json", members(pack("model", {}, {}))["header.json"])
        with file.open("a.npy", "w") as member:
            member.write(array_bytes(numbers_of((2**27,))))
            for _ in range(32):
                member.write(bytes(2**24))
        if declared is not None:
            file.infolist()[1].file_size = declared
    return target.getvalue()


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        (None, r"declares 512 MiB .* file of 0\.5 MiB holds at most 128 MiB"),
        (10**6, "is not a ktextures model file"),
    ],
)
def test_compressed_zeros_do_not_fill_the_memory(declared, reason):
    content = bomb(declared)
    with memory_below(2**24), pytest.raises(ModelFileError, match=reason):
        opened(content)


def test_arrays_of_zeros_are_no_attack():
    zeros = np.zeros((4, 2**20), "float32")
    np.testing.assert_array_equal(
        opened(pack("model", {}, {"a": zeros}))[1]["a"], zeros
    )


def test_writing_replaces_the_file_and_leaves_nothing_else(tmp_path):
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
def test_error_names_the_path_that_cannot_be_written(tmp_path, name):
    (tmp_path / "taken").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=f"cannot write .*{name}"):
        write_atomically(tmp_path / name, b"new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "taken"]


def test_threads_that_write_one_file_never_mix(tmp_path):
    path = tmp_path / "file"
    contents = [bytes([number]) * 300_000 for number in range(4)]
    write_atomically(path, contents[0])
    failures = []

    def write(content):
        try:
            for _ in range(15):
                write_atomically(path, content)
        except OutputError as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(each,)) for each in contents]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert path.read_bytes() in contents
    assert not failures
    assert list(tmp_path.iterdir()) == [path]


def test_the_longest_name_that_the_file_system_takes_can_be_written(tmp_path):
    path = tmp_path / ("n" * 255)
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    with pytest.raises(OutputError, match="File name too long; choose another path"):
        write_atomically(tmp_path / ("n" * 256), b"new")


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_written_files_have_the_usual_permissions(tmp_path):
    (tmp_path / "usual").write_bytes(b"")
    write_atomically(tmp_path / "file", b"")
    modes = {(tmp_path / name).stat().st_mode for name in ("usual", "file")}
    assert len(modes) == 1
