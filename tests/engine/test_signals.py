"""Signals: the first stops at the next safe border, the second at once."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from migrate.engine.signals import SIGNALS, Interrupted, Stop, listening
from migrate.errors import StoppedAtBorder
from migrate.model.action import Action
from tests.engine.doubles import Shelf, put, stage
from tests.engine.plans import ONE_STEP, TWO_STEPS


def sent(*numbers: signal.Signals) -> None:
    """Send this very process signals, one after the other."""
    for number in numbers:
        os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_remembered_and_told(number: signal.Signals) -> None:
    """SIGINT, SIGTERM and SIGHUP each set the stop, by name, and end nothing at once."""
    told: list[str] = []
    stop = Stop(told.append)
    with listening(stop):
        os.kill(os.getpid(), number)
    assert told == [stop.name] == [number.name]


def test_a_second_signal_ends_at_once() -> None:
    """The second signal, of whichever kind, raises where the run is."""
    stop = Stop()
    with pytest.raises(Interrupted, match="SIGTERM"), listening(stop):
        sent(signal.SIGINT, signal.SIGTERM)
    assert stop.name == "SIGINT"


def test_former_handlers_come_back() -> None:
    """Behind the block the handlers of before are in place, even after the second signal."""
    before = [signal.getsignal(number) for number in SIGNALS]
    with pytest.raises(Interrupted), listening(Stop()):
        sent(signal.SIGHUP, signal.SIGHUP)
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_once_stops_at_the_border(tmp_path: Path) -> None:
    """A signal during a batch lets it end and be written down; then the run leaves with exit 130."""
    shelf = Signalling("a")
    todo = {"one": [[put("a"), put("b")], [put("c")]]}
    with stage(tmp_path / "j", ONE_STEP, todo, shelf=shelf) as opened, listening(opened.stop):
        with pytest.raises(StoppedAtBorder, match="SIGINT") as caught:
            opened.run()
        assert caught.value.exit_code == 130
        assert opened.progress.in_doubt() == ()
    assert shelf.effects == ["a=1", "b=1"]
    with stage(tmp_path / "j", ONE_STEP, todo, shelf=shelf) as again:
        assert again.run()
    assert shelf.effects == ["a=1", "b=1", "c=1"]


def test_a_signal_in_the_last_batch_keeps_the_step_open(tmp_path: Path) -> None:
    """A signal in a step's last batch stops before the next step, and nothing is done twice on resume."""
    shelf = Signalling("a")
    todo = {"one": [[put("a")]], "two": [[put("b")]]}
    with stage(tmp_path / "j", TWO_STEPS, todo, shelf=shelf) as opened, listening(opened.stop):
        with pytest.raises(StoppedAtBorder):
            opened.run()
        assert shelf.effects == ["a=1"]
    with stage(tmp_path / "j", TWO_STEPS, todo, shelf=shelf) as again:
        assert again.run()
    assert shelf.effects == ["a=1", "b=1"]


def test_twice_leaves_the_act_in_doubt(tmp_path: Path) -> None:
    """Two signals end the run inside the act; the intent stays open and is looked at on resume."""
    shelf = Signalling("b", times=2)
    todo = {"one": [[put("a"), put("b"), put("c")]]}
    with stage(tmp_path / "j", ONE_STEP, todo, shelf=shelf) as opened, listening(opened.stop):
        with pytest.raises(Interrupted):
            opened.run()
        opened.acting.refresh()
        assert [i.action.key for i in opened.progress.in_doubt()] == ["put a", "put b", "put c"]
    with stage(tmp_path / "j", ONE_STEP, todo, shelf=shelf) as again:
        assert again.run()
        states = [i.outcome.state for i in again.progress.intents() if i.outcome]
    assert states == ["adopted", "adopted", "absent", "done"]
    assert shelf.effects == ["a=1", "b=1", "c=1"]


class Signalling(Shelf):
    """A shelf on which putting one thing brings signals, right behind its effect."""

    def __init__(self, name: str, times: int = 1) -> None:
        super().__init__()
        self._name, self._left = name, times

    def _act(self, action: Action) -> object:  # type: ignore[override]
        outcome = super()._act(action)
        while action.params["name"] == self._name and self._left:
            self._left -= 1
            os.kill(os.getpid(), signal.SIGINT)
        return outcome
