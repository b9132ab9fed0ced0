"""What a cluster's objects state about it, and which statement holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from migrate.assess import cluster_facts
from tests.assess.cluster import CASES, documents, inventory

FILES = sorted((CASES / "facts").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_case_has_the_facts_that_it_expects(path: Path) -> None:
    """Each file says what it shows; ranges are compared whole, details as far as the file names them."""
    case: dict[str, Any] = yaml.safe_load(path.read_text())
    facts = cluster_facts(inventory(case["objects"], version="v1.30.1"), name="a", uid="u")
    expect = case["expect"]
    assert list(facts.pod_cidrs) == expect["pod_cidrs"], case["says"]
    assert list(facts.service_cidrs) == expect["service_cidrs"]
    assert list(facts.node_addresses) == expect.get("node_addresses", list(facts.node_addresses))
    assert {k: facts.sources.get(k) for k in expect["sources"]} == expect["sources"]
    assert set(facts.sources) == {*facts.pod_cidrs, *facts.service_cidrs}
    for key, value in expect.get("details", {}).items():
        assert facts.details[key] == value, key


def test_a_real_kubeadm_cluster_agrees_with_itself(test_data: Path) -> None:
    """Four objects state the pods' range, three the Services'; all are kept for documents, in their order."""
    folder = test_data / "calico-live/05-real-kubeadm-cluster"
    facts = cluster_facts(inventory(documents(*sorted(folder.glob("*.yaml")))), name="gc", uid="u")
    assert facts.pod_cidrs == ("10.109.0.0/16",)
    assert facts.service_cidrs == ("10.209.0.0/16",)
    assert facts.node_addresses == ("172.28.9.11", "172.28.9.12")
    said = [(r["role"], r["cidr"]) for r in facts.details["ranges"]]
    assert said == [("pods", "10.109.0.0/16")] * 4 + [("services", "10.209.0.0/16")] * 3
    assert (facts.nodes, facts.pods) == (2, 15)


def test_addresses_outside_every_pool_are_not_lost(test_data: Path) -> None:
    """Pods of a dump without a DaemonSet have addresses that no node's podCIDR holds."""
    folder = test_data / "calico-live/02-two-nodes-four-pods"
    facts = cluster_facts(inventory(documents(*sorted(folder.glob("*.yaml")))), name="gc", uid="u")
    assert facts.pod_cidrs == ("10.50.0.0/23", "10.50.56.0/24", "10.50.250.0/24")
    assert facts.sources["10.50.56.0/24"] == "addresses of 4 pods"
