"""Keep a volume's data: its policy is set to Retain before a claim on it goes, and stays so.

A volume with the policy Delete is deleted with its data once its claim is gone, whoever deleted that: see
https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reclaiming
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from migrate.actions.contents import CLAIM, NAMESPACE, foreign, sets_of
from migrate.actions.directory import Directory
from migrate.actions.reach import Reach, Written, named, refused, target_of
from migrate.doors.cluster import Verb, Write
from migrate.doors.doors import Doors
from migrate.doors.reading import read_inventory
from migrate.errors import Conflict, DoorError, NotFound
from migrate.model import marks
from migrate.model.action import Action, Observation, Outcome, OutcomeState, State
from migrate.model.ids import ActionKey, RunId, Side
from migrate.model.objects import Object, Ref, annotations_of, dig, group_of, kind_of, metadata_of, ref_of
from migrate.model.progress import Progress

VOLUME = ("", "PersistentVolume")
RETAIN = "Retain"
POLICY = {"spec": {"persistentVolumeReclaimPolicy": RETAIN}}


def retain(volume: Object) -> Action:
    """Keep a bound volume whatever becomes of its claim.

    There is no inverse: a rollback that is gone on with would else take back what keeps the data.
    """
    ref, claim = ref_of(volume), _claim_of(volume)
    params = {
        "side": Side.GREEN.value,
        "ref": ref.as_json(),
        "uid": str(metadata_of(volume).get("uid", "")),
        "claim": f"{claim.namespace}/{claim.name}",
        "disk": _disk(volume),
    }
    typed = f'kubectl patch persistentvolume {ref.name} -p \'{{"spec":{{"persistentVolumeReclaimPolicy":"{RETAIN}"}}}}\''
    return Action("retain", ActionKey(f"retain {named(ref)}"), params, typed, prior=_policy(volume))


def kept(progress: Progress) -> Iterator[str]:
    """What this run has kept, a line a volume: it stays until somebody deletes it."""
    said = {
        i.action.key: i.outcome.evidence
        for i in progress.intents()
        if i.action.kind == "retain" and i.outcome is not None and i.outcome.stands
    }
    yield from said.values()


class Retain:
    """Set volumes to Retain, each the very volume that was seen; one that is gone has nothing left to keep."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Nothing is read: the policy is absolute, and is not taken back."""
        return actions

    def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Patch each, and read the policy from the reply."""
        answers = self._reach.write_each(actions, self._write)
        return [self._judge(action, answer) for action, answer in zip(actions, answers, strict=True)]

    def observe(self, action: Action) -> Observation:
        """Look whether the volume is kept."""
        volume, ref = self._reach.get(action), target_of(action)[1]
        if volume is None or metadata_of(volume).get("uid") != action.params["uid"]:
            return Observation(State.DONE, evidence=f"{ref} is gone; nothing is left to keep")
        if _policy(volume) == RETAIN:
            return Observation(State.DONE, evidence=_kept(action))
        return Observation(State.ABSENT, evidence=f"{ref} has the policy {_policy(volume)}")

    def _write(self, action: Action) -> Write:
        side, ref = target_of(action)
        resource = self._reach.directory.resource(side, ref)
        return Write(Verb.PATCH, resource, ref.name, body=POLICY, uid=action.params["uid"])

    def _judge(self, action: Action, answer: Written) -> Outcome:
        ref = target_of(action)[1]
        if isinstance(answer, NotFound | Conflict):
            answer = self._gone(action, answer)
        if isinstance(answer, DoorError):
            return refused(f"keeping {ref}", answer, ref)
        if answer and _policy(answer) != RETAIN:
            return Outcome(OutcomeState.FAILED, f"{ref}: green answered with the policy {_policy(answer)}")
        said = _kept(action) if answer else f"{ref} is gone; nothing is left to keep"
        return Outcome(OutcomeState.DONE, said)

    def _gone(self, action: Action, answer: NotFound | Conflict) -> Written:
        """Nothing where that very volume is not there any more, else the refusal, or why it cannot be seen."""
        try:
            volume = self._reach.get(action)
        except DoorError as error:
            return error
        there = volume is not None and metadata_of(volume).get("uid") == action.params["uid"]
        return answer if there else {}


@dataclass
class Keeping:
    """Finds the volumes of green that deletes would take along, and how each is kept."""

    doors: Doors
    progress: Progress
    run: RunId

    def __call__(self, deletes: Sequence[Action]) -> Sequence[Action]:
        """What must stand before `deletes` are done; empty once it does. Other kinds of Actions are passed over."""
        doomed = {
            target_of(a)[1]: bool(a.params.get("ours"))
            for a in deletes
            if a.kind == "delete" and a.params["side"] == Side.GREEN
        }
        if not doomed:
            return ()
        green = self.doors.green
        volumes = [v for _, v in read_inventory(green, only={VOLUME}) if _at_risk(v)]
        if not volumes:
            return ()
        spaces = {_claim_of(v).namespace for v in volumes}
        claims = read_inventory(green, only={CLAIM}, namespaces=sorted(spaces))
        fate = _Fate(self.doors, self.run, frozenset(sets_of(self.progress)), doomed)
        return tuple(retain(v) for v in volumes if fate.of(v, claims.find(_claim_of(v))))


@dataclass
class _Fate:
    """Whether a volume's claim goes with what is to be deleted: by itself, with its namespace, or with an owner."""

    doors: Doors
    run: RunId
    sets: frozenset[tuple[str, str]]
    doomed: Mapping[Ref, bool]
    seen: dict[Ref, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.directory = Directory(self.doors)

    def of(self, volume: Object, claim: Object | None) -> bool:
        if self._goes(volume):
            return True
        if claim is None or metadata_of(claim).get("uid") != dig(volume, "spec", "claimRef", "uid"):
            return False  # released before: nothing that we do lets it go
        owners = metadata_of(claim).get("ownerReferences") or ()
        if any(owner.get("kind") == "Pod" for owner in owners):
            return False  # an ephemeral volume: by its own word it lives as long as its pod
        if self._goes(claim) or self._owned(claim):
            return True
        # a foreign claim keeps its namespace from being deleted
        space = Ref(*NAMESPACE, "", ref_of(claim).namespace)
        return self._ref_goes(space) and not foreign(claim, self.run, self.sets)

    def _goes(self, obj: Object) -> bool:
        """Whether an object is to be deleted, and will not be spared for having lost our mark."""
        ours = self.doomed.get(ref_of(obj))
        return ours is not None and (not ours or annotations_of(obj).get(marks.RUN) == self.run)

    def _owned(self, obj: Object) -> bool:
        """Whether an owner goes, or an owner's owner: an operator's object, its StatefulSet, the claims of that."""
        space = metadata_of(obj).get("namespace", "")
        for owner in metadata_of(obj).get("ownerReferences") or ():
            ref = Ref(group_of(owner), kind_of(owner), space, owner["name"])
            if self._ref_goes(ref) or self._ref_goes(ref._replace(namespace="")):
                return True
        return False

    def _ref_goes(self, ref: Ref) -> bool:
        if ref not in self.seen:
            self.seen[ref] = False  # owners in a circle own nothing
            obj = self._read(ref)
            self.seen[ref] = obj is not None and (self._goes(obj) or self._owned(obj))
        return self.seen[ref]

    def _read(self, ref: Ref) -> Object | None:
        try:
            resource = self.directory.resource(Side.GREEN, ref)
        except NotFound:
            return None
        if resource.namespaced != bool(ref.namespace):
            return None
        return self.doors.green.get(resource, ref.name, ref.namespace)


def _at_risk(volume: Object) -> bool:
    """Whether a volume is bound and would go with its claim; Recycle wipes it."""
    going = metadata_of(volume).get("deletionTimestamp")
    return bool(dig(volume, "spec", "claimRef", "uid")) and _policy(volume) != RETAIN and not going


def _policy(volume: Object) -> str:
    return str(dig(volume, "spec", "persistentVolumeReclaimPolicy", default=RETAIN))


def _claim_of(volume: Object) -> Ref:
    reference = dig(volume, "spec", "claimRef", default={}) or {}
    return Ref(*CLAIM, str(reference.get("namespace", "")), str(reference.get("name", "")))


def _disk(volume: Object) -> str:
    """What the data lies on, as far as the volume says it: the object may go with its cluster, the disk stays."""
    spec = volume.get("spec") or {}
    if csi := spec.get("csi"):
        return f"{csi.get('driver', '')} {csi.get('volumeHandle', '')}"
    path = dig(spec, "local", "path") or dig(spec, "hostPath", "path") or dig(spec, "nfs", "path")
    return str(path or "")


def _kept(action: Action) -> str:
    params, ref = action.params, target_of(action)[1]
    disk = f" ({params['disk']})" if params["disk"] else ""
    return f"{ref}{disk} of claim {params['claim']} keeps its data: {RETAIN} instead of {action.prior}"
