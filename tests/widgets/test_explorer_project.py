"""Project files: saved, opened again, and refused."""

import shutil

import numpy as np
import pytest
from explorer_tools import box

import ktextures as kt
from ktextures.errors import InputError, ModelFileError
from ktextures.files.archive import pack, read_archive

NAME = "work.ktextures-project"


@pytest.fixture
def file(small, tmp_path):
    """A GeoTIFF of the scene."""
    path = tmp_path / "scene.tif"
    names = tuple(str(name) for name in small.band.values)
    small.assign_attrs(long_name=names).rio.to_raster(path)
    return path


@pytest.fixture
def opened(eager):
    """Function that opens projects, which are closed after the test."""
    found = []

    def opening(*arguments, **options):
        found.append(kt.explore(*arguments, **options))
        return found[-1]

    yield opening
    for explorer in found:
        explorer.close()


def changed(explorer):
    """An explorer in which everything that a project keeps was changed."""
    explorer.rename(1, "open water")
    explorer.recolor(2, "teal")
    explorer.merge([2, 3])
    explorer.hint(10, 12, 2)
    assert explorer.wait(60)
    state = explorer.state
    state.hidden = frozenset({1})
    state.view, state.opacity, state.steps = "mask", 0.5, 321
    explorer.train_on(explorer_box(explorer))
    explorer.map.zoom = 11.25
    return explorer


def explorer_box(explorer):
    """The north-west corner of the scene as a polygon on the map."""
    (south, west), (north, east) = explorer.preview.frame.bounds
    middle = (west + east) / 2, (south + north) / 2
    shape = box(west, -north, middle[0], -middle[1])
    return {"type": "Polygon", "coordinates": shape["coordinates"]}


def test_a_project_restores_everything(
    explore, opened, file, trained, tmp_path, brief_hints
):
    explorer = changed(explore(kt.open_scene(file), model=trained))
    explorer.save(tmp_path / NAME)
    again = opened(project=tmp_path / NAME)
    before, after = explorer.state, again.state
    np.testing.assert_array_equal(again.result.classes, explorer.result.classes)
    assert again.result.classes.attrs == explorer.result.classes.attrs
    assert again.model.to_bytes() == explorer.model.to_bytes()
    for name in ("table", "mapping", "hints", "hidden", "view", "opacity", "steps"):
        assert getattr(after, name) == getattr(before, name), name
    assert after.area.window == before.area.window
    assert (again.map.zoom, list(again.map.center)) == (
        11.25,
        list(explorer.map.center),
    )
    assert [row.color for row in after.classes] == [row.color for row in before.classes]
    again.hint(20, 22, 1)
    assert again.wait(60)
    assert again.result.classes.values[20, 22] == 1


def test_the_scene_is_found_beside_the_project_or_asked_for(
    explore, opened, file, trained, tmp_path
):
    explorer = explore(kt.open_scene(file), model=trained)
    explorer.save(tmp_path / NAME)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    shutil.move(tmp_path / NAME, moved / NAME)
    shutil.move(file, moved / file.name)
    assert opened(project=moved / NAME).scene.sizes == explorer.scene.sizes
    shutil.move(moved / file.name, tmp_path / "renamed.tif")
    with pytest.raises(InputError, match=r"is not at .*scene\.tif.*Where is it\?"):
        opened(project=moved / NAME)
    scene = kt.open_scene(tmp_path / "renamed.tif")
    assert opened(scene, project=moved / NAME).model.k == 3


def test_the_files_of_a_scene_are_found_again(explore, opened, file, tmp_path):
    scene = kt.open_scene(file)
    half = scene.sizes["x"] // 2
    files = [tmp_path / "west.tif", tmp_path / "east.tif"]
    for part, target in zip((scene[..., :half], scene[..., half:]), files, strict=True):
        part.assign_attrs(long_name=tuple(scene.band.values)).rio.to_raster(target)
    explore(kt.open_scene(files), k=4).save(tmp_path / NAME)
    assert opened(project=tmp_path / NAME).scene.sizes == scene.sizes
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for each in (*files, tmp_path / NAME):
        shutil.move(each, moved / each.name)
    np.testing.assert_array_equal(opened(project=moved / NAME).scene, scene)
    (moved / "east.tif").unlink()
    with pytest.raises(InputError, match=r"is not at .*east\.tif any more, nor beside"):
        opened(project=moved / NAME)


def test_another_scene_is_refused(explore, opened, small, trained, tmp_path):
    explore(small, model=trained).save(tmp_path / NAME)
    with pytest.raises(InputError, match="was saved for a scene that was no file"):
        opened(project=tmp_path / NAME)
    with pytest.raises(InputError, match="other pixel values"):
        opened(small + 1, project=tmp_path / NAME)
    with pytest.raises(InputError, match=r"has the size \[\d+, 40\] instead of"):
        opened(small[:, :, :40], project=tmp_path / NAME)
    with pytest.raises(InputError, match="model and project are both given"):
        opened(small, model=trained, project=tmp_path / NAME)
    with pytest.raises(InputError, match="give a scene or a project"):
        opened()


def test_a_project_without_a_model(explore, opened, small, tmp_path):
    explorer = explore(small, k=4)
    explorer.save(tmp_path / NAME)
    again = opened(small, project=tmp_path / NAME)
    assert (again.model, again.state.k) == (None, 4)


def test_damaged_projects_are_refused(explore, opened, small, trained, tmp_path):
    path = tmp_path / NAME
    explore(small, model=trained).save(path)
    content = path.read_bytes()
    settings, arrays = read_archive(path, "project")

    def written(**changes):
        path.write_bytes(pack("project", settings | changes, arrays))
        return path

    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelFileError, match="is not a ktextures project file"):
        opened(small, project=path)
    trained.save(path)
    with pytest.raises(ModelFileError, match="holds 'ktextures-model'"):
        opened(small, project=path)
    with pytest.raises(ModelFileError, match="settings that cannot be used"):
        opened(small, project=written(k=1))
    with pytest.raises(ModelFileError, match="do not fit 3 of the model"):
        opened(small, project=written(mapping=[1, 2, 9]))
    with pytest.raises(ModelFileError, match="settings that cannot be used"):
        opened(small, project=written(hints=[{"class": 1}]))
    settings.pop("table")
    with pytest.raises(ModelFileError, match="lacks table"):
        opened(small, project=written())
    with pytest.raises(FileNotFoundError):
        opened(small, project=tmp_path / "none")
