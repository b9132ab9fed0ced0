"""Claims ask for green's classes, and for no less than blue's volume holds."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.model.objects import Ref
from migrate.replay import kinds
from migrate.replay.sanitising.volumes import at_least
from migrate.replay.storage import data_of
from migrate.replay.storage_classes import in_classes_of_green
from tests.replay.builders import migration

NAMES = {"fast": "ceph-rbd"}
EPHEMERAL = [
    {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": {"storageClassName": "fast"}}}}
]
RENAMED = [
    {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": {"storageClassName": "ceph-rbd"}}}}
]


def claim(**spec: Any) -> dict[str, Any]:
    """A claim with a spec."""
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "spec": spec}


def test_templates_of_a_set_ask_for_the_class_of_green() -> None:
    """A set's claims that green's controller makes later are no claims of blue, and ask for the same class."""
    templates = [claim(storageClassName="fast"), claim(storageClassName="slow"), claim()]
    found = in_classes_of_green({"spec": {"volumeClaimTemplates": templates}}, kinds.STATEFUL_SET, NAMES)
    assert [t["spec"].get("storageClassName") for t in found["spec"]["volumeClaimTemplates"]] == [
        "ceph-rbd",
        "slow",
        None,
    ]


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (kinds.POD, ()),
        (kinds.DEPLOYMENT, ("template", "spec")),
        (kinds.DAEMON_SET, ("template", "spec")),
        (kinds.JOB, ("template", "spec")),
        (kinds.CRON_JOB, ("jobTemplate", "spec", "template", "spec")),
    ],
)
def test_volumes_that_live_with_a_pod_ask_for_the_class_of_green(
    kind: kinds.Kind, path: tuple[str, ...]
) -> None:
    """A pod's ephemeral volumes are claims, too."""

    def wrapped(volumes: Any) -> dict[str, Any]:
        value: dict[str, Any] = {"volumes": volumes}
        for key in reversed(path):
            value = {key: value}
        return {"spec": value}

    assert in_classes_of_green(wrapped(EPHEMERAL), kind, NAMES) == wrapped(RENAMED)


def test_a_quota_limits_the_class_of_green() -> None:
    """Under blue's name it would limit nothing; of two classes that become one the larger limit holds."""
    hard = {
        "ceph-rbd.storageclass.storage.k8s.io/requests.storage": "1Gi",
        "fast.storageclass.storage.k8s.io/requests.storage": "5Gi",
        "slow.storageclass.storage.k8s.io/persistentvolumeclaims": "2",
        "pods": "9",
    }
    found = in_classes_of_green({"spec": {"hard": hard}}, kinds.RESOURCE_QUOTA, NAMES)
    assert found["spec"]["hard"] == {
        "ceph-rbd.storageclass.storage.k8s.io/requests.storage": "5Gi",
        "slow.storageclass.storage.k8s.io/persistentvolumeclaims": "2",
        "pods": "9",
    }


def test_nothing_is_touched_where_no_class_has_another_name() -> None:
    """Without a word of the file the object is the very same."""
    obj = claim(storageClassName="fast")
    assert in_classes_of_green(obj, kinds.CLAIM, {}) is obj


@pytest.mark.parametrize(
    ("asked", "size", "wanted"),
    [
        ("8Gi", "20Gi", "20Gi"),
        ("8Gi", "8Gi", "8Gi"),
        ("20Gi", "8Gi", "20Gi"),
        ("8Gi", None, "8Gi"),
        ("1Gi", "1500M", "1500M"),
    ],
)
def test_a_claim_asks_for_what_its_volume_holds(asked: str, size: str | None, wanted: str) -> None:
    """A volume that was grown in place is not asked for in the size of its first day."""
    found = at_least(claim(resources={"requests": {"storage": asked}}), size)
    assert found["spec"]["resources"]["requests"]["storage"] == wanted


def test_the_first_word_on_a_claims_data_counts() -> None:
    """As with every list of names in the file."""
    file = migration(
        {
            "volumes": [
                {"namespace": "shop", "name": "data-*", "as": "restored", "reason": "a standby"},
                {"namespace": "*", "as": "empty", "reason": "caches"},
            ]
        }
    )
    found = [data_of(file, Ref("", "PersistentVolumeClaim", "shop", name)) for name in ("data-0", "tmp")]
    assert [data.as_ for data in found if data] == ["restored", "empty"]
