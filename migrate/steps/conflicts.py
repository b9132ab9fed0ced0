"""Look, before the first object is written, which names are taken on green by objects of others; tell all at once."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from migrate import replay
from migrate.actions.adopt import adoption_key
from migrate.actions.create import creation_key
from migrate.actions.reach import target_of
from migrate.actions.record import record
from migrate.doors.cluster import Verb, Write
from migrate.engine.step import Scene
from migrate.errors import DoorError, NotFound, Refused, Unauthorized
from migrate.model import marks
from migrate.model.action import Action, Outcome
from migrate.model.action_kinds import Delta, of_kind
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, Resource, annotations_of, metadata_of, ref_of
from migrate.model.progress import Progress
from migrate.model.verdict import passed
from migrate.replay import conflicts
from migrate.replay.conflicts import Taken
from migrate.steps.anew import recorded_anew
from migrate.steps.base import CONFLICTS, body_of


@dataclass(frozen=True)
class Standing:
    """What stood on green under names of ours when it was looked at.

    `written` has the source hash of what this run wrote or adopted and nobody deletes; `whole` has the object where it was
    not written by this run alone; `taken` is what is not ours; `acts` is how many this run had begun by then.
    """

    written: Mapping[Ref, str]
    whole: Mapping[Ref, Object]
    taken: tuple[Taken, ...]
    acts: int

    def now(self, progress: Progress) -> Standing:
        """The same, but for what this run has deleted since."""
        later = (i for i in islice(progress.intents(), self.acts, None) if i.stands)
        gone = {target_of(i.action)[1] for i in later if of_kind(i.action.kind).delta is Delta.DELETED}
        written = {ref: hash_ for ref, hash_ in self.written.items() if ref not in gone}
        whole = {ref: obj for ref, obj in self.whole.items() if ref not in gone}
        return replace(self, written=written, whole=whole) if gone else self


def standing(scene: Scene, decisions: replay.Decisions) -> Standing:
    """What stands on green under the names of `decisions`, read page by page."""
    wanted = conflicts.may_meet(decisions)
    kinds = {(ref.group, ref.kind) for ref in wanted}
    served = [decisions.at(r) for r in scene.doors.green.resources() if (r.group, r.kind) in kinds]
    written: dict[Ref, str] = {}
    whole: dict[Ref, Object] = {}
    for resource in served:
        for obj in _listed(scene, resource):
            if (ref := ref_of(obj)) not in wanted:
                continue
            # a list that begins again after an expired token may bring an object twice: the last counts
            written.pop(ref, None)
            whole.pop(ref, None)
            ours = annotations_of(obj).get(marks.RUN) == scene.run and "deletionTimestamp" not in metadata_of(
                obj
            )
            if ours:
                written[ref] = annotations_of(obj).get(marks.SOURCE_HASH, "")
            if not ours or scene.progress.stands(adoption_key(ref)):
                whole[ref] = obj
    found = {
        ref: one
        for ref, obj in whole.items()
        if not scene.progress.vouched(creation_key(ref))
        and (one := conflicts.taken(wanted[ref], obj, scene.migration, scene.run)) is not None
    }
    acts = sum(1 for _ in scene.progress.intents())
    return Standing(written, whole, tuple(found[ref] for ref in sorted(found)), acts)


def told(
    scene: Scene, blue: Inventory, decisions: replay.Decisions
) -> Generator[Sequence[Action], Sequence[Outcome], Standing]:
    """Record one verdict a taken name, and what is skipped or adopted; a name that is to stop ends the run (33).

    Returns what stood on green meanwhile, so that nobody has to read it again to know what is still to be written.
    """
    stood = standing(scene, decisions)
    found = stood.taken
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
    return stood


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
