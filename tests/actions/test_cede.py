"""Ceding an object's fields and claiming them back: over the version that was read, and no value changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from migrate.actions.cede import Cede, Reclaim, as_offered, cede
from migrate.actions.seeing import MANY
from migrate.doors.cluster import FIELD_MANAGER, Verb, Write
from migrate.errors import Unreachable
from migrate.model import marks
from migrate.model.action import Action, Outcome, OutcomeState, State
from migrate.model.canonical import canonical
from migrate.model.ceding import shares
from migrate.model.ids import Side
from migrate.model.objects import Object, Ref, Resource, dig
from migrate.model.ownership import entries_of
from migrate.simulation.server import SimulatedCluster
from tests.actions.conftest import Bench
from tests.actions.objects import CONFIG, body
from tests.actions.test_seeing import Counting, counted, refs

FLUX = {
    "manager": "flux",
    "operation": "Apply",
    "apiVersion": "v1",
    "fieldsType": "FieldsV1",
    "fieldsV1": {"f:data": {"f:k": {}}},
}
"""Who has the field on blue."""


def resource(bench: Bench) -> Resource:
    """ConfigMaps, as green serves them."""
    return next(r for r in bench.doors.green.resources() if r.kind == "ConfigMap")


def written(bench: Bench, ref: Ref = CONFIG, **data: str) -> Object:
    """What this run made."""
    whole = body(**data)
    whole = {**whole, "metadata": {**whole["metadata"], "name": ref.name, "namespace": ref.namespace}}
    return bench.doors.green.write(Write(Verb.CREATE, resource(bench), ref.name, ref.namespace, whole))


def changed(bench: Bench, change: dict[str, Any]) -> None:
    """A merge patch, after which the object is at a later version."""
    bench.doors.green.write(Write(Verb.PATCH, resource(bench), CONFIG.name, CONFIG.namespace, change))


def ceding(obj: Object, ref: Ref = CONFIG, owners: Sequence[Any] = (FLUX,)) -> Action:
    """Cede it to Flux."""
    return cede(ref, uid=str(dig(obj, "metadata", "uid")), shares=shares(obj, FIELD_MANAGER, owners), turn=1)


def many(bench: Bench, count: int) -> list[Action]:
    """So many objects of ours to be ceded, as the step has read them."""
    made = {ref: written(bench, ref) for ref in sorted(refs(count))}
    actions = [ceding(obj, ref) for ref, obj in made.items()]
    bench.bodies.offer({a.key: as_offered(obj) for a, obj in zip(actions, made.values(), strict=True)})
    return actions


def done(handler: Cede | Reclaim, action: Action) -> tuple[Action, Outcome]:
    """Prepare an Action and do it."""
    (ready,) = handler.prepare([action])
    (outcome,) = handler.act([ready])
    return ready, outcome


def owners(bench: Bench) -> dict[str, Any]:
    """Each manager's data."""
    found = bench.read(Side.GREEN, CONFIG) or {}
    return {entry["manager"]: dig(entry, "fieldsV1", "f:data", default=None) for entry in entries_of(found)}


def test_it_is_ceded_and_claimed_back(bench: Bench) -> None:
    """Our marks stay ours until the finish takes them off; the way back has the owners of before."""
    before = written(bench)
    action = ceding(before)
    assert Cede(bench.reach()).observe(action).state is State.ABSENT
    ready, outcome = done(Cede(bench.reach()), action)
    assert (outcome.state, owners(bench)) == (OutcomeState.DONE, {"flux": {"f:k": {}}, FIELD_MANAGER: None})
    assert Cede(bench.reach()).observe(action).state is State.DONE
    assert ready.inverse is not None
    _, back = done(Reclaim(bench.reach()), ready.inverse)
    assert (back.state, owners(bench)) == (OutcomeState.DONE, {FIELD_MANAGER: {"f:k": {}}})
    assert Reclaim(bench.reach()).observe(ready.inverse).state is State.DONE
    assert (bench.read(Side.GREEN, CONFIG) or {})["data"] == before["data"]


def test_what_changed_since_it_was_read_is_read_again(bench: Bench) -> None:
    """The version of the step's reading is old; nothing of the later one is lost."""
    before = written(bench)
    changed(bench, {"data": {"late": "1"}})
    action = ceding(before)
    bench.bodies.offer({action.key: as_offered(before)})
    assert done(Cede(bench.reach()), action)[1].state is OutcomeState.DONE
    assert (bench.read(Side.GREEN, CONFIG) or {})["data"] == {"k": "v", "late": "1"}
    assert owners(bench) == {"flux": {"f:k": {}}, FIELD_MANAGER: None}


def test_another_object_of_that_name_keeps_its_owners(bench: Bench) -> None:
    """The UID that the step has read is the one that is meant; what is gone needs nothing."""
    action = ceding(written(bench))
    stranger = Action(action.kind, action.key, {**action.params, "uid": "another"})
    assert done(Cede(bench.reach()), stranger)[1].state is OutcomeState.DONE
    assert FIELD_MANAGER in owners(bench)
    assert "flux" not in owners(bench)
    bench.doors.green.write(Write(Verb.DELETE, resource(bench), CONFIG.name, CONFIG.namespace))
    assert done(Cede(bench.reach()), action)[1].state is OutcomeState.DONE


@pytest.mark.parametrize(
    ("error", "state"), [("forbidden", OutcomeState.FAILED), ("unreachable", OutcomeState.UNKNOWN)]
)
def test_a_server_that_refuses_or_is_silent(bench: Bench, error: str, state: OutcomeState) -> None:
    """A refusal is a failure, silence leaves it in doubt, and it may be done again."""
    (action,) = Cede(bench.reach()).prepare([ceding(written(bench))])
    bench.world.failures.refuse(
        Side.GREEN, verb="patch", resource="configmaps", error=error, message="no thanks"
    )
    (outcome,) = Cede(bench.reach()).act([action])
    assert outcome.state is state
    bench.world.failures.forgive()
    (again,) = Cede(bench.reach()).act([action])
    assert (again.state, marks.RUN in str(entries_of(bench.read(Side.GREEN, CONFIG) or {}))) == (
        OutcomeState.DONE,
        True,
    )


def test_what_a_manager_wrote_since_stays_its_own_on_the_way_back(bench: Bench) -> None:
    """It gets no field from us that it would lose to nobody: what it was given is ours again, and the rest its."""
    ready, _ = done(Cede(bench.reach()), ceding(written(bench)))
    flux = SimulatedCluster(bench.world.store, Side.GREEN, manager="flux")
    metadata = {"name": CONFIG.name, "namespace": CONFIG.namespace}
    applied = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": "v", "own": "1"}}
    flux.write(Write(Verb.APPLY, resource(bench), CONFIG.name, CONFIG.namespace, applied))
    assert ready.inverse is not None
    assert done(Reclaim(bench.reach()), ready.inverse)[1].state is OutcomeState.DONE
    assert owners(bench) == {"flux": {"f:own": {}}, FIELD_MANAGER: {"f:k": {}}}


@pytest.mark.parametrize("keys", [1, 300])
def test_an_intent_has_each_field_once(bench: Bench, keys: int) -> None:
    """What is ceded, and its way back, in little more than what the server says of who owns it."""
    obj = written(bench, CONFIG, **{f"key-{n}": "v" for n in range(keys)})
    fields: dict[str, Any] = {"f:data": {f"f:key-{n}": {} for n in range(keys)}}
    (ready,) = Cede(bench.reach()).prepare([ceding(obj, owners=[{**FLUX, "fieldsV1": fields}])])
    assert ready.inverse is not None
    size, owned = len(canonical(ready.as_json())), len(canonical(entries_of(obj)))
    assert size < 1.2 * owned + 800
    assert len(canonical(ready.inverse.as_json(ready.params))) < 200
    assert Action.of_json(ready.as_json()) == ready


def test_an_intent_says_nothing_that_an_object_says(bench: Bench) -> None:
    """Fields have names there, and no values; nor does what the step hands over."""
    obj = written(bench, password="hunter2")
    assert "hunter2" not in canonical([ceding(obj).as_json(), as_offered(obj)])


@pytest.mark.parametrize("count", [MANY - 1, 200, 600])
def test_many_are_read_by_pages(bench: Bench, count: int) -> None:
    """Either way, in batches as the engine does them; looking at those in doubt likewise. Fewer are read one by one."""
    actions = many(bench, count)
    backs = [action.inverse for action in actions if action.inverse is not None]
    fuse = counted(bench, Counting())
    there, back = Cede(bench.reach()), Reclaim(bench.reach())
    assert {o.state for o in there.act(there.prepare(actions))} == {OutcomeState.DONE}
    assert (fuse.count("read green configmaps"), fuse.count("write patch")) == (0, count)
    bench.bodies.offer({})

    for handler, state, some in ((there, State.DONE, actions), (back, State.ABSENT, backs)):
        fuse.words.clear()
        assert {o.state for o in handler.observe_many(some)} == {state}
        assert fuse.count("read green configmaps default/") == (count if count < MANY else 0)
        assert fuse.count("read green configmaps") <= (count if count < MANY else 2)

    fuse.words.clear()
    for first in range(0, count, 200):
        batch = backs[first : first + 200]
        assert {o.state for o in back.act(back.prepare(batch))} == {OutcomeState.DONE}
    assert fuse.count("write patch") == count
    assert fuse.count("read green configmaps") <= (count if count < MANY else 2)
    assert {o.state for o in back.observe_many(backs)} == {State.DONE}


def test_what_changed_since_its_page_was_read_is_read_by_itself(bench: Bench) -> None:
    """A page is older than the write: nobody's later word is lost, and what is gone by then needs nothing."""
    actions = many(bench, 40)
    assert {o.state for o in Cede(bench.reach()).act(actions)} == {OutcomeState.DONE}
    bench.bodies.offer({})
    kind, flux = resource(bench), SimulatedCluster(bench.world.store, Side.GREEN, manager="flux")
    late, gone, another = sorted(refs(40))[3:6]

    def meanwhile() -> None:
        flux.write(Write(Verb.PATCH, kind, late.name, late.namespace, {"data": {"late": "1"}}))
        flux.write(Write(Verb.DELETE, kind, gone.name, gone.namespace))
        flux.write(Write(Verb.DELETE, kind, another.name, another.namespace))
        theirs = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": another.name},
            "data": {"k": "theirs"},
        }
        flux.write(Write(Verb.CREATE, kind, another.name, another.namespace, theirs))

    counted(bench, Counting("write patch green", meanwhile))
    back = [action.inverse for action in actions if action.inverse is not None]
    assert {o.state for o in Reclaim(bench.reach()).act(back)} == {OutcomeState.DONE}
    found = bench.read(Side.GREEN, late) or {}
    assert found["data"] == {"k": "v", "late": "1"}
    assert sorted(entry["manager"] for entry in entries_of(found)) == [FIELD_MANAGER, "flux"]
    assert bench.read(Side.GREEN, gone) is None
    assert [entry["manager"] for entry in entries_of(bench.read(Side.GREEN, another) or {})] == ["flux"]


class Mute(Counting):
    """A server of which this cannot be read."""

    def around(self, words: str, call: Any) -> Any:
        """Answer everything else."""
        if words.startswith("read green configmaps"):
            message = "no answer"
            raise Unreachable(message)
        return super().around(words, call)


@pytest.mark.parametrize("count", [1, MANY])
def test_what_cannot_be_read_is_in_doubt(bench: Bench, count: int) -> None:
    """A door's error is an outcome, as everywhere; read again, it is done."""
    actions = many(bench, count)
    assert {o.state for o in Cede(bench.reach()).act(actions)} == {OutcomeState.DONE}
    bench.bodies.offer({})
    back = [action.inverse for action in actions if action.inverse is not None]
    doors = bench.doors
    counted(bench, Mute())
    outcomes = Reclaim(bench.reach()).act(back)
    assert {(o.state, "no answer" in o.evidence) for o in outcomes} == {(OutcomeState.UNKNOWN, True)}
    assert {o.state for o in Reclaim(bench.reach(doors)).act(back)} == {OutcomeState.DONE}
