"""Helm's releases are read from their records by kinds and names alone, and held against green."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from migrate.model.objects import Object
from migrate.replay.releases import MOST, Fate, records, release_of, standings
from tests.replay.builders import decide, deployment, inventory, obj, service
from tests.replay.helm import HIDDEN, packed, record

MANIFEST = """\
---
# Source: web/templates/cm.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
---
# nothing but a comment
---
apiVersion: v1
kind: List
items:
- {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: web}}
- {apiVersion: batch/v1, kind: CronJob, metadata: {name: nightly, namespace: back}}
"""
CONFIG = obj("ConfigMap", "web", "shop")
ROLE = obj("ClusterRole", "web", api="rbac.authorization.k8s.io/v1")
CRON = obj("CronJob", "nightly", "back", "batch/v1", spec={"schedule": "0 1 * * *"})


def spoilt(data: Any) -> Object:
    """A record with another value."""
    return {**record(""), "data": data}


def test_a_record_is_read_by_kinds_and_names_alone() -> None:
    """Lists are taken apart, an object without a namespace is in the release's; no value is kept."""
    release = release_of(3, record(MANIFEST, revision=3))
    assert list(map(str, release.parts)) == [
        "ConfigMap shop/web",
        "ClusterRole shop/web",
        "CronJob back/nightly",
    ]
    assert (str(release), release.revision, release.status, release.unread) == ("shop/web", 3, "deployed", "")
    assert HIDDEN not in repr(release)


def test_the_configmap_driver_writes_the_same_without_the_secrets_encoding() -> None:
    """Both drivers' records are read."""
    labels = {"owner": "helm", "name": "web", "version": "1", "status": "deployed"}
    found = obj(
        "ConfigMap", "sh.helm.release.v1.web.v1", "shop", labels=labels, data={"release": packed(MANIFEST)}
    )
    assert len(release_of(1, found).parts) == 3


def test_the_newest_record_counts() -> None:
    """Revisions are numbers, and Helm 2's records none of ours."""
    helm2 = obj(
        "ConfigMap", "web.v1", "kube-system", labels={"OWNER": "TILLER", "NAME": "web", "VERSION": "1"}
    )
    found = records(inventory(record("", revision=9), record("", revision=10), record("", revision=2), helm2))
    assert {key: revision for key, (revision, _) in found.items()} == {("shop", "web"): 10}


def b64(data: bytes) -> str:
    """Encoded as a Secret's value is."""
    return base64.b64encode(data).decode()


def unpacking_to(data: bytes) -> dict[str, str]:
    """A Secret's data whose record unpacks to this."""
    return {"release": b64(b64(gzip.compress(data)).encode())}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "has no value"),
        ({"release": "***"}, "could not be read"),
        ({"release": b64(b"no base64 inside")}, "could not be read"),
        ({"release": b64(b64(b"no gzip").encode())}, "could not be read"),
        (unpacking_to(b"{"), "could not be read"),
        (unpacking_to(b"[" * 100_000), "could not be read"),
        (unpacking_to(b" " * (MOST + 1)), "above 32 MiB"),
        (unpacking_to(json.dumps({"manifest": 1}).encode()), "has no manifest"),
        (unpacking_to(json.dumps({"manifest": "a: [" + HIDDEN}).encode()), "manifest could not be read"),
        (
            unpacking_to(json.dumps({"manifest": 'kind: A\nmetadata: {name: "\\e[2J"}'}).encode()),
            "proper name",
        ),
    ],
)
def test_what_is_no_record_is_said_without_a_word_of_it(data: Any, said: str) -> None:
    """A damaged, endless or hostile record costs no more than its bound, and its release is still told."""
    release = release_of(1, spoilt(data))
    assert said in release.unread
    assert HIDDEN not in release.unread
    assert not release.parts


def test_a_release_stands_when_its_record_and_its_objects_do() -> None:
    """What follows at the cutover, or is gone from blue too, is told and no loss."""
    manifest = f"{MANIFEST}---\n{{apiVersion: v1, kind: Service, metadata: {{name: gone}}}}\n"
    blue = inventory(record(manifest), CONFIG, ROLE, CRON)
    decisions = decide(record(manifest), CONFIG, ROLE, CRON)
    (found,) = standings(blue, decisions, inventory(record(manifest), CONFIG, ROLE))
    assert found.whole
    assert {str(part): fate for part, fate in found.absent.items()} == {
        "CronJob back/nightly": Fate.FOLLOWS,
        "Service shop/gone": Fate.LOST,
    }


@pytest.mark.parametrize(
    "green",
    [
        [record(MANIFEST), ROLE],
        [CONFIG, ROLE],
        [record(MANIFEST, status="failed"), CONFIG, ROLE],
        [record(MANIFEST, revision=2), CONFIG, ROLE],
    ],
    ids=["an object", "the record", "its status", "another revision"],
)
def test_a_release_is_not_whole_without(green: list[Object]) -> None:
    """Each of them is something that helm on green would not show as helm on blue does."""
    blue = [record(MANIFEST), CONFIG, ROLE, CRON]
    (found,) = standings(inventory(*blue), decide(*blue), inventory(*green))
    assert not found.whole


def test_an_ingress_of_an_older_group_stands_in_todays() -> None:
    """The record names the group it was installed in; the object is the same."""
    manifest = "{apiVersion: extensions/v1beta1, kind: Ingress, metadata: {name: web}}"
    ingress = obj("Ingress", "web", "shop", "networking.k8s.io/v1", spec={})
    (found,) = standings(
        inventory(record(manifest), ingress),
        decide(record(manifest), ingress),
        inventory(record(manifest), ingress),
    )
    assert found.whole
    assert not found.absent


def test_a_release_that_stays_is_not_judged() -> None:
    """Its namespace is left out."""
    blue = [record(MANIFEST), deployment("web"), service("web")]
    assert not standings(inventory(*blue), decide(*blue, workloads={"exclude": ["shop"]}), inventory())
