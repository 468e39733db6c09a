"""Labels have settled once few of them change, several times in a row."""

import numpy as np

from ktextures.training.settling import Settling


def labels(changed, start=0):
    """100 labels, so many of which differ from those with another start."""
    found = np.zeros(100, "int32")
    found[:changed] = start
    return found


def watched(*all_labels):
    settling = Settling(0.05, 2)
    return [(settling.watch(each), settling.settled)[1] for each in all_labels]


def test_two_calm_reviews_settle():
    assert watched(labels(0), labels(4, 1), labels(4, 1)) == [False, False, True]


def test_many_changes_start_over():
    restless = watched(labels(0), labels(4, 1), labels(10, 2), labels(10, 2))
    assert restless == [False] * 4


def test_a_restored_watch_goes_on():
    first = Settling(0.05, 2)
    first.watch(labels(0))
    first.watch(labels(1, 1))
    second = Settling(0.05, 2)
    second.restore(first.state())
    assert not second.settled
    second.watch(labels(1, 1))
    assert second.settled
