"""Composing an installation."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from migrate.calico.manifests import Install, documents, plan_install
from migrate.calico.validation import validate
from migrate.errors import UsageError
from migrate.model.migration import Network, Pool
from migrate.model.objects import Object, kind_of, name_of, ref_of

CASES = Path(__file__).parent / "cases"
NETWORK = Network()
WIDE = Pool(name="wide", cidr="10.48.0.0/15")
SHOP = Pool(name="shop", cidr="10.50.0.0/16", namespaces=("shop",))


def read(name: str) -> tuple[Object, ...]:
    return documents((CASES / name).read_text(encoding="utf-8"), source=name)


def find(install: Install, kind: str, name: str = "") -> Any:
    return next(obj for obj in install.objects if kind_of(obj) == kind and name in {"", name_of(obj)})


def node(install: Install) -> Any:
    return find(install, "DaemonSet")["spec"]["template"]["spec"]["containers"][0]


def env(install: Install) -> dict[str, Any]:
    return {entry["name"]: entry.get("value", "") for entry in node(install)["env"]}


def test_a_manifest_install_is_written_in_order() -> None:
    """CRDs first, to be Established; then rights, configuration and pools; what runs comes last."""
    install = plan_install(read("install-manifest.yaml"), NETWORK, [WIDE])
    assert [(group.name, [name_of(obj) for obj in group.objects]) for group in install.groups] == [
        ("crds", ["ippools.crd.projectcalico.org"]),
        ("rbac", ["calico-node"]),
        ("config", ["calico-config"]),
        ("pools", ["wide"]),
        ("workloads", ["calico-node", "calico-kube-controllers"]),
    ]
    assert install.groups[0].settle == "every CustomResourceDefinition is Established"
    assert install.groups[-1].settle
    assert install.namespace == "kube-system"


def test_pools_are_exactly_as_planned() -> None:
    """calico-node makes no pool of its own: NO_DEFAULT_POOLS stands alone, as it refuses a range beside it."""
    install = plan_install(read("install-manifest.yaml"), NETWORK, [WIDE, SHOP])
    assert env(install)["NO_DEFAULT_POOLS"] == "true"
    assert "CALICO_IPV4POOL_CIDR" not in env(install)
    pools = [obj for obj in install.objects if kind_of(obj) == "IPPool"]
    assert [(name_of(pool), pool["spec"]["nodeSelector"]) for pool in pools] == [
        ("wide", "all()"),
        ("shop", "!all()"),
    ]
    assert [validate(pool) for pool in pools] == [(), ()]


def test_without_pools_one_covers_the_pods_range() -> None:
    """The default pool is named so, and is written like any other."""
    install = plan_install(read("install-manifest.yaml"), NETWORK, [])
    assert [(pool.name, pool.cidr) for pool in install.pools] == [("default", "10.48.0.0/14")]
    assert find(install, "IPPool")["spec"]["cidr"] == "10.48.0.0/14"


def test_vxlan_needs_no_bird() -> None:
    """Backend, probes and environment agree: a probe that asks for BIRD would never pass (readiness for ever false)."""
    install = plan_install(read("install-manifest.yaml"), NETWORK, [WIDE])
    assert find(install, "ConfigMap")["data"]["calico_backend"] == "vxlan"
    assert (env(install)["CALICO_IPV4POOL_IPIP"], env(install)["CALICO_IPV4POOL_VXLAN"]) == (
        "Never",
        "Always",
    )
    assert node(install)["readinessProbe"]["exec"]["command"] == ["/bin/calico-node", "-felix-ready"]
    assert node(install)["livenessProbe"]["exec"]["command"] == ["/bin/calico-node", "-felix-live"]


@pytest.mark.parametrize("encapsulation", ["IPIP", "IPIPCrossSubnet", "None"])
def test_what_is_not_vxlan_needs_bird(encapsulation: Any) -> None:
    """IPIP and unencapsulated pools get their routes from BIRD; one such pool among others is enough."""
    bgp = Pool(name="bgp", cidr="10.50.0.0/16", encapsulation=encapsulation)
    vxlan = plan_install(read("install-manifest.yaml"), NETWORK, [WIDE])
    install = plan_install(vxlan.objects, NETWORK, [WIDE, bgp])
    assert find(install, "ConfigMap")["data"]["calico_backend"] == "bird"
    assert "-bird-ready" in node(install)["readinessProbe"]["exec"]["command"]
    assert "-bird-live" in node(install)["livenessProbe"]["exec"]["command"]


def test_every_change_is_a_sentence_of_the_plan() -> None:
    """What differs from the published manifests is told, with what it was."""
    install = plan_install(read("install-manifest.yaml"), NETWORK, [WIDE])
    assert install.changes == (
        "DaemonSet calico-node: CALICO_IPV4POOL_CIDR is removed, as pools are written as planned",
        "DaemonSet calico-node: NO_DEFAULT_POOLS is 'true', so that calico-node makes no pool of its own",
        "DaemonSet calico-node: CALICO_IPV4POOL_IPIP is 'Never' instead of 'Always', as the pools are planned",
        "DaemonSet calico-node: CALICO_IPV4POOL_VXLAN is 'Always' instead of 'Never', as the pools are planned",
        "ConfigMap calico-config: calico_backend is 'vxlan' instead of 'bird', as no pool needs BIRD",
        "DaemonSet calico-node: readinessProbe no longer asks for -bird-ready, as no BIRD runs",
        "DaemonSet calico-node: livenessProbe no longer asks for -bird-live, as no BIRD runs",
        "IPPool leftover of the manifests is left out, as it is not planned",
        "IPPool wide (10.48.0.0/15) is written before calico-node starts",
    )


def test_what_was_given_is_never_changed() -> None:
    """Composing copies: the published objects stay as they were, and composing twice gives the same."""
    given = read("install-manifest.yaml")
    before = copy.deepcopy(given)
    first = plan_install(given, NETWORK, [WIDE])
    assert given == before
    assert plan_install(given, NETWORK, [WIDE]) == first
    again = plan_install(first.objects, NETWORK, [WIDE])
    assert again.objects == first.objects
    assert again.changes == ("IPPool wide (10.48.0.0/15) is written before calico-node starts",)


def test_an_operator_install_ends_with_its_custom_resources() -> None:
    """The operator makes the pools of the Installation, which hold exactly the planned ones."""
    install = plan_install(read("install-operator.yaml"), NETWORK, [WIDE, SHOP], "operator")
    assert [group.name for group in install.groups] == [
        "crds",
        "namespaces",
        "rbac",
        "workloads",
        "custom-resources",
    ]
    assert install.namespace == "calico-system"
    pools = find(install, "Installation")["spec"]["calicoNetwork"]["ipPools"]
    assert [
        (p["name"], p["cidr"], p["encapsulation"], p["natOutgoing"], p["nodeSelector"]) for p in pools
    ] == [
        ("wide", "10.48.0.0/15", "VXLAN", "Enabled", "all()"),
        ("shop", "10.50.0.0/16", "VXLAN", "Enabled", "!all()"),
    ]
    (sentence,) = install.changes
    assert sentence == (
        "Installation default: ipPools are wide (10.48.0.0/15), shop (10.50.0.0/16) instead of"
        " default-ipv4-ippool (192.168.0.0/16), as planned"
    )


def test_an_operator_install_gets_bgp_where_pools_need_it() -> None:
    """Without BGP the operator refuses IPIP; Felix may program those routes instead, if it is asked to."""
    ipip = Pool(name="wide", cidr="10.48.0.0/15", encapsulation="IPIP")
    install = plan_install(read("install-operator.yaml"), NETWORK, [ipip], "operator")
    assert find(install, "Installation")["spec"]["calicoNetwork"]["bgp"] == "Enabled"
    objects: Any = copy.deepcopy(read("install-operator.yaml"))
    objects[0]["spec"]["calicoNetwork"]["clusterRoutingMode"] = "Felix"
    install = plan_install(objects, NETWORK, [ipip], "operator")
    assert find(install, "Installation")["spec"]["calicoNetwork"]["bgp"] == "Disabled"


def test_an_installation_may_be_empty() -> None:
    """An Installation without a spec gets its pools, and the sentence says whose they would have been."""
    objects: Any = copy.deepcopy(read("install-operator.yaml"))
    objects[0]["spec"] = None
    install = plan_install(objects, NETWORK, [WIDE], "operator")
    assert install.changes == (
        "Installation default: ipPools are wide (10.48.0.0/15) instead of one of the operator's choice, as planned",
    )


def without(objects: tuple[Object, ...], kind: str) -> list[Object]:
    return [obj for obj in objects if kind_of(obj) != kind]


def changed(path: tuple[str | int, ...], value: object, at: int = 0) -> list[Any]:
    objects: Any = copy.deepcopy(read("install-manifest.yaml"))
    target = objects[at]
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return list(objects)


CONTAINER = ("spec", "template", "spec", "containers", 0, "env", 0, "value")


@pytest.mark.parametrize(
    ("objects", "kind", "words"),
    [
        (without(read("install-manifest.yaml"), "DaemonSet"), "manifest", "hold no DaemonSet calico-node"),
        (
            without(read("install-manifest.yaml"), "CustomResourceDefinition"),
            "manifest",
            "no CustomResourceDefinitions",
        ),
        (
            [*read("install-manifest.yaml")] * 2,
            "manifest",
            "DaemonSet kube-system/calico-node is written twice",
        ),
        (read("install-operator.yaml"), "manifest", "kind: operator"),
        (read("install-manifest.yaml"), "operator", "need an Installation"),
        (without(read("install-operator.yaml"), "Deployment"), "operator", "need Deployment tigera-operator"),
        ([*read("install-operator.yaml"), read("install-manifest.yaml")[0]], "operator", "makes its own"),
        (changed(CONTAINER, "etcdv3"), "manifest", "keeps its data in etcd"),
        (changed(("data", "calico_backend"), "none", 2), "manifest", "only enforces policies"),
        (changed(("data", "cni_network_config"), "host-local", 2), "manifest", "pools need calico-ipam"),
        (changed(("metadata", "name"), "canal"), "manifest", "the manifests of Canal"),
    ],
)
def test_what_is_no_installation_of_its_kind_is_refused(objects: list[Object], kind: Any, words: str) -> None:
    """The wrong files are named before anything is written."""
    with pytest.raises(UsageError, match="cannot be installed as written") as caught:
        plan_install(objects, NETWORK, [WIDE], kind)
    assert words in caught.value.message


def test_another_cni_in_the_installation_is_refused() -> None:
    """An Installation for another network's CNI would only enforce policies."""
    objects: Any = copy.deepcopy(read("install-operator.yaml"))
    objects[0]["spec"]["cni"] = {"type": "AmazonVPC"}
    with pytest.raises(UsageError, match="AmazonVPC"):
        plan_install(objects, NETWORK, [WIDE], "operator")


def test_all_that_is_wrong_is_said_at_once() -> None:
    """Pools and manifests are judged together."""
    with pytest.raises(UsageError) as caught:
        plan_install([], NETWORK, [Pool(name="a", cidr="10.112.0.0/16")])
    for words in ("overlaps the service range", "no CustomResourceDefinitions", "no DaemonSet calico-node"):
        assert words in caught.value.message


def test_native_v3_definitions_are_recognised() -> None:
    """With CRDs of projectcalico.org pools are written there, and the preview's conditions are told (trap 5)."""
    objects: Any = copy.deepcopy(read("install-manifest.yaml"))
    definition = next(obj for obj in objects if kind_of(obj) == "CustomResourceDefinition")
    definition["metadata"]["name"], definition["spec"]["group"] = (
        "ippools.projectcalico.org",
        "projectcalico.org",
    )
    install = plan_install(objects, NETWORK, [WIDE])
    assert find(install, "IPPool")["apiVersion"] == "projectcalico.org/v3"
    assert "MutatingAdmissionPolicy" in install.warnings[0]


def test_crossing_subnets_only_is_told() -> None:
    """Trap 11: between nodes of one subnet a probe of MTU or port passes for the wrong reason."""
    crossing = Pool(name="wide", cidr="10.48.0.0/15", encapsulation="VXLANCrossSubnet")
    (warning,) = plan_install(read("install-manifest.yaml"), NETWORK, [crossing]).warnings
    assert "pools wide encapsulate between subnets only" in warning
    assert plan_install(read("install-manifest.yaml"), NETWORK, [WIDE]).warnings == ()


@pytest.mark.parametrize("name", ["calico.yaml", "calico-vxlan.yaml", "calico-typha.yaml"])
@pytest.mark.parametrize("encapsulation", ["VXLAN", "VXLANCrossSubnet", "IPIP", "None"])
def test_the_published_manifests_can_be_composed(test_data: Path, name: str, encapsulation: Any) -> None:
    """Every object is kept, CRDs come first, and backend and probes fit the pools."""
    text = (test_data / "manifests" / "calico-v3.32.1" / name).read_text(encoding="utf-8")
    objects = documents(text, source=name)
    install = plan_install(
        objects, NETWORK, [Pool(name="p", cidr="10.48.0.0/14", encapsulation=encapsulation)]
    )
    assert {ref_of(obj) for obj in objects} < {ref_of(obj) for obj in install.objects}
    assert len(install.groups[0].objects) == 23
    bird = not encapsulation.startswith("VXLAN")
    assert find(install, "ConfigMap", "calico-config")["data"]["calico_backend"] == (
        "bird" if bird else "vxlan"
    )
    assert ("-bird-ready" in node(install)["readinessProbe"]["exec"]["command"]) is bird


def test_the_published_operator_can_be_composed(test_data: Path) -> None:
    """The three files of an operator install together, 3 MB of definitions among them."""
    folder = test_data / "manifests" / "calico-v3.32.1"
    names = ("v1_crd_projectcalico_org.yaml", "tigera-operator.yaml", "custom-resources.yaml")
    objects = [obj for n in names for obj in documents((folder / n).read_text(encoding="utf-8"), source=n)]
    install = plan_install(objects, NETWORK, [], "operator")
    assert len(install.groups[0].objects) == 32
    assert {kind_of(obj) for obj in install.groups[-1].objects} == {
        "Installation",
        "APIServer",
        "Goldmane",
        "Whisker",
    }
    assert len(install.objects) == len(objects)
