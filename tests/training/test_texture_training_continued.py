"""What a training that goes on from a model begins with."""

import ktextures as kt


def test_losses_go_on_where_they_were(eager, small, trained):
    further = kt.train(small, model=trained, steps=4, seed=1, progress=False)
    before, after = trained.record.losses, further.record.losses
    assert after["texture"][6] == before["texture"][-1]
    # Nothing has been simulated yet.
    assert after["simulation"][6:] == [0.0] * 4
