"""Disks and shares that pods name themselves are evidence that two sides must not run at once."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.model.decision import Decision, Form
from migrate.model.objects import Ref
from migrate.replay import Decisions
from tests.replay.builders import decide, deployment, service

CART = Ref("apps", "Deployment", "shop", "cart")
RULE = {"kind": "Deployment", "namespace": "shop", "name": "cart", "reason": "the disk is reached from green"}
OUTRIGHT = {"start": [{"kind": "Deployment", "namespace": "shop", "name": "cart"}]}
DISKS: tuple[dict[str, Any], ...] = (
    {"awsElasticBlockStore": {"volumeID": "vol-1"}},
    {"azureDisk": {"diskName": "d", "diskURI": "u"}},
    {"cinder": {"volumeID": "c"}},
    {"fc": {"targetWWNs": ["50060e801049cfd1"], "lun": 0}},
    {"flexVolume": {"driver": "example.com/disk"}},
    {"flocker": {"datasetName": "f"}},
    {"gcePersistentDisk": {"pdName": "p"}},
    {"iscsi": {"targetPortal": "192.0.2.1", "iqn": "iqn.2001-04.com.example", "lun": 0}},
    {"photonPersistentDisk": {"pdID": "p"}},
    {"portworxVolume": {"volumeID": "p"}},
    {"rbd": {"monitors": ["192.0.2.1"], "image": "i"}},
    {"scaleIO": {"gateway": "https://192.0.2.1", "system": "s", "volumeName": "v"}},
    {"storageos": {"volumeName": "v"}},
    {"vsphereVolume": {"volumePath": "[ds] v"}},
)
SHARES: tuple[dict[str, Any], ...] = (
    {"azureFile": {"secretName": "s", "shareName": "f"}},
    {"cephfs": {"monitors": ["192.0.2.1"]}},
    {"glusterfs": {"endpoints": "g", "path": "v"}},
    {"nfs": {"server": "192.0.2.1", "path": "/x"}},
    {"quobyte": {"registry": "q:1", "volume": "v"}},
    {"csi": {"driver": "file.csi.azure.com", "volumeAttributes": {"shareName": "f", "secretName": "s"}}},
    {"csi": {"driver": "gcsfuse.csi.storage.gke.io", "volumeAttributes": {"bucketName": "b"}}},
)
HARMLESS: tuple[dict[str, Any], ...] = (
    {"awsElasticBlockStore": {"volumeID": "vol-1", "readOnly": True}},
    {"nfs": {"server": "192.0.2.1", "path": "/x", "readOnly": True}},
    {
        "csi": {
            "driver": "gcsfuse.csi.storage.gke.io",
            "readOnly": True,
            "volumeAttributes": {"bucketName": "b"},
        }
    },
    {"csi": {"driver": "secrets-store.csi.k8s.io", "volumeAttributes": {"secretProviderClass": "s"}}},
    {"csi": {"driver": "csi.cert-manager.io", "volumeAttributes": {"csi.cert-manager.io/issuer-name": "i"}}},
    {"emptyDir": {}},
    {"configMap": {"name": "c"}},
)


def key(source: dict[str, Any]) -> str:
    """The kind of a volume, and a CSI volume's driver."""
    ((kind, told),) = source.items()
    return f"{kind} {told.get('driver', '')}{' read only' if told.get('readOnly') else ''}"


def cart(source: dict[str, Any], **workloads: Any) -> tuple[Decision, Decisions]:
    """The decision on a Deployment behind a Service, with a volume from `source`."""
    pod = {"volumes": [{"name": "data", **source}]}
    decisions = decide(deployment("cart", pod=pod), service("cart"), workloads=workloads)
    decision = decisions.of(CART)
    assert decision is not None
    return decision, decisions


@pytest.mark.parametrize("source", DISKS, ids=key)
def test_who_names_a_disk_is_asked_about(source: dict[str, Any]) -> None:
    """And which disk it is stands beside it."""
    decision, _ = cart(source, start="serving")
    assert (decision.form, decision.rule) == (Form.UNDECIDED, "decide.disk")
    assert decision.evidence.startswith(f"volume data is a disk, {key(source).split()[0]} ")


@pytest.mark.parametrize("source", DISKS, ids=key)
@pytest.mark.parametrize("word", ["replay", "hold"])
def test_by_a_word_it_moves_and_no_word_starts_it_early(source: dict[str, Any], word: str) -> None:
    """It is exclusive whatever else is said: no file system is for two nodes."""
    decision, decisions = cart(source, rules=[{**RULE, word: True}], **OUTRIGHT)
    assert (decision.form, decision.workload_class) == (Form.HELD, "exclusive")
    assert CART not in decisions.startable


@pytest.mark.parametrize("source", SHARES, ids=key)
def test_who_writes_to_a_share_is_exclusive_until_it_is_named(source: dict[str, Any]) -> None:
    """Many may write there; whether these programs may at once, only a person knows."""
    decision, decisions = cart(source, start="serving")
    assert (decision.form, decision.workload_class) == (Form.HELD, "exclusive")
    assert "volume data is a share" in decision.evidence
    assert CART not in decisions.startable
    decision, decisions = cart(source, **OUTRIGHT)
    assert "against: volume data is a share" in decision.evidence
    assert CART in decisions.startable


@pytest.mark.parametrize("source", HARMLESS, ids=key)
def test_what_is_read_only_or_made_for_the_pod_is_no_evidence(source: dict[str, Any]) -> None:
    """It may be there on both sides."""
    assert cart(source, start="serving")[0].workload_class == "serving"
