"""Names on green that are taken by objects of others: what stands there, and what the migration file wants done.

Looked at before the first object of the replay is written. What appears later is met by its create, and stops the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from migrate.model import marks
from migrate.model.decision import Decision, Form
from migrate.model.ids import RunId
from migrate.model.inventory import Inventory
from migrate.model.migration import Migration, OnConflict
from migrate.model.objects import Object, Ref, annotations_of, dig, labels_of, ref_of
from migrate.model.verdict import Verdict, failed, passed
from migrate.replay.decisions import BACKENDS, MERGED_RULES, WRITTEN, Decisions
from migrate.replay.kinds import NAMESPACE, WORKLOADS
from migrate.replay.operator import on_conflict
from migrate.replay.parity import SHOWN, apart, beside
from migrate.replay.rules.standing import PROVIDED, PROVIDES, STANDS

TAKEN = "on green "
"""How the check about each taken name begins."""

SKIPPED, ADOPTED = "skipped", "adopted"


@dataclass(frozen=True, slots=True)
class Taken:
    """A name that an object of another hand has on green: where that differs from ours or has more, and what is to be done.

    `policy` is stop where the file wants something that cannot be done; `why` says what decided it.
    """

    ref: Ref
    policy: OnConflict
    why: str
    paths: tuple[str, ...] = ()
    uid: str = ""
    beside: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The object and how it stands there; paths, no values."""
        return f"{self.ref} stands on green and is not from this run: {self.how}"

    @property
    def how(self) -> str:
        """Whether it is equal to what would be written, else where it differs, and what it has beside that."""
        said = [f"differs at {_some(self.paths)}"] if self.paths else []
        said += [f"has beside it {_some(self.beside)}"] if self.beside else []
        return "; ".join(said) or "equal to what would be written"

    def as_json(self) -> dict[str, Any]:
        """What is taken, as JSON: paths, no values."""
        equal = not (self.paths or self.beside)
        return {
            "policy": self.policy,
            "why": self.why,
            "equal": equal,
            "differs": list(self.paths),
            "beside": list(self.beside),
        }


def may_meet(decisions: Decisions) -> Mapping[Ref, Decision]:
    """What a create of this run might meet on green; what green makes itself is merged into, and no conflict."""
    forms = {*WRITTEN, Form.DEFERRED}
    return {d.ref: d for d in decisions.all if d.form in forms and d.rule not in MERGED_RULES}


def taken(decision: Decision, found: Object, migration: Migration, run: RunId) -> Taken | None:
    """What an object of green under a decision's name is to this run; None where it is its own, or is going."""
    marked = annotations_of(found).get(marks.RUN)
    if marked == run or dig(found, "metadata", "deletionTimestamp"):
        return None
    target = decision.target or {}
    policy, why = on_conflict(migration, decision.ref, labels_of(target))
    if policy == "adopt" and marked is not None:
        policy, why = "stop", f"it carries the marks of run {marked}, and is that run's to give up"
    if policy == "adopt" and decision.form is Form.DEFERRED:
        policy, why = "stop", "ours is made only at the cutover, so nothing is compared and adopted before"
    uid = str(dig(found, "metadata", "uid", default=""))
    wanted = marks.unmarked(target)
    return Taken(decision.ref, policy, why, apart(wanted, found), uid, beside(wanted, found))


def verdicts(found: Sequence[Taken], refused: Mapping[Ref, str]) -> Iterator[Verdict]:
    """One verdict a name; `refused` are the adoptions that green's server would not take, in its words."""
    for one in found:
        check = f"{TAKEN}{one.ref}"
        if one.policy == "stop":
            yield failed(check, f"{one} ({one.why})", _remedy(one.ref))
        elif words := refused.get(one.ref):
            said = f"{one}; it cannot be adopted: {words}"
            yield failed(check, said, f"Make these fields alike on both sides; or {_rule(one.ref, 'skip')}")
        else:
            done = "it stays as it is" if one.policy == "skip" else "it is adopted"
            if one.policy == "adopt" and one.beside:
                done += ", and what it has beside ours is judged with the rest of green"
            yield passed(check, f"{one}; {done} ({one.why})")


def as_facts(found: Sequence[Taken]) -> dict[str, Any]:
    """What the later steps have to know of it, for the journal."""
    policies: tuple[tuple[str, OnConflict], ...] = ((SKIPPED, "skip"), (ADOPTED, "adopt"))
    return {
        word: [{"ref": one.ref.as_json(), "why": one.why} for one in found if one.policy == policy]
        for word, policy in policies
    }


def provided(decisions: Decisions, green: Inventory, run: RunId) -> Decisions:
    """The decisions without the classes that `green` has of its own, and not from this run."""
    own = {
        ref_of(obj)
        for resource, obj in green
        if (resource.group, resource.kind) in PROVIDED and annotations_of(obj).get(marks.RUN) != run
    }
    return replace(
        decisions,
        all=tuple(
            Decision(d.ref, PROVIDES.form, PROVIDES.id, PROVIDES.reason) if d.ref in own else d
            for d in decisions.all
        ),
    )


def settled(decisions: Decisions, facts: Mapping[str, Any]) -> Decisions:
    """The decisions with what was left to green's own objects as skipped, by what was recorded."""
    left = {Ref.of_json(one["ref"]): str(one["why"]) for one in facts.get(SKIPPED, ())}
    if not left:
        return decisions
    return replace(
        decisions,
        all=tuple(
            Decision(
                d.ref,
                STANDS.form,
                STANDS.id,
                STANDS.reason,
                evidence=left[d.ref],
                wave=d.wave if d.form in WRITTEN else 0,
            )
            if d.ref in left
            else d
            for d in decisions.all
        ),
    )


def would_start(decisions: Decisions) -> tuple[Decision, ...]:
    """The webhook backends that the replay starts, or would start were green's own gone: the same, settled or not."""
    left = (d for d in decisions.all if d.rule == STANDS.id and d.wave == BACKENDS)
    return (*decisions.started_early, *(d for d in left if (d.ref.group, d.ref.kind) in WORKLOADS))


def adopted(facts: Mapping[str, Any]) -> frozenset[Ref]:
    """The objects of others that are to become ours, by what was recorded."""
    return frozenset(Ref.of_json(one["ref"]) for one in facts.get(ADOPTED, ()))


def own(decisions: Decisions) -> tuple[Verdict, ...]:
    """Name what is green's own and not compared; nothing where there is none."""
    refs = [d.ref for d in decisions.all if d.rule == STANDS.id]
    if not refs:
        return ()
    more = f" and {len(refs) - SHOWN} more" if len(refs) > SHOWN else ""
    names = ", ".join(map(str, refs[:SHOWN])) + more
    return (passed("green's own", f"{len(refs)} not compared, green's own by the conflict policy: {names}"),)


def _some(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return f"{', '.join(paths[:SHOWN])}{more}"


def _remedy(ref: Ref) -> str:
    if (ref.group, ref.kind) == NAMESPACE:  # to take it away would take all that lives in it
        return f"{_rule(ref, 'adopt')} (it becomes ours and gets what it lacks; skip: green's stays)"
    return (
        f"Take it away on green and run again; or {_rule(ref, 'skip')} (green's stays; adopt: it becomes ours and gets "
        "what it lacks)"
    )


def _rule(ref: Ref, policy: str) -> str:
    said = f"kind: {ref.kind}, namespace: {ref.namespace or '*'}, name: {ref.name}"
    return f"workloads.rules: [{{{said}, onConflict: {policy}, reason: ...}}], then cnimigrate amend and run"
