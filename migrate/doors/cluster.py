"""The door to one cluster's API server.

Reads never change anything; a dry run and an access review count as reads. Every error that leaves this door is a
`migrate.errors.DoorError`: the door has turned statuses and dropped connections into our words, has repeated what is
safe to repeat, and never puts a credential or a Secret's value into a message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from migrate.doors.slowed import Slowed
from migrate.errors import DoorError
from migrate.model.ids import Side
from migrate.model.objects import Object, Resource

FIELD_MANAGER = "cnimigrate"
"""The one field manager under which everything of ours is written."""

FOREGROUND = "foregroundDeletion"
"""The finalizer of an object that goes after what it owns; the garbage collector takes it away."""

PAGE = 500
"""Objects a page of a list, as kubectl's default chunk."""


@dataclass(frozen=True, slots=True)
class ClusterIdentity:
    """What tells one cluster from another: the UID of its kube-system namespace, and how it was reached.

    `version` is the server's gitVersion, such as "v1.35.4"; `server` its URL without credentials.
    """

    uid: str
    version: str
    server: str
    ca_digest: str = ""

    @property
    def minor(self) -> tuple[int, int]:
        """Major and minor version as integers."""
        major, _, rest = self.version.lstrip("v").partition(".")
        return int(major or 0), int("".join(c for c in rest.partition(".")[0] if c.isdigit()) or 0)


class Verb(StrEnum):
    """What a write does."""

    CREATE = "create"  # POST; fails with AlreadyExists
    APPLY = "apply"  # server-side apply under FIELD_MANAGER; fails with Conflict unless forced
    PATCH = "patch"  # JSON merge patch (RFC 7396): null removes a key
    REPLACE = "replace"  # PUT; `body` must carry metadata.resourceVersion for compare-and-swap
    DELETE = "delete"  # with a UID precondition where `uid` is given; what it owns follows in the background


@dataclass(frozen=True, slots=True)
class Write:
    """One write, as a value.

    `body` is the object (for PATCH the merge patch, for DELETE None). `uid` and `resource_version` are preconditions;
    a mismatch raises Conflict (of a custom resource's status only that of the version). `subresource` is "status" or "scale" or empty. A body that names another version of the
    resource's group goes to that version, and is answered in it. With `foreground` a deleted object stands until what
    it owns is gone, and the answer to the delete is the object that is still there.
    """

    verb: Verb
    resource: Resource
    name: str
    namespace: str = ""
    body: Object | None = field(default=None, repr=False)  # a Secret's value must not show in a traceback
    uid: str = ""
    resource_version: str = ""
    subresource: str = ""
    force: bool = False
    dry_run: bool = False
    foreground: bool = False

    @property
    def target(self) -> Resource:
        """The resource in the version that the body is written in; a server refuses one that is sent to another."""
        group, _, version = str((self.body or {}).get("apiVersion", "")).rpartition("/")
        return self.resource.at(version) if version and group == self.resource.group else self.resource


class Cluster(Protocol):
    """One cluster, read and written through its API server."""

    @property
    def side(self) -> Side:
        """Which side of the move this cluster is."""
        ...

    @property
    def name(self) -> str:
        """What people call it: the kubeconfig's context, or the recorded name."""
        ...

    def identity(self) -> ClusterIdentity:
        """Read who this cluster is."""
        ...

    def resources(self) -> Sequence[Resource]:
        """Discover every served resource afresh, each once in the server's preferred version, subresources left out.

        Where a webhook converts a custom resource it is in the version that is stored, which needs no webhook's answer
        (`model.objects.stored_version`). `others` names the further versions that serve it.
        """
        ...

    @property
    def undiscovered(self) -> Mapping[str, str]:
        """The group versions that the latest discovery could not see into, and why: an aggregated API that is down.

        Written as in an apiVersion, such as "metrics.k8s.io/v1beta1".
        """
        ...

    def pages(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        limit: int = PAGE,
        ownership: bool = False,
    ) -> Iterator[Sequence[Object]]:
        """List objects by pages; each has `apiVersion` and `kind` set, which list items lack on the wire.

        Only with `ownership` they keep their managedFields: hardly anybody decides by them, and they are up to half of
        an object.
        An expired continue token starts the list again, so an object may come twice, never not at all.
        """
        ...

    def get(self, resource: Resource, name: str, namespace: str = "") -> Object | None:
        """Read one object; None where there is none (or the resource is not served)."""
        ...

    def write(self, write: Write) -> Object:
        """Do one write and return the server's object (a delete: the last state, or an empty mapping).

        Raises a Refused; Unreachable when the outcome is in doubt; Transient when nothing happened.
        """
        ...

    def write_many(self, writes: Sequence[Write]) -> Sequence[Object | DoorError]:
        """Do many independent writes with bounded concurrency that follows the server; results in the same order."""
        ...

    def send_many(self, writes: Sequence[Write]) -> Iterator[Object | DoorError]:
        """Begin what `write_many` does, and do not wait for it: whoever asks for the next result waits for that one.

        A second batch may be begun before the first has ended; a cluster that is simulated is done when this returns.
        """
        ...

    def warnings(self, resource: Resource, name: str, namespace: str = "") -> Sequence[str]:
        """Take what the server has warned of in its answers to writes of an object since this was last asked.

        In the server's own words, such as `unknown field "spec.x"` for a field that it dropped; about a Secret only
        that it warned. Only some thousands of objects are remembered: ask right behind the write.
        """
        ...

    def slowed(self) -> Sequence[Slowed]:
        """How the server slowed this door down since it was opened, by priority level; a cluster that is simulated never does."""
        ...

    def may(self, verb: str, resource: Resource, namespace: str = "") -> bool:
        """Ask the server whether these credentials have a right (SelfSubjectAccessReview)."""
        ...

    def requests(self) -> int:
        """How many HTTP requests this door has sent (calls it received, on the simulated side)."""
        ...
