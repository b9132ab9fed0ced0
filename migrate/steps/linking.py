"""Link what was written to the owners that it had on blue, once both stand on green; what cannot be is told."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from migrate import replay
from migrate.actions.link import link, unlink
from migrate.actions.reach import target_of
from migrate.actions.record import record
from migrate.doors.reading import listable
from migrate.engine.step import Batches, Scene
from migrate.model.action import Action, Outcome
from migrate.model.ids import ActionKey
from migrate.model.inventory import Inventory
from migrate.model.link import Link
from migrate.model.objects import Object, Ref, Resource, group_of, metadata_of, ref_of
from migrate.model.verdict import Verdict, failed
from migrate.replay import links as linking
from migrate.steps.anew import recorded_anew
from migrate.steps.base import chunks

LATE = "late"
"""The fact under which the record keeps the links of what is made only at the cutover."""


def linked(scene: Scene, decisions: replay.Decisions) -> Batches:
    """Link what stands, and record that with what follows at the cutover, and what stays without and why."""
    # with the last link on blue its record changes too: the cutover reads from it what is to be linked then
    if decisions.links or scene.progress.stands(f"record {linking.CHECK}"):
        late = [
            {"ref": ref.as_json(), **one.as_json()}
            for ref, found in sorted(decisions.links.items())
            for one in found
            if one.late and not one.obstacle
        ]
        yield from _linked(scene, decisions.links, linking.CHECK, {LATE: late} if late else {})


def given_up(scene: Scene, links: linking.Links) -> Batches:
    """Take away what this run linked and is not to stand now: green's collector would go by it.

    That is what blue names no more, and what is to be linked only at the cutover: one of both ends leaves green until then.
    """
    gone: dict[Ref, list[Mapping[str, Any]]] = {}
    for intent in scene.progress.effects():
        if intent.action.kind == "link":
            ref = target_of(intent.action)[1]
            named = {
                (one.owner.group, one.owner.kind, one.owner.name)
                for one in links.get(ref, ())
                if not one.obstacle and not one.late
            }
            owners = intent.action.params["owners"]
            gone.setdefault(ref, []).extend(
                o for o in owners if (group_of(o), o["kind"], o["name"]) not in named
            )
    gone = {ref: owners for ref, owners in gone.items() if owners}
    green = standing(scene, gone) if gone else None
    todo = []
    for ref, owners in gone.items():
        obj = green.find(ref) if green is not None else None
        there = {o.get("uid") for o in metadata_of(obj or {}).get("ownerReferences") or ()}
        if obj is not None and (left := [o for o in owners if o["uid"] in there]):
            todo.append(unlink(ref, str(metadata_of(obj).get("uid", "")), left))
    yield from chunks(todo)


def linked_late(scene: Scene) -> Batches:
    """Link what was made at the cutover, and what that owns; nothing where the replay left nothing for it."""
    links: dict[Ref, list[Link]] = {}
    for value in scene.progress.recorded(linking.CHECK).get(LATE, ()):
        links.setdefault(Ref.of_json(value["ref"]), []).append(Link.of_json(value))
    if links:
        yield from _linked(scene, links, f"{linking.CHECK} of what was made at the cutover", {})


def owners_held(scene: Scene, decisions: replay.Decisions, green: Inventory) -> Iterator[Verdict]:
    """Whether what the replay linked is linked still; nothing of a replay that linked nothing, as an older one."""
    if decisions.links and scene.progress.stands(f"record {linking.CHECK}"):
        yield linking.judged(decisions.links, linking.resolve(decisions.links, green, scene.run), green)


def standing(scene: Scene, wanted: Collection[Ref]) -> Inventory:
    """These objects of green, by list pages; of each only what tells it and its owners."""
    kinds = {(ref.group, ref.kind) for ref in wanted}
    green = scene.doors.green
    resources = [r for r in listable(green.resources()) if (r.group, r.kind) in kinds]
    found = {r: list(_told(scene, r, wanted)) for r in resources}
    return Inventory(tuple(resources), found)


def _told(scene: Scene, resource: Resource, wanted: Collection[Ref]) -> Iterator[Object]:
    for page in scene.doors.green.pages(resource):
        for obj in page:
            if ref_of(obj) in wanted:
                yield {**{k: obj[k] for k in ("apiVersion", "kind")}, "metadata": metadata_of(obj)}


def _linked(scene: Scene, links: linking.Links, name: str, facts: Mapping[str, Any]) -> Batches:
    """Write what is lacking, then judge what green has."""
    ends = linking.ends(links)
    green = standing(scene, ends)
    resolved = linking.resolve(links, green, scene.run)
    read: dict[ActionKey, Object] = {}
    todo: list[Action] = []
    for ref, owners in linking.lacking(resolved, green):
        obj = green.find(ref) or {}
        todo.append(action := link(ref, str(metadata_of(obj).get("uid", "")), owners))
        read[action.key] = obj
    refused: list[Verdict] = []
    for batch in chunks(todo):
        scene.bodies.offer({action.key: read.pop(action.key) for action in batch})
        refused += _refused(batch, (yield batch))
    if todo:
        green = standing(scene, ends)
        resolved = linking.resolve(links, green, scene.run)
    said = record(name, refused or [linking.judged(links, resolved, green)], facts=facts)
    yield from recorded_anew(scene, said)


def _refused(batch: Sequence[Action], outcomes: Sequence[Outcome]) -> Iterator[Verdict]:
    """What green did not take, in its own words."""
    for action, outcome in zip(batch, outcomes, strict=True):
        if not outcome.stands:
            ref = target_of(action)[1]
            yield failed(f"owners of {ref}", outcome.evidence, outcome.remedy)
