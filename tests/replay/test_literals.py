"""Addresses of blue in what moves: found in every place, of every kind of range, in Secrets masked."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from migrate.assess import own_ranges
from migrate.model.decision import Literal, RangeKind
from migrate.model.facts import OwnRanges
from migrate.model.objects import ref_of
from migrate.replay.literals import MASKED, Scanner
from tests.replay.builders import decide, inventory, obj, service

FOLDER = Path(__file__).parent.parent / "cases" / "literals"
BLUE: list[dict[str, Any]] = yaml.safe_load((FOLDER / "blue.yaml").read_text())
PLACES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "places.yaml").read_text())
RANGES = OwnRanges(pods=("10.32.0.0/12",), services=("10.96.0.0/16",), nodes=("192.0.2.11",))


@pytest.mark.parametrize("case", PLACES, ids=lambda case: case["says"].split(",")[0].rstrip(".")[:50])
def test_an_object_names_what_its_case_says(case: dict[str, Any]) -> None:
    """Place, address and kind of range of every address of blue in what green would get, and of nothing else."""
    decision = decide(*BLUE, case["object"]).of(ref_of(case["object"]))
    assert decision is not None
    assert decision.target is not None
    assert [str(literal) for literal in decision.literals] == case["literals"]
    assert ("names addresses of blue" in decision.evidence) is bool(case["literals"])


def test_ranges_that_nothing_uses_now_are_blues() -> None:
    """Weave's own default, kubeadm's subnets and the nodes' podCIDRs count, whether or not a pod has an address there."""
    node = obj("Node", "n2", spec={"podCIDRs": ["10.5.1.0/24"]})
    assert own_ranges(inventory(*BLUE, node)) == OwnRanges(
        pods=("10.32.0.0/12", "10.244.0.0/16", "fd00:10:244::/56", "10.5.1.0/24"),
        services=("10.96.0.0/16", "fd00:10:96::/112"),
        nodes=("192.0.2.11", "fd00:9::11"),
        names=("n1", "n2"),
    )


def test_a_node_is_known_by_its_names() -> None:
    """Its own, and those by which DNS knows it; no address that is written as a name, nor what every machine calls itself."""
    known = [("Hostname", "10.0.0.5"), ("InternalDNS", "a.internal"), ("ExternalDNS", "a.example.com")]
    addresses = [{"type": kind, "address": name} for kind, name in known]
    nodes = [obj("Node", "worker-a", status={"addresses": addresses}), obj("Node", "localhost")]
    assert own_ranges(inventory(*nodes)).names == ("a.example.com", "a.internal", "worker-a")


def test_long_words_cost_no_more_than_their_length() -> None:
    """A megabyte without a blank, with colons and digits all over, is looked through in a moment."""
    scanner = Scanner(OwnRanges(nodes=("192.0.2.11",), names=("worker-a",)))
    start = time.process_time()
    for piece in ("a", "a-1", "1-", "/", "//a", "a:", ":1", "a.", "QUJD", "A B"):
        config = obj("ConfigMap", "c", "shop", data={"k": piece * (1_000_000 // len(piece))})
        assert scanner.literals(config) == ()
    assert time.process_time() - start < 10


def test_addresses_outside_every_stated_range_are_blues() -> None:
    """What pods and Services have now counts where no object states a range."""
    pod = obj("Pod", "p", "shop", status={"phase": "Running", "podIP": "172.20.1.5"})
    found = own_ranges(inventory(pod, service("a", clusterIP="172.30.0.7")))
    assert (found.pods, found.services) == (("172.20.1.0/24",), ("172.30.0.0/24",))


def test_a_text_shows_the_first_and_how_many_more() -> None:
    """The evidence is cut; the decision has every place."""
    data = {f"k{n}": f"10.96.0.{n}" for n in range(1, 8)}
    (found,) = decide(*BLUE, obj("ConfigMap", "c", "shop", data=data)).replayed
    assert len(found.literals) == 7
    assert found.evidence == (
        "names addresses of blue: 10.96.0.1 (service) in data.k1, 10.96.0.2 (service) in data.k2, "
        "10.96.0.3 (service) in data.k3 and 4 more"
    )


@given(st.text(), st.text(), st.sampled_from(["10.96.0.7", "10.33.0.0/24", "192.0.2.11"]))
def test_nothing_of_a_secrets_value_is_told(before: str, after: str, address: str) -> None:
    """Whatever stands around an address in a Secret, only keys, kinds of range and the mask are told."""
    value = base64.b64encode(f"{before} {address} {after}".encode(errors="replace")).decode()
    found = Scanner(RANGES).literals(obj("Secret", "s", "shop", data={"k": value}))
    assert {(literal.path, literal.address) for literal in found} == {("data.k", MASKED)}


@given(st.sampled_from("\n\t \"'=,;@/([{<>|!"), st.sampled_from("\n\t \"'=,;:)]}<>|!"))
def test_an_address_is_found_between_punctuation(before: str, after: str) -> None:
    """What separates words in configuration separates addresses."""
    found = Scanner(RANGES).literals(obj("ConfigMap", "c", "shop", data={"k": f"x{before}10.96.0.7{after}y"}))
    assert found == (Literal("data.k", "10.96.0.7", RangeKind.SERVICE),)


def test_what_kubectl_applied_last_is_told_once() -> None:
    """The annotation repeats the object, and where it goes along no address stands in two places."""
    notes = {"kubectl.kubernetes.io/last-applied-configuration": '{"data":{"k":"10.96.0.7"}}'}
    config = obj("ConfigMap", "c", "shop", annotations=notes, data={"k": "10.96.0.7"})
    assert [literal.path for literal in Scanner(RANGES).literals(config)] == ["data.k"]


def test_data_that_is_no_base64_is_no_address() -> None:
    """An edited export may hold anything; what cannot be decoded names nothing and raises nothing."""
    for value in ("%%%", "abc", 7, None, ["10.96.0.7"]):
        assert Scanner(RANGES).literals(obj("Secret", "s", "shop", data={"k": value})) == ()
    odd = obj("Peer", "p", "shop", "example.com/v1", spec={7: "10.96.0.7", None: 1.5})
    assert [literal.path for literal in Scanner(RANGES).literals(odd)] == ["spec[7]"]


def test_deep_objects_are_walked_to_their_end() -> None:
    """A custom resource nested deeper than Python's stack is read all the same."""
    value: Any = "10.96.0.7"
    for _ in range(3000):
        value = [value]
    (found,) = Scanner(RANGES).literals(obj("Peer", "p", "shop", "example.com/v1", spec=value))
    assert found.address == "10.96.0.7"


def test_a_large_cluster_is_searched_in_seconds() -> None:
    """50,000 objects that each name an address take less than ten seconds of processor time."""
    scanner = Scanner(RANGES)
    text = "key = the value of a line\n" * 20
    blue = [
        obj(
            kind,
            f"o-{n}",
            "shop",
            data={"app.conf": base64.b64encode(said).decode() if secret else said.decode()},
        )
        for n in range(25_000)
        for said in [f"{text}db = 10.96.{n // 250}.{n % 250}\n".encode()]
        for kind, secret in (("ConfigMap", False), ("Secret", True))
    ]
    start = time.process_time()
    assert sum(len(scanner.literals(each)) for each in blue) == 50_000
    assert time.process_time() - start < 10


def test_without_ranges_nothing_is_blues() -> None:
    """A cluster of which nothing is known has no address of its own."""
    assert Scanner(OwnRanges()).literals(obj("ConfigMap", "c", "shop", data={"k": "10.96.0.7"})) == ()
