"""Which CNI runs, what it says of itself, and what is its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from migrate.assess import detect, residue
from migrate.assess.sources import calico, canal, flannel, others, sources, weave
from migrate.model.facts import CniName
from migrate.model.objects import ref_of
from tests.assess.cluster import CASES, documents, inventory

FILES = sorted((CASES / "sources").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_case_is_recognised_and_its_residue_is_exactly_its_own(path: Path) -> None:
    """Each file says what it shows; `foreign` lists every object that is not the CNI's own."""
    case: dict[str, Any] = yaml.safe_load(path.read_text())
    expect = case["expect"]
    objects = inventory(case["objects"])
    found = detect(objects)
    assert (found[0].name if found else None) == expect["name"], case["says"]
    for field in ("version", "encapsulation", "mtu", "encrypted", "enforces_policy", "ready", "desired"):
        if field in expect:
            assert getattr(found[0], field) == expect[field], field
    if "pod_cidrs" in expect:
        assert list(found[0].pod_cidrs) == expect["pod_cidrs"]
    if "also" in expect:
        assert [c.name for c in found[1:]] == expect["also"]
    for part in expect.get("evidence", ()):
        assert any(part in e for e in found[0].evidence), (part, found[0].evidence)
    for part in expect.get("notes", ()):
        assert any(part in n for n in found[0].notes), (part, found[0].notes)
    for part in expect.get("without_notes", ()):
        assert not any(part in n for n in found[0].notes), (part, found[0].notes)
    foreign = {ref_of(obj) for _, obj in objects} - residue(objects)
    assert sorted(map(str, foreign)) == expect["foreign"]


def test_every_cni_of_the_list_has_a_case() -> None:
    """A CNI that is recognised without a case would be recognised by hearsay."""
    shown = {yaml.safe_load(p.read_text())["expect"]["name"] for p in FILES}
    shown |= {a for p in FILES for a in yaml.safe_load(p.read_text())["expect"].get("also", ())}
    assert shown - {None} == {str(name) for name in CniName}


@pytest.mark.parametrize(
    "stem", ["weave-full", "flannel-0.16", "canal-rancher", "calico-etcd", "cilium", "nothing"]
)
def test_each_module_recognises_its_own_and_nothing_else(stem: str) -> None:
    """A module's recognise and residue answer for its CNIs alone."""
    case = yaml.safe_load((CASES / "sources" / f"{stem}.yaml").read_text())
    objects = inventory(case["objects"])
    modules = {"weave": weave, "flannel": flannel, "canal": canal, "calico": calico, "cilium": others}
    found = {cni.name for m in modules.values() if (cni := m.recognise(objects)) is not None}
    assert found == {case["expect"]["name"]} - {None}
    if found:
        assert modules[case["expect"]["name"]].residue(objects) == residue(objects)
    else:
        assert others.residue(objects) == frozenset()


def test_the_folder_feeds_the_registry() -> None:
    """Each recognised CNI has one source, and the order is total."""
    names = [s.name for s in sources()]
    assert sorted([*names, CniName.UNKNOWN]) == sorted(CniName)
    assert len({s.order for s in sources()}) == len(names)


@pytest.mark.parametrize("era", ["1.8", "1.9", "1.11"])
def test_weaves_published_manifests_are_recognised_whole(test_data: Path, era: str) -> None:
    """The file for Kubernetes 1.8 is extensions/v1beta1; every object of each file is Weave Net's own."""
    objects = inventory(documents(test_data / f"manifests/weave-v2.8.1/weave-daemonset-k8s-{era}.yaml"))
    (cni,) = detect(objects)
    assert (cni.name, cni.pod_cidrs, cni.enforces_policy) == (CniName.WEAVE, ("10.32.0.0/12",), True)
    assert not cni.encrypted
    assert cni.version == ""  # the files say "latest", which is no version
    assert residue(objects) == {ref_of(obj) for _, obj in objects}


def test_flannels_published_manifest_is_recognised_whole(test_data: Path) -> None:
    """Its namespace goes with it."""
    objects = inventory(documents(test_data / "manifests/flannel-v0.28.9/kube-flannel.yml"))
    (cni,) = detect(objects)
    assert (cni.name, cni.version, cni.encapsulation) == (CniName.FLANNEL, "0.28.9", "vxlan")
    assert (cni.pod_cidrs, cni.enforces_policy) == (("10.244.0.0/16",), False)
    assert residue(objects) == {ref_of(obj) for _, obj in objects}


def test_canals_published_manifest_is_canal_and_nothing_else(test_data: Path) -> None:
    """Neither of its halves is reported beside it."""
    objects = inventory(documents(test_data / "manifests/canal-v3.32.1/canal.yaml"))
    (cni,) = detect(objects)
    assert (cni.name, cni.version, cni.pod_cidrs) == (CniName.CANAL, "3.32.1", ("10.244.0.0/16",))
    assert cni.enforces_policy
    assert residue(objects) == {ref_of(obj) for _, obj in objects}


@pytest.mark.parametrize(
    ("files", "encapsulation"),
    [
        (["calico.yaml"], "IPIP"),
        (["calico-vxlan.yaml"], "VXLANCrossSubnet"),
        (["calico-typha.yaml"], "IPIP"),
        (
            ["v1_crd_projectcalico_org.yaml", "tigera-operator.yaml", "custom-resources.yaml"],
            "VXLANCrossSubnet",
        ),
    ],
)
def test_calicos_published_manifests_are_recognised_whole(
    test_data: Path, files: list[str], encapsulation: str
) -> None:
    """By manifest, with Typha, or by the operator before it has created anything."""
    objects = inventory(documents(*(test_data / "manifests/calico-v3.32.1" / f for f in files)))
    (cni,) = detect(objects)
    assert (cni.name, cni.encapsulation) == (CniName.CALICO, encapsulation)
    assert residue(objects) == {ref_of(obj) for _, obj in objects}


def test_calicos_crds_alone_prove_history(test_data: Path) -> None:
    """They are a note and not a CNI; still they never move, as green brings its own."""
    objects = inventory(documents(test_data / "manifests/calico-v3.32.1/crds.yaml"))
    (cni,) = detect(objects)
    assert cni.name is CniName.UNKNOWN
    assert "22 CRDs of Calico" in cni.notes[0]
    assert residue(objects) == {ref_of(obj) for _, obj in objects}


def test_a_running_calico_is_read_from_what_it_wrote(test_data: Path) -> None:
    """Version from ClusterInformation, ranges from IPPools, readiness from the DaemonSet."""
    folder = test_data / "calico-live/05-real-kubeadm-cluster"
    objects = inventory(documents(*sorted(folder.glob("*.yaml"))))
    (cni,) = detect(objects)
    assert (cni.name, cni.version, cni.encapsulation) == (CniName.CALICO, "3.32.1", "VXLAN")
    assert (cni.pod_cidrs, cni.ready, cni.desired) == (("10.109.0.0/16",), 2, 2)
    own = residue(objects)
    kinds = {obj["kind"] for _, obj in objects if ref_of(obj) not in own}
    assert "IPAMBlock" not in kinds
    assert "IPPool" not in kinds
    assert "Node" in kinds
    pods = {obj["metadata"]["name"] for _, obj in objects if obj["kind"] == "Pod" and ref_of(obj) not in own}
    assert not any(name.startswith("calico-node-") for name in pods)
    assert any(name.startswith("coredns") for name in pods)


def test_peoples_calico_policies_are_not_residue(test_data: Path) -> None:
    """Policies, sets and host endpoints are people's; reservations, peers, tiers of Calico's own are not."""
    folder = test_data / "calico-live/03-with-policies-and-extras"
    objects = inventory(documents(*sorted(folder.glob("*.yaml"))))
    own = residue(objects)
    kept = {obj["kind"] for _, obj in objects if ref_of(obj) not in own}
    assert kept == {
        "GlobalNetworkPolicy",
        "GlobalNetworkSet",
        "HostEndpoint",
        "NetworkPolicy",
        "NetworkSet",
        "StagedNetworkPolicy",
        "Tier",
    }
    assert [
        t["metadata"]["name"] for t in objects.of("Tier", "crd.projectcalico.org") if ref_of(t) not in own
    ] == ["lab-tier"]


def test_after_an_uninstall_nodes_lie_and_are_not_believed(test_data: Path) -> None:
    """Nodes go on saying CalicoIsUp with Calico's annotations; without a DaemonSet that is a note."""
    objects = inventory(documents(test_data / "calico-live/09-after-uninstall/nodes.yaml"))
    (cni,) = detect(objects)
    assert cni.name is CniName.UNKNOWN
    assert any("projectcalico.org/ annotations" in n for n in cni.notes)
    assert any("CalicoIsUp" in n for n in cni.notes)


@pytest.mark.parametrize("folder", ["07-aggregated-v3-api", "08-native-v3-crds"])
def test_calicos_objects_are_its_own_in_either_api(test_data: Path, folder: str) -> None:
    """The v3 views of pools and configuration never move either."""
    objects = inventory(documents(*sorted((test_data / "calico-live" / folder).glob("*.yaml"))))
    own = residue(objects)
    kept = {
        obj["kind"]
        for _, obj in objects
        if ref_of(obj) not in own and "projectcalico.org" in obj["apiVersion"]
    }
    assert kept == set()
