"""What a pass makes in a cluster: found again by its name and our marks, and taken away by them; nobody else's is touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from migrate.doors.cluster import Cluster, Verb, Write
from migrate.doors.mover import Pass
from migrate.errors import NotFound, Refused
from migrate.model import marks
from migrate.model.objects import Object, Resource, annotations_of, labels_of, metadata_of
from migrate.planning.replication import DESTINATION, GROUP, MOVER, SOURCE, copy_name, made_key, mover_pods

KINDS = ((GROUP, SOURCE), (GROUP, DESTINATION), ("", "Secret"), ("", "Pod"))
"""What may be made, in the order in which it is taken away: who sends goes before who takes, and both before the key."""


@dataclass(frozen=True)
class Traces:
    """One pass on one side."""

    cluster: Cluster
    task: Pass

    @cached_property
    def _served(self) -> Mapping[tuple[str, str], Resource]:
        return {(r.group, r.kind): r for r in reversed(self.cluster.resources())}

    def serves(self, group: str, kind: str) -> bool:
        """Whether the cluster serves a kind."""
        return (group, kind) in self._served

    def claim(self) -> Object:
        """The claim whose data is copied; raises Refused where it is not there."""
        ref = self.task.claim
        found = self.cluster.get(self._served["", ref.kind], ref.name, ref.namespace)
        if found is None:
            raise Refused(f"{ref} is not on {self.cluster.side}")
        return found

    def pods(self) -> Iterator[Object]:
        """The pods beside the claim."""
        for page in self.cluster.pages(self._served["", "Pod"], namespace=self.task.claim.namespace):
            yield from page

    def get(self, group: str, kind: str, name: str = "") -> Object | None:
        """Read what this run made, or what was made for it under another name; raises Refused for another's."""
        space = self.task.claim.namespace
        found = self.cluster.get(self._served[group, kind], name or copy_name(self.task.claim), space)
        if found is None or name or self._ours(found):
            return found
        told = f"{kind} {space}/{metadata_of(found)['name']} stands on {self.cluster.side}, and this run did not make it"
        raise Refused(f"{told}: see whose it is, and delete it, before the data is copied")

    def differs(self, group: str, kind: str, body: Object) -> bool:
        """Whether what this run has made before says otherwise than `body`; a key is compared in memory, and never told."""
        found = self.get(group, kind)
        return found is not None and not all(
            _has(found.get(part), body.get(part)) for part in ("spec", "data")
        )

    def make(self, group: str, kind: str, body: Object) -> Object:
        """Make an object of this pass, marked; one that stands is taken as it is."""
        if (found := self.get(group, kind)) is not None:
            return found
        metadata = metadata_of(body)
        annotations = {marks.RUN: str(self.task.run), marks.PASS: str(self.task)}
        marked = {**body, "metadata": {**metadata, "annotations": annotations}}
        resource, space = self._served[group, kind], self.task.claim.namespace
        return self.cluster.write(Write(Verb.CREATE, resource, metadata["name"], space, body=marked))

    def remove(self, *, stale: bool = False) -> list[str]:
        """Ask for what this run made to go, or only for what is of no use to this pass; the names of what still stands.

        What VolSync made for its own objects follows them, and is waited for: its pods use the claim, and a key of before
        is not the next one's. It is not asked for before them, as VolSync makes it again as long as they stand.
        """
        left, replicating = [], False
        for group, kind in KINDS:
            if (group, kind) not in self._served:
                continue
            space = self.task.claim.namespace
            found = self.cluster.get(self._served[group, kind], copy_name(self.task.claim), space)
            if found is None or not self._ours(found):
                continue
            replicating |= group == GROUP
            if stale and self._useful(found):
                continue
            left.append(f"{kind} {metadata_of(found)['name']} on {self.cluster.side}")
            if not metadata_of(found).get("deletionTimestamp"):
                self._delete(self._served[group, kind], found)
        return left if replicating else [*left, *self._following()]

    def _following(self) -> Iterator[str]:
        """What VolSync made for objects that are gone, and that the garbage collector has not yet taken away."""
        claim = self.task.claim
        if self.cluster.get(self._served["", "Secret"], made_key(claim), claim.namespace) is not None:
            yield f"VolSync's key on {self.cluster.side}"
        if any(labels_of(pod).get(MOVER) in mover_pods(claim) for pod in self.pods()):
            yield f"VolSync's pod on {self.cluster.side}"

    def _ours(self, obj: Object) -> bool:
        return annotations_of(obj).get(marks.RUN) == self.task.run

    def _useful(self, obj: Object) -> bool:
        """Whether an object is this very pass's; a count is always taken anew."""
        ours = annotations_of(obj).get(marks.PASS) == str(self.task)
        return ours and obj.get("kind") != "Pod" and not metadata_of(obj).get("deletionTimestamp")

    def _delete(self, resource: Resource, obj: Object) -> None:
        metadata = metadata_of(obj)
        with suppress(NotFound):
            self.cluster.write(
                Write(Verb.DELETE, resource, metadata["name"], metadata["namespace"], uid=metadata["uid"])
            )


def _has(found: Any, asked: Any) -> bool:
    """Whether a value is there as it was asked for; what a server has added to a mapping does not count."""
    if not isinstance(asked, Mapping):
        return bool(found == asked)
    return isinstance(found, Mapping) and all(_has(found.get(key), value) for key, value in asked.items())
