"""What an abort says of the traffic is what stands, whatever became of the mechanism's own files and replies."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from migrate.cli.aborting import Aborted, turn_back
from migrate.cutovers.haproxy import HAProxyTraffic
from migrate.doors.traffic import Share
from migrate.errors import Refused, Unreachable
from migrate.model.ids import RouteName
from tests.cutovers.clocks import StillClock
from tests.cutovers.haproxy_fixture import Balancer, running

SHOP = RouteName("shop")


class Mechanism:
    """A route whose weight is set, or not, before `error` is raised by every call of `set`."""

    kind = "command"

    def __init__(self, error: Exception, *, sets: bool, blind: bool = False) -> None:
        self.green = 25
        self.error = error
        self.sets = sets
        self.blind = blind

    def routes(self) -> tuple[RouteName, ...]:
        return (SHOP,)

    def set(self, route: RouteName, green: int) -> None:
        del route
        self.green = green if self.sets else self.green
        raise self.error

    def read(self, route: RouteName) -> Share:
        del route
        if self.blind:
            raise self.error
        return Share(self.green, {})


def turned(error: Exception, **how: Any) -> Aborted:
    """Turn all traffic back by a mechanism that fails so."""
    return turn_back(Mechanism(error, **how))  # type: ignore[arg-type] # what an abort does not call is not there


ERRORS = [Refused("it stands, but was not saved"), Unreachable("no answer"), OSError("disk full")]


@pytest.mark.parametrize("error", ERRORS)
def test_what_stands_counts_and_not_what_was_said(error: Exception) -> None:
    """A weight that is on blue is back, although its setting was refused, unanswered, or could not be noted down."""
    ended = turned(error, sets=True)
    assert ended.failed == []
    assert ended.lines[0].startswith("shop: 0 % on green")
    assert str(error) in ended.lines[0]


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("blind", [False, True])
def test_what_does_not_stand_or_cannot_be_seen_is_named(error: Exception, blind: bool) -> None:
    """A route that is not back, or that nobody can look at, is named with why."""
    ended = turned(error, sets=False, blind=blind)
    assert ended.lines == []
    assert str(error) in ended.failed[0]


class Full(dict[str, str]):
    """A store on a full disk."""

    def __setitem__(self, key: str, value: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_haproxy_is_back_although_nothing_can_be_noted(tmp_path: Path) -> None:
    """With the state directory and the state file on a full disk the weights are on blue, and that is said."""
    (tmp_path / "file").touch()
    with running() as balancer:
        HAProxyTraffic(balancer.cutover(), StillClock()).set(SHOP, 25)
        for store in (Full(), None):
            ended = turn_back(HAProxyTraffic(unsaved(balancer, tmp_path), StillClock(), store))
            assert ended.failed == []
            assert ended.lines[0].startswith("shop: 0 % on green")


def unsaved(balancer: Balancer, place: Path) -> Any:
    """The cutover of a balancer whose state file lies where nothing can be written."""
    cutover = balancer.cutover()
    assert cutover.haproxy is not None
    part = cutover.haproxy.model_copy(update={"state_file": str(place / "file" / "servers.state")})
    return cutover.model_copy(update={"haproxy": part})
