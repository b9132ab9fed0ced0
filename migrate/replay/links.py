"""Owners: which of them an object gets back on green, and why not the others.

A reference names its owner by UID, and green gives everything another one; so it is written once both stand there. A
UID that green does not know would be worse than none: green's garbage collector deletes what only absent owners own.
Source: https://kubernetes.io/docs/concepts/architecture/garbage-collection/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from migrate.model.decision import Decision, Form
from migrate.model.groups import BUILT_IN_GROUPS
from migrate.model.ids import RunId
from migrate.model.inventory import Inventory
from migrate.model.link import Link
from migrate.model.marks import RUN
from migrate.model.objects import Object, Ref, annotations_of, controller_of, group_of, kind_of, metadata_of
from migrate.model.verdict import Verdict, failed, passed
from migrate.replay import kinds
from migrate.replay.blue import Blue
from migrate.replay.decisions import MERGED_RULES
from migrate.replay.rules.owners import OWNED

CHECK = "owner references"

SHOWN = 5
"""References that a verdict spells out."""

Fate = Callable[[Ref], Decision | None]
"""What is decided of an object of blue."""


Links = Mapping[Ref, Sequence[Link]]
"""The links of objects, by object."""


def links_of(decision: Decision, obj: Object, blue: Blue, fate: Fate) -> tuple[Link, ...]:
    """The links of one object of blue; none where it does not come to green itself.

    What a built-in controller controls it takes hold of by itself, by labels. What the operator's word brings over
    beside the custom resource that controls it, a password say, its operator would not touch without the reference.
    """
    if decision.target is None:
        return ()
    owners = [
        owner
        for owner in metadata_of(obj).get("ownerReferences") or ()
        if not owner.get("controller") or group_of(owner) not in BUILT_IN_GROUPS
    ]
    found = {o.get("uid"): _link(decision, o, blue, fate) for o in owners}
    return tuple(found.values())


def _link(decision: Decision, reference: Mapping[str, Any], blue: Blue, fate: Fate) -> Link:
    known = blue.by_uid.get(str(reference.get("uid")))
    owner = known or Ref(group_of(reference), kind_of(reference), "", str(reference.get("name", "")))
    of_owner = fate(owner) if known else None
    return Link(
        owner,
        str(reference.get("apiVersion", "")).rpartition("/")[2],
        blocks=bool(reference.get("blockOwnerDeletion")),
        controls=bool(reference.get("controller")),
        late=Form.DEFERRED in {decision.form, of_owner.form if of_owner else None},
        obstacle=_unreadable(owner, blue) if known is None else _obstacle(decision, owner, of_owner),
    )


def _unreadable(owner: Ref, blue: Blue) -> str:
    return "it is not on blue any more" if (owner.group, owner.kind) in blue.kinds else "it could not be read"


def _obstacle(decision: Decision, owner: Ref, of_owner: Decision | None) -> str:
    """Why green does not get a reference to an owner that is on blue."""
    ref = decision.ref
    if owner == ref:
        return "it names the object itself"
    if owner.namespace not in {"", ref.namespace}:
        return "nothing is owned from another namespace"
    if (ref.group, ref.kind) == kinds.CLAIM and (owner.group, owner.kind) == kinds.STATEFUL_SET:
        return "green's set takes hold of its claims by its own policy"
    if decision.rule in MERGED_RULES:
        return "green has the object of its own"
    if of_owner is None or of_owner.form is Form.UNDECIDED:
        return "it needs a decision itself"
    if of_owner.form is Form.SKIPPED:
        anew = of_owner.rule == OWNED or of_owner.rule.startswith("managed.")
        return "green makes another one of its own" if anew else f"it stays on blue ({of_owner.rule})"
    return "green has it of its own" if of_owner.rule in MERGED_RULES else ""


@dataclass(frozen=True, slots=True)
class Resolved:
    """References as green needs them, by object, and the links that cannot be written, with why."""

    references: Mapping[Ref, Sequence[Mapping[str, Any]]]
    without: Sequence[tuple[Ref, Link]]


def resolve(links: Links, green: Inventory, run: RunId, *, late: bool = False) -> Resolved:
    """Find the owners on `green`, which was read with every kind of `links`; `late` ones are passed over unless asked for."""
    references: dict[Ref, list[Mapping[str, Any]]] = {}
    without: list[tuple[Ref, Link]] = []
    for ref, of_object in sorted(links.items()):
        for link in of_object:
            if link.late and not link.obstacle and not late:
                continue
            obstacle = link.obstacle or _on_green(ref, link, green, run)
            if obstacle:
                without.append((ref, replace(link, obstacle=obstacle)))
            else:
                references.setdefault(ref, []).append(_reference(link, green))
    return Resolved(references, without)


def _on_green(ref: Ref, link: Link, green: Inventory, run: RunId) -> str:
    """What on green stands against a link; empty where nothing does."""
    for what, found in (("it", green.find(link.owner)), ("the object", green.find(ref))):
        if found is None:
            return f"{what} is not on green"
        if annotations_of(found).get(RUN) != run:
            return f"{what} is not from this run on green"
        if metadata_of(found).get("deletionTimestamp"):
            return f"{what} is being deleted on green"
    owner, there = green.find(link.owner) or {}, controller_of(green.find(ref) or {})
    if link.controls and there is not None and there.get("uid") != metadata_of(owner).get("uid"):
        return f"{there.get('kind')} {there.get('name')} controls the object on green"
    return ""


def _reference(link: Link, green: Inventory) -> dict[str, Any]:
    """The reference as green takes it, in the version of the owner that blue names where green serves that."""
    resource = green.resource(link.owner.kind, link.owner.group)
    found = green.find(link.owner) or {}
    version = resource.at(link.version) if resource and link.version in resource.versions else resource
    value = {
        "apiVersion": version.api_version if version else str(found.get("apiVersion", "")),
        "kind": link.owner.kind,
        "name": link.owner.name,
        "uid": str(metadata_of(found).get("uid", "")),
    }
    said = {"blockOwnerDeletion": link.blocks, "controller": link.controls}
    return value | {key: True for key, true in said.items() if true}


def lacking(resolved: Resolved, green: Inventory) -> Iterator[tuple[Ref, Sequence[Mapping[str, Any]]]]:
    """The objects of green that lack references, with those that they lack."""
    for ref, references in resolved.references.items():
        there = {o.get("uid") for o in metadata_of(green.find(ref) or {}).get("ownerReferences") or ()}
        missing = [reference for reference in references if reference["uid"] not in there]
        if missing:
            yield ref, missing


def judged(links: Links, resolved: Resolved, green: Inventory) -> Verdict:
    """Say how many references stand on green, and which do not and will not; fails where one should and does not."""
    bad = [f"{ref} to {r['kind']} {r['name']}" for ref, lost in lacking(resolved, green) for r in lost]
    total = sum(map(len, resolved.references.values()))
    if bad:
        words = f"{len(bad)} of {total} do not stand on green: {_shown(bad)}"
        remedy = (
            "Something took them away on green, or blue has named them since: "
            "cnimigrate rollback --to build, then run links today's."
        )
        return failed(CHECK, words, remedy)
    late = sum(link.late and not link.obstacle for of_object in links.values() for link in of_object)
    parts = [f"{total} stand with green's own UIDs"]
    parts += [f"{late} of what is made at the cutover"] if late else []
    if resolved.without:
        shown = _shown([f"{ref}: {link}" for ref, link in resolved.without])
        parts.append(f"{len(resolved.without)} not carried over: {shown}")
    return passed(CHECK, "; ".join(parts))


def _shown(lines: Sequence[str]) -> str:
    return "; ".join(lines[:SHOWN]) + (f"; and {len(lines) - SHOWN} more" if len(lines) > SHOWN else "")


def ends(links: Links) -> frozenset[Ref]:
    """What is linked and what it is linked to."""
    pairs = ((ref, one.owner) for ref, found in links.items() for one in found if not one.obstacle)
    return frozenset(ref for pair in pairs for ref in pair)
