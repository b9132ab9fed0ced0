"""Deletes against the simulated API server and its faults: what is spared, what goes and what lingers."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.actions.delete import delete
from migrate.actions.directory import Directory
from migrate.doors.cluster import Verb, Write
from migrate.errors import Unreachable
from migrate.model.action import Action, OutcomeState, State
from migrate.model.ids import Side
from migrate.simulation.faults import Fuse, behind
from tests.actions.conftest import Bench
from tests.actions.objects import CONFIG, body, created, creation


def test_the_inverse_of_a_create_deletes(bench: Bench) -> None:
    """What was created is deleted by the inverse, and gone when looked at."""
    created(bench, creation())
    back = creation().inverse
    assert back is not None
    assert bench.delete.observe(back).state is State.ABSENT
    (outcome,) = bench.delete.act(bench.delete.prepare([back]))
    assert outcome.state is OutcomeState.DONE
    assert bench.delete.observe(back).state is State.DONE
    assert bench.read(Side.GREEN, CONFIG) is None


def test_delete_of_what_is_gone(bench: Bench) -> None:
    """What is gone already is done, without an effect."""
    (outcome,) = bench.delete.act([delete(Side.GREEN, CONFIG, ours=True)])
    assert (outcome.state, outcome.evidence) == (
        OutcomeState.DONE,
        "ConfigMap default/settings is gone already",
    )
    assert not any(key.startswith("delete") for key in bench.world.effects())


def test_delete_spares_what_is_not_ours(bench: Bench) -> None:
    """With `ours`, an object that lost this run's mark stays; without, it goes."""
    created(bench, creation(), body(run="another"))
    (spared,) = bench.delete.act([delete(Side.GREEN, CONFIG, ours=True)])
    assert spared.state is OutcomeState.DONE
    assert bench.read(Side.GREEN, CONFIG) is not None
    (gone,) = bench.delete.act([delete(Side.GREEN, CONFIG, ours=False)])
    assert gone.state is OutcomeState.DONE
    assert bench.read(Side.GREEN, CONFIG) is None


@pytest.mark.parametrize(
    ("error", "state"), [("forbidden", OutcomeState.FAILED), ("unreachable", OutcomeState.UNKNOWN)]
)
def test_delete_refused(bench: Bench, error: str, state: OutcomeState) -> None:
    """A refused delete fails, an unanswered one is in doubt; the object stands."""
    created(bench, creation())
    bench.world.failures.refuse(Side.GREEN, verb="delete", error=error)
    (outcome,) = bench.delete.act([delete(Side.GREEN, CONFIG, ours=True)])
    assert outcome.state is state


def test_delete_in_a_lost_cluster(bench: Bench) -> None:
    """An object that cannot even be read is in doubt, and nothing was sent."""
    created(bench, creation())
    bench.world.failures.cut_api(Side.GREEN)
    action = delete(Side.GREEN, CONFIG, ours=True)
    with pytest.raises(Unreachable):
        Directory(bench.doors).resource(Side.GREEN, CONFIG)
    (outcome,) = bench.delete.act([action])
    assert outcome.state is OutcomeState.UNKNOWN


# --- what lingers ------------------------------------------------------------------------------------------------


def clinging(bench: Bench) -> Action:
    """A ConfigMap of ours that a finalizer keeps, and its delete."""
    made = body()
    made["metadata"]["finalizers"] = ["example.com/hold"]
    created(bench, creation(), made)
    return delete(Side.GREEN, CONFIG, ours=True)


def let_go(bench: Bench) -> None:
    """Whoever holds the ConfigMap takes the finalizer away."""
    resource = Directory(bench.doors).resource(Side.GREEN, CONFIG)
    freed = {"metadata": {"finalizers": None}}
    bench.doors.green.write(Write(Verb.PATCH, resource, CONFIG.name, CONFIG.namespace, freed))


def test_a_delete_stays_until_its_object_is_gone(bench: Bench) -> None:
    """What a finalizer keeps is waited for to the deadline, and named with what keeps it."""
    action = clinging(bench)
    before = bench.doors.clock.now()
    (outcome,) = bench.delete.act([action])
    assert outcome.state is OutcomeState.FAILED
    assert "still stands (finalizers example.com/hold), since 60 s" in outcome.evidence
    assert (bench.doors.clock.now() - before).total_seconds() == pytest.approx(60, abs=1)


def test_a_signal_ends_the_staying(bench: Bench) -> None:
    """After a signal nobody waits for what lingers; it has not failed, and is asked to go again by the next run."""
    action, before = clinging(bench), bench.doors.clock.now()
    bench.stop.receive(15)
    (outcome,) = bench.delete.act([action])
    assert outcome.state is OutcomeState.ABSENT
    assert outcome.evidence == "stopped while waiting for ConfigMap default/settings to be gone"
    assert bench.doors.clock.now() == before
    assert bench.delete.observe(action).state is State.PARTIAL
    let_go(bench)
    (outcome,) = bench.delete.act([action])
    assert outcome.state is OutcomeState.DONE


def test_a_signal_in_the_middle_of_the_staying(bench: Bench) -> None:
    """What went before the signal is done, what still lingers is not; the wait ends at the next look."""
    action = clinging(bench)
    other = CONFIG._replace(name="others")
    plain = body()
    plain["metadata"]["name"] = other.name
    created(bench, creation(other), plain)

    class Signalled(Fuse):
        def around(self, words: str, call: Any) -> Any:
            answer = call()
            if words.startswith("clock sleep"):
                self.calls.append(words)
                if len(self.calls) == 3:
                    bench.stop.receive(2)
            return answer

    fuse = Signalled()
    bench.doors = behind(bench.doors, fuse)
    outcomes = bench.delete.act([action, delete(Side.GREEN, other, ours=True)])
    assert [o.state for o in outcomes] == [OutcomeState.ABSENT, OutcomeState.DONE]
    assert len(fuse.calls) == 3
