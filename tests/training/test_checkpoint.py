"""A training that was killed goes on to the same end, bit for bit."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

import ktextures as kt
from ktextures.errors import InputError, ModelFileError, OutputError
from ktextures.files.archive import read_archive
from ktextures.model.ktextures import from_bytes
from ktextures.training import checkpoint as module
from ktextures.training.checkpoint import (
    NAME,
    Checkpoint,
    fingerprint,
    prepare_folder,
)
from ktextures.training.loop import TrainingLoop

ROOT = Path(__file__).parents[2]
STEPS = {"default": 56, "paper": 12}
"""Past the second review of the classes; those of the paper preset are long."""

pytestmark = pytest.mark.usefixtures("eager")

# Trains with a state on disk after each step, and says where it is.
CHILD = """
import sys
import keras, numpy as np, tensorflow as tf
import ktextures as kt
from ktextures.training import checkpoint

tf.config.run_functions_eagerly(True)
checkpoint.SECONDS_BETWEEN = 0.0
preset, steps, folder, saved = sys.argv[1:]

class Tell(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        print(batch, flush=True)

scene = kt.datasets.synthetic(40, k=2, seed=1, contrast="both").scene
model = kt.train(scene, 2, preset=preset, steps=int(steps), seed=1, progress=False,
                 features=kt.FilterBank(1, 1), texture_scale=2.0, callbacks=[Tell()],
                 checkpoint=folder)
model.save(saved)
"""


def scene_of(seed=1):
    return kt.datasets.synthetic(40, k=2, seed=seed, contrast="both").scene


def quick(scene=None, k=2, **options):
    wanted = {
        "steps": 4,
        "seed": 1,
        "progress": False,
        "features": kt.FilterBank(1, 1),
        "texture_scale": 2.0,
    }
    return kt.train(scene_of() if scene is None else scene, k, **{**wanted, **options})


def assert_same(one, other, scene=None):
    first, second = one.weight_arrays(), other.weight_arrays()
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])
    assert one.record.losses == other.record.losses
    assert one.record.order.tolist() == other.record.order.tolist()
    scene = scene_of() if scene is None else scene
    np.testing.assert_array_equal(
        kt.segment(scene, one).classes, kt.segment(scene, other).classes
    )


class StopAfter(keras.callbacks.Callback):
    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = batch + 1 >= self.steps


def start(preset, folder, saved):
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            CHILD,
            preset,
            str(STEPS[preset]),
            str(folder),
            str(saved),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL on Windows")
@pytest.mark.parametrize(("preset", "kills"), [("default", 1), ("paper", 1)])
def test_a_killed_training_goes_on_to_the_same_end(preset, kills, tmp_path):
    folder, saved = tmp_path / "state", tmp_path / "model"
    chance = random.Random(preset)
    for kill in range(kills):
        process = start(preset, folder, saved)
        for _ in range(2 + 2 * kill):
            assert process.stdout.readline().strip().isdigit(), process.stderr.read()
        # Within a step, while a state is written, or between.
        time.sleep(chance.random() * 0.3)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        assert not saved.exists()
        assert (folder / NAME).exists()
    done = read_archive(folder / NAME, "checkpoint")[0]["done"]
    assert 0 < done < STEPS[preset]
    process = start(preset, folder, saved)
    output, errors = process.communicate(timeout=250)
    assert process.returncode == 0, errors
    assert [int(line) for line in output.split()] == list(range(done, STEPS[preset]))
    whole = quick(preset=preset, steps=STEPS[preset])
    resumed = kt.load(saved)
    assert_same(resumed, whole)
    assert resumed.record.provenance == whole.record.provenance


@pytest.mark.parametrize(
    ("preset", "size"),
    [("default", 40), ("paper", (40, 300))],  # three tiles: stopped within a pass
)
def test_a_stopped_training_goes_on_to_the_same_end(preset, size, tmp_path):
    scene = kt.datasets.synthetic(size, k=2, seed=1, contrast="both").scene
    options = {"preset": preset, "steps": 5}
    for steps in (2, 3):
        stopped = quick(
            scene, callbacks=[StopAfter(steps)], checkpoint=tmp_path, **options
        )
        assert stopped.record.steps == steps
    assert_same(
        quick(scene, checkpoint=tmp_path, **options), quick(scene, **options), scene
    )


def test_a_finished_training_is_not_repeated(tmp_path):
    first = quick(checkpoint=tmp_path)
    steps = []

    class Count(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            steps.append(batch)

    again = quick(checkpoint=tmp_path, callbacks=[Count()])
    assert steps == []
    assert_same(first, again)


def test_the_folder_is_made_and_holds_one_file(tmp_path):
    folder = tmp_path / "a" / "b"
    quick(steps=1, checkpoint=str(folder))
    assert [path.name for path in folder.iterdir()] == [NAME]


def test_states_are_written_now_and_then(tmp_path, monkeypatch):
    written = []
    original = Checkpoint.write

    def write(self, settings, arrays):
        written.append(settings["done"])
        original(self, settings, arrays)

    monkeypatch.setattr(Checkpoint, "write", write)
    quick(steps=3, checkpoint=tmp_path / "seldom")
    assert written == [3]
    monkeypatch.setattr(module, "SECONDS_BETWEEN", 0.0)
    quick(steps=3, checkpoint=tmp_path / "often")
    assert written == [3, 1, 2, 3, 3]


def test_a_state_that_cannot_be_written_costs_no_training(tmp_path):
    folder = tmp_path / "gone"

    class Remove(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            shutil.rmtree(folder, ignore_errors=True)

    with pytest.warns(UserWarning, match=r"was not saved: cannot write .* continues"):
        model = quick(steps=2, checkpoint=folder, callbacks=[Remove()])
    assert model.record.steps == 2


@pytest.mark.parametrize(
    "change",
    [
        {"k": 3},
        {"steps": 5},
        {"seed": 2},
        {"texture_scale": 1.0},
        {"preset": "paper"},
        {"features": kt.FilterBank(1, 2)},
        {"scaler": kt.BandScaler.planet_nicfi()},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_settings_are_refused(change, tmp_path):
    quick(checkpoint=tmp_path)
    with pytest.raises(
        InputError, match=rf"{NAME}' is the state of another training .*Choose another"
    ):
        quick(checkpoint=tmp_path, **change)


def test_other_scenes_and_roles_are_refused(tmp_path):
    quick(checkpoint=tmp_path)
    scene = scene_of()
    roles = ("band", ["blue", "green", "red", "nir"])
    for other in (scene_of(seed=2), scene.assign_coords(role=roles)):
        with pytest.raises(InputError, match="is the state of another training"):
            quick(other, checkpoint=tmp_path)


def test_other_weights_of_a_scene_encoder_are_refused(tmp_path):
    def encoder(seed):
        found = kt.SceneEncoder(4, ("block1_conv1",), width=4)
        found.set_state(
            kt.SceneEncoder(4, ("block1_conv1",), width=4, seed=seed).get_state()
        )
        return found

    quick(steps=1, features=encoder(5), checkpoint=tmp_path)
    quick(steps=1, features=encoder(5), checkpoint=tmp_path)
    with pytest.raises(InputError, match="is the state of another training"):
        quick(steps=1, features=encoder(6), checkpoint=tmp_path)


def test_training_further_is_another_training(tmp_path):
    # Nothing but the weights to start from tells the two apart.
    scene = kt.datasets.synthetic(40, k=2, bands=2, seed=1).scene
    options = {"steps": 2, "seed": 1, "progress": False, "checkpoint": tmp_path}
    earlier = kt.train(scene, 2, **options)
    with pytest.raises(InputError, match="is the state of another training"):
        kt.train(scene, model=earlier, **options)
    assert earlier.record.steps == 2


class Scripted:
    """An objective with known losses, whose steps count in the model's first weight."""

    keeps_best, steps_per_pass, settled = True, 3, False

    def __init__(self, model, losses):
        self.model, self.losses = model, losses

    def step(self, index):
        weight = self.model.weights[0]
        weight.assign(np.full(weight.shape, index + 1.0))
        return {"loss": self.losses[index]}

    def finish(self):
        pass

    def state(self):
        return {}

    def restore(self, arrays):
        assert arrays == {}


def test_a_step_at_hand_is_done_whole_on_ctrl_c(trained, tmp_path):
    class Interrupted(Scripted):
        def step(self, index):
            losses = super().step(index)
            if index == 1:
                signal.raise_signal(signal.SIGINT)  # the weights have changed by now
            return losses

    model = from_bytes(trained.to_bytes())
    model.record.losses.clear()
    state = Checkpoint(tmp_path, "it")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        TrainingLoop(
            model,
            Interrupted(model, [5.0] * 9),
            steps=9,
            checkpoint=state,
            progress=False,
        ).run()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert model.stop_training
    assert model.record.losses == {"loss": [5.0, 5.0]}
    settings, arrays = state.read()
    assert settings["done"] == 2
    assert arrays["weights/0"].ravel()[0] == 2


@pytest.mark.parametrize("stop", [1, 3, 4, 6, 7])
@pytest.mark.parametrize(
    ("losses", "kept"),
    [
        # Judged by the rest of a pass alone, the second would be the best.
        ([9, 9, 9, 20, 1, 1, 5, 5, 5], 9),
        ([1, 1, 1, 20, 9, 9, 9, 9, 9], 3),
        ([9, 9, 9, 4, 4, 4, 8, 0, 8], 6),
    ],
)
def test_the_best_pass_is_known_after_a_stop(trained, tmp_path, losses, kept, stop):
    for callbacks in ([StopAfter(stop)], []):
        model = from_bytes(trained.to_bytes())
        model.record.losses.clear()
        loop = TrainingLoop(
            model,
            Scripted(model, losses),
            steps=9,
            callbacks=callbacks,
            checkpoint=Checkpoint(tmp_path, "it"),
            progress=False,
        )
        loop.run()
    assert model.record.losses["loss"] == losses
    assert float(model.weights[0].numpy().ravel()[0]) == kept


def test_training_further_goes_on_after_a_stop(tmp_path):
    quick().save(tmp_path / "earlier")
    options = {"steps": 4, "seed": 1, "progress": False}

    def further(**more):
        earlier = kt.load(tmp_path / "earlier")
        return kt.train(scene_of(), model=earlier, **options, **more)

    state = tmp_path / "state"
    assert further(callbacks=[StopAfter(2)], checkpoint=state).record.steps == 6
    assert_same(further(checkpoint=state), further())


@pytest.mark.parametrize("content", [b"", b"junk", None])
def test_a_damaged_state_is_refused(tmp_path, content):
    quick(steps=1, checkpoint=tmp_path)
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes()[:-200] if content is None else content)
    with pytest.raises(ModelFileError, match=rf"(?s){NAME}', is damaged .* Delete it"):
        quick(steps=1, checkpoint=tmp_path)


def test_an_unwritable_folder_is_found_before_training(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(
        "ktextures.training.train.prepare_scenes", None
    )  # where work begins
    with pytest.raises(
        OutputError, match=r"checkpoint='.*file' cannot be written.*folder"
    ):
        quick(checkpoint=tmp_path / "file")
    with pytest.raises(OutputError, match=r"checkpoint='.*file/in' cannot be written"):
        prepare_folder(tmp_path / "file" / "in")


def test_the_fingerprint_looks_at_settings_and_arrays():
    one, other = np.arange(6.0), np.arange(6.0)[::-1]
    assert fingerprint({"a": 1, "b": 2}, [one]) == fingerprint({"b": 2, "a": 1}, [one])
    prints = {
        fingerprint({"a": 1}, [one]),
        fingerprint({"a": 2}, [one]),
        fingerprint({"a": 1}, [other]),
        fingerprint({"a": 1}, [one, other]),
        fingerprint({"a": 1}, []),
    }
    assert len(prints) == 5
    fingerprint({}, [np.zeros((0, 3)), np.array(True), other[::2]])
