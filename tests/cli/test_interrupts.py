"""Real signals, sent by the test process to itself."""

import signal
import threading

import pytest

from ktextures.cli.interrupts import Interrupts

INTERRUPT, TERMINATE = signal.SIGINT, signal.SIGTERM


@pytest.fixture
def interrupts():
    interrupts = Interrupts()
    with interrupts.handled():
        yield interrupts


@pytest.mark.parametrize(
    ("number", "cause", "code"),
    [(INTERRUPT, "Ctrl-C", 130), (TERMINATE, "SIGTERM", 143)],
)
def test_a_signal_raises_as_it_arrives(interrupts, number, cause, code):
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    assert (interrupts.cause, interrupts.exit_code) == (cause, code)
    assert interrupts.received == [number]


def test_cleanup_after_a_signal_is_not_interrupted(interrupts):
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(INTERRUPT)
    signal.raise_signal(INTERRUPT)
    signal.raise_signal(TERMINATE)
    assert interrupts.received == [INTERRUPT, INTERRUPT, TERMINATE]
    assert interrupts.cause == "Ctrl-C"


def test_a_deferred_signal_raises_at_the_end_of_the_block(interrupts):
    steps = []

    def work():
        with interrupts.deferred():
            signal.raise_signal(INTERRUPT)
            steps.append("completed")
        steps.append("not reached")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert steps == ["completed"]


def test_an_accepted_signal_does_not_raise_later(interrupts):
    interrupts.defer()
    assert not interrupts.accept()
    signal.raise_signal(INTERRUPT)
    assert interrupts.accept()
    assert not interrupts.accept()
    interrupts.resume()
    interrupts.check()
    assert interrupts.exit_code == 130


def test_of_two_signals_one_accepted_the_other_raises(interrupts):
    interrupts.defer()
    signal.raise_signal(INTERRUPT)
    signal.raise_signal(INTERRUPT)
    assert interrupts.accept()
    with pytest.raises(KeyboardInterrupt):
        interrupts.resume()


def test_a_discarded_exception_is_raised_again_by_check(interrupts):
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(INTERRUPT)
    with pytest.raises(KeyboardInterrupt):
        interrupts.check()


def test_reinstall_takes_signals_back(interrupts):
    ours = signal.getsignal(INTERRUPT)
    signal.signal(INTERRUPT, signal.SIG_IGN)
    interrupts.reinstall()
    assert signal.getsignal(INTERRUPT) == ours


def test_earlier_handlers_are_restored():
    def earlier(*_):
        raise AssertionError("not called")

    before = signal.signal(TERMINATE, earlier)
    try:
        with Interrupts().handled():
            assert signal.getsignal(TERMINATE) is not earlier
        assert signal.getsignal(TERMINATE) is earlier
    finally:
        signal.signal(TERMINATE, before)


def test_an_ignored_signal_remains_ignored():
    before = signal.signal(INTERRUPT, signal.SIG_IGN)
    try:
        interrupts = Interrupts()
        with interrupts.handled():
            interrupts.reinstall()
            signal.raise_signal(INTERRUPT)
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(TERMINATE)
        assert interrupts.received == [TERMINATE]
        assert signal.getsignal(INTERRUPT) is signal.SIG_IGN
    finally:
        signal.signal(INTERRUPT, before)


def test_another_thread_leaves_the_handlers_alone():
    before = signal.getsignal(INTERRUPT)
    found = []

    def use():
        interrupts = Interrupts()
        with interrupts.handled():
            interrupts.reinstall()
            found.append(signal.getsignal(INTERRUPT))
        found.append(interrupts.exit_code)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert found == [before, 130]
