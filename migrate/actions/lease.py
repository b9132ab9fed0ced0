"""The Lease in blue that other machines see: who runs the migration, its epoch, and the journal's head hash.

A Lease is no fence by itself (client-go says so of its own): each act is done only with more lease time left than its
deadline, and every renewal is a compare-and-swap on the resourceVersion.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from migrate.doors.clock import Clock
from migrate.doors.cluster import Cluster, Verb, Write
from migrate.errors import (
    AlreadyExists,
    ClusterUnreachable,
    Conflict,
    DoorError,
    Fenced,
    LockHeld,
    NotFound,
    Transient,
    Unreachable,
)
from migrate.model.ids import RunId
from migrate.model.marks import PREFIX
from migrate.model.objects import Object, Resource, annotations_of, dig

LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease", namespaced=True)
NAMESPACE = "kube-system"
DURATION = 120
"""Seconds that the Lease is good for without a longer act."""

MARGIN = 10.0
"""Seconds that must be left beyond an act's own deadline."""

EARLY = 30.0
"""Seconds before it must be that a Lease is renewed."""


class BlueLease:
    """The Lease of one migration; `here` says who holds it, for people.

    `dead` tells of a holder, as `here` would name it, whether it is known to be gone: then its Lease need not run out.
    """

    def __init__(
        self,
        blue: Cluster,
        clock: Clock,
        name: str,
        run: RunId,
        here: str,
        dead: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._blue = blue
        self._clock = clock
        self._name = f"cnimigrate-{name}"
        self._run = run
        self._here = here
        self._dead = dead
        self._token = secrets.token_hex(8)  # two runs of one epoch, or two copies of one state, are still two
        self._epoch = 0
        self._held: Object | None = None
        self._until: datetime | None = None

    def acquire(self, epoch: int, head: str) -> None:
        """Take the Lease; one that has run out, or is this run's own, is taken over.

        Raises LockHeld, or ClusterUnreachable where the reply was lost and whether it stands cannot be seen.
        """
        self._epoch = epoch
        found = self._blue.get(LEASES, self._name, NAMESPACE)
        if found is not None:
            self._refuse_living(found)
        try:
            self._write(found, DURATION, head)
        except (Conflict, AlreadyExists) as error:
            message = f"another runner took the Lease {NAMESPACE}/{self._name} in blue at this very moment"
            raise LockHeld(message, remedy="Look at it with cnimigrate status.") from error
        except Unreachable as error:
            self._look_up(error, DURATION)

    def renew(self, needed: float, head: str) -> None:
        """Make sure that `needed` seconds and a margin are left; raises Fenced where another has taken the Lease.

        It is renewed a while before it must be, so that an API server that is away for a moment ends no run.
        """
        if self._left() > needed + MARGIN + EARLY:
            return
        duration = max(DURATION, int(needed + 2 * (MARGIN + EARLY)))
        try:
            try:
                self._write(self._held, duration, head)
            except (Conflict, NotFound) as error:
                self._rescue(error, duration, head)
        except (Unreachable, Transient):
            # looked at again: a busy server is asked for a minute
            if self._left() <= needed + MARGIN:
                raise

    def _left(self) -> float:
        """Seconds until it runs out."""
        return (self._until - self._clock.now()).total_seconds() if self._until is not None else 0.0

    def release(self) -> None:
        """Delete the Lease, if it is still this run's."""
        found = self._blue.get(LEASES, self._name, NAMESPACE)
        if found is not None and self._is_ours(found):
            uid = str(dig(found, "metadata", "uid", default=""))
            self._blue.write(Write(Verb.DELETE, LEASES, self._name, NAMESPACE, uid=uid))
        self._held = self._until = None

    @staticmethod
    def force(blue: Cluster, name: str) -> str:
        """Delete a migration's Lease whoever holds it; returns who did, or nothing where there was none."""
        found = blue.get(LEASES, f"cnimigrate-{name}", NAMESPACE)
        if found is None:
            return ""
        uid = str(dig(found, "metadata", "uid", default=""))
        blue.write(Write(Verb.DELETE, LEASES, f"cnimigrate-{name}", NAMESPACE, uid=uid))
        return f"{dig(found, 'spec', 'holderIdentity')} held it since {dig(found, 'spec', 'acquireTime')}"

    def _look_up(self, error: Unreachable, duration: int) -> None:
        """A Lease whose reply was lost is held if it carries our token."""
        try:
            found = self._blue.get(LEASES, self._name, NAMESPACE)
        except DoorError:
            found = None
        if found is None or not self._is_ours(found):
            message = f"{error}; the Lease {NAMESPACE}/{self._name} may stand in blue all the same"
            raise ClusterUnreachable(
                message,
                remedy=f"Nothing else was changed. Mend the way to the cluster, then run the same command here; "
                f"anywhere else the Lease is in the way for {duration} s.",
            ) from error
        self._held, self._until = found, _end(found)

    def _rescue(self, error: DoorError, duration: int, head: str) -> None:
        """A renewal whose reply was lost looks like somebody else's: it carries our token."""
        found = self._blue.get(LEASES, self._name, NAMESPACE)
        if found is not None and self._is_ours(found):
            self._write(found, duration, head)
            return
        who = dig(found or {}, "spec", "holderIdentity", default="nobody")
        message = (
            f"the Lease {NAMESPACE}/{self._name} in blue is no longer this runner's; it is held by {who}"
        )
        raise Fenced(message, remedy="Nothing more was done here. See cnimigrate status.") from error

    def _is_ours(self, found: Object) -> bool:
        return annotations_of(found).get(f"{PREFIX}token") == self._token

    def _refuse_living(self, found: Object) -> None:
        run = annotations_of(found).get(f"{PREFIX}run")
        renewed = dig(found, "spec", "renewTime")
        if (
            not renewed
            or self._is_ours(found)
            or (run == self._run and self._dead(str(dig(found, "spec", "holderIdentity"))))
        ):
            return  # the same run's runner before us; a copy of its state elsewhere may be alive, and is not taken so
        left = (_end(found) - self._clock.now()).total_seconds()
        if left <= 0:
            return
        who, since = dig(found, "spec", "holderIdentity"), dig(found, "spec", "acquireTime")
        raise LockHeld(
            f"migration {self._name} is held by {who} since {since}, renewed {renewed}, good for another {left:.0f} s",
            remedy="Wait for it, or end that run; if it is dead: cnimigrate unlock --reason TEXT",
        )

    def _write(self, found: Object | None, duration: int, head: str) -> None:
        now = self._clock.now()
        body = self._body(found, duration, head, now)
        if found is None:
            self._held = self._blue.write(Write(Verb.CREATE, LEASES, self._name, NAMESPACE, body))
        else:
            self._held = self._blue.write(Write(Verb.REPLACE, LEASES, self._name, NAMESPACE, body))
        self._until = now + timedelta(seconds=duration)

    def _body(self, found: Object | None, duration: int, head: str, now: datetime) -> Mapping[str, Any]:
        metadata: dict[str, Any] = {"name": self._name, "namespace": NAMESPACE}
        if found is not None:
            metadata["resourceVersion"] = found["metadata"]["resourceVersion"]
        metadata["annotations"] = {
            f"{PREFIX}epoch": str(self._epoch),
            f"{PREFIX}run": self._run,
            f"{PREFIX}token": self._token,
            f"{PREFIX}journal-head": head or annotations_of(found or {}).get(f"{PREFIX}journal-head", ""),
        }
        acquired = dig(self._held or {}, "spec", "acquireTime") or _micro(now)
        spec = {
            "holderIdentity": self._here,
            "leaseDurationSeconds": duration,
            "acquireTime": acquired,
            "renewTime": _micro(now),
            "leaseTransitions": self._epoch,
        }
        return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}


def _micro(moment: datetime) -> str:
    """MicroTime as the API wants it: RFC 3339 in UTC with six digits."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _end(lease: Object) -> datetime:
    """When a Lease that was renewed once runs out."""
    spec = lease["spec"]
    renewed = datetime.fromisoformat(str(spec["renewTime"]))
    return renewed + timedelta(seconds=int(spec.get("leaseDurationSeconds") or 0))
