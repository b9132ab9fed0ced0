"""Look at real clusters with a client of the lab's own: nothing here shares code with what it judges."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from tests.lab.control_plane import ControlPlane
from tests.lab.users import User
from tests.scenario.real import SPELLINGS, Move

MARK = "cnimigrate"

APPLICATION = (
    ("/apis/apps/v1", "deployments"),
    ("/apis/batch/v1", "cronjobs"),
    ("/apis/networking.k8s.io/v1", "networkpolicies"),
    ("/api/v1", "configmaps"),
    ("/api/v1", "secrets"),
    ("/api/v1", "serviceaccounts"),
    ("/api/v1", "services"),
)
"""What the application is made of; pods, ReplicaSets, slices and events are made by controllers."""

MADE_THERE = {
    "services": ("clusterIP", "clusterIPs", "healthCheckNodePort"),
}
"""What a cluster gives by itself, so that it cannot be the same on the other side."""

REPLICASETS = User("system:serviceaccount:kube-system:replicaset-controller")


def application(plane: ControlPlane, namespace: str = "shop") -> dict[str, Any]:
    """Every object of the application with what a person wrote of it, by `resource/name`."""
    plane.api.close()  # a connection kept through a whole move may have been closed by the server
    found = {}
    for root, plural in APPLICATION:
        for obj in plane.api.get(f"{root}/namespaces/{namespace}/{plural}")["items"]:
            name = obj["metadata"]["name"]
            if name == "kube-root-ca.crt":
                continue  # every cluster's controller manager makes its own
            found[f"{plural}/{name}"] = _written(plural, obj)
    return found


def _written(plural: str, obj: Mapping[str, Any]) -> dict[str, Any]:
    metadata = obj["metadata"]
    annotations = {
        k: v
        for k, v in metadata.get("annotations", {}).items()
        if k != "deployment.kubernetes.io/revision" and not k.startswith("cnimigrate.io/")
    }
    spec = {k: v for k, v in obj.get("spec", {}).items() if k not in MADE_THERE.get(plural, ())}
    if plural == "services":
        spec["ports"] = [{k: v for k, v in port.items() if k != "nodePort"} for port in spec["ports"]]
    rest = {k: obj[k] for k in ("data", "binaryData", "type", "immutable", "imagePullSecrets") if k in obj}
    return {"labels": metadata.get("labels", {}), "annotations": annotations, "spec": spec, **rest}


def everything(plane: ControlPlane) -> Iterator[dict[str, Any]]:
    """Every object that the server lists, found by the server's own discovery, kind by kind."""
    api = plane.api
    api.close()
    roots = ["/api/v1"]
    roots += [f"/apis/{group['preferredVersion']['groupVersion']}" for group in api.get("/apis")["groups"]]
    for root in roots:
        for resource in api.get(root)["resources"]:
            if "list" in resource["verbs"] and "/" not in resource["name"]:
                for obj in api.get(f"{root}/{resource['name']}")["items"]:
                    yield {"kind": resource["kind"], **obj}


def marks(plane: ControlPlane) -> list[str]:
    """What still carries a mark of ours, or is called after us: a line each."""
    found = []
    for obj in everything(plane):
        metadata = obj["metadata"]
        texts = [*metadata.get("annotations", {}), *metadata.get("labels", {}), metadata["name"]]
        ours = [text for text in texts if MARK in text]
        if ours:
            found.append(f"{obj['kind']} {metadata.get('namespace', '')}/{metadata['name']}: {ours}")
    return found


def persisted(plane: ControlPlane, user: User | None = None) -> list[str]:
    """The writes of a user that could have changed something; reviews and server dry runs are reads."""
    return [
        f"{event['verb']} {event['requestURI']}"
        for event in plane.writes(user)
        if "dryRun=All" not in event["requestURI"]
        and event["objectRef"].get("resource") not in {"selfsubjectaccessreviews", "selfsubjectrulesreviews"}
    ]


def policies_came_first(plane: ControlPlane, namespace: str = "shop") -> bool:
    """Whether the last NetworkPolicy stood before a controller asked for the first pod of the namespace.

    Of a namespace that a rollback took away and that was made again, the last one counts.
    """
    gone = [_at(e) for e in plane.writes() if e["verb"] == "delete" and _is_namespace(e, namespace)]
    since = max(gone, default=datetime.min.replace(tzinfo=UTC))
    policies = [at for e in _creates(plane, None, "networkpolicies", namespace) if (at := _at(e)) > since]
    pods = [at for e in _creates(plane, REPLICASETS, "pods", namespace) if (at := _at(e)) > since]
    assert policies, "no policy was ever written"
    assert pods, "no pod was ever asked for"
    return max(policies) < min(pods)


def _is_namespace(event: Mapping[str, Any], name: str) -> bool:
    return bool(event["objectRef"].get("resource") == "namespaces" and event["objectRef"].get("name") == name)


def _creates(plane: ControlPlane, user: User | None, plural: str, namespace: str) -> list[dict[str, Any]]:
    return [
        event
        for event in plane.writes(user)
        if event["verb"] in {"create", "patch"}
        and event["objectRef"].get("resource") == plural
        and event["objectRef"].get("namespace") == namespace
        and event["responseStatus"]["code"] == 201
    ]


def replayed(move: Move) -> tuple[int, int]:
    """Objects that the replay step set out to write on green, and the writes that it sent there, by the audit log."""
    with closing(sqlite3.connect(f"file:{move.journal}?mode=ro", uri=True)) as db:
        rows = db.execute(
            "SELECT at, kind, key FROM entry WHERE step = 'replay.objects' AND kind IN ('intent', 'step') "
            "ORDER BY seq"
        ).fetchall()
    objects = {key for _, kind, key in rows if kind == "intent" and key.startswith(("create ", "patch "))}
    begin = datetime.fromisoformat(rows[0][0])
    end = datetime.fromisoformat(next(at for at, kind, _ in rows if kind == "step"))
    sent = [event for event in move.green.writes() if begin <= _at(event) <= end]
    return len(objects), len(sent)


def in_doubt(move: Move) -> list[str]:
    """Keys of the intents that are left open, read without the code under test."""
    with closing(sqlite3.connect(f"file:{move.journal}?mode=ro", uri=True)) as db:
        intents = dict(db.execute("SELECT seq, key FROM entry WHERE kind = 'intent'").fetchall())
        told = db.execute("SELECT data FROM entry WHERE kind = 'outcome' ORDER BY seq").fetchall()
    outcomes = [json.loads(data) for (data,) in told]
    states = {each["intent"]: each["outcome"]["state"] for each in outcomes}
    return [key for seq, key in intents.items() if states.get(seq, "unknown") == "unknown"]


def sent_twice(plane: ControlPlane) -> dict[str, list[int]]:
    """What the program asked the server more than once to create or to delete, with the statuses of the answers.

    A request that the server gave up itself, because its connection was cut under it, changed nothing.
    """
    asked: dict[str, list[int]] = {}
    for event in plane.writes():
        ref, code = event["objectRef"], event["responseStatus"]["code"]
        if event["verb"] not in {"create", "delete"} or "dryRun=All" in event["requestURI"]:
            continue
        if ref.get("apiGroup") != "authorization.k8s.io" and code < 499:
            what = f"{event['verb']} {ref['resource']} {ref.get('namespace', '')}/{ref['name']}"
            asked.setdefault(what, []).append(code)
    assert asked
    return {what: codes for what, codes in asked.items() if len(codes) > 1}


def _at(event: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(event["requestReceivedTimestamp"])


def leaks(text: str) -> list[str]:
    """The spellings of the canary that a text holds."""
    return [spelling for spelling in SPELLINGS if spelling in text]


def writers(plane: ControlPlane) -> dict[str, Any]:
    """What must not run twice, as it stands: replicas by Deployment, and whether the CronJob is suspended."""
    objects = application(plane)
    return {
        "ledger": objects["deployments/ledger"]["spec"]["replicas"],
        "report": objects["cronjobs/report"]["spec"].get("suspend", False),
    }


def at_finish(move: Move, before: Mapping[str, Any]) -> None:
    """Insist on what must hold when a move is over; `before` is the application as blue had it."""
    must_be(different(application(move.green), before), [])
    must_be(writers(move.blue), {"ledger": 0, "report": True})
    must_be(marks(move.green), [])
    must_be(marks(move.blue), [])
    assert policies_came_first(move.green)
    must_be(move.green_share(), 100)
    must_be(leaks(move.written()), [])


def as_before(move: Move, before: Mapping[str, Any]) -> None:
    """Insist that a move was taken back whole: blue as it was, nothing of the application or of Calico on green."""
    must_be(different(application(move.blue), before), [])
    must_be(application(move.green), {})
    namespaces = {o["metadata"]["name"] for o in move.green.api.get("/api/v1/namespaces")["items"]}
    assert "shop" not in namespaces
    groups = {group["name"] for group in move.green.api.get("/apis")["groups"]}
    must_be({g for g in groups if g.endswith("projectcalico.org")}, set())
    must_be(marks(move.green), [])
    must_be(marks(move.blue), [])
    must_be(move.green_share(), 0)


def must_be(found: object, wanted: object) -> None:
    """Insist, and show what was found: assertions are rewritten by pytest in test modules only."""
    assert found == wanted, found


def different(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The objects that are not the same on both sides, with both."""
    keys = sorted({*one, *other})
    return [f"{k}: {one.get(k)} and {other.get(k)}" for k in keys if one.get(k) != other.get(k)]
