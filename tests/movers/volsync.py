"""A stand-in for VolSync and for the kubelet of the counting pod, played on both clusters whenever somebody waits.

It does what VolSync's documentation says of the two kinds, on directories instead of volumes. No real VolSync is in here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from migrate.doors.clock import Clock
from migrate.doors.cluster import Cluster, Verb, Write
from migrate.errors import AlreadyExists, NotFound
from migrate.model.ids import Side
from migrate.model.objects import Object, Resource, dig

GROUP = "volsync.backube"
TLS_KEY = "volsync:5ec2e75ec2e75ec2e75ec2e75ec2e75e"
PLURALS = {"ReplicationSource": "replicationsources", "ReplicationDestination": "replicationdestinations"}


def definition(kind: str) -> Object:
    """The definition of one of the two kinds, with the fields that are documented for rsync-TLS, and no others."""
    text = {"type": "string"}
    user = {"type": "object", "properties": {"runAsUser": {"type": "integer"}}}
    methods = {**text, "enum": ["Direct", "None", "Clone", "Snapshot"]}
    ends: Mapping[str, Any] = {
        "ReplicationSource": {"address": text, "port": {"type": "integer"}},
        "ReplicationDestination": {"destinationPVC": text, "serviceType": text},
    }
    tls = {"copyMethod": methods, "keySecret": text, "moverSecurityContext": user, **ends[kind]}
    said = {"address": text, "keySecret": text, "port": {"type": "integer"}}
    latest = {"type": "object", "properties": {"result": text, "logs": text}}
    schema = _object(
        spec=_object(sourcePVC=text, trigger=_object(schedule=text, manual=text), rsyncTLS=_object(**tls)),
        status=_object(lastManualSync=text, latestMoverStatus=latest, rsyncTLS=_object(**said)),
    )
    version = {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
    }
    plural = PLURALS[kind]
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def mirror(blue: Path, green: Path) -> None:
    """What rsync does with --delete."""
    shutil.rmtree(green)
    shutil.copytree(blue, green)


def count(
    pod: Object, volume: Path, own: Path, tools: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run what a counting pod would on a directory, with its message in `own`/message; `tools` come before the machine's."""
    shell, flag, script, *words = pod["spec"]["containers"][0]["command"]
    own.mkdir(exist_ok=True)
    for place, stands in (("/data", volume), ("/count", own), ("/dev/termination-log", own / "message")):
        script = script.replace(place, str(stands))
    path = os.pathsep.join([*([str(tools)] if tools else []), os.environ["PATH"]])
    return subprocess.run(
        [shell, flag, script, *words], check=False, capture_output=True, env={**os.environ, "PATH": path}
    )


@dataclass
class VolSync:
    """VolSync on both sides, the kubelet of counting pods, and the volumes, `folder`/SIDE/NAMESPACE/CLAIM.

    `fails` makes every synchronisation fail; `carries` is what a synchronisation does, a mirror if not said otherwise; `key`
    and `address` are those of green's next listener. Blue's mover tries for ever where it has another listener's.
    """

    clusters: Mapping[Side, Cluster]
    folder: Path
    namespace: str
    fails: str = ""
    key: str = TLS_KEY
    address: str = "192.0.2.7"
    carries: Callable[[Path, Path], None] = field(default=mirror)

    def play(self) -> None:
        """Act once on whatever stands."""
        for listener in self._all(Side.GREEN, "ReplicationDestination"):
            self._listen(listener)
        for sender in self._all(Side.BLUE, "ReplicationSource"):
            self._send(sender)
        for side in Side:
            for pod in self._all(side, "Pod", ""):
                ended = dig(pod, "status", "phase") in {"Succeeded", "Failed"}
                if not ended and pod["spec"]["containers"][0]["name"] == "count":
                    self._count(side, pod)

    def _listen(self, listener: Object) -> None:
        name = f"volsync-rsync-tls-{listener['metadata']['name']}"
        owner = {
            "apiVersion": listener["apiVersion"],
            "kind": listener["kind"],
            "name": listener["metadata"]["name"],
            "uid": listener["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
        metadata = {"name": name, "namespace": self.namespace, "ownerReferences": [owner]}
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata,
            "data": {"psk.txt": b64encode(self.key.encode()).decode()},
        }
        if not listener["metadata"].get("deletionTimestamp") and not dig(listener, "status", "rsyncTLS"):
            with suppress(AlreadyExists):
                self._write(Side.GREEN, Verb.CREATE, secret)
            self._status(Side.GREEN, listener, {"rsyncTLS": {"address": self.address, "keySecret": name}})

    def _send(self, sender: Object) -> None:
        spec = sender["spec"]
        ends = [self._named(Side.GREEN, "ReplicationDestination", sender), sender]
        manual = spec["trigger"]["manual"]
        if ends[0] is None or dig(sender, "status", "lastManualSync") == manual:
            return
        if self.fails:
            status = {"latestMoverStatus": {"result": "Failed", "logs": self.fails}}
            self._status(Side.BLUE, sender, status)
            return
        listens = dig(ends[0], "status", "rsyncTLS") or {}
        tls = spec["rsyncTLS"]
        keys = [
            self.clusters[side].get(SECRET, name, self.namespace)
            for side, name in ((Side.BLUE, tls["keySecret"]), (Side.GREEN, listens.get("keySecret", "")))
        ]
        assert keys[0] is not None
        if keys[1] is None or keys[0]["data"] != keys[1]["data"] or tls["address"] != listens["address"]:
            return
        target = ends[0]["spec"]["rsyncTLS"]["destinationPVC"]
        self.carries(self.volume(Side.BLUE, spec["sourcePVC"]), self.volume(Side.GREEN, target))
        for side, end in zip((Side.GREEN, Side.BLUE), ends, strict=True):
            assert end is not None
            done = end["spec"]["trigger"]["manual"]
            status = {"lastManualSync": done, "latestMoverStatus": {"result": "Successful", "logs": ""}}
            self._status(side, end, status)

    def _count(self, side: Side, pod: Object) -> None:
        """Run what the pod would, on the claim's directory, and report as a kubelet does."""
        claim = pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"]
        own = self.folder / f"count-{side}"
        ran = count(pod, self.volume(side, claim), own)
        assert not ran.stderr
        ended = {"exitCode": ran.returncode, "message": (own / "message").read_text()}
        container = {
            "name": "count",
            "image": "i",
            "imageID": "",
            "ready": False,
            "restartCount": 0,
            "state": {"terminated": ended},
        }
        phase = "Failed" if ran.returncode else "Succeeded"
        self._status(side, pod, {"phase": phase, "containerStatuses": [container]})

    def volume(self, side: Side, claim: str) -> Path:
        """The directory that stands for a claim's volume."""
        return self.folder / side.value / self.namespace / claim

    def left(self) -> list[str]:
        """What a mover has left in the namespaces, of the kinds that it makes."""
        kinds = [(kind, GROUP) for kind in PLURALS] + [("Secret", ""), ("Pod", "")]
        return [
            f"{side} {kind} {obj['metadata']['name']}"
            for side in Side
            for kind, group in kinds
            for obj in self._all(side, kind, group)
            if obj["metadata"]["name"] != "of-the-team"
        ]

    def _all(self, side: Side, kind: str, group: str = GROUP) -> list[Object]:
        cluster = self.clusters[side]
        pages = cluster.pages(_resource(kind, group), namespace=self.namespace)
        return [obj for page in pages for obj in page]

    def _named(self, side: Side, kind: str, like: Object) -> Object | None:
        return self.clusters[side].get(_resource(kind, GROUP), like["metadata"]["name"], self.namespace)

    def _status(self, side: Side, obj: Object, status: Mapping[str, Any]) -> None:
        resource = _resource(obj["kind"], obj["apiVersion"].rpartition("/")[0])
        body = {"status": status}
        write = Write(
            Verb.PATCH, resource, obj["metadata"]["name"], self.namespace, body=body, subresource="status"
        )
        with suppress(NotFound):
            self.clusters[side].write(write)

    def _write(self, side: Side, verb: Verb, obj: Object) -> None:
        resource = _resource(obj["kind"], obj["apiVersion"].rpartition("/")[0])
        self.clusters[side].write(Write(verb, resource, obj["metadata"]["name"], self.namespace, body=obj))


SECRET = Resource("", "v1", "secrets", "Secret", namespaced=True)


def _resource(kind: str, group: str) -> Resource:
    if group:
        return Resource(group, "v1alpha1", PLURALS[kind], kind, namespaced=True)
    return Resource("", "v1", f"{kind.lower()}s", kind, namespaced=True)


@dataclass
class Played:
    """A clock over whose sleep VolSync and the kubelet act."""

    clock: Clock
    volsync: VolSync

    def now(self) -> datetime:
        """The clock's."""
        return self.clock.now()

    def sleep(self, seconds: float) -> None:
        """Let everybody act, and time pass."""
        self.volsync.play()
        self.clock.sleep(seconds)


def definitions(cluster: Cluster, verb: Verb) -> None:
    """Have a cluster serve the two kinds, or serve them no more."""
    resource = Resource(
        "apiextensions.k8s.io",
        "v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        namespaced=False,
    )
    for body in map(definition, PLURALS):
        sent = body if verb is Verb.CREATE else None
        with suppress(NotFound):
            cluster.write(Write(verb, resource, body["metadata"]["name"], body=sent))


@contextmanager
def defined(clusters: Mapping[Side, Cluster], wait: Callable[[], None]) -> Iterator[None]:
    """The two kinds served on both sides, and taken away again."""
    for cluster in clusters.values():
        definitions(cluster, Verb.CREATE)
    try:
        for cluster in clusters.values():
            for _ in range(100):
                if sum(r.group == GROUP for r in cluster.resources()) == len(PLURALS):
                    break
                wait()
        yield
    finally:
        for cluster in clusters.values():
            definitions(cluster, Verb.DELETE)
