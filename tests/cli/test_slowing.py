"""What a command says at its end of a server that slowed it down."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate.cli.slowing import telling
from migrate.cli.wiring import LateCluster
from migrate.doors.slowed import Slowed
from migrate.engine.signals import Interrupted
from migrate.errors import DoorError, GateClosed
from migrate.provisioners.existing import Existing
from tests.calico.memory import MemoryCluster

STOPS: list[BaseException | None] = [None, GateClosed("closed", gate="g"), DoorError("lost")]


class SlowCluster(MemoryCluster):
    """A cluster that turned a request away."""

    def slowed(self) -> tuple[Slowed, ...]:
        """What held it up."""
        return (Slowed(1, 0.0, 0.0, 8),)


def end(stop: BaseException | None, *clusters: MemoryCluster | LateCluster) -> None:
    """Be a command that ends so."""
    with telling(*clusters):
        if stop is not None:
            raise stop


@pytest.mark.parametrize("stop", STOPS)
def test_it_is_told_however_the_command_ends(
    stop: BaseException | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside the results, with what helps, said once."""
    if stop is None:
        end(stop, SlowCluster(), MemoryCluster(), SlowCluster())
    else:
        with pytest.raises(type(stop)):
            end(stop, SlowCluster(), MemoryCluster(), SlowCluster())
    out, err = capsys.readouterr()
    assert not out
    assert err.count("green (green) turned 1 request away; 8 at a time now") == 2
    assert err.count("A FlowSchema that leads this user to a priority level of its own") == 1


def test_an_ordinary_command_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody was turned away: no word of it."""
    end(None, MemoryCluster())
    assert capsys.readouterr() == ("", "")


def test_who_is_stopped_at_once_is_told_nothing_more(capsys: pytest.CaptureFixture[str]) -> None:
    """The second signal ends the command; names are not looked up for it."""
    with pytest.raises(Interrupted):
        end(Interrupted("SIGINT"), SlowCluster())
    assert capsys.readouterr() == ("", "")


def test_a_green_that_nobody_has_asked_is_not_asked_for_this(tmp_path: Path) -> None:
    """A green without connections slowed nobody, and need not even be there."""
    assert LateCluster(Existing(tmp_path / "none"), None, 64).slowed() == ()
