"""What has changed on blue since this run wrote it to green, and is not on green: today's decisions against the journal.

Both must hold. What people mended on green alone is theirs; what changed on blue and was brought to green by hand is
no difference any more. Status is no drift, and what an autoscaler of blue decides is none either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from migrate.model.decision import Decision, Form
from migrate.model.ids import Side
from migrate.model.inventory import Inventory
from migrate.model.marks import SOURCE_HASH, unmarked
from migrate.model.objects import Object, Ref, dig, group_of, kind_of, namespace_of
from migrate.model.progress import Progress
from migrate.model.reasons import Why, undoing
from migrate.model.verdict import Verdict, passed
from migrate.replay.decisions import MERGED_RULES, Decisions
from migrate.replay.edits import composed, given_up, leaves, merged, replaced
from migrate.replay.parity import MISSING, SHOWN, Difference, differing, unequal, unread
from migrate.replay.sanitise import sanitise, source_hash

NEW = "new on blue"
CHANGED = "changed on blue"
GONE = "gone from blue"
OPEN = "needs a decision"
STAYS = "moves no longer"

CHECK = "blue since the replay"

REPLICAS = ("spec", "replicas")

FOLLOWED = (
    "Run again: it brings over what has changed on blue since. cnimigrate plan --delta shows it beforehand."
)
LEFT = (
    "Bring each to green by hand (what must not run twice at rest), or take it back on blue, and run again. "
    "Or cnimigrate rollback --to verify, then run brings over today's blue."
)
"""What helps before the cutover has begun, and after."""


@dataclass(frozen=True)
class Record:
    """What a run wrote to green, by the object.

    `hashes` are keyed, of whole objects; `merges` are the patches of what green has of its own, and `priors` what they
    found there; `releases` say how the ledger lets go of what is held or deferred.
    """

    hashes: Mapping[Ref, str] = field(default_factory=dict)
    merges: Mapping[Ref, Object] = field(default_factory=dict)
    releases: Mapping[Ref, Object] = field(default_factory=dict)
    priors: Mapping[Ref, Object] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many objects of blue are on green, or follow."""
        return len({*self.hashes, *self.merges, *self.releases})

    def would_run(self, ref: Ref, green: Inventory) -> bool:
        """Whether an object that blue does not move any more stands on green, or would be released there."""
        return ref in self.releases or green.find(ref) is not None


def recorded(progress: Progress, releases: Mapping[Ref, Object]) -> Record:
    """Read from the journal what stands of this run's writing; the last word on an object counts."""
    hashes: dict[Ref, str] = {}
    merges: dict[Ref, Object] = {}
    priors: dict[Ref, Object] = {}
    for intent in progress.intents():
        action, params = intent.action, intent.action.params
        if not intent.stands or params.get("side") != Side.GREEN:
            continue
        if intent.undoes:
            if action.kind == "delete" or params.get("why") == undoing(Why.ADOPT):
                hashes.pop(Ref.of_json(params["ref"]), None)
            continue
        match action.kind, params.get("source", "blue"), params.get("why"):
            case "create" | "apply" | "adopt", "blue", _:
                hashes[Ref.of_json(params["ref"])] = params["hash"]
            case "patch", _, Why.ADOPT:
                hashes[Ref.of_json(params["ref"])] = params["patch"]["metadata"]["annotations"][SOURCE_HASH]
            case "patch", _, Why.MERGE:
                ref = Ref.of_json(params["ref"])
                merges[ref] = params["patch"]
                # a later merge finds what an earlier one wrote: the first that was found counts
                priors[ref] = composed(priors.get(ref, {}), action.prior)
            case _:
                pass  # what wrote nothing of blue's: pauses, releases, weights, waits, Calico's own objects
    return Record(hashes, merges, releases, priors)


def autoscaled(blue: Inventory) -> frozenset[Ref]:
    """The workloads whose number of replicas an autoscaler of blue decides."""
    targets = (
        (hpa, dig(hpa, "spec", "scaleTargetRef", default={}))
        for hpa in blue.of("HorizontalPodAutoscaler", "autoscaling")
    )
    return frozenset(
        Ref(group_of(target), kind_of(target), namespace_of(hpa), str(target.get("name")))
        for hpa, target in targets
    )


def as_written(
    decisions: Decisions, green: Inventory, releases: Mapping[Ref, Object], autoscaled: frozenset[Ref]
) -> Decisions:
    """The decisions with the replicas of autoscaled workloads as this run wrote them.

    A held one has them in its recorded release. One that was replayed as it is has them on green: the keyed hash
    beside it says whether they are still those that were sent.
    """
    return replace(
        decisions,
        all=tuple(
            _with_replicas(decision, green, releases) if decision.ref in autoscaled else decision
            for decision in decisions.all
        ),
    )


def drift(
    decisions: Decisions, record: Record, *, blue: Inventory, green: Inventory, key: bytes
) -> tuple[Difference, ...]:
    """What is new, changed or gone on blue and otherwise on green."""
    found = [_of(decision, record, green, key) for decision in decisions]
    found += [
        Difference(ref, 0, unread(ref, blue) or GONE)
        for ref in sorted({*record.hashes, *record.merges})
        if decisions.of(ref) is None and record.would_run(ref, green)
    ]
    return tuple(difference for difference in found if difference)


def unchanged(decisions: Decisions, record: Record, key: bytes) -> Decisions:
    """The decisions on what this run wrote and blue has not changed since: what must stand on green as written."""
    kept = tuple(
        d
        for d in decisions.all
        if (d.ref in record.hashes or d.ref in record.merges) and not _change(d, record, key)
    )
    return replace(decisions, all=kept)


def judged(found: Sequence[Difference], total: int, *, followed: bool = False) -> Verdict:
    """Say that blue is as it was replayed, `total` objects of it, or what green lacks and how to go on.

    While blue is `followed` the next run brings it over; from the cutover on somebody must.
    """
    if not found:
        return passed(
            CHECK,
            f"{total} objects looked at: nothing that changed on blue since the replay is missing on green",
        )
    shown = "; ".join(map(str, found[:SHOWN]))
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    evidence = f"{len(found)} changed on blue since the replay, and not on green: {shown}{more}"
    remedy = FOLLOWED if followed else LEFT
    return differing(CHECK, found, evidence, remedy, side=Side.BLUE)


def _of(decision: Decision, record: Record, green: Inventory, key: bytes) -> Difference | None:
    ref, found = decision.ref, green.find(decision.ref)
    if decision.form is Form.COMPARED:
        return None  # Git is its source, on either side
    what = _change(decision, record, key)
    if decision.form is Form.UNDECIDED:
        return Difference(ref, 0, OPEN)
    if decision.form is Form.SKIPPED:
        return Difference(ref, 0, what) if what and record.would_run(ref, green) else None
    if found is None:
        # what the ledger will release must be there, whatever took it away
        what = what or (MISSING if ref in record.hashes and ref in record.releases else "")
        return Difference(ref, decision.wave, what) if what else None
    # a deferred one that somebody made on green already is theirs: it may well be at rest there
    paths = _departures(decision, record, found) if what and decision.form is not Form.DEFERRED else ()
    return Difference(ref, decision.wave, what, paths) if paths else None


def _change(decision: Decision, record: Record, key: bytes) -> str:
    """What happened to an object on blue since it was written; empty where nothing did."""
    ref, target, hold = decision.ref, decision.target or {}, decision.hold
    if decision.form is Form.SKIPPED:
        known = ref in record.hashes or ref in record.merges
        return f"{STAYS}: {decision.reason}" if known else ""
    if decision.rule in MERGED_RULES:
        said, before = merge_of(target), record.merges.get(ref, {})
        left = given_up(before, said, before, record.priors.get(ref, {}))
        return CHANGED if left or any(unequal(said, before)) else ""
    if ref not in record.hashes:
        return "" if ref in record.releases else NEW
    if record.hashes[ref] != source_hash(target, key):
        return CHANGED
    return CHANGED if hold is not None and record.releases.get(ref, hold.release) != hold.release else ""


def _departures(decision: Decision, record: Record, found: Object) -> tuple[str, ...]:
    """Where green is otherwise, both ways: what blue gave up since must not stay on green silently.

    A dormant form is as good as the released one only while the ledger's release still leads there.
    """
    wanted, hold = unmarked(decision.target or {}), decision.hold
    if decision.rule in MERGED_RULES:
        said, before = merge_of(wanted), record.merges.get(decision.ref, {})
        left = given_up(before, said, found, record.priors.get(decision.ref, {}))
        return (*unequal(said, found), *leaves(left))
    forms = [wanted]
    if hold is not None:
        dormant = record.releases.get(decision.ref, hold.release) == hold.release
        forms = [merged(wanted, hold.release), *(forms if dormant else ())]
    there = {**sanitise(found), "apiVersion": wanted.get("apiVersion", "")}
    both = (tuple(dict.fromkeys((*unequal(form, there), *unequal(there, form)))) for form in forms)
    return min(both, key=len)


def _with_replicas(decision: Decision, green: Inventory, releases: Mapping[Ref, Object]) -> Decision:
    source = releases.get(decision.ref) if decision.hold is not None else green.find(decision.ref)
    replicas = dig(source or {}, *REPLICAS)
    if decision.target is None or replicas is None:
        return decision
    if decision.hold is None:
        return replace(decision, target=replaced(decision.target, REPLICAS, replicas))
    release = replaced(decision.hold.release, REPLICAS, replicas)
    return replace(decision, hold=replace(decision.hold, release=release))


def merge_of(target: Object) -> Object:
    """What is merged of an object that green has of its own: everything but its name."""
    metadata = {
        k: v for k, v in dig(target, "metadata", default={}).items() if k in {"labels", "annotations"}
    }
    kept = {k: v for k, v in target.items() if k not in {"apiVersion", "kind", "metadata"}}
    return {**kept, "metadata": metadata} if metadata else kept
