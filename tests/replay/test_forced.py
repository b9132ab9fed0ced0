"""What is kept for the data's sake and never released is known by name, with what would make it as on blue."""

from __future__ import annotations

from typing import Any

from migrate.model.objects import Object, Ref
from migrate.replay import forced
from tests.replay.builders import decide, inventory, obj, service

DELETE = {"whenDeleted": "Delete", "whenScaled": "Retain"}


def volume(policy: str) -> Object:
    """A volume made by hand."""
    nfs = {"server": "nas.example", "path": "/"}
    spec = {"capacity": {"storage": "1Gi"}, "nfs": nfs, "persistentVolumeReclaimPolicy": policy}
    return obj("PersistentVolume", f"nas-{policy.lower()}", uid=policy, spec=spec)


def stateful_set(name: str, **spec: Any) -> Object:
    """A StatefulSet that deletes its claims."""
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "m", "image": "x"}]}}
    body = {"replicas": 1, "template": template, "persistentVolumeClaimRetentionPolicy": DELETE, **spec}
    return obj("StatefulSet", name, "shop", "apps/v1", uid=name, spec=body)


def webhook(name: str) -> Object:
    """A configuration that is answered by a Service of the shop."""
    client = {"service": {"namespace": "shop", "name": name}}
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    hook = {"name": "a.example.net", "clientConfig": client, "rules": [rule], "sideEffects": "None"}
    return obj("MutatingWebhookConfiguration", name, api="admissionregistration.k8s.io/v1", webhooks=[hook])


def test_volumes_and_sets_that_nothing_releases() -> None:
    """A volume that blue would delete, a set that starts early; not what is as on blue, nor what a release gives back."""
    objects = [
        volume("Delete"),
        volume("Retain"),
        stateful_set("held"),
        stateful_set("hook"),
        service("hook"),
        webhook("hook"),
    ]
    workloads = {"rules": [{"kind": "PersistentVolume", "replay": True, "reason": "blue has let go"}]}
    decisions = decide(*objects, workloads=workloads)
    assert [d.ref.name for d in decisions.started_early] == ["hook"]
    assert dict(forced(decisions, inventory(*objects))) == {
        Ref("", "PersistentVolume", "", "nas-delete"): {"spec": {"persistentVolumeReclaimPolicy": "Delete"}},
        Ref("apps", "StatefulSet", "shop", "hook"): {
            "spec": {"persistentVolumeClaimRetentionPolicy": DELETE}
        },
    }
