"""Models of an explorer never change in the hands of those who hold them."""

import threading
import time

from explorer_tools import until

from ktextures.training.dictionary_objective import DictionaryObjective


def test_model_held_during_training_stays_as_it_is(explore, small):
    explorer = explore(small, steps=500)
    explorer.train()
    until(lambda: explorer.model is not None)
    held = explorer.model
    content = held.to_bytes()
    until(lambda: explorer.state.step > held.record.steps + 1)
    explorer.rename(1, "water")
    later = explorer.model
    assert later.record.steps > held.record.steps
    assert later.classes.names[0] == "water"
    explorer.stop()
    assert explorer.wait(60)
    assert held.to_bytes() == content
    assert explorer.model.to_bytes() != content


def test_given_model_stays_as_it_is(explore, small, trained):
    content = trained.to_bytes()
    explorer = explore(small, model=trained, steps=2)
    assert explorer.model is trained
    explorer.rename(2, "water")
    explorer.recolor(1, "teal")
    assert explorer.model.classes.names[1] == "water"
    assert explorer.model.classes.colors[0] == "#008080"
    explorer.state.k = 4
    explorer.resume()
    assert explorer.wait(60)
    assert (explorer.state.status, explorer.model.k) == ("done", 4)
    assert explorer.model.record.steps > trained.record.steps
    assert trained.to_bytes() == content


def test_observers_and_other_threads_can_ask_for_the_model_at_once(explore, small):
    explorer, seen = explore(small, steps=2), []

    def ask(_):
        # An observer holds the lock of the state.
        other = threading.Thread(target=lambda: seen.append(explorer.model))
        other.start()
        time.sleep(0.1)
        seen.append(explorer.model)

    explorer.train()
    until(lambda: explorer.state.snapshot is not None)
    explorer.state.observe(ask, "version")
    assert explorer.wait(60)
    assert any(model is not None for model in seen)


def test_model_is_the_same_object_until_something_changes(shown):
    shown.rename(1, "water")
    model = shown.model
    assert shown.model is model
    shown.undo()
    assert shown.model.classes.names[0] == "class 1"
    assert model.classes.names[0] == "water"


def test_merged_classes_give_their_name_to_each_class_of_the_model(shown):
    shown.rename(1, "land")
    shown.merge([1, 3])
    assert shown.model.k == 3
    assert shown.model.classes.names == ("land", "class 2", "land")


def test_new_training_leaves_the_names_of_the_earlier_model(explore, small, trained):
    explorer = explore(small, model=trained, steps=500)
    explorer.rename(1, "water")
    earlier, content = explorer.model, explorer.model.to_bytes()
    explorer.train()
    until(lambda: explorer.model is not earlier)
    explorer.stop()
    assert explorer.wait(60)
    assert earlier.to_bytes() == content
    assert explorer.state.step == explorer.model.record.steps


def test_earlier_model_returns_if_a_new_training_is_stopped_at_once(shown):
    shown.rename(1, "water")
    earlier, classes = shown.model, shown.result.classes.copy()
    shown.state.observe(
        lambda change: shown.stop() if change["new"] == "Training." else None,
        "message",
    )
    shown.train()
    assert shown.wait(60)
    assert (shown.state.status, shown.model) == ("done", earlier)
    assert shown.result.classes.equals(classes)
    assert shown.state.table.names[0] == "water"


def test_earlier_model_returns_if_the_first_step_fails(shown, monkeypatch):
    def fail(*_):
        raise RuntimeError("no such luck")

    earlier, classes = shown.model, shown.result.classes.copy()
    monkeypatch.setattr(DictionaryObjective, "step", fail)
    shown.train()
    assert shown.wait(60)
    assert shown.state.message == "RuntimeError: no such luck"
    assert (shown.state.status, shown.model) == ("failed", earlier)
    assert shown.result.classes.equals(classes)
