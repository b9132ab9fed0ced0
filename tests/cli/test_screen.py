"""What a terminal shows of a run."""

from __future__ import annotations

import re

import pytest

from migrate.cli import say, screen
from migrate.engine.events import Event
from migrate.model.ids import Phase
from tests.engine.doubles import HandClock

EVENTS = ("step-began", "batch-ended", "step-done", "watching", "waiting", "acting", "gate-closed")


@pytest.mark.parametrize("last", EVENTS)
def test_what_ends_a_run_is_said_on_a_line_of_its_own(last: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever was shown last, to stay or to be renewed: an error begins where a line begins."""
    show = screen._Terminal(would=False)
    show(Event("step-began", "ramp routes", phase=Phase.CUTOVER))
    show(Event(last, "shop at 50 %", phase=Phase.CUTOVER))
    say.error("shop holds its weight")
    fact, error = lines(capfd.readouterr().err)
    assert "shop at 50 %" in fact
    assert error == "x shop holds its weight"


def test_steps_stay_and_what_goes_on_is_renewed(capfd: pytest.CaptureFixture[str]) -> None:
    """A line a step, whatever number of batches and watches it had; words with line breaks do not break the screen."""
    show = screen._Terminal(would=False)
    for step in ("write objects", "start workloads"):
        show(Event("step-began", step, phase=Phase.REPLAY))
        for count in range(5):
            show(Event("batch-ended", f"created\n{count} objects", phase=Phase.REPLAY, fields={"actions": 3}))
            show(Event("watching", f"{count} watched"))
            show(Event("acting", f"{count} of 5 acts of this batch ended"))
        show(Event("step-done", step, phase=Phase.REPLAY))
    show(Event("batch-ended", "created\n5 objects", phase=Phase.REPLAY, fields={"actions": 3}))
    first, second, going_on = lines(capfd.readouterr().err)
    assert re.fullmatch(r"ok replay    write objects  15 acts  \d+\.\d s", first)
    assert re.fullmatch(r"ok replay    start workloads  15 acts  \d+\.\d s", second)
    assert re.fullmatch(r"> replay    created 5 objects  3 acts  \d+/s", going_on)


def lines(told: str) -> list[str]:
    """The lines that a terminal shows after what it was told: text, and the escape codes that we use, and no other."""
    rows, row = [""], 0
    for part in re.findall(r"\x1b\[\d*[A-Za-z]|[\r\n]|[^\x1b\r\n]+", told):
        match part:
            case "\n":
                row += 1
                rows += [""] * (row == len(rows))
            case "\x1b[A":
                row -= 1
            case "\x1b[2K" | "\x1b[K":
                rows[row] = ""
            case "\r":
                pass  # we clear a line whenever we go back to its beginning
            case _:
                assert not part.startswith("\x1b"), part
                rows[row] += part
    return [text for text in rows if text]


def test_a_log_is_not_quiet_for_long(capfd: pytest.CaptureFixture[str]) -> None:
    """Of a batch that goes on a log says how far it is every ten seconds, and not at every slice."""
    clock = HandClock()
    show = screen._Plain(clock, would=False)
    show(Event("step-began", "write objects", phase=Phase.REPLAY))
    for ended in range(24):
        show(Event("acting", f"{ended} of 24 acts of this batch ended"))
        clock.sleep(1)
    told = [row.split()[2] for row in lines(capfd.readouterr().err) if " acting " in row]
    assert told == ["10", "20"]
