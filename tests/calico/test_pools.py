"""IP pools, planned and found."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.calico.pools import (
    V3,
    compare,
    installation_pool,
    ip_pool,
    modes,
    namespace_annotations,
    problems,
)
from migrate.calico.validation import validate
from migrate.model.migration import Network, Pool
from migrate.model.verdict import Result

PLANNED = Pool(name="default", cidr="10.109.0.0/16")
SHOP = Pool(
    name="shop", cidr="10.110.0.0/24", block_size=28, encapsulation="IPIP", namespaces=("shop", "shop-*")
)
NETWORK = Network(pod_cidr="10.108.0.0/14", service_cidr="10.112.0.0/16")


def found(name: str = "default", **spec: Any) -> dict[str, Any]:
    pool: Any = ip_pool(PLANNED)
    metadata = {"name": name}
    merged = {key: value for key, value in {**pool["spec"], **spec}.items() if value is not None}
    return {**pool, "metadata": metadata, "spec": merged}


def test_a_pool_is_what_calico_itself_would_write() -> None:
    """The spec has the fields that a running Calico fills in, so that what is read back is equal."""
    assert ip_pool(PLANNED) == {
        "apiVersion": "crd.projectcalico.org/v1",
        "kind": "IPPool",
        "metadata": {"name": "default"},
        "spec": {
            "allowedUses": ["Workload", "Tunnel"],
            "assignmentMode": "Automatic",
            "blockSize": 26,
            "cidr": "10.109.0.0/16",
            "ipipMode": "Never",
            "natOutgoing": True,
            "nodeSelector": "all()",
            "vxlanMode": "Always",
        },
    }
    assert ip_pool(PLANNED, V3)["apiVersion"] == "projectcalico.org/v3"


@pytest.mark.parametrize(
    ("encapsulation", "expected"),
    [
        ("IPIP", ("Always", "Never")),
        ("IPIPCrossSubnet", ("CrossSubnet", "Never")),
        ("VXLAN", ("Never", "Always")),
        ("VXLANCrossSubnet", ("Never", "CrossSubnet")),
        ("None", ("Never", "Never")),
    ],
)
def test_every_encapsulation_makes_a_valid_pool(encapsulation: Any, expected: tuple[str, str]) -> None:
    """ipipMode and vxlanMode never exclude each other in what we write."""
    pool = Pool(name="p", cidr="10.0.0.0/16", encapsulation=encapsulation)
    assert modes(pool) == expected
    assert validate(ip_pool(pool)) == ()
    assert installation_pool(pool)["encapsulation"] == encapsulation


def test_namespaces_are_bound_to_their_pools() -> None:
    """The annotation is a JSON list; globs are read, and other namespaces get none."""
    second = Pool(name="shop-2", cidr="10.111.0.0/24", namespaces=("shop",))
    annotations = namespace_annotations([PLANNED, SHOP, second], ["shop", "shop-eu", "billing"])
    assert annotations == {
        "shop": {"cni.projectcalico.org/ipv4pools": '["shop", "shop-2"]'},
        "shop-eu": {"cni.projectcalico.org/ipv4pools": '["shop"]'},
    }
    assert ip_pool(SHOP)["spec"]["nodeSelector"] == "!all()"


@pytest.mark.parametrize(
    ("pools", "words"),
    [
        ([PLANNED, SHOP], None),
        ([PLANNED, PLANNED], "pool default is written twice"),
        (
            [PLANNED, Pool(name="b", cidr="10.109.64.0/20")],
            "pools b (10.109.64.0/20) and default (10.109.0.0/16) overlap",
        ),
        ([Pool(name="b", cidr="10.109.0.1/16")], "'10.109.0.1/16' is no IPv4 range without host bits"),
        ([Pool(name="b", cidr="fd00::/64")], "'fd00::/64' is no IPv4 range"),
        ([Pool(name="b", cidr="10.109.0.0/28")], "10.109.0.0/28 is smaller than one block of /26"),
        ([Pool(name="b", cidr="10.112.0.0/20")], "overlaps the service range 10.112.0.0/16"),
        ([Pool(name="b", cidr="10.1.0.0/20")], "does not lie inside podCIDR 10.108.0.0/14"),
        ([Pool(name="b", cidr="169.254.0.0/20")], "overlaps the link-local range"),
        ([SHOP], "no pool is left for the pods of the others"),
    ],
)
def test_planned_pools_are_judged_before_anything_is_written(pools: list[Pool], words: str | None) -> None:
    """Ranges are checked among themselves and against green's network."""
    sentences = problems(NETWORK, pools)
    if words is None:
        assert sentences == ()
    else:
        assert any(words in sentence for sentence in sentences), sentences


def test_a_pool_as_planned_passes() -> None:
    """Missing fields mean their defaults, and the order of uses means nothing."""
    bare = found(
        allowedUses=["Tunnel", "Workload"],
        ipipMode=None,
        nodeSelector="",
        assignmentMode=None,
        disabled=False,
    )
    assert [v.result for v in compare([PLANNED], [bare])] == [Result.PASS]


@pytest.mark.parametrize(
    ("spec", "words", "remedy"),
    [
        ({"blockSize": 24}, "blockSize is 24 and not 26", "delete IPPool default"),
        (
            {"cidr": "10.108.0.0/16"},
            "cidr is '10.108.0.0/16' and not '10.109.0.0/16'",
            "delete IPPool default",
        ),
        (
            {"vxlanMode": "CrossSubnet"},
            "vxlanMode is 'CrossSubnet' and not 'Always'",
            "change IPPool default",
        ),
        ({"natOutgoing": None}, "natOutgoing is False and not True", "change IPPool default"),
        ({"disabled": True}, "disabled is True and not False", "change IPPool default"),
        ({"nodeSelector": "has(x)"}, "nodeSelector is 'has(x)'", "change IPPool default"),
        (
            {"namespaceSelector": "has(x)"},
            "namespaceSelector is 'has(x)' and was not planned",
            "change IPPool default",
        ),
    ],
)
def test_a_pool_that_differs_fails_with_the_difference(spec: dict[str, Any], words: str, remedy: str) -> None:
    """What cannot be changed (range, block size) is remedied by another pool; the rest by a change."""
    (verdict,) = compare([PLANNED], [found(**spec)])
    assert verdict.result is Result.FAIL
    assert words in verdict.evidence
    assert remedy in verdict.remedy


def test_a_missing_pool_fails() -> None:
    """Without it pods get no addresses, or others'."""
    (verdict,) = compare([PLANNED], [])
    assert (verdict.check, verdict.result) == ("calico/pools/default", Result.FAIL)


@pytest.mark.parametrize(
    ("spec", "result"),
    [
        ({}, Result.FAIL),
        ({"disabled": True}, Result.PASS),
        ({"assignmentMode": "Manual"}, Result.PASS),
        ({"allowedUses": ["LoadBalancer"]}, Result.PASS),
    ],
)
def test_a_pool_that_nobody_planned_fails_where_pods_would_draw_from_it(
    spec: dict[str, Any], result: Result
) -> None:
    """calico-node's own default pool is found this way; a disabled one, or one asked for only, does no harm."""
    verdicts = compare([PLANNED], [found(), found("default-ipv4-ippool", cidr="10.111.0.0/16", **spec)])
    assert [(v.check, v.result) for v in verdicts] == [
        ("calico/pools/default", Result.PASS),
        ("calico/pools/default-ipv4-ippool", result),
    ]


def test_two_views_of_a_pool_count_once() -> None:
    """The v3 view counts: the v1 object may lag behind in what it shows."""
    v3 = {**found(blockSize=24), "apiVersion": V3}
    (verdict,) = compare([PLANNED], [found(), v3])
    assert verdict.result is Result.FAIL
