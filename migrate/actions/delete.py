"""Delete objects by UID, and stay until they are gone: with their pods, and without taking along what is not ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from migrate.actions.contents import DEFINITION, NAMESPACE, Sets, inside, under
from migrate.actions.marked import Marked
from migrate.actions.reach import Reach, leaving, named, refused, target_of
from migrate.actions.seeing import observed, seen
from migrate.doors.clock import Clock
from migrate.doors.cluster import FOREGROUND, Verb, Write
from migrate.engine.signals import Stop
from migrate.errors import Conflict, DoorError, NotFound
from migrate.model import marks
from migrate.model.action import BEGUN, Action, Observation, Outcome, OutcomeState, State
from migrate.model.ids import ActionKey, Side
from migrate.model.objects import Object, Ref, annotations_of, dig, metadata_of

LOOK = 0.5
"""Seconds between two looks at what was deleted and lingers."""

SHORT, LONG = 60.0, 600.0
"""Seconds for most, and for what goes only after its pods: each of them has a grace of its own, 30 s where it says nothing."""

OWNERS = frozenset({"apps", "batch"})
"""Built-in groups whose objects own pods, or what owns them."""

SHOWN = 5
"""Names that a sentence lists."""

_CHANGED = Outcome(OutcomeState.ABSENT, "changed since it was listed")
"""What is not deleted as it was listed; it is looked at once more."""


def delete(side: Side, ref: Ref, *, ours: bool) -> Action:
    """Delete an object; with `ours` only while it carries this run's mark, and nothing foreign inside it."""
    params = {"side": side.value, "ref": ref.as_json(), "ours": ours}
    key = ActionKey(f"delete {side} {named(ref)}")
    return Action("delete", key, params, deadline=_patience(ref))


def _patience(ref: Ref) -> float:
    """Seconds that an object may take to be gone."""
    return LONG if ref[:2] == NAMESPACE or goes_last(ref) else SHORT


def goes_last(ref: Ref) -> bool:
    """Whether an object goes only after what it owns, so that its last pod is gone before, say, the pod's policy.

    Custom resources own what their operators made of them; Calico's own nothing. For everything else it would only
    cost the garbage collector a round.
    """
    custom = "." in ref.group and not ref.group.endswith((".k8s.io", "projectcalico.org"))
    return custom or ref.group in OWNERS or ref[:2] == ("", "ReplicationController")


class Delete:
    """Delete objects by UID; what is gone is done, what goes already is waited for. A signal ends the staying alone.

    `sets` tells the StatefulSets that this run made: what their claims are called is known by it.
    """

    def __init__(self, reach: Reach, clock: Clock, stop: Stop, sets: Callable[[], Sets] = tuple) -> None:
        self._reach = reach
        self._clock = clock
        self._stop = stop
        self._sets = sets
        self._marked = Marked(reach)

    def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Nothing is kept: what is deleted is ours, or its prior stands in the Action it takes back.

        An inverse from an older journal has a deadline from when nothing was deleted in the foreground; the lease is
        renewed for the one that is set here.
        """
        return [replace(a, deadline=max(a.deadline, _patience(target_of(a)[1]))) for a in actions]

    def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Look at the objects, insist on the mark where asked, look into what contains others, delete by UID, see them go.

        What a list has told beforehand is deleted in that version alone; what has changed since is looked at by itself.
        """
        outcomes = self._deleted(actions, self._marked.of(actions))
        changed = [index for index, outcome in enumerate(outcomes) if outcome is _CHANGED]
        if changed:
            again = self._deleted([actions[index] for index in changed], {})
            for index, outcome in zip(changed, again, strict=True):
                outcomes[index] = outcome
        return outcomes

    def _deleted(self, actions: Sequence[Action], known: Mapping[ActionKey, Object]) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        standing: dict[int, Object] = {}
        lingering: dict[int, tuple[Action, str]] = {}
        for index, action in enumerate(actions):
            found = known.get(action.key) or self._looked(action)
            if isinstance(found, Outcome):
                outcomes[index] = found
            elif _goes(target_of(action)[1], found):
                lingering[index] = action, _uid(found)  # whoever asked it to go: asking again changes nothing
            else:
                standing[index] = found
        outcomes |= self._inhabited(actions, standing)
        doomed = {index: obj for index, obj in standing.items() if index not in outcomes}
        answers = self._reach.write_each(
            [actions[index] for index in doomed],
            _Deleting({actions[index].key: _uid(obj) for index, obj in doomed.items()}, known, self._reach),
        )
        for (index, obj), answer in zip(doomed.items(), answers, strict=True):
            action, ref = actions[index], target_of(actions[index])[1]
            if isinstance(answer, Conflict) and action.key in known:
                outcomes[index] = _CHANGED
            elif isinstance(answer, DoorError) and not isinstance(answer, NotFound):
                outcomes[index] = refused(f"deleting {ref}", answer, ref)
            elif not isinstance(answer, DoorError) and dig(answer, "metadata", "deletionTimestamp"):
                lingering[index] = action, _uid(obj)  # finalizers, or a namespace that is being emptied
            else:
                outcomes[index] = Outcome(OutcomeState.DONE, f"deleted {ref}")
        outcomes |= {
            index: outcome if outcome.stands else replace(outcome, facts={**outcome.facts, BEGUN: True})
            for index, outcome in self._gone(lingering)
        }
        return [outcomes[index] for index in range(len(actions))]

    def _looked(self, action: Action) -> Object | Outcome:
        """Read an object that is to be deleted; an outcome where it cannot be read, or there is nothing to delete."""
        ref = target_of(action)[1]
        try:
            obj = self._reach.get(action)
        except DoorError as error:
            return refused(f"reading {ref}, which is to be deleted", error, ref)
        if obj is None:
            return Outcome(OutcomeState.DONE, f"{ref} is gone already")
        if action.params.get("ours") and annotations_of(obj).get(marks.RUN) != self._reach.run:
            return Outcome(OutcomeState.DONE, f"{ref} is not from this run any more and stays")
        return obj

    def observe(self, action: Action) -> Observation:
        """Look whether the object is gone; one that is on its way is waited for by whoever does the act again."""
        return self._seen(action, self._reach.get(action))

    def observe_many(self, actions: Sequence[Action]) -> Sequence[Observation]:
        """Look at many, by lists where these are fewer requests."""
        return observed(self._reach, actions, self._seen)

    @staticmethod
    def _seen(action: Action, obj: Object | None) -> Observation:
        ref = target_of(action)[1]
        if obj is None:
            return Observation(State.DONE, evidence=f"{ref} is gone")
        if dig(obj, "metadata", "deletionTimestamp"):
            return Observation(State.PARTIAL, evidence=leaving(ref, obj))
        return Observation(State.ABSENT, evidence=f"{ref} stands")

    def _gone(self, lingering: Mapping[int, tuple[Action, str]]) -> Iterator[tuple[int, Outcome]]:
        """Wait until what was deleted is gone: a namespace that still stands would swallow what is written next."""
        left = dict(lingering)
        end = self._clock.now() + timedelta(seconds=max((a.deadline for a, _ in left.values()), default=0.0))
        while left:
            late = self._clock.now() >= end
            places = list(left)
            try:
                for place, obj in seen(self._reach, [left[index][0] for index in places]):
                    index = places[place]
                    outcome = self._went(*left[index], obj, late=late)
                    if outcome is not None:
                        del left[index]
                        yield index, outcome
            except DoorError as error:
                for index, (action, _) in left.items():
                    ref = target_of(action)[1]
                    yield index, refused(f"looking whether {ref} is gone", error, ref)
                return
            if left and self._stop.asked:
                # as after a crash: what is on its way is waited for by the next run
                for index, (action, _) in left.items():
                    said = f"stopped while waiting for {target_of(action)[1]} to be gone"
                    yield index, Outcome(OutcomeState.ABSENT, said)
                return
            if left:
                self._clock.sleep(LOOK)

    @staticmethod
    def _went(action: Action, uid: str, obj: Object | None, *, late: bool) -> Outcome | None:
        ref = target_of(action)[1]
        if obj is None or dig(obj, "metadata", "uid") != uid:
            return Outcome(OutcomeState.DONE, f"deleted {ref}")
        if not late:
            return None
        return Outcome(
            OutcomeState.FAILED, f"{leaving(ref, obj)}, since {action.deadline:g} s", _freed(ref, obj)
        )

    def _inhabited(
        self, actions: Sequence[Action], standing: Mapping[int, Object]
    ) -> Iterator[tuple[int, Outcome]]:
        """What of ours contains objects of others: the server would delete them with it, so it stays.

        Between this look and the delete somebody may still put something in; no precondition could rule that out.
        """
        containers: dict[tuple[Side, tuple[str, str]], list[int]] = {}
        for index in standing:
            side, ref = target_of(actions[index])
            if actions[index].params.get("ours") and ref[:2] in {NAMESPACE, DEFINITION}:
                containers.setdefault((side, ref[:2]), []).append(index)
        for (side, kind), indexes in containers.items():
            cluster = self._reach.directory.cluster(side)
            try:
                if kind == NAMESPACE:
                    names = {index: target_of(actions[index])[1].name for index in indexes}
                    seen = inside(cluster, set(names.values()), self._reach.run, self._sets())
                    found = {index: seen.get(name, []) for index, name in names.items()}
                else:
                    found = {index: under(cluster, standing[index], self._reach.run) for index in indexes}
            except DoorError as error:
                for index in indexes:
                    yield index, _unseen(target_of(actions[index])[1], error)
                continue
            for index, refs in found.items():
                if refs:
                    yield index, _in_the_way(actions[index], refs)


@dataclass(frozen=True)
class _Deleting:
    uids: Mapping[ActionKey, str]
    known: Mapping[ActionKey, Object]
    reach: Reach

    def __call__(self, action: Action) -> Write:
        side, ref = target_of(action)
        resource = self.reach.directory.resource(side, ref)
        version = str(dig(self.known.get(action.key), "metadata", "resourceVersion", default=""))
        return Write(
            Verb.DELETE,
            resource,
            ref.name,
            ref.namespace,
            uid=self.uids[action.key],
            resource_version=version,
            foreground=goes_last(ref),
        )


def _goes(ref: Ref, obj: Object) -> bool:
    """Whether an object is on its way out already, as it would be by our own delete.

    What others have deleted in the background would go before its pods; asked by us, it goes after them.
    """
    metadata = metadata_of(obj)
    if not metadata.get("deletionTimestamp"):
        return False
    return not goes_last(ref) or FOREGROUND in (metadata.get("finalizers") or ())


def _uid(obj: Object) -> str:
    return str(metadata_of(obj).get("uid", ""))


def _in_the_way(action: Action, refs: Sequence[Ref]) -> Outcome:
    ref = target_of(action)[1]
    names = ", ".join(str(r) for r in refs[:SHOWN]) + (
        f" and {len(refs) - SHOWN} more" if refs[SHOWN:] else ""
    )
    return Outcome(
        OutcomeState.UNKNOWN,
        f"{ref} contains what this run did not make, and is not deleted: {names}",
        "Move that away or delete it, then run the same command to go on; or leave both where they are: "
        f'cnimigrate resolve "{action.key}" --as done --reason TEXT, then the same command',
        facts={"foreign": True, "contains": [str(r) for r in refs]},
    )


def _unseen(ref: Ref, error: DoorError) -> Outcome:
    return Outcome(
        OutcomeState.FAILED,
        f"{ref} is not deleted, as it cannot be seen whether something of others is in it: {error}",
        "Mend what is named here, then run the same command to go on.",
    )


def _freed(ref: Ref, obj: Object) -> str:
    """What helps where something lingers; who would take a finalizer away is at rest or gone on the way back.

    It is not kept running for that: on its objects' end an operator takes away what lies outside the cluster, a DNS
    record or a bucket, and blue uses the same.
    """
    waits = [f for f in dig(obj, "metadata", "finalizers", default=()) or () if f != FOREGROUND]
    if not waits:
        return "Take away what it waits for, then run the same command to go on."
    kind = f"{ref.kind}.{ref.group}" if ref.group else ref.kind
    space = f" -n {ref.namespace}" if ref.namespace else ""
    return (
        f"Whoever set {', '.join(waits)} is at rest or gone. Where nothing outside the cluster hangs on it, or blue "
        f"uses the same: kubectl patch {kind.lower()} {ref.name}{space} --type=merge "
        '-p \'{"metadata":{"finalizers":null}}\'; else start that operator on green until it has let go. '
        "Then run the same command to go on."
    )
