"""A person turns the traffic: the run asks for each weight at a gate of its own, on the way up and on the way back."""

from __future__ import annotations

import pytest

from migrate.actions.traffic import BY_HAND
from migrate.cli.project import Project
from migrate.cli.wiring import Route
from migrate.errors import GateClosed
from migrate.model.ids import RouteName, Side
from migrate.simulation.faults import FaultyTraffic
from tests.scenario.moves import run, world_of

SHOP = Route("shop", ("shop/web",))


@pytest.fixture(autouse=True)
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the balancer be one that only a person turns."""
    monkeypatch.setattr(FaultyTraffic, "kind", BY_HAND)
    monkeypatch.setattr(FaultyTraffic, "set", lambda *_: None)


def asked(project: Project) -> GateClosed:
    """Run until a person is asked to turn the traffic."""
    with pytest.raises(GateClosed) as caught:
        run(project)
    return caught.value


def turn(project: Project, green: int) -> None:
    """Turn the traffic, as the person does."""
    with world_of(project) as world:
        world.traffic([SHOP]).set(RouteName("shop"), green)


def test_a_person_is_asked_for_the_way_up_and_for_the_way_back(project: Project) -> None:
    """A broken green asks for the last good weight, with the command and what was seen; mended, it goes on to its end."""
    assert asked(project).gate == "weight shop 50"
    turn(project, 50)
    with world_of(project) as world:
        world.failures.break_side(Side.GREEN)
    back = asked(project)
    assert back.gate == "weight shop 0"
    assert "send 0 % of shop to green" in back.message
    assert "shop at 50 %" in back.message
    turn(project, 0)
    with world_of(project) as world:
        world.failures.forgive()
    for green in (50, 100):
        assert asked(project).gate == f"weight shop {green}"
        turn(project, green)
    assert run(project)
