"""Creates against the simulated API server and its faults: what is met, and what a lost reply leaves."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.actions.directory import Directory
from migrate.actions.reach import target_of
from migrate.errors import NotFound
from migrate.model.action import OutcomeState, State
from migrate.model.ids import Side
from migrate.model.objects import Object, annotations_of, dig
from migrate.simulation.faults import Fuse, behind
from tests.actions.conftest import Bench
from tests.actions.objects import CONFIG, NOWHERE, body, created, creation


def test_create_reads_the_reply(bench: Bench) -> None:
    """A created object stands, and its outcome carries the server's UID."""
    assert bench.create.observe(creation()).state is State.ABSENT
    outcome = created(bench, creation())
    assert outcome.state is OutcomeState.DONE
    assert outcome.facts["uid"] == dig(bench.read(Side.GREEN, CONFIG), "metadata", "uid")
    assert bench.create.observe(creation()).state is State.DONE


def test_create_adopts_its_own(bench: Bench) -> None:
    """An object of this run with the same hash is adopted, and created once."""
    created(bench, creation())
    assert created(bench, creation()).state is OutcomeState.ADOPTED
    assert bench.world.effects()["create green configmaps default/settings"] == 1


@pytest.mark.parametrize("there", [body(run="another"), body(digest="h0")])
def test_create_leaves_what_is_foreign(bench: Bench, there: Object) -> None:
    """What another run, or an earlier state of blue, has put there is foreign: unknown, with a remedy, untouched."""
    created(bench, creation(), there)
    outcome = created(bench, creation())
    assert (outcome.state, outcome.facts["foreign"]) == (OutcomeState.UNKNOWN, True)
    assert "workloads.rules" in outcome.remedy
    assert bench.create.observe(creation()).state is State.FOREIGN
    assert annotations_of(bench.read(Side.GREEN, CONFIG) or {}) == annotations_of(there)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        ("invalid", OutcomeState.FAILED), ("forbidden", OutcomeState.FAILED), ("transient", OutcomeState.FAILED),
        ("unreachable", OutcomeState.UNKNOWN),
    ],
)  # fmt: skip
def test_create_refused(bench: Bench, error: str, state: OutcomeState) -> None:
    """A refusal is a failure with a remedy; silence leaves the act in doubt."""
    bench.world.failures.refuse(Side.GREEN, resource="configmaps", error=error, message="no thanks")
    outcome = created(bench, creation())
    assert outcome.state is state
    assert outcome.evidence == "creating ConfigMap default/settings on green: no thanks"
    assert bool(outcome.remedy) is (state is OutcomeState.FAILED)


@pytest.mark.parametrize(
    ("error", "leave_out"), [("invalid", True), ("forbidden", False), ("transient", False)]
)
def test_only_what_green_does_not_accept_may_be_left_out(bench: Bench, error: str, leave_out: bool) -> None:
    """A busy server and a missing right say nothing about the object: the same command goes on, without a rule."""
    bench.world.failures.refuse(Side.GREEN, resource="configmaps", error=error)
    outcome = created(bench, creation())
    assert ("skip: true" in outcome.remedy) is leave_out
    assert ("same command" in outcome.remedy) is not leave_out
    bench.world.failures.forgive()
    assert created(bench, creation()).state is OutcomeState.DONE


def test_create_answered_with_something_else(bench: Bench) -> None:
    """A reply without our mark is a failure: a webhook that strips it would leave us without proof."""
    outcome = created(bench, creation(), {**body(), "metadata": {"name": "settings", "namespace": "default"}})
    assert outcome.state is OutcomeState.DONE  # nothing was marked, nothing was lost

    class Stripping(Fuse):
        def around(self, words: str, call: Any) -> Any:
            answer = call()
            return {**answer, "metadata": {"name": "x"}} if words.startswith("write") else answer

    bench.doors = behind(bench.doors, Stripping())
    other = CONFIG._replace(name="others")
    assert created(bench, creation(other), body()).state is OutcomeState.FAILED


def test_create_without_its_body(bench: Bench) -> None:
    """An Action whose body this process has not read fails without a request; the step offers it anew."""
    bench.bodies.offer({})
    (outcome,) = bench.create.act([creation()])
    assert outcome.state is OutcomeState.FAILED
    assert bench.read(Side.GREEN, CONFIG) is None


def test_creates_keep_their_order(bench: Bench) -> None:
    """Outcomes come in the order of the Actions, with one failure in the middle its own."""
    refs = [CONFIG._replace(name=f"c{n}") for n in range(3)]
    actions = [creation(ref) for ref in refs]
    bench.bodies.offer(
        {
            a.key: {**body(), "metadata": {**body()["metadata"], "name": r.name}}
            for a, r in zip(actions, refs, strict=True)
        }
    )
    bench.world.failures.refuse(Side.GREEN, name="c1")
    states = [o.state for o in bench.create.act(actions)]
    assert states == [OutcomeState.DONE, OutcomeState.FAILED, OutcomeState.DONE]


def test_a_kind_that_is_not_served(bench: Bench) -> None:
    """An object of a kind that green does not serve fails with words, and is absent when looked for."""
    assert created(bench, creation(NOWHERE)).state is OutcomeState.FAILED
    assert bench.create.observe(creation(NOWHERE)).state is State.ABSENT
    with pytest.raises(NotFound, match=r"serves no Widget of group 'example\.com'"):
        Directory(bench.doors).resource(Side.GREEN, NOWHERE)


def test_no_secret_is_a_parameter() -> None:
    """A create carries a hash and a name, and never the object."""
    action = creation()
    assert set(action.params) == {"side", "ref", "hash", "rule", "wave"}
    assert target_of(action) == (Side.GREEN, CONFIG)
