"""Disks and shares that a pod names itself, with no claim between: green's pods would mount the very same.

Source: Kubernetes API reference, Volume. What is read only harms nobody. A CSI volume in a pod is made for the pod and
goes with it, unless its attributes name what was there before: a share (csi-driver-nfs, csi-driver-smb, Azure File) or a
bucket (Azure Blob, Cloud Storage FUSE).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from migrate.model.objects import Object, dig

_DISKS: Mapping[str, str] = {
    "awsElasticBlockStore": "volumeID",
    "azureDisk": "diskName",
    "cinder": "volumeID",
    "fc": "targetWWNs",
    "flexVolume": "driver",
    "flocker": "datasetName",
    "gcePersistentDisk": "pdName",
    "iscsi": "iqn",
    "photonPersistentDisk": "pdID",
    "portworxVolume": "volumeID",
    "rbd": "image",
    "scaleIO": "volumeName",
    "storageos": "volumeName",
    "vsphereVolume": "volumePath",
}
"""Block storage by its key in a volume, with the field that tells one disk from another; what a FlexVolume's driver does
nobody can see, so it counts as a disk."""

_SHARES: Mapping[str, str] = {
    "azureFile": "shareName",
    "cephfs": "path",
    "glusterfs": "path",
    "nfs": "path",
    "quobyte": "volume",
}
"""File systems that many nodes may write to at once."""

_THERE_BEFORE = ("share", "shareName", "source", "containerName", "bucketName")


def disks(pod: Object) -> Iterator[str]:
    """The disks that a pod may write to: a file system on one is destroyed by two nodes that mount it."""
    yield from _named(pod, _DISKS, "disk")


def shares(pod: Object) -> Iterator[str]:
    """The shares that a pod may write to: both sides' pods would write there."""
    yield from _named(pod, _SHARES, "share")
    for volume in dig(pod, "spec", "volumes", default=()) or ():
        csi = volume.get("csi") or {}
        given = csi.get("volumeAttributes") or {}
        found = [f"{key} {given[key]}" for key in _THERE_BEFORE if key in given]
        if found and not csi.get("readOnly"):
            yield f"volume {volume.get('name')} is a share, {csi.get('driver')} {', '.join(found)}"


def _named(pod: Object, kinds: Mapping[str, str], what: str) -> Iterator[str]:
    for volume in dig(pod, "spec", "volumes", default=()) or ():
        for kind, field in kinds.items():
            source = volume.get(kind)
            if source is not None and not source.get("readOnly"):
                yield f"volume {volume.get('name')} is a {what}, {kind} {_text(source.get(field))}".rstrip()


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")
