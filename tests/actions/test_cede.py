"""Ceding an object's fields and claiming them back: over the version that was read, and no value changes."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.actions.cede import Cede, Reclaim, cede
from migrate.doors.cluster import FIELD_MANAGER, Verb, Write
from migrate.model import marks
from migrate.model.action import Action, Outcome, OutcomeState, State
from migrate.model.ids import Side
from migrate.model.objects import Object, Resource, dig
from migrate.model.ownership import entries_of
from tests.actions.conftest import Bench
from tests.actions.objects import CONFIG, body

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


def written(bench: Bench) -> Object:
    """What this run made."""
    return bench.doors.green.write(Write(Verb.CREATE, resource(bench), CONFIG.name, CONFIG.namespace, body()))


def changed(bench: Bench, change: dict[str, Any]) -> None:
    """A merge patch, after which the object is at a later version."""
    bench.doors.green.write(Write(Verb.PATCH, resource(bench), CONFIG.name, CONFIG.namespace, change))


def ceding(obj: Object) -> Action:
    """Cede it to Flux."""
    return cede(CONFIG, uid=str(dig(obj, "metadata", "uid")), owners=[FLUX])


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
    bench.bodies.offer({action.key: before})
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
