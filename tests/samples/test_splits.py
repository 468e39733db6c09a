"""Splits lie apart on the ground, whatever scenes and calls the chips are from."""

import numpy as np
import pytest
import xarray as xr
from samples_tools import PLANE, closest, write

import ktextures as kt
from ktextures.errors import InputError
from ktextures.samples.footprints import Plane, boxes_of, conflicting


@pytest.fixture(scope="module")
def pair():
    return kt.datasets.synthetic((96, 128), k=3, seed=0, dtype="uint8", bands=1)


def moved(array, columns, rows):
    """The same pixels elsewhere, by pixels of 10 m."""
    shifted = array.assign_coords(x=array.x + 10 * columns, y=array.y - 10 * rows)
    return shifted.rio.write_transform(shifted.rio.transform(recalc=True))


def in_crs(array, crs):
    resampled = array.rio.reproject(crs)
    if "band" in array.dims:
        return resampled.assign_coords(band=array.band.values)
    return resampled


@pytest.mark.parametrize(("buffer", "overlap"), [(0, 0), (7, 4)])
def test_pixels_of_different_splits_are_farther_apart_than_the_buffer(
    pair, tmp_path, buffer, overlap
):
    samples = write(
        *pair, tmp_path / "s", buffer=buffer, overlap=overlap, block_size=40
    )
    assert closest(samples) > buffer
    assert min(samples.chips.values()) > 0
    split = samples.description["split"]
    assert (split["block_size"], split["buffer"]) == (40, buffer)


def test_dates_and_neighbors_on_other_grids_share_blocks(pair, tmp_path):
    scene, truth = pair
    places = [(0, 0), (0, 0), (80, -37), (0.4, 0.7)]
    scenes = [moved(scene, *place) for place in places]
    maps = [moved(truth, *place) for place in places]

    samples = write(scenes, maps, tmp_path / "s", names=list("abcd"))

    assert closest(samples) > 4
    splits = samples.manifest.set_index(["scene", "row", "column"])["split"]
    xr.testing.assert_equal(scenes[0], scenes[1])
    assert splits["a"].equals(splits["b"])


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32632", "EPSG:3857"])
def test_scenes_of_other_crss_share_blocks(pair, tmp_path, crs):
    scene, truth = pair
    scenes, maps = [scene, in_crs(scene, crs)], [truth, in_crs(truth, crs)]
    samples = write(scenes, maps, tmp_path / "s", block_size=40)

    assert samples.manifest["scene"].nunique() == 2
    assert samples.manifest["crs"].unique().tolist() == [PLANE, crs]
    assert closest(samples) > 4


def test_later_calls_keep_the_ground_of_each_split(pair, tmp_path):
    scene, truth = pair
    first = write(scene, truth, tmp_path / "s", names="one", seed=1)
    before = {stem: first.image(stem).read_bytes() for stem in first.manifest["stem"]}
    blocks = first.description["split"]["blocks"]

    for seed, name in enumerate(("two", "three"), start=2):
        east = moved(scene, 60 * seed, 11), moved(truth, 60 * seed, 11)
        options = {"names": name, "seed": seed, "append": True}
        samples = write(*east, tmp_path / "s", **options)

    assert samples.manifest["scene"].unique().tolist() == ["one", "two", "three"]
    assert samples.manifest[: len(first.manifest)].equals(first.manifest)
    assert all(samples.image(stem).read_bytes() == old for stem, old in before.items())
    assert closest(samples) > 4
    for split, mine in samples.description["split"]["blocks"].items():
        assert [block for block in blocks[split] if block not in mine] == []
    # The same ground again has the same splits.
    again = write(*east, tmp_path / "s", names="again", seed=9, append=True)
    splits = again.manifest.set_index(["scene", "row", "column"])["split"]
    assert splits["again"].equals(splits["three"])


def test_append_works_across_crss(pair, tmp_path):
    write(*pair, tmp_path / "s", names="one")
    other = [in_crs(each, "EPSG:32632") for each in pair]
    samples = write(*other, tmp_path / "s", names="two", append=True)
    # Most of the ground is divided already, and its chips fit in.
    chips = samples.manifest["scene"].value_counts()
    assert chips["two"] > 0.7 * chips["one"]
    assert closest(samples) > 4


def test_blocks_that_are_too_large_name_the_largest_that_works(tmp_path):
    scene, truth = kt.datasets.synthetic(112, k=3, nodata_share=0.3, seed=2)
    with pytest.raises(InputError, match=r"works is block_size=\d+$") as caught:
        write(scene, truth, tmp_path / "s", block_size=5_000)
    best = int(str(caught.value).rpartition("=")[2])
    assert not (tmp_path / "s").exists()
    with pytest.raises(InputError, match=f"block_size={best}$"):
        write(scene, truth, tmp_path / "s", block_size=best + 1)

    samples = write(scene, truth, tmp_path / "s", block_size=best)

    assert min(samples.chips.values()) > 0
    assert closest(samples) > 4


def test_scenes_that_nothing_divides_are_refused(pair, tmp_path):
    scene, truth = (each[..., :20, :36] for each in pair)
    with pytest.raises(InputError, match="which no blocks divide into 3 parts for"):
        write(scene, truth, tmp_path / "s")
    samples = write(scene, truth, tmp_path / "s", fractions={"train": 1})
    assert set(samples.manifest["split"]) == {"train"}


def test_split_none_is_all_for_training(pair, tmp_path):
    samples = write(*pair, tmp_path / "s", split=None)
    assert samples.chips == {"train": 48, "validation": 0, "test": 0}
    more = [moved(each, 300, 0) for each in pair]
    with pytest.raises(InputError, match=r"have split=None, the new ones split='blo"):
        write(*more, tmp_path / "s", append=True)
    assert write(*more, tmp_path / "s", split=None, append=True).chips["train"] == 96


def test_scenes_without_a_crs_lie_in_one_plane(tmp_path):
    scene, truth = kt.datasets.synthetic(128, k=3, crs=None)
    samples = write(scene, truth, tmp_path / "s")
    assert set(samples.manifest["crs"]) == {""}
    assert min(samples.chips.values()) > 0
    located = kt.datasets.synthetic(128, k=3)
    with pytest.raises(InputError, match="some scenes have a CRS and some have none"):
        write([scene, located[0]], [truth, located[1]], tmp_path / "t")
    with pytest.raises(InputError, match="some scenes have a CRS and some have none"):
        write(*located, tmp_path / "s", append=True)


def test_without_a_split_it_does_not_matter_where_scenes_lie(tmp_path):
    located, bare = (
        kt.datasets.synthetic(32, k=2, bands=1, crs=crs) for crs in ("EPSG:32633", None)
    )
    scenes, truths = zip(located, bare, strict=True)
    samples = write(scenes, truths, tmp_path / "s", split=None)
    assert set(samples.manifest["crs"]) == {"EPSG:32633", ""}
    assert samples.chips["train"] == 8


def test_rotated_grids_are_divided_too(pair, tmp_path):
    from affine import Affine

    turned = Affine(8.0, 6.0, 500_000, 6.0, -8.0, 5_000_000)
    scene, truth = (
        each.drop_vars(["x", "y"]).rio.write_transform(turned) for each in pair
    )
    samples = write(kt.open_scene(scene), truth, tmp_path / "s")
    assert closest(samples) > 4 / np.sqrt(2)  # along the rows of the plane


def square(left, top, side=8.0):
    return np.array(
        [[left, top], [left + side, top], [left + side, top + side], [left, top + side]]
    )


def test_the_final_check_drops_training_chips_first_and_never_fixed_ones():
    rings = [square(x, 0) for x in (0, 10, 20, 40, 50, 80)]
    splits = [0, 1, 0, 1, 2, 0]

    def dropped(buffer, fixed=()):
        held = np.isin(np.arange(6), fixed)
        return np.flatnonzero(conflicting(rings, splits, held, buffer)).tolist()

    assert dropped(1) == []
    assert dropped(2) == []  # pixels 2 apart: their centers 3
    assert dropped(3) == [0, 2, 3]  # of validation and test, validation
    assert dropped(3, fixed=[0]) == [1, 3]
    assert dropped(3, fixed=[0, 1, 3]) == [2, 4]
    assert dropped(22) == [0, 2, 3]
    assert dropped(23) == [0, 2, 3, 5]


def test_overlaps_are_found_without_a_buffer():
    rings = [square(0, 0), square(8, 0), square(15, 0)]
    assert conflicting(rings, [0, 1, 2], [False] * 3, 0).tolist() == [
        False,
        True,
        False,
    ]


def test_a_set_that_was_changed_by_hand_is_still_kept_apart(pair, tmp_path):
    """Blocks alone would not see that chips were moved to another split."""
    import json

    samples = write(*pair, tmp_path / "s", names="one")
    path = samples.folder / "samples.json"
    described = json.loads(path.read_text())
    described["split"]["blocks"] = {split: [] for split in samples.chips}
    path.write_text(json.dumps(described))

    again = write(*pair, tmp_path / "s", names="two", append=True, seed=5)

    assert closest(again) > 4


def test_boxes_of_another_crs_hold_the_whole_chip(pair):
    scene, _ = pair
    plane = Plane.of(in_crs(scene, "EPSG:4326"))
    grid = scene.rio.transform(), scene.rio.crs
    # The middle of a side of 20 km is 8 m off the line between its corners.
    side, west = 2_000, -1_000
    left, top, right, bottom = boxes_of(plane.rings(*grid, [0], [west], side))[0]
    along = np.arange(side)
    for rows, columns in ((along, 0 * along + west), (0 * along, along + west)):
        x, y = np.moveaxis(plane.rings(*grid, rows, columns, 1), -1, 0)
        assert x.min() >= left - 0.05
        assert x.max() <= right + 0.05
        assert y.min() >= top - 0.05
        assert y.max() <= bottom + 0.05
