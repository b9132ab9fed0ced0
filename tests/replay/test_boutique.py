"""The manifests of a real application, Online Boutique, and of real CNIs go through the rules."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from migrate.model.decision import Form
from migrate.model.objects import Ref, ref_of
from tests.replay.builders import decided, inventory, migration

DATA = os.environ.get("CNIMIGRATE_TEST_DATA")
pytestmark = pytest.mark.skipif(not DATA, reason="CNIMIGRATE_TEST_DATA names no folder of recorded manifests")

NAMESPACED = {
    "Deployment",
    "Service",
    "ServiceAccount",
    "NetworkPolicy",
    "DaemonSet",
    "ConfigMap",
    "Role",
    "RoleBinding",
}


def manifests(pattern: str) -> list[dict[str, Any]]:
    """The objects of the manifests that match, in namespace shop where they name none."""
    assert DATA is not None
    files = sorted((Path(DATA) / "manifests").glob(pattern))
    assert files, f"no file matches {pattern}"
    found = []
    for path in files:
        for document in yaml.safe_load_all(path.read_text()):
            if document is None:
                continue
            for obj in document["items"] if document["kind"] == "List" else [document]:
                if obj["kind"] in NAMESPACED:
                    obj["metadata"].setdefault("namespace", "shop")
                found.append(obj)
    return found


def test_boutique_is_held_and_its_servers_may_start() -> None:
    """Every Deployment is held at 0; those behind a Service may start, the load generator waits; one Service is inert."""
    objects = manifests("workloads/online-boutique/*.yaml")
    decisions = decided(inventory(*objects), migration())
    assert len(decisions) == len({ref_of(o) for o in objects})
    assert decisions.undecided == decisions.skipped == decisions.deferred == ()
    workloads = decisions.of_wave(11)
    assert len(workloads) == 12
    assert all(d.form is Form.HELD and d.target and d.target["spec"]["replicas"] == 0 for d in workloads)
    assert {d.ref.name for d in workloads} - {r.name for r in decisions.startable} == {"loadgenerator"}
    assert [d.ref.name for d in decisions.held if d.ref.kind == "Service"] == ["frontend-external"]


def test_boutique_policies_survive_byte_for_byte() -> None:
    """Every NetworkPolicy's spec is what the manifest says, and stands before any workload."""
    objects = manifests("workloads/online-boutique/network-policies.yaml")
    decisions = decided(inventory(*objects), migration())
    specs = {ref_of(o): o["spec"] for o in objects}
    assert {d.ref: d.target["spec"] for d in decisions.of_wave(4) if d.target} == specs
    assert len(specs) == 13


@pytest.mark.parametrize(
    "pattern", ["flannel-*/*.yml", "weave-*/weave-daemonset-k8s-1.11.yaml", "canal-*/*.yaml"]
)
def test_cni_that_is_named_as_residue_leaves_nothing(pattern: str) -> None:
    """With a CNI's objects as residue, none of them is written."""
    objects = manifests(pattern)
    residue = frozenset(Ref.of_json(ref_of(o).as_json()) for o in objects)
    decisions = decided(inventory(*objects), migration(), residue=residue)
    assert decisions.written == ()
    assert decisions.undecided == ()
