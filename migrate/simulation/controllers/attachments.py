"""Volumes to nodes: attached for as long as a pod there uses the claim.

Only drivers that have a CSIDriver object attach here; a real controller attaches for those without one, too
(kubernetes, pkg/volume/csi/csi_plugin.go, CanAttach). A volume is attached at once and takes a while to be detached.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from migrate.model.objects import Object, dig
from migrate.simulation.controllers.context import Context, watching
from migrate.simulation.controllers.view import Event, Key, Kinds

DETACHING = timedelta(seconds=45)
"""How long a storage takes to detach: long enough that pods are gone before."""


class Attachments:
    """Keeps a VolumeAttachment for each node whose pods use a volume; detaches behind the last of them."""

    name = "attachments"
    watches = watching(Kinds.pods, Kinds.claims)

    def keys(self, event: Event, ctx: Context) -> Iterable[Key]:
        """The volumes of a pod's claims, and that of a claim."""
        if event.plural == "persistentvolumeclaims":
            name = dig(event.obj, "spec", "volumeName")
            return (Key("", name),) if name else ()
        if '"persistentVolumeClaim":' not in event.text:
            return ()
        mounted = (
            dig(v, "persistentVolumeClaim", "claimName") for v in event.obj["spec"].get("volumes") or ()
        )
        claims = (ctx.view.get(Kinds.claims, name, event.namespace) for name in mounted if name)
        return [Key("", name) for claim in claims if (name := dig(claim, "spec", "volumeName"))]

    def reconcile(self, key: Key, ctx: Context) -> None:
        """Attach one volume to the nodes that use it, and to no other."""
        volume = ctx.view.get(Kinds.volumes, key.name)
        driver = dig(volume, "spec", "csi", "driver", default="")
        wanted = _nodes(volume, ctx) if volume is not None else set()
        standing = {
            str(dig(a, "spec", "nodeName")): a
            for a in ctx.view.list(Kinds.attachments)
            if dig(a, "spec", "source", "persistentVolumeName") == key.name
            and _attaches(dig(a, "spec", "attacher"), ctx)
        }
        for node in sorted(wanted - standing.keys()) if _attaches(driver, ctx) else ():
            made = ctx.create(Kinds.attachments, _attachment(key.name, driver, node))
            ctx.status(Kinds.attachments, made, {"attached": True})
        for node, attachment in sorted(standing.items()):
            if node not in wanted or dig(attachment, "metadata", "deletionTimestamp"):
                self._detach(key, attachment, ctx)

    def _detach(self, key: Key, attachment: Object, ctx: Context) -> None:
        """Ask it to go; its attacher lets it, once the storage has. Then the volume is looked at once more."""
        going = dig(attachment, "metadata", "deletionTimestamp")
        gone = bool(going) and datetime.fromisoformat(str(going)) + DETACHING <= ctx.now
        if not going:
            ctx.delete(Kinds.attachments, attachment)
        elif gone:
            ctx.patch(Kinds.attachments, attachment, {"metadata": {"finalizers": None}})
        ctx.view.later(self.name, key, ctx.now if gone else ctx.now + DETACHING)


def _attaches(driver: str, ctx: Context) -> bool:
    found = ctx.view.get(Kinds.csi_drivers, driver) if driver else None
    return found is not None and dig(found, "spec", "attachRequired", default=True) is not False


def _nodes(volume: Object, ctx: Context) -> set[str]:
    claim = dig(volume, "spec", "claimRef", default={}) or {}
    pods = ctx.index.by_namespace.get(claim.get("namespace", ""), {}).values()
    return {pod.node for pod in pods if pod.node and not pod.finished and claim.get("name") in pod.claims}


def _attachment(volume: str, driver: str, node: str) -> Object:
    # named as by the real one: kubernetes, pkg/volume/csi/csi_attacher.go, getAttachmentName
    name = f"csi-{hashlib.sha256(f'{volume}{driver}{node}'.encode()).hexdigest()}"
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "VolumeAttachment",
        "metadata": {"name": name, "finalizers": [f"external-attacher/{driver.replace('.', '-')}"]},
        "spec": {"attacher": driver, "nodeName": node, "source": {"persistentVolumeName": volume}},
    }
