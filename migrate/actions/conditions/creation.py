"""Pods that the server refused to create: what their controllers tell of it in Events.

A pod that was refused does not exist, so that there is nothing to ask but its controller. ReplicaSets have a condition
ReplicaFailure as well, but keep the first words in it; StatefulSets, DaemonSets and Jobs have Events alone
(kubernetes, pkg/controller/controller_utils.go; pkg/controller/statefulset/stateful_pod_control.go).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from migrate.doors.cluster import Cluster
from migrate.errors import Refused
from migrate.model.objects import Object, Resource, dig

EVENTS = Resource("", "v1", "events", "Event", namespaced=True)

POD_REFUSED = "FailedCreate"
"""The reason of a controller's Event when it could not make a pod."""

STEADY = timedelta(seconds=15)
"""So long a refusal must go on to be more than a start in the wrong order; controllers try a dozen times meanwhile."""

PASSING = ("failed calling webhook", "status unknown for quota", "not yet ready to handle request")
"""Words of refusals that end by themselves: of a webhook that starts, a quota not yet counted, caches still empty."""

NEVER = datetime.min.replace(tzinfo=UTC)

_SAID_BEFORE = ("(combined from similar events): ", "Error creating: ")
"""What recorder and controller put before the server's words."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the server said last, and from when to when it has refused."""

    words: str
    first: datetime
    last: datetime

    def steady(self, since: datetime, lasting: timedelta = STEADY) -> bool:
        """Whether it has gone on for a while, `lasting`, since `since`.

        What was mended before is not held against a workload: its controller may wait many minutes before it tries
        again, and tells nothing until then. The times are the server's; where its clock is behind, nothing is steady.
        """
        passing = any(words in self.words for words in PASSING)
        return not passing and self.last - max(self.first, since) >= lasting


def refusals(
    cluster: Cluster, namespaces: Collection[str], waited: timedelta = STEADY, reason: str = POD_REFUSED
) -> Mapping[str, Refusal]:
    """The refusals of pods in namespaces, by the uid of their controller; none where Events may not be read.

    Another `reason` asks for other Events that go on in the same way, by the uid of what they are about.

    None either where nothing can be steady yet, as less was `waited`: a namespace may have thousands of Events.
    """
    found: dict[str, Refusal] = {}
    if waited < STEADY:
        return found
    try:
        for namespace in namespaces:
            for page in cluster.pages(EVENTS, namespace=namespace):
                for event in page:
                    if event.get("reason") == reason:
                        uid = str(dig(event, "involvedObject", "uid", default=""))
                        found[uid] = _later(found.get(uid), _refusal(event))
    except Refused:
        return {}  # these are words beside a judgement; without them it is the same
    return found


def _later(known: Refusal | None, seen: Refusal) -> Refusal:
    """Both as one: of the same controller several Events may tell, since each attempt has another pod's name."""
    if known is None:
        return seen
    newest = max(known, seen, key=lambda r: r.last)
    return replace(newest, first=min(known.first, seen.first))


def _refusal(event: Object) -> Refusal:
    words = str(event.get("message", ""))
    for said in _SAID_BEFORE:
        words = words.removeprefix(said)
    series = dig(event, "series", "lastObservedTime")
    made = _time(event.get("eventTime") or dig(event, "metadata", "creationTimestamp"))
    return Refusal(
        words, _time(event.get("firstTimestamp"), made), _time(series or event.get("lastTimestamp"), made)
    )


def _time(value: object, default: datetime = NEVER) -> datetime:
    return datetime.fromisoformat(str(value)) if value else default
