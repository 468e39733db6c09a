"""What chips, manifest, description and datasheet hold."""

import copy
import json

import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from affine import Affine
from rasterio.enums import ColorInterp, MaskFlags
from samples_tools import files_of, read, write

import ktextures as kt
from ktextures.errors import InputError
from ktextures.samples.conversion import _in_range
from ktextures.samples.datasheet import datasheet

ALL = (1, 0, 0)  # fractions with which every chip is kept


@pytest.fixture(scope="module")
def pair():
    scene, truth = kt.datasets.synthetic(
        (70, 100), k=3, seed=1, dtype="uint8", nodata_share=0.3
    )
    table = kt.ClassTable(
        ["water", "wood, dry", "wood, dry"], ["#0000ff", "red", "tan"]
    )
    truth.attrs |= table.attrs()
    return scene, truth


@pytest.fixture(scope="module")
def samples(pair, tmp_path_factory):
    return write(
        *pair,
        tmp_path_factory.mktemp("all") / "s",
        fractions=ALL,
        names="north",
        source="Sentinel-2, 2026-05-01",
    )


def test_chips_hold_the_pixels_at_their_places(pair, samples):
    scene, truth = pair
    assert len(samples.manifest) > 20
    for chip in samples.manifest.itertuples():
        place = slice(chip.row, chip.row + 16), slice(chip.column, chip.column + 16)
        np.testing.assert_array_equal(
            read(samples.image(chip.stem)), scene.values[:, *place]
        )
        label = read(samples.label(chip.stem))[0]
        np.testing.assert_array_equal(label, truth.values[place])
        assert label.dtype == np.uint8


def test_images_and_labels_have_equal_stems_and_georeference(pair, samples):
    scene, _ = pair
    kinds = [
        sorted(path.name for path in (samples.folder / kind).iterdir())
        for kind in ("images", "labels")
    ]
    assert kinds[0] == kinds[1]
    assert kinds[0] == sorted(f"{stem}.tif" for stem in samples.manifest["stem"])
    for chip in samples.manifest.itertuples():
        for path in (samples.image(chip.stem), samples.label(chip.stem)):
            with rasterio.open(path) as file:
                assert file.crs == scene.rio.crs
                west, north = 500_000 + 10 * chip.column, 5_000_000 - 10 * chip.row
                assert file.transform == Affine(10, 0, west, 0, -10, north)
                assert tuple(file.bounds) == (
                    *(chip.x_min, chip.y_min),
                    *(chip.x_max, chip.y_max),
                )


def test_every_pixel_with_enough_data_around_it_is_in_a_chip(pair, samples):
    _, truth = pair
    covered = np.zeros(truth.shape, bool)
    for chip in samples.manifest.itertuples():
        covered[chip.row : chip.row + 16, chip.column : chip.column + 16] = True
        assert chip.row % 16 == 0 or chip.row == 70 - 16
        assert chip.column % 16 == 0 or chip.column == 100 - 16
    for row in (0, 16, 32, 48, 54):
        for column in (*range(0, 84, 16), 84):
            place = slice(row, row + 16), slice(column, column + 16)
            if (truth.values[place] == 0).mean() <= 0.2:
                assert covered[place].all()
    assert samples.manifest["nodata_share"].max() <= 0.2
    assert samples.manifest["nodata_share"].max() > 0


def test_image_files_keep_names_nodata_and_roles(samples):
    with rasterio.open(samples.image(samples.manifest["stem"][0])) as file:
        assert file.descriptions == ("red", "green", "blue", "nir")
        assert file.nodata == 0
        assert file.colorinterp[:3] == (
            ColorInterp.red,
            ColorInterp.green,
            ColorInterp.blue,
        )
        # Byte files with four bands would have the fourth as transparency.
        assert ColorInterp.alpha not in file.colorinterp
        assert file.mask_flag_enums == ([MaskFlags.nodata],) * 4


def test_label_files_keep_names_and_colors(samples):
    path = samples.label(samples.manifest["stem"][0])
    with rasterio.open(path) as file:
        assert file.nodata == 0
        assert file.descriptions == ("classes",)
        colors = file.colormap(1)
        assert [colors[value] for value in (0, 1, 2, 255)] == [
            (0, 0, 0, 0),
            (0, 0, 255, 255),
            (255, 0, 0, 255),
            (128, 128, 128, 255),
        ]
        assert file.tags()["ignore"] == "0 255"
    found = kt.ClassTable.from_attrs(kt.read_classes(path).attrs)
    assert found == samples.classes
    assert found.names == ("water", "wood, dry", "wood, dry")


def test_the_manifest_counts_pixels(samples):
    table = pd.read_csv(samples.folder / "samples.csv")
    assert list(table) == [
        *("stem", "split", "scene", "source", "row", "column"),
        *("x_min", "y_min", "x_max", "y_max", "crs", "nodata_share", "ignored"),
        *("class_1", "class_2", "class_3"),
    ]
    for chip in table.itertuples():
        label = read(samples.label(chip.stem))[0]
        counted = np.bincount(label.ravel(), minlength=4)
        assert [chip.class_1, chip.class_2, chip.class_3] == counted[1:4].tolist()
        assert chip.nodata_share == counted[0] / 256
    assert set(table["source"]) == {"Sentinel-2, 2026-05-01"}
    assert set(table["crs"]) == {"EPSG:32633"}
    totals = table[["class_1", "class_2", "class_3"]].sum().tolist()
    assert samples.counts["train"].tolist() == totals
    assert samples.counts["test"].tolist() == [0, 0, 0]


def test_the_description_tells_how_the_set_was_made(pair, samples):
    described = json.loads((samples.folder / "samples.json").read_text())
    assert described == samples.description
    assert described["ignore"] == [0, 255]
    assert described["bands"] == ["red", "green", "blue", "nir"]
    assert (described["dtype"], described["size"]) == ("uint8", 16)
    assert described["ktextures"] == kt.__version__
    assert described["classes"][0] == {
        "class": 1,
        "name": "water",
        "color": "#0000ff",
        "code": 1,
    }
    assert described["counts"]["train"]["chips"] == len(samples.manifest)
    scene = described["scenes"][0]
    assert (scene["name"], scene["crs"]) == ("north", "EPSG:32633")


def test_statistics_are_those_of_valid_training_pixels(pair, tmp_path):
    samples = write(*pair, tmp_path / "s", size=8, buffer=1)
    known = samples.description["statistics"]
    train = samples.manifest["stem"][samples.manifest["split"] == "train"]
    assert 0 < len(train) < len(samples.manifest)
    pixels = np.concatenate(
        [read(samples.image(stem)).reshape(4, -1) for stem in train], axis=1
    )
    pixels = pixels[:, (pixels != 0).all(axis=0)].astype(float)
    assert known["pixels"] == pixels.shape[1]
    np.testing.assert_allclose(known["mean"], pixels.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(known["std"], pixels.std(axis=1), rtol=1e-12)
    np.testing.assert_array_equal(known["min"], pixels.min(axis=1))
    np.testing.assert_array_equal(known["max"], pixels.max(axis=1))


def test_the_datasheet_has_a_table_of_classes(samples):
    text = (samples.folder / "README.md").read_text()
    pixels = samples.counts["train"].tolist()
    row = f"| 1 | water | #0000ff | 1 | {pixels[0]:,} ({pixels[0] / sum(pixels):.1%}) |"
    assert row in text
    assert "Sentinel-2, 2026-05-01" in text
    for line in text.splitlines():
        assert line.count("|") in (0, 8)


def test_the_datasheet_names_classes_that_a_split_lacks(samples):
    described = copy.deepcopy(samples.description)
    assert "has no pixel of" not in datasheet(described)
    pixels = [9 if place == 1 else 0 for place in range(len(described["classes"]))]
    described["counts"]["test"] = {"chips": 2, "pixels": pixels}
    names = [each["name"] for each in described["classes"]]
    lacking = ", ".join(name for place, name in enumerate(names) if place != 1)
    assert f"- The test split has no pixel of {lacking}; choose" in datasheet(described)


def test_the_datasheet_tells_of_a_segmentation_only_where_one_is_known(pair, tmp_path):
    def said(truths):
        scenes = [pair[0]] * len(truths)
        names = ["north", "south"][: len(truths)]
        out = tmp_path / "s"
        options = {"split": None, "overwrite": True, "names": names}
        text = (write(scenes, truths, out, **options).folder / "README.md").read_text()
        return " ".join(text.split())

    known = pair[1].assign_attrs(ktextures_training="{}", source="ktextures 1.0")

    text = said([known])
    assert "of semantic segmentation. Labels come from an unsupervised se" in text
    assert "- Labels come from an unsupervised segmentation. A model that is" in text
    assert "- Not intended: as reference data in an accuracy assessment." in text
    text = said([known, pair[1]])
    assert "segmentation. Labels of north come from an unsupervised" in text
    assert "- Labels of north come from an unsupervised segmentation. A mod" in text
    text = said([pair[1]])
    assert "unsupervised" not in text
    assert "- Labels are those of the class maps that were given. A model that" in text


def test_the_result_is_shown_and_read_again(samples):
    again = kt.TrainingSamples.read(samples.folder)
    assert again.manifest.equals(samples.manifest)
    assert repr(again).endswith(
        f"{len(samples.manifest)} train, 0 validation, 0 test chips)"
    )
    page = samples._repr_html_()
    assert '<td style="text-align: left">water</td>' in page
    assert "wood, dry" in page
    assert f"{samples.counts['train'][0]:,}" in page


def test_the_same_arguments_give_the_same_chips(pair, tmp_path):
    options = {"size": 8, "buffer": 0, "block_size": 8}
    part = [each[..., 40:] for each in pair]
    one, two, other = (
        files_of(write(*part, tmp_path / each, seed=seed, **options).folder)
        for each, seed in zip("abc", (0, 0, 3), strict=True)
    )
    for files in (one, two, other):
        del files["samples.json"], files["README.md"]  # hold the time
    assert one == two
    assert set(one) != set(other)


def test_bands_are_selected_and_decide_what_is_valid(pair, tmp_path):
    scene, truth = pair
    scene = scene.copy()
    scene[3, :20] = 0
    all_bands = write(scene, truth, tmp_path / "a", fractions=ALL)
    some = write(scene, truth, tmp_path / "b", fractions=ALL, bands=["blue", "red"])
    assert some.description["bands"] == ["blue", "red"]
    chip = some.manifest.iloc[0]
    place = slice(chip.row, chip.row + 16), slice(chip.column, chip.column + 16)
    np.testing.assert_array_equal(
        read(some.image(chip.stem)), scene.values[[2, 0], *place]
    )
    assert len(some.manifest) > len(all_bands.manifest)
    assert some.manifest["row"].min() == 0
    assert all_bands.manifest["row"].min() >= 16


@pytest.mark.parametrize(
    ("dtype", "wanted"),
    [("uint16", "uint8"), ("float32", "int16"), ("uint8", "float64")],
)
def test_dtypes_that_hold_every_value_are_converted_to(tmp_path, dtype, wanted):
    scene, truth = kt.datasets.synthetic(32, k=2, dtype="uint8")
    samples = write(
        scene.astype(dtype), truth, tmp_path / "s", dtype=wanted, fractions=ALL
    )
    found = read(samples.image("train_scene_r00000_c00016"))
    assert found.dtype == wanted
    np.testing.assert_array_equal(found, scene.values[:, :16, 16:])


def test_bands_without_roles_are_not_taken_for_transparency(tmp_path):
    scene, truth = kt.datasets.synthetic(16, k=2, dtype="uint8")
    bare = scene.drop_vars(["band", "role"])
    samples = write(bare, truth, tmp_path / "s", fractions=ALL)
    path = samples.image("train_scene_r00000_c00000")
    with rasterio.open(path) as file:
        assert ColorInterp.alpha not in file.colorinterp
    assert kt.open_scene(path).sizes["band"] == 4


def test_the_largest_numbers_are_not_taken_for_others():
    # On some processors, they are converted to the largest integer.
    found = _in_range(np.array([2.0**64, 2.0**63, -1.0]), np.dtype("uint64"))
    assert found.tolist() == [False, True, False]


def test_float64_may_be_rounded_to_float32(tmp_path):
    scene, truth = kt.datasets.synthetic(32, k=2, dtype="float64")
    samples = write(scene, truth, tmp_path / "s", dtype="float32", fractions=ALL)
    found = read(samples.image("train_scene_r00000_c00000"))
    np.testing.assert_array_equal(found, scene.values[:, :16, :16].astype("float32"))
    with rasterio.open(samples.image("train_scene_r00000_c00000")) as file:
        assert np.isnan(file.nodata)


@pytest.mark.parametrize(
    ("values", "dtype", "message"),
    [
        (300.0, "uint8", "holds the value 300, which uint8 cannot hold"),
        (-1.0, "uint16", "holds the value -1, which uint16"),
        (0.5, "int32", "holds the value 0.5, which int32"),
        (np.nan, "int16", "holds the value nan, which int16"),
        (1e300, "float32", r"holds the value 1e\+300, which float32"),
        (2.0**64, "uint64", r"holds the value 1.84467e\+19, which uint64"),
        (
            np.int64(2**24 + 1),
            "float32",
            r"holds the value 1.67772e\+07, which float32",
        ),
        (1.0, "complex64", "dtype is complex64: a GeoTIFF of samples cannot hold it"),
        (1.0, "bool", "dtype is bool: a GeoTIFF"),
        (1.0, "no dtype", "dtype is 'no dtype': give one that NumPy knows"),
    ],
)
def test_dtypes_that_do_not_are_refused(tmp_path, values, dtype, message):
    scene, truth = kt.datasets.synthetic(32, k=2, bands=1, dtype="uint8")
    other = scene.astype(np.asarray(values).dtype)
    other[0, 3, 5] = values
    with pytest.raises(InputError, match=message):
        write(other, truth, tmp_path / "s", dtype=dtype, fractions=ALL)
    assert list(tmp_path.iterdir()) == []


def test_uncertain_pixels_are_ignored(pair, tmp_path):
    scene, truth = pair[0], pair[1].copy()
    truth[:, 90] = 0  # no class, though the image has data
    rng = np.random.default_rng(0)
    sure = truth.copy(data=rng.random(truth.shape).astype("float32"))
    sure[:, 50:60] = np.nan
    sure[30:50, 60:80] = 0.1
    samples = write(
        scene,
        truth,
        tmp_path / "s",
        confidence=sure,
        min_confidence=0.25,
        fractions=ALL,
    )
    for chip in samples.manifest.itertuples():
        place = slice(chip.row, chip.row + 16), slice(chip.column, chip.column + 16)
        known, confident = truth.values[place], sure.values[place] >= 0.25
        expected = np.where(known == 0, 0, np.where(confident, known, 255))
        np.testing.assert_array_equal(read(samples.label(chip.stem))[0], expected)
        assert chip.ignored == (expected == 255).sum()
    assert samples.manifest["column"].max() > 90 - 16
    assert samples.description["scenes"][0]["min_confidence"] == 0.25
    # A chip without any labeled pixel is of no use.
    assert "train_scene_r00032_c00064" not in set(samples.manifest["stem"])


def test_results_of_segment_bring_confidence_and_provenance(trained, small, tmp_path):
    result = kt.segment(small, trained, outputs=("classes", "confidence"))
    samples = write(small, result, tmp_path / "s", min_confidence=0.5, fractions=ALL)
    expected = np.where(result.confidence < 0.5, 255, result.classes)[:16, :16]
    np.testing.assert_array_equal(
        read(samples.label("train_scene_r00000_c00000"))[0], expected
    )
    model = samples.description["scenes"][0]["model"]
    assert model["source"] == result.attrs["source"]
    assert json.loads(model["ktextures_training"])
    assert result.attrs["source"] in (samples.folder / "README.md").read_text()


def test_paths_are_opened(pair, tmp_path):
    scene, truth = pair
    kt.write_simulated(scene, tmp_path / "my scene.tif")
    kt.write_classes(truth, tmp_path / "classes.tif")
    samples = write(
        tmp_path / "my scene.tif",
        tmp_path / "classes.tif",
        tmp_path / "s",
        fractions=ALL,
    )
    assert set(samples.manifest["scene"]) == {"my-scene"}
    assert set(samples.manifest["source"]) == {"my scene.tif"}
    assert samples.classes.names == ("water", "wood, dry", "wood, dry")


def test_a_scene_of_many_files_is_named_after_the_first(pair, tmp_path):
    scene, truth = pair
    files = [tmp_path / "west.tif", tmp_path / "east.tif"]
    for part, path in zip((scene[..., :50], scene[..., 50:]), files, strict=True):
        kt.write_simulated(part, path)
    for place, scenes in enumerate(([files], kt.open_scene(files))):
        samples = write(scenes, truth, tmp_path / f"s{place}", fractions=ALL)
        assert set(samples.manifest["scene"]) == {"west"}
        assert set(samples.manifest["source"]) == {"west.tif"}
        assert len(samples.manifest) > 5


def test_scenes_from_files_of_one_name_get_different_names(tmp_path):
    scene, truth = kt.datasets.synthetic(16, k=2, bands=1)
    paths = [tmp_path / "a" / "May.tif", tmp_path / "b" / "may.tif"]
    for path in paths:
        path.parent.mkdir()
        kt.write_simulated(scene, path)
    samples = write(paths, [truth] * 2, tmp_path / "s", fractions=ALL)
    assert samples.manifest["scene"].tolist() == ["May", "may-2"]


def test_legend_codes_become_classes(pair, tmp_path):
    scene, truth = pair
    table = kt.ClassTable.from_attrs(truth.attrs).assign(
        {"forest": [2, 3], "lake": [1]}, {"forest": 311, "lake": 512}
    )
    samples = write(
        scene, truth, tmp_path / "s", table=table, values="legend", fractions=ALL
    )
    assert samples.classes.names == ("forest", "lake")
    assert [each["code"] for each in samples.description["classes"]] == [311, 512]
    for chip in samples.manifest.itertuples():
        place = slice(chip.row, chip.row + 16), slice(chip.column, chip.column + 16)
        expected = np.array([0, 2, 1, 1])[truth.values[place]]
        np.testing.assert_array_equal(read(samples.label(chip.stem))[0], expected)
    coded = kt.to_legend(truth, table)
    again = write(scene, coded, tmp_path / "t", fractions=ALL)
    assert again.counts.equals(samples.counts)


def test_maps_without_names_get_numbered_ones(pair, tmp_path):
    scene, truth = pair
    bare = xr.DataArray(truth.values, dims=("y", "x"), coords=truth.coords)
    samples = write(scene, bare, tmp_path / "s", fractions=ALL)
    assert samples.classes == kt.ClassTable.default(3)


def test_balance_makes_training_shares_more_even(tmp_path):
    scene, truth = kt.datasets.synthetic(112, k=2, seed=0, bands=1)
    truth = truth.copy(data=np.ones_like(truth.values))
    truth[::4, :30] = 2
    kept, plain = (
        write(scene, truth, tmp_path / f"{balance}", balance=balance)
        for balance in (True, False)
    )
    shares = [
        each.counts["train"] / each.counts["train"].sum() for each in (kept, plain)
    ]
    assert shares[0].max() < shares[1].max() - 0.02
    assert kept.chips["train"] >= plain.chips["train"] / 2
    for split in ("validation", "test"):
        assert kept.chips[split] == plain.chips[split]
    assert kept.chips["train"] < plain.chips["train"]


GOOD = kt.datasets.synthetic(32, k=2, bands=2, dtype="uint8")
FAR = GOOD.truth.assign_coords(x=GOOD.truth.x + 5)


@pytest.mark.parametrize(
    ("scenes", "classes", "options", "message"),
    [
        (GOOD.scene, GOOD.truth, {"size": 7}, "size is 7: give a whole number, at lea"),
        (GOOD.scene.astype("float16"), GOOD.truth, {}, "dtype is float16: a GeoTIFF"),
        (GOOD.scene, GOOD.truth, {"size": 33}, "has 32 x 32 pixels, a chip 33 x 33"),
        (GOOD.scene, GOOD.truth, {"overlap": 16}, "overlap is 16 pixels, but chips ha"),
        (
            GOOD.scene,
            GOOD.truth,
            {"split": "random"},
            "split is 'random': give 'blocks'",
        ),
        (GOOD.scene, GOOD.truth, {"fractions": (0.5, 0.2)}, "fractions are"),
        (GOOD.scene, GOOD.truth, {"fractions": (0.5, 0.2, 0.2)}, "which sum to 1"),
        (
            GOOD.scene,
            GOOD.truth,
            {"fractions": (0, 0.5, 0.5)},
            "that of train must not",
        ),
        (GOOD.scene, GOOD.truth, {"fractions": {"training": 1}}, "fractions are"),
        (GOOD.scene, GOOD.truth, {"block_size": 19}, "give at least block_size=20"),
        (GOOD.scene, GOOD.truth, {"buffer": -1}, "buffer is -1"),
        (GOOD.scene, GOOD.truth, {"max_nodata": 20}, "max_nodata is 20: give a share"),
        (GOOD.scene, GOOD.truth, {"min_confidence": 0.5}, "min_confidence needs the"),
        (
            GOOD.scene,
            GOOD.truth,
            {"confidence": GOOD.truth},
            r"no min_confidence, so it .* add min_confidence=, such as min_con",
        ),
        (GOOD.scene, GOOD.truth, {"seed": -1}, "seed is -1"),
        (GOOD.scene, GOOD.truth, {"bands": ["swir"]}, "there is no band 'swir'"),
        (GOOD.scene, GOOD.truth, {"values": "names"}, "values is 'names'"),
        (GOOD.scene, GOOD.truth, {"names": "a/b"}, "the scene name 'a/b' cannot be"),
        (
            GOOD.scene,
            GOOD.truth,
            {"names": ["a", "b"]},
            r"names is \['a', 'b'\]: give 1",
        ),
        (GOOD.scene, GOOD.truth, {"append": True, "overwrite": True}, "are both True"),
        ([GOOD.scene] * 2, GOOD.truth, {}, "there are 2 scenes, but 1 of classes"),
        (iter([GOOD.scene]), GOOD.truth, {}, "scenes is a list_iterator, which can be"),
        ([], [], {}, "the list of scenes is empty"),
        (
            [GOOD.scene] * 2,
            [GOOD.truth] * 2,
            {"names": ["a", "A"]},
            "give each scene i",
        ),
        (GOOD.scene, GOOD.truth.values, {}, "classes is a ndarray: give a class map"),
        (GOOD.scene, GOOD.truth.expand_dims("band"), {}, "classes have dims"),
        (GOOD.scene, GOOD.truth.astype(int), {}, "classes are int64: give uint8"),
        (GOOD.scene, GOOD.truth[1:], {}, "has 32 x 32 pixels, its class map 31 x 32"),
        (GOOD.scene, FAR, {}, "and its class map lie in different places"),
        (GOOD.scene, GOOD.scene.to_dataset("band"), {}, "but no classes: segment with"),
        (
            GOOD.scene,
            GOOD.truth.rio.write_crs(32632),
            {},
            "with the CRSs EPSG:32633 and EPSG:32632",
        ),
        (
            GOOD.scene,
            GOOD.truth,
            {"confidence": GOOD.scene, "min_confidence": 0.5},
            r"confidence is \('band', 'y', 'x'\)",
        ),
        (
            GOOD.scene,
            GOOD.truth,
            {"table": kt.ClassTable.default(1)},
            "holds the value 2, which is not among its classes: give table=",
        ),
        (
            [GOOD.scene, GOOD.scene.astype("uint16")],
            [GOOD.truth] * 2,
            {},
            "the scenes hold uint16, uint8: give the dtype that all images",
        ),
        (
            [GOOD.scene] * 2,
            [GOOD.truth, kt.datasets.synthetic(32, k=3).truth],
            {},
            "class map 2 has the classes .* one model",
        ),
        (
            GOOD.scene,
            xr.zeros_like(GOOD.truth),
            {},
            "no chip of 16 x 16 pixels holds enough data",
        ),
        (
            GOOD.scene,
            GOOD.truth.assign_attrs(kt.Legend([f"n{n}" for n in range(255)]).attrs()),
            {},
            "there are 255 classes, but labels have room for 254",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(tmp_path, scenes, classes, options, message):
    with pytest.raises(InputError, match=message):
        write(scenes, classes, tmp_path / "s", **options)
    assert list(tmp_path.iterdir()) == []
