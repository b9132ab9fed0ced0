"""Decide of every object of blue in which form it appears on green."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from migrate.model.decision import Decision, Form, Hold
from migrate.model.facts import OwnRanges
from migrate.model.ids import RuleId
from migrate.model.inventory import Inventory
from migrate.model.link import Link
from migrate.model.migration import Migration
from migrate.model.objects import Object, Ref, Resource, dig, labels_of, metadata_of, ref_of
from migrate.replay import hold, kinds
from migrate.replay.blue import Blue, creatable
from migrate.replay.classes import SERVING
from migrate.replay.decisions import MERGED_RULES, WRITTEN, Decisions
from migrate.replay.flags import flags
from migrate.replay.forms import FORMS
from migrate.replay.generations import generations
from migrate.replay.kinds import Kind
from migrate.replay.links import links_of
from migrate.replay.operator import of_kinds, operator_rule
from migrate.replay.outsiders import outside_turn
from migrate.replay.rule import Rule, Subject
from migrate.replay.rules import SKIPS
from migrate.replay.rules.green import NOT_SERVED, OTHER_VERSION
from migrate.replay.rules.never import NO_CREATE
from migrate.replay.rules.offspring import NEVER_TWICE
from migrate.replay.rules.owners import OWNED
from migrate.replay.rules.volumes import PAST_RULES
from migrate.replay.sanitise import AS_IT_IS, sanitise, setting_of
from migrate.replay.sanitising import Setting
from migrate.replay.status import with_status
from migrate.replay.surroundings import Surroundings
from migrate.replay.turns import Turn, turn_of
from migrate.replay.versions import Serves, modern
from migrate.replay.waves import CUSTOM, rank_of, wave_of

PAST_KINDS_ALONE = ("never.", "cni.", "managed.", "owner.", "finished.")
"""Families that a rule passes only where it names the kind: what the server, a network or a controller makes, and what is over."""


def decide_all(
    inventory: Inventory,
    migration: Migration,
    *,
    residue: frozenset[Ref],
    ranges: OwnRanges,
    green_resources: Sequence[Resource] | None,
    only: Collection[Ref] | None = None,
    classed: Mapping[Ref, str] | None = None,
    green_rbac: Inventory | None = None,
) -> Decisions:
    """Decide of every object of blue's inventory; an object that was listed twice is decided once.

    `residue` names what belongs to blue's CNI, `ranges` are blue's own addresses. `green_resources` is green's discovery,
    None while there is no green: then nothing is refused for not being served there. Targets share what they keep with
    the inventory's objects. With `only`, nothing is decided of other objects; they are still what the decision is taken
    among. What green takes in another version only is converted first, where a conversion is known. `classed` are classes
    of workloads that hold from an earlier pass: what was exclusive or unknown is not serving because its evidence is
    gone for a moment.
    `green_rbac` has green's RBAC objects (see `bootstrap_rbac`), None where they could not be read.
    """
    green = creatable(green_resources) if green_resources is not None else None
    inventory = modern(inventory, green)
    blue = Blue(inventory, migration, residue, green, ranges, classed or {}, green_rbac)
    subjects: dict[Ref, Subject] = {}
    for resource, obj in inventory:
        ref = ref_of(obj)
        subjects.setdefault(ref, Subject(resource, obj, ref))
    surroundings = Surroundings(blue, _left(subjects, blue))
    if green is not None:
        coming = _coming(subjects, surroundings)
        known = {**coming, **green}
        blue = Blue(inventory, migration, residue, known, ranges, classed or {}, green_rbac)
        surroundings = Surroundings(blue, surroundings.left)
    setting = setting_of(migration)
    wanted = subjects if only is None else subjects.keys() & only
    found = tuple(_decide(subjects[ref], surroundings, setting) for ref in sorted(wanted))
    links = _links(found, subjects, surroundings)
    depth = generations(_owners(found, subjects, blue))
    said = {ref: (*map(str, links.get(ref, ())), *depth.told(ref)) for ref in {*links, *depth.opened}}
    found = tuple(_saying(d, said[d.ref]) if d.ref in said else d for d in found)
    waiting = ((d.ref, surroundings.parents.of(d.ref)) for d in found if d.form is Form.DEFERRED)
    offspring = {ref: below for ref, below in waiting if below is not None}
    ordered = _with_order(found, subjects, surroundings, depth.of)
    return replace(ordered, links=links, offspring=offspring)


def _saying(decision: Decision, more: Iterable[str]) -> Decision:
    return replace(decision, evidence="; ".join(filter(None, (decision.evidence, *more))))


def _owners(
    found: Sequence[Decision], subjects: Mapping[Ref, Subject], blue: Blue
) -> Mapping[Ref, Sequence[Ref]]:
    """Whom the custom resources that are written belong to, controllers or not."""
    custom = [d.ref for d in found if d.wave == CUSTOM and d.form in WRITTEN]
    named = ((ref, metadata_of(subjects[ref].obj).get("ownerReferences") or ()) for ref in custom)
    return {
        ref: [blue.by_uid[o["uid"]] for o in owners if o.get("uid") in blue.by_uid] for ref, owners in named
    }


def _links(
    found: Sequence[Decision], subjects: Mapping[Ref, Subject], surroundings: Surroundings
) -> Mapping[Ref, Sequence[Link]]:
    """The owners that do not control; of owners beside what was decided of, as with `only`, it is decided here."""
    decided = {decision.ref: decision for decision in found}

    def fate(ref: Ref) -> Decision:
        if ref not in decided:
            decided[ref] = _decide(subjects[ref], surroundings, AS_IT_IS)
        return decided[ref]

    named = ((d.ref, links_of(d, subjects[d.ref].obj, surroundings.blue, fate)) for d in found)
    return {ref: links for ref, links in named if links}


def _left(subjects: Mapping[Ref, Subject], blue: Blue) -> Mapping[Ref, RuleId]:
    """The controllers that stay on blue, with the rule that leaves them: what they made is not made again on green.

    Of a chain the top is found first, then what it controls. What green has of its own is not left.
    """
    found = {blue.controller_of(subject.obj) for subject in subjects.values()}
    owners = {ref for ref in found if ref is not None and ref in subjects}
    above = {ref: blue.controller_of(subjects[ref].obj) for ref in owners}
    left: dict[Ref, RuleId] = {}
    open_ = owners
    while open_:
        surroundings = Surroundings(blue, left)
        tried = ((ref, _unformed(subjects[ref], surroundings)) for ref in open_)
        more = {ref: d.rule for ref, d in tried if d is not None and _leaves(d)}
        left = {**left, **more}
        # what is left changes the answer for what it controls, and for nothing else
        open_ = {ref for ref in owners - left.keys() if above[ref] in more}
    return left


def _leaves(decision: Decision) -> bool:
    made_there = decision.rule == OWNED or decision.rule.startswith(("managed.", "gitops."))
    return decision.form is Form.SKIPPED and not made_there


def _coming(subjects: Mapping[Ref, Subject], surroundings: Surroundings) -> Serves:
    """The kinds that green will serve once definitions and aggregated APIs of blue stand on it, as blue serves them."""
    coming: set[Kind] = set()
    groups: set[str] = set()
    for subject in subjects.values():
        if subject.kind not in {kinds.DEFINITION, kinds.API_SERVICE}:
            continue
        if _decide(subject, surroundings, AS_IT_IS).form not in {*WRITTEN, Form.DEFERRED, Form.COMPARED}:
            continue
        group = str(dig(subject.obj, "spec", "group", default=""))
        if subject.kind == kinds.DEFINITION:
            coming.add((group, str(dig(subject.obj, "spec", "names", "kind", default=""))))
        else:
            groups.add(group)
    on_blue = surroundings.blue.serves
    return {kind: on_blue.get(kind, ()) for kind in coming | {kind for kind in on_blue if kind[0] in groups}}


def _unformed(subject: Subject, surroundings: Surroundings) -> Decision | None:
    """The decision on an object that is left out, or asked about, by the first rule that says so."""
    said = operator_rule(surroundings.blue.migration, subject.ref, labels_of(subject.obj))
    if said is not None:
        rule_id, word = said
        if word.skip:
            return Decision(subject.ref, Form.SKIPPED, rule_id, word.reason)
        found = _left_out(subject, surroundings, PAST_KINDS_ALONE) if of_kinds(word) else None
        note = f"{rule_id} names no kind, and does not bring it"
        return replace(found, evidence="; ".join(filter(None, (note, found.evidence)))) if found else None
    return _left_out(subject, surroundings)


def _left_out(
    subject: Subject, surroundings: Surroundings, families: tuple[str, ...] = ("",)
) -> Decision | None:
    """The decision by the first built-in rule, of these families, that leaves an object out or asks about it."""
    for rule in _skips(subject.kind):
        evidence = rule.matches(subject, surroundings) if rule.id.startswith(families) else None
        if evidence is not None:
            return Decision(subject.ref, rule.form, rule.id, rule.reason, evidence=evidence)
    return None


def _decide(subject: Subject, surroundings: Surroundings, setting: Setting) -> Decision:
    left_out = _unformed(subject, surroundings)
    if left_out is not None:
        return _wanted(left_out, subject, surroundings, setting)
    said = operator_rule(surroundings.blue.migration, subject.ref, labels_of(subject.obj))
    if said is None:
        return _formed(subject, surroundings, setting)
    rule_id, word = said
    built_in = _left_out(subject, surroundings)
    if not (word.replay or word.hold):
        hint = "the rule decides nothing: write skip, replay or hold"
        return Decision(subject.ref, Form.UNDECIDED, rule_id, word.reason, evidence=hint)
    subject = subject.said("hold" if word.hold else "replay")
    for impossible in (NO_CREATE, NOT_SERVED, OTHER_VERSION, *PAST_RULES, NEVER_TWICE):
        speaks = impossible.kinds is None or subject.kind in impossible.kinds
        evidence = impossible.matches(subject, surroundings) if speaks else None
        if evidence is not None:
            note = f"{rule_id} asks for it; {evidence}"
            return Decision(subject.ref, Form.UNDECIDED, impossible.id, impossible.reason, evidence=note)
    decision = _formed(subject, surroundings, setting)
    if decision.rule in MERGED_RULES:  # the rule's id says how it is written
        note = "; ".join(filter(None, (f"{rule_id} asks for it: {word.reason}", decision.evidence)))
        return replace(decision, evidence=note)
    overruled = f"against {built_in.rule}" if built_in and built_in.form is Form.SKIPPED else ""
    note = "; ".join(filter(None, (f"as by {decision.rule}", overruled, decision.evidence)))
    decision = replace(decision, rule=rule_id, reason=word.reason, evidence=note)
    return with_status(decision, subject.obj, surroundings.blue) if word.status else decision


def _wanted(decision: Decision, subject: Subject, surroundings: Surroundings, setting: Setting) -> Decision:
    """The decision with what is to be found on green, where somebody else makes it there."""
    if decision.form is not Form.COMPARED:
        return decision
    runs = subject.kind in kinds.WORKLOADS or subject.kind == kinds.POD
    word = surroundings.classes.of(subject.obj).word if runs else ""
    return replace(decision, target=sanitise(subject.obj, setting.compared), workload_class=word)


def _formed(subject: Subject, surroundings: Surroundings, setting: Setting) -> Decision:
    tried = ((rule, rule.matches(subject, surroundings)) for rule in _forms(subject.kind))
    rule, matched = next(
        (rule, matched) for rule, matched in tried if matched is not None
    )  # the last takes everything
    target = sanitise(subject.obj, setting)
    shape = rule.shape(subject, surroundings, target)
    literals = surroundings.blue.literals.literals(target)  # before it is held: what is taken away comes back
    form, record = rule.form, shape.hold
    if subject.word == "hold" and form is Form.REPLAYED:
        # what has no dormant form of its own is held by not being there
        form, record = Form.DEFERRED, hold.deferred(shape.target)
    return Decision(
        ref=subject.ref,
        form=form,
        rule=rule.id,
        reason=rule.reason,
        wave=9 if rule.id == "replay.webhook-backend" else wave_of(subject.kind),
        target=shape.target,
        hold=record,
        workload_class=shape.workload_class,
        evidence="; ".join(filter(None, (matched, shape.evidence, *flags(subject, surroundings, literals)))),
        literals=literals,
        turn=_turn(subject, surroundings, record) if record is not None else 0,
    )


def _turn(subject: Subject, surroundings: Surroundings, record: Hold) -> Turn:
    return turn_of(
        subject.kind,
        rests=record.rest_blue is not None,
        outside=outside_turn(kinds.pod_of(subject.kind, subject.obj)),
        awaited=subject.ref in surroundings.admission.awaited or subject.ref in surroundings.parents.makers,
    )


def _with_order(
    found: tuple[Decision, ...],
    subjects: Mapping[Ref, Subject],
    surroundings: Surroundings,
    depth: Mapping[Ref, int],
) -> Decisions:
    ranks: dict[Ref, int] = {}
    startable: set[Ref] = set()
    waits: dict[Ref, tuple[Ref, ...]] = {}
    for decision in found:
        if decision.form is Form.COMPARED and decision.workload_class:
            startable.add(decision.ref)  # it runs on green already
        if decision.target is None or decision.form is Form.COMPARED:
            continue
        obj: Object = subjects[decision.ref].obj
        level = surroundings.admission.level(decision.ref) if decision.wave == 9 else 0
        ranks[decision.ref] = depth.get(decision.ref, rank_of(decision.ref, obj, level))
        if decision.wave == 9 and decision.workload_class:
            startable.add(decision.ref)
        elif decision.form is Form.HELD and decision.workload_class:
            waiting = surroundings.admission.waits_for(decision.ref)
            if waiting:
                waits[decision.ref] = waiting
            elif decision.workload_class == SERVING and surroundings.classes.of(obj).may_start:
                startable.add(decision.ref)
        elif decision.form is Form.DEFERRED and (below := surroundings.parents.of(decision.ref)):
            changers = {ref for c in below.children for ref in surroundings.admission.waits_for(c.ref)}
            if changers:
                waits[decision.ref] = tuple(sorted(changers))
    return Decisions(found, frozenset(startable), waits, ranks)


@lru_cache(maxsize=1024)
def _skips(kind: Kind) -> tuple[Rule, ...]:
    return tuple(rule for rule in SKIPS if rule.kinds is None or kind in rule.kinds)


@lru_cache(maxsize=1024)
def _forms(kind: Kind) -> tuple[Rule, ...]:
    return tuple(rule for rule in FORMS if rule.kinds is None or kind in rule.kinds)
