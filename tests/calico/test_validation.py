"""Objects of Calico's API, judged before they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from migrate.calico.documents import documents
from migrate.calico.validation import pool_overlaps, validate, validate_all

FOLDER = Path(__file__).parent / "cases" / "validation"
NAMESPACED = {"NetworkPolicy", "NetworkSet", "StagedNetworkPolicy"}
KINDS = {"pools": "IPPool", "policies": "NetworkPolicy"}


def cases() -> list[Any]:
    return [
        pytest.param({"kind": KINDS.get(path.stem), **case}, id=f"{path.stem}: {case['case']}")
        for path in sorted(FOLDER.glob("*.yaml"))
        for case in yaml.safe_load(path.read_text(encoding="utf-8"))
    ]


def composed(case: dict[str, Any], api_version: str) -> dict[str, Any]:
    metadata = {"name": case.get("name", "x"), "labels": case.get("labels", {})}
    if case["kind"] in NAMESPACED:
        metadata["namespace"] = "demo"
    return {"apiVersion": api_version, "kind": case["kind"], "metadata": metadata, "spec": case["spec"]}


@pytest.mark.parametrize("api_version", ["crd.projectcalico.org/v1", "projectcalico.org/v3"])
@pytest.mark.parametrize("case", cases())
def test_an_object_is_judged_as_calicos_clients_judge_it(case: dict[str, Any], api_version: str) -> None:
    """Each problem is a sentence that begins with the field's path; both API groups are judged alike."""
    assert list(validate(composed(case, api_version))) == case["problems"]


def test_a_namespaced_policy_needs_its_namespace() -> None:
    """Without one it would be written where the client happens to be."""
    policy = {
        "apiVersion": "projectcalico.org/v3",
        "kind": "NetworkPolicy",
        "metadata": {"name": "x"},
        "spec": {},
    }
    assert validate(policy) == ("metadata.namespace: a NetworkPolicy needs a namespace",)


def test_other_apis_are_none_of_our_business() -> None:
    """A Kubernetes NetworkPolicy is validated by its API server."""
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "A B"},
        "spec": {},
    }
    assert validate(policy) == ()


def pool(name: str, cidr: str, api_version: str = "crd.projectcalico.org/v1") -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": "IPPool", "metadata": {"name": name}, "spec": {"cidr": cidr}}


def test_pools_that_share_addresses_are_found() -> None:
    """A raw write takes an overlapping pool, and two pods may then get one address (trap 4)."""
    found = validate_all([pool("a", "10.0.0.0/16"), pool("b", "10.0.128.0/17"), pool("c", "10.1.0.0/16")])
    assert found == {"IPPool b": ("spec.cidr: 10.0.128.0/17 overlaps 10.0.0.0/16 of IPPool a",)}


def test_two_views_of_one_pool_do_not_overlap() -> None:
    """The aggregated API shows the same pool under another group."""
    assert pool_overlaps([pool("a", "10.0.0.0/16"), pool("a", "10.0.0.0/16", "projectcalico.org/v3")]) == []


def test_what_a_real_calico_wrote_is_valid(test_data: Path) -> None:
    """Every object of every recorded cluster passes: the rules refuse nothing that Calico lives with."""
    judged = 0
    for path in sorted((test_data / "calico-live").glob("0*/*.yaml")):
        for obj in documents(path.read_text(encoding="utf-8"), source=path.name):
            assert validate(obj) == (), (path, obj["metadata"]["name"])
            judged += 1
    assert judged > 100
