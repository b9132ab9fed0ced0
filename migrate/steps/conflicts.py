"""Look, before the first object is written, which names are taken on green by objects of others; tell all at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from migrate import replay
from migrate.actions.adopt import adoption_key
from migrate.actions.create import creation_key
from migrate.actions.record import record
from migrate.doors.cluster import Verb, Write
from migrate.engine.step import Batches, Scene
from migrate.errors import DoorError, NotFound, Refused, Unauthorized
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, Resource, ref_of
from migrate.model.verdict import passed
from migrate.replay import conflicts
from migrate.replay.conflicts import Taken
from migrate.steps.anew import recorded_anew
from migrate.steps.base import CONFLICTS, body_of


def standing(scene: Scene, decisions: replay.Decisions) -> tuple[Taken, ...]:
    """What stands on green under the names of `decisions` and is not ours, read page by page; what was vouched for is ours."""
    wanted = conflicts.may_meet(decisions)
    kinds = {(ref.group, ref.kind) for ref in wanted}
    served = [decisions.at(r) for r in scene.doors.green.resources() if (r.group, r.kind) in kinds]
    found = {
        taken.ref: taken
        for resource in served
        for obj in _listed(scene, resource)
        if (decision := wanted.get(ref_of(obj))) is not None
        and not scene.progress.vouched(creation_key(decision.ref))
        and (taken := conflicts.taken(decision, obj, scene.migration, scene.run)) is not None
    }
    return tuple(found[ref] for ref in sorted(found))


def told(scene: Scene, blue: Inventory, decisions: replay.Decisions) -> Batches:
    """Record one verdict a taken name, and what is skipped or adopted; a name that is to stop ends the run (33)."""
    found = standing(scene, decisions)
    refused = _refused(scene, blue, decisions, [one for one in found if one.policy == "adopt" and one.paths])
    verdicts = list(conflicts.verdicts(found, refused))
    now = {v.check for v in verdicts}
    before = (v.check for v in scene.progress.verdicts(scene.batch) if v.check.startswith(conflicts.TAKEN))
    verdicts += [
        passed(check, "what stood there is ours now, or gone") for check in before if check not in now
    ]
    if verdicts:
        facts = conflicts.as_facts(found)
        facts[conflicts.ADOPTED] += _ours_now(scene, decisions, {one.ref for one in found})
        facts["foreign"] = any(not v.passed for v in verdicts)
        # where a skipped one differs, others may change any time: that is no news to act upon
        yield from recorded_anew(scene, record(CONFLICTS, verdicts, facts=facts))


def _ours_now(scene: Scene, decisions: replay.Decisions, taken: Collection[Ref]) -> list[dict[str, Any]]:
    """What was adopted by an earlier pass and is not another's again: as it was recorded, since nothing is new about it."""
    wanted = conflicts.may_meet(decisions)
    return [
        one
        for one in scene.progress.recorded(CONFLICTS).get(conflicts.ADOPTED, ())
        if (ref := Ref.of_json(one["ref"])) in wanted
        and ref not in taken
        and scene.progress.stands(adoption_key(ref))
    ]


def _listed(scene: Scene, resource: Resource) -> Iterator[Object]:
    try:
        for page in scene.doors.green.pages(resource):
            yield from page
    except NotFound:
        return  # served no more, or not yet


def _refused(
    scene: Scene, blue: Inventory, decisions: replay.Decisions, wanted: Sequence[Taken]
) -> Mapping[Ref, str]:
    """The adoptions that green's server would refuse, asked by a dry run: a field of another manager's is not taken."""
    served = {(r.group, r.kind): r for r in scene.doors.green.resources()}
    writes = []
    for one in wanted:
        decision, resource = decisions.of(one.ref), served[one.ref[:2]]
        assert decision is not None  # what is taken is taken from a decision
        body = body_of(scene, blue, decision)
        writes.append(
            Write(Verb.APPLY, resource, one.ref.name, one.ref.namespace, body, uid=one.uid, dry_run=True)
        )
    found: dict[Ref, str] = {}
    for one, answer in zip(wanted, scene.doors.green.write_many(writes), strict=True):
        if isinstance(answer, Refused) and not isinstance(answer, Unauthorized):
            found[one.ref] = str(answer)
        elif isinstance(answer, DoorError):
            raise answer
    return found
