"""VolSync's objects that copy a claim, as its API (volsync.backube/v1alpha1) has them.

Source of every field: https://github.com/backube/volsync, api/v1alpha1 and docs/usage/rsync-tls.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

from migrate.model.migration import VolSyncSpec
from migrate.model.objects import Object, Ref

GROUP = "volsync.backube"
API_VERSION = f"{GROUP}/v1alpha1"
DESTINATION = "ReplicationDestination"
SOURCE = "ReplicationSource"

KEY = "psk.txt"
"""The one field of the Secret with the movers' common key."""

MOVER = "app.kubernetes.io/name"
"""The label by which VolSync's pods of an end are known; source: its internal/controller/mover/rsynctls/mover.go."""

INSTALL = (
    "install VolSync on both clusters (https://volsync.readthedocs.io/en/stable/installation/), on green before the run, "
    "with its namespace in workloads.exclude"
)
"""What to do where a cluster does not serve the two kinds: one that the run brings over would be held until the cutover."""

_SHOWN = 30


def copy_name(claim: Ref) -> str:
    """What everything is called that is made to copy a claim: the same each time, so that it is found again."""
    told = re.sub(r"[^a-z0-9]+", "-", claim.name)[:_SHOWN].strip("-")
    return f"cnimigrate-{told}-{sha256(claim.name.encode()).hexdigest()[:8]}"


def mover_pods(claim: Ref) -> tuple[str, str]:
    """What the movers' pods of blue's end and of green's have in that label."""
    return f"src-{copy_name(claim)}", f"dst-{copy_name(claim)}"


def made_key(claim: Ref) -> str:
    """What the Secret is called that VolSync makes for green's end."""
    return f"volsync-rsync-tls-{copy_name(claim)}"


def destination(claim: Ref, trigger: str, spec: VolSyncSpec) -> Object:
    """Green's end: it takes what comes into the claim itself, and says in its status where and with which key."""
    tls = {
        "copyMethod": "Direct",
        "destinationPVC": claim.name,
        "serviceType": spec.service_type,
        **_user(spec),
    }
    return _object(DESTINATION, claim, {"trigger": {"manual": trigger}, "rsyncTLS": tls})


def source(claim: Ref, trigger: str, spec: VolSyncSpec, *, address: str, port: int | None = None) -> Object:
    """Blue's end: it sends the claim to an address, once for each word that its trigger has."""
    tls = {"copyMethod": spec.copy_method, "keySecret": copy_name(claim), "address": address, **_user(spec)}
    if port is not None:
        tls["port"] = port
    told = {"sourcePVC": claim.name, "trigger": {"manual": trigger}, "rsyncTLS": tls}
    return _object(SOURCE, claim, told)


def key(claim: Ref, value: str) -> Object:
    """The Secret by which blue's end is let in; `value` is that of green's, as the API has it. Never print it."""
    metadata = {"name": copy_name(claim), "namespace": claim.namespace}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "Opaque",
        "data": {KEY: value},
    }


def _user(spec: VolSyncSpec) -> dict[str, Any]:
    return {} if spec.run_as_user is None else {"moverSecurityContext": {"runAsUser": spec.run_as_user}}


def _object(kind: str, claim: Ref, spec: dict[str, Any]) -> Object:
    metadata = {"name": copy_name(claim), "namespace": claim.namespace}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}
