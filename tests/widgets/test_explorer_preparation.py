"""Stop, Pause and another k while a training is prepared."""

from explorer_tools import until

from ktextures.widgets._trainer import PARTS

MESSAGES = list(PARTS.values())


def test_stop_ends_the_preparation_of_a_training(explore, small):
    explorer = explore(small, steps=500)
    heard, looks = [], []
    explorer.state.observe(lambda change: looks.append(change["new"]), "version")

    def stop(change):
        heard.append(change["new"])
        if change["new"] == MESSAGES[2]:
            explorer.stop()

    explorer.state.observe(stop, "message")
    explorer.train()
    assert explorer.wait(60)
    assert explorer.state.status == "idle"
    after = heard[heard.index(MESSAGES[2]) + 1 :]
    assert after == ["Stopping.", "Stopped before the first step."]
    assert len(looks) == 1  # The model of this training was never shown.


def test_stop_in_the_preparation_of_a_continued_training_keeps_the_model(
    explore, small, trained
):
    explorer = explore(small, model=trained)
    steps = trained.record.steps
    explorer.state.observe(
        lambda change: explorer.stop() if change["new"] == MESSAGES[2] else None,
        "message",
    )
    explorer.resume()
    assert explorer.wait(60)
    assert (explorer.state.status, explorer.model) == ("done", trained)
    assert explorer.model.record.steps == explorer.state.step == steps


def test_stop_in_the_preparation_of_a_new_training_keeps_the_earlier_model(shown):
    model, snapshot = shown.model, shown.state.snapshot
    shown.state.observe(
        lambda change: shown.stop() if change["new"] == MESSAGES[0] else None, "message"
    )
    shown.train()
    assert shown.wait(60)
    assert (shown.state.status, shown.model) == ("done", model)
    assert shown.state.snapshot is snapshot
    assert shown.state.step == shown.state.goal == model.record.steps
    assert shown.state.message.endswith("the earlier model is kept.")


def test_another_k_starts_the_preparation_over(explore, small):
    explorer = explore(small, steps=1)
    heard = []

    def change_k(change):
        heard.append(change["new"])
        if change["new"] == MESSAGES[2]:
            explorer.state.k = 4

    explorer.state.observe(change_k, "message")
    explorer.train()
    assert explorer.wait(60)
    assert explorer.model.k == explorer.state.table.k == 4
    assert heard.count(MESSAGES[3]) == 1
    assert explorer.model.record.provenance["k"] == 4
    assert heard.count(MESSAGES[0]) == 2


def test_pause_holds_the_preparation(explore, small):
    explorer = explore(small, steps=1)
    explorer.state.observe(
        lambda change: explorer.pause() if change["new"] == MESSAGES[2] else None,
        "message",
    )
    explorer.train()
    until(lambda: explorer.state.status == "paused")
    assert not explorer.wait(0.3)
    assert explorer.model is None
    explorer.state.unobserve_all("message")
    explorer.resume()
    assert explorer.wait(60)
    assert explorer.state.step == 1


def test_another_k_needs_no_preparation(explore, small):
    explorer = explore(small, steps=3)
    heard = []
    explorer.state.observe(lambda change: heard.append(change["new"]), "message")
    explorer.train()
    assert explorer.wait(60)
    assert MESSAGES[2] in heard
    heard.clear()
    explorer.state.k += 1
    explorer.resume()
    assert explorer.wait(60)
    assert explorer.model.k == explorer.state.k
    assert not set(heard) & set(MESSAGES)
    explorer.state.texture_scale = 1.0
    explorer.train()
    assert explorer.wait(60)
    assert MESSAGES[2] in heard
