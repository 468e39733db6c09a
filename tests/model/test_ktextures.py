"""The model: one file, identical after loading, and seen while it learns."""

import copy
import os
import pickle
import threading
import zipfile

import keras
import numpy as np
import pytest

import ktextures as kt
from ktextures.errors import InputError, ModelFileError, OutputError
from ktextures.files.archive import pack, read_archive
from ktextures.model.config import ModelConfig
from ktextures.model.ktextures import KTextures, from_bytes
from ktextures.raster.scaling import Preparation
from ktextures.raster.tile_set import read_padded
from ktextures.raster.windows import Window

FOUR = ("red", "green", "blue", "nir")


def fresh(k=3, masks="contextual", textures="tileable", extractors=(), **options):
    config = ModelConfig(k, FOUR, FOUR, "default", 5, masks, textures, options)
    scaler = kt.BandScaler.fixed([0, 10, 20, 30], [100, 200, 300, 400])
    return KTextures(config, Preparation(scaler, (0.1, 0.2, 0.3, 0.4)), extractors)


def tiles(model, side=20, seed=0):
    shape = (2, side + 2 * model.reach, side + 2 * model.reach, len(model.config.bands))
    return np.random.default_rng(seed).random(shape, "float32")


def preview(scene, model):
    window = Window(0, 0, scene.sizes["y"], scene.sizes["x"])
    values, valid = read_padded(scene, window, model.reach, model.preparation)
    return values, valid[
        model.reach : model.reach + window.height,
        model.reach : model.reach + window.width,
    ]


def assert_same(one, other):
    inputs = tiles(one)
    first, second = one.infer(inputs), other.infer(inputs)
    assert set(first) == set(second)
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name], strict=True)
    np.testing.assert_array_equal(one.draw_textures(9, 7), other.draw_textures(9, 7))
    assert one.config == other.config
    assert one.preparation == other.preparation
    assert one.record.classes == other.record.classes
    assert one.record.losses == other.record.losses
    assert one.record.order.tolist() == other.record.order.tolist()
    assert one.reach == other.reach


@pytest.mark.parametrize("name", ["trained", "published"])
def test_a_loaded_model_predicts_bit_for_bit_the_same(name, request, tmp_path):
    model = request.getfixturevalue(name)
    path = tmp_path / "a model.ktextures"
    model.save(path)
    loaded = kt.load(path)
    assert_same(model, loaded)
    assert loaded.record.steps == model.record.steps > 0
    kinds = [extractor.kind for extractor in model.extractors]
    assert [extractor.kind for extractor in loaded.extractors] == kinds
    for one, other in zip(model.extractors, loaded.extractors, strict=True):
        assert one.get_config() == other.get_config()
    provenance = loaded.record.provenance
    assert provenance["seed"] == 1
    assert provenance["k"] == 3
    again = tmp_path / "again"
    loaded.save(str(again))
    assert again.read_bytes() == path.read_bytes()


def test_the_file_holds_json_and_plain_arrays_only(trained, tmp_path):
    path = tmp_path / "model"
    trained.save(path)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    assert all(name == "header.json" or name.endswith(".npy") for name in names)
    settings, _ = read_archive(path, "model")
    assert set(settings["versions"]) == {"ktextures", "keras", "tensorflow"}


def test_classes_names_and_order_are_kept(tmp_path):
    model = fresh()
    model.record = type(model.record)(
        model.record.classes.rename(2, "Wald, nass").recolor(3, "#010203"),
        np.array([2, 0, 1]),
        {"loss": [1.5, float("inf")]},
        {"seed": 4},
    )
    model.save(tmp_path / "model")
    assert_same(model, kt.load(tmp_path / "model"))


def test_weights_of_a_scene_encoder_are_in_the_file(tmp_path):
    class Own(kt.FeatureExtractor):
        kind = "my-own"

        def fit(self, tiles, bands):
            pass

        def __call__(self, tiles):
            return [tiles]

        def get_config(self):
            return {}

    encoder = kt.SceneEncoder(4, ("block1_conv1",), width=4, seed=3)
    encoder.network.layers[1].kernel.assign_add(np.ones((3, 3, 4, 4)))
    # One that cannot be stored comes before it.
    model = fresh(extractors=(Own(), kt.FilterBank(2), encoder))
    model.save(tmp_path / "model")
    loaded = kt.load(tmp_path / "model")
    assert [each.kind for each in loaded.extractors] == ["filter-bank", "scene-encoder"]
    np.testing.assert_array_equal(
        loaded.extractors[1](tiles(model))[0], encoder(tiles(model))[0]
    )


def test_extractors_made_of_layers_are_no_part_of_the_model(tmp_path):
    class Learned(kt.FeatureExtractor):
        kind = "learned"

        def __init__(self):
            self.dense = keras.layers.Dense(2)
            self.dense.build((None, 4))

        def fit(self, tiles, bands):
            pass

        def __call__(self, tiles):
            return [self.dense(tiles)]

        def get_config(self):
            return {}

    model = fresh(extractors=[Learned()])
    assert len(model.weights) == len(fresh().weights)
    assert len(model.trainable_variables) == len(fresh().trainable_variables)
    model.save(tmp_path / "model")
    assert_same(model, kt.load(tmp_path / "model"))


@pytest.mark.parametrize("name", ["trained", "published"])
def test_pickling_goes_through_the_file(name, request):
    model = request.getfixturevalue(name)
    assert_same(model, pickle.loads(pickle.dumps(model)))
    assert_same(model, copy.deepcopy(model))
    assert_same(model, from_bytes(model.to_bytes()))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        kt.load(tmp_path / "absent")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
def test_a_truncated_file_is_refused(trained, tmp_path, share):
    path = tmp_path / "model"
    content = trained.to_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(
        ModelFileError, match=r"model' is not a ktextures model file, or it is damaged"
    ):
        kt.load(path)


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "model"
    network = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    network.save(tmp_path / "other.keras")
    os.rename(tmp_path / "other.keras", path)
    with pytest.raises(
        ModelFileError, match=r"(?s)not a ktextures model.*header\.json"
    ):
        kt.load(path)
    path.write_bytes(b"\x89PNG\r\n")
    with pytest.raises(ModelFileError, match="not a ktextures model file"):
        kt.load(path)
    kt.SceneEncoder(1, width=4).save(path)
    with pytest.raises(ModelFileError, match="holds 'ktextures-encoder'"):
        kt.load(path)


def test_a_pickle_in_a_model_file_is_not_executed(tmp_path, monkeypatch):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, ("bomb",)

    monkeypatch.chdir(tmp_path)
    model = fresh()
    model.save("model")
    with zipfile.ZipFile("model") as old, zipfile.ZipFile("bad", "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        with new.open("weights/0.npy", "w") as member:
            np.lib.format.write_array(
                member, np.array([Bomb()], dtype=object), allow_pickle=True
            )
    with pytest.raises(ModelFileError, match="not a ktextures model file"):
        kt.load("bad")
    assert not os.path.exists("bomb")


def changed(model, change):
    content = model.to_bytes()
    import io

    from ktextures.files.archive import unpack

    settings, arrays = unpack(io.BytesIO(content), "model", "it")
    change(settings, arrays)
    return pack("model", settings, arrays)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s, a: s.pop("config"), "config"),
        (lambda s, a: s["config"].update(k=4), "order"),
        (lambda s, a: s["config"].update(k=1), "k is 1"),
        (lambda s, a: s["config"].update(masks="other"), "other"),
        (lambda s, a: s["config"].update(more=1), "more"),
        (lambda s, a: s["scaler"].update(low=[1]), "low"),
        (lambda s, a: a.pop("weights/1"), "weights/1"),
        (lambda s, a: a.pop("order"), "order"),
        (lambda s, a: a.update(order=np.array([0, 0, 1])), "order"),
        (lambda s, a: a.update(order=np.array([0, 1])), "order"),
        (
            lambda s, a: a.update({"weights/0": np.ones((2, 2))}),
            r"weight 0 has shape \(2",
        ),
        (lambda s, a: a.update({"weights/999": np.ones(2)}), "999"),
        (lambda s, a: s.update(classes=kt.ClassTable.default(2).to_dict()), "2 names"),
        (lambda s, a: s.update(fill=[0.5]), "fill"),
    ],
)
def test_a_file_that_does_not_fit_together_is_refused(tmp_path, change, message):
    path = tmp_path / "odd"
    path.write_bytes(changed(fresh(), change))
    with pytest.raises(
        ModelFileError, match=f"(?s)odd' is incomplete or inconsistent .*{message}"
    ) as e:
        kt.load(path)
    assert len(str(e.value)) < 500


@pytest.mark.parametrize("name", ["no folder/model", "folder"])
def test_a_place_that_cannot_be_written_is_named(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=f"cannot write .*{name}"):
        fresh().save(tmp_path / name)


@pytest.mark.parametrize("k", [1, 129])
def test_a_k_out_of_range_is_refused(k):
    with pytest.raises(InputError, match=f"k is {k}; choose"):
        fresh(k)


@pytest.mark.parametrize("k", [2, 7, 128])
def test_masks_of_a_model_are_hard(k):
    model = fresh(k)
    masks = model(tiles(model), training=False).numpy()
    assert masks.shape == (2, 20, 20, k)
    assert (masks.sum(-1) == 1).all()
    inferred = model.infer(tiles(model))
    assert inferred["classes"].dtype == np.uint8
    np.testing.assert_array_equal(inferred["classes"], masks.argmax(-1) + 1)


def test_classes_probabilities_and_textures_are_in_class_order():
    model = fresh(3)
    before, textures = model.infer(tiles(model)), model.draw_textures(8, 8)
    order = np.array([2, 0, 1])
    model.record = type(model.record)(model.record.classes, order)
    after = model.infer(tiles(model))
    np.testing.assert_array_equal(order[after["classes"] - 1], before["classes"] - 1)
    np.testing.assert_array_equal(
        after["probabilities"], before["probabilities"][..., order]
    )
    np.testing.assert_array_equal(after["confidence"], before["confidence"])
    np.testing.assert_array_equal(model.draw_textures(8, 8), textures[order])


def test_probabilities_sum_to_1_and_margin_is_the_lead():
    model = fresh(5)
    found = model.infer(tiles(model))
    np.testing.assert_allclose(found["probabilities"].sum(-1), 1, rtol=1e-5)
    top = np.sort(found["probabilities"], -1)
    np.testing.assert_allclose(
        found["confidence"], top[..., -1] - top[..., -2], atol=1e-7
    )
    assert 0 <= found["confidence"].min() <= found["confidence"].max() <= 1
    assert (found["probabilities"].argmax(-1) + 1 == found["classes"]).all()
    assert set(fresh(masks="published").infer(tiles(fresh(masks="published")))) == {
        "classes"
    }


@pytest.mark.parametrize("textures", ["tileable", "published"])
@pytest.mark.parametrize("size", [(1, 1), (128, 128), (37, 150)])
def test_textures_of_any_size_are_drawn_by_seed(textures, size):
    model = fresh(2, textures=textures)
    drawn = model.draw_textures(*size, seed=3)
    assert drawn.shape == (2, *size, 4)
    np.testing.assert_array_equal(drawn, model.draw_textures(*size, seed=3))
    assert (drawn != model.draw_textures(*size, seed=4)).mean() > 0.9


@pytest.mark.parametrize("size", [(0, 8), (8, -1)])
def test_an_empty_texture_is_refused(size):
    with pytest.raises(
        InputError, match=f"must be at least 1, got {size[0]} x {size[1]}"
    ):
        fresh().draw_textures(*size)


def test_the_simulated_image_is_masks_times_textures_in_the_scenes_units():
    model = fresh(3)
    textures = model.draw_textures(8, 16)
    classes = np.random.default_rng(0).integers(0, 4, (30, 20)).astype("uint8")
    simulated = model.simulate(classes, textures, row=5, col=11)
    assert simulated.dtype == np.float32
    laid = np.tile(textures, (1, 9, 9, 1))[:, 5:35, 11:31]
    masks = classes == np.arange(1, 4)[:, None, None]
    scaled = (masks[..., None] * laid).sum(0)
    wanted = model.preparation.scaler.inverse(scaled)
    np.testing.assert_allclose(simulated[classes > 0], wanted[classes > 0], rtol=1e-5)
    assert np.isnan(simulated[classes == 0]).all()


def test_a_snapshot_shows_the_model_in_the_scenes_units(small, trained):
    values, valid = preview(small, trained)
    valid = valid.copy()
    valid[:5] = False
    shot = trained.snapshot(values, valid)
    assert shot.step == trained.record.steps
    assert (shot.classes[:5] == 0).all()
    wanted = kt.segment(small, trained).classes.values
    np.testing.assert_array_equal(shot.classes[5:], wanted[5:])
    assert shot.masks.shape == (3, 64, 64)
    assert (shot.masks.sum(0) == valid).all()
    assert np.isnan(shot.simulated[:5]).all()
    assert 50 < np.nanmin(shot.simulated) < np.nanmax(shot.simulated) < 10_100
    assert shot.textures.shape == (3, 128, 128, 4)
    assert shot.losses["loss"] == trained.record.losses["loss"][-1]


def test_a_snapshot_is_immutable(small, trained):
    shot = trained.snapshot(*preview(small, trained))
    for array in (shot.classes, shot.simulated, shot.textures):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(AttributeError, match="cannot assign"):
        shot.step = 0
    with pytest.raises(TypeError, match="item assignment"):
        shot.losses["loss"] = 0.0


def test_snapshots_can_be_asked_for_by_another_thread_while_training(small):
    shots, failures = [], []
    begun, over = threading.Event(), threading.Event()

    class Watched(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                begun.set()

    def watch(model):
        values, valid = preview(small, model)
        begun.wait(60)
        while not over.wait(0.05):  # as a display would, not without a pause
            try:
                shots.append(model.snapshot(values, valid))
            except Exception as error:
                failures.append(error)
                return

    class Start(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.thread = threading.Thread(target=watch, args=(self.model,))
            self.thread.start()

    start = Start()
    model = kt.train(
        small,
        3,
        steps=30,
        seed=1,
        features=kt.FilterBank(1, 1),
        callbacks=[start, Watched()],
        progress=False,
    )
    over.set()
    start.thread.join(60)
    assert failures == []
    during = [shot for shot in shots if shot.step < 30]
    assert len({shot.step for shot in during}) >= 3
    for shot in shots:
        assert shot.losses["loss"] == model.record.losses["loss"][shot.step - 1]
        assert set(np.unique(shot.classes)) <= {1, 2, 3}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s, a: s["config"].update(seed="x"), "seed"),
        (lambda s, a: s["config"].update(bands=[1, 2, 3, 4]), "bands"),
        (lambda s, a: s["config"].update(roles=["red"]), "one role each"),
        (
            lambda s, a: s["config"]["masks_options"].update(hidden=2**20),
            "out of range",
        ),
        (lambda s, a: s["config"]["masks_options"].update(hidden="1"), "hidden"),
        (lambda s, a: s["config"]["masks_options"].update(width=64), "unknown .*width"),
        (lambda s, a: s["config"]["masks_options"].update(evil=1), "evil"),
        *(
            (
                lambda s, a, g=groups: s["config"]["masks_options"].update(groups=g),
                message,
            )
            for groups, message in [
                (None, "groups must be at most 512"),
                ("012", "groups must be at most 512"),
                ([0, 1, 2] * 171, "groups must be at most 512"),
                ([], "groups must hold 0 to 2"),
                ([0, 1], "groups must hold 0 to 2"),
                ([0, 1, 2, 3], "groups must hold 0 to 2"),
                ([0, 1, 2.0], "groups must hold 0 to 2"),
                ([0, True, 2], "groups must hold 0 to 2"),
                ([0, 1, [2]], "groups must hold 0 to 2"),
                ([0, 1, 2, 2], "has shape"),
            ]
        ),
        (lambda s, a: s["classes"].update(origins=[1, None, None]), "an origin must"),
        (lambda s, a: s["classes"].update(origins=[None]), "give one Origin or None"),
        (lambda s, a: s.update(losses={"loss": ["x"]}), "must be numbers"),
        (lambda s, a: s.update(losses={"loss": [1.0], "b": []}), "one length"),
        (lambda s, a: s.update(losses=[1]), "items"),
        (lambda s, a: s.update(provenance="x"), "provenance must be a mapping"),
        (lambda s, a: s.update(fill=[0.5, 0.5, 0.5, float("nan")]), "not finite"),
        (lambda s, a: a.update(order=np.array([0.0, 1.0, 2.0])), "order"),
        (lambda s, a: a["weights/0"].fill(np.nan), "not finite"),
        (
            lambda s, a: a.update({"weights/0": a["weights/0"].astype("int8")}),
            "dtype int8",
        ),
    ],
)
def test_every_part_of_a_file_is_checked(tmp_path, change, message):
    path = tmp_path / "odd"
    path.write_bytes(changed(fresh(), change))
    with pytest.raises(ModelFileError, match=f"(?s)inconsistent .*{message}"):
        kt.load(path)


def test_a_model_far_larger_than_its_file_is_not_built(tmp_path, monkeypatch):
    def enlarge(settings, arrays):
        bands = [f"b{index}" for index in range(4000)]
        settings["config"].update(k=128, bands=bands, roles=[""] * 4000)
        arrays["order"] = np.arange(128)

    path = tmp_path / "huge"
    path.write_bytes(changed(fresh(), enlarge))
    monkeypatch.setattr("ktextures.model.network.Network.__init__", None)
    with pytest.raises(ModelFileError, match=r"k=128, 4000 bands.* far larger than"):
        kt.load(path)
