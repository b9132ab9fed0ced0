"""Draft a migration file from what blue is: ranges that meet nothing there, blocks enough, and what a person must fill in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from math import ceil, log2
from typing import Any

import yaml

from migrate.errors import Stopped
from migrate.model.decision import Decision
from migrate.model.facts import ClusterFacts, Cni
from migrate.model.inventory import Inventory
from migrate.model.migration import DATA_WORDS, Calico, Migration, Network, Pool
from migrate.model.objects import dig

KUBELET_PODS = 110
"""Pods that a kubelet takes by default, where no node says."""

BLOCK = 26
"""Calico's own block size: 64 addresses. Smaller blocks save nothing, and every block is a route."""

WIDEST_BLOCK = 20
NODE_MASK = 24
"""kube-controller-manager's default podCIDR of a node; a range with fewer of them than nodes stops it."""

WIDEST, NARROWEST = 8, 16
SERVICES = 16
GROWTH = 2
"""A pool's range cannot be changed later, so it holds twice the nodes of today."""

SHOWN = 20
"""Objects that the draft lists before it says how many more there are."""

CHANGE = "CHANGE"
"""The word at every place that a person must fill in."""

MANIFEST = (
    "https://raw.githubusercontent.com/projectcalico/calico/v3.32.1/manifests/calico-vxlan.yaml",
    "c2ab4f9a4ecde01d66e6f040d6745cd7f174d5ded573164c809ffb9f40a9d566",
)
"""Calico's plain manifest of the default version, with the SHA-256 of what it served."""

_PRIVATE = tuple(IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
_PODS_FROM, _SERVICES_FROM = IPv4Network("10.48.0.0/14"), IPv4Network("10.112.0.0/16")
_BRIDGE = IPv4Network("172.17.0.0/16")
"""What a container engine gives its bridge by default (Docker's daemon reference)."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Green's ranges and blocks, and the figures behind them; `taken` are the ranges that were kept clear of."""

    pod_cidr: str
    service_cidr: str
    block_size: int
    blocks: int
    nodes: int
    pods_per_node: int
    taken: tuple[str, ...]

    @property
    def network(self) -> Network:
        """As the migration file's green.network."""
        return Network(pod_cidr=self.pod_cidr, service_cidr=self.service_cidr)

    @property
    def pool(self) -> Pool:
        """As the one pool of the migration file."""
        return Pool(name="default", cidr=self.pod_cidr, block_size=self.block_size)

    def planned(self, migration: Migration) -> Migration:
        """A migration with green's ranges and pool as recommended here."""
        calico = Calico(version=migration.green.calico.version, pools=(self.pool,))
        green = migration.green.model_copy(update={"network": self.network, "calico": calico})
        return migration.model_copy(update={"green": green})

    def as_json(self) -> dict[str, Any]:
        """The recommendation as JSON, keys as in the migration file."""
        return {
            "podCIDR": self.pod_cidr,
            "serviceCIDR": self.service_cidr,
            "blockSize": self.block_size,
            "blocks": self.blocks,
            "nodes": self.nodes,
            "podsPerNode": self.pods_per_node,
            "taken": list(self.taken),
        }


@dataclass(frozen=True, slots=True)
class Draft:
    """What a drafted file says: how blue is reached, as it will stand in the file, and what was found there.

    Exactly one of `kubeconfig` and `simulated` is given. `services` are those reached from outside; `undecided` what a
    person must decide about.
    """

    name: str
    facts: ClusterFacts
    recommendation: Recommendation
    kubeconfig: str | None = None
    context: str | None = None
    simulated: str | None = None
    services: tuple[str, ...] = ()
    undecided: tuple[Decision, ...] = ()

    @property
    def text(self) -> str:
        """The file; every place to fill in has the word CHANGE behind it."""
        parts = (self._head(), self._blue(), self._green(), self._workloads(), self._cutover(), self._tail())
        return "\n".join(line for part in parts for line in (*part, ""))

    def _head(self) -> Iterator[str]:
        facts = self.facts
        yield f"# Drafted by cnimigrate init from {comment(facts.name)}; nothing was changed there."
        yield "#"
        yield f"#   cluster   {comment(facts.version)}, {facts.nodes} nodes, {facts.pods} pods"
        yield f"#   CNI       {comment(cni_words(facts.cni))}"
        yield from (f"#             {comment(said)}" for said in facts.cni.evidence[:4])
        for what, cidrs in (("pods", facts.pod_cidrs), ("services", facts.service_cidrs)):
            for cidr in cidrs:
                yield f"#   {what:<9} {cidr} ({comment(facts.sources.get(cidr, 'observed'))})"
        yield f"#   nodes     {facts.details.get('nodeRange') or 'no address known'}"
        yield "#"
        if self.simulated is None:
            yield f"# Fill in what is marked {CHANGE}, then: cnimigrate assess, cnimigrate rehearse, cnimigrate run"
        else:
            yield "# Everything here is simulated. Next: cnimigrate assess, cnimigrate rehearse, cnimigrate run"
        yield "# Paths start at this file's directory; ~ is your home. Every key: cnimigrate schema"
        yield "apiVersion: cnimigrate/v1"
        yield "kind: Migration"
        yield "metadata:"
        yield f"  name: {scalar(self.name)}  # names the state directory and the Lease in blue"

    def _blue(self) -> Iterator[str]:
        yield "blue:  # the cluster left"
        if self.simulated is not None:
            yield f"  simulated: {scalar(self.simulated)}"
        else:
            yield f"  kubeconfig: {scalar(self.kubeconfig or '')}"
            if self.context:
                yield f"  context: {scalar(self.context)}"
        yield f"  cni: {self.facts.cni.name}  # the run stops where something else is found"

    def _green(self) -> Iterator[str]:
        plan = self.recommendation
        yield "green:  # the cluster entered"
        yield "  provisioner:"
        if self.simulated is not None:
            yield "    kind: simulated"
        else:
            yield "    kind: existing  # a cluster that you made; or command, with your own programs"
            yield f"    kubeconfig: ./green.kubeconfig  # {CHANGE}"
        yield f"  # They meet no range or address seen on blue ({', '.join(plan.taken)})."
        yield "  # What else your network uses cannot be seen from here: ask whoever gives out addresses."
        yield "  network:"
        yield f"    podCIDR: {plan.pod_cidr}"
        yield f"    serviceCIDR: {plan.service_cidr}"
        yield "  calico:"
        yield "    version: v3.32.1"
        if self.simulated is None:
            yield "    install:"
            yield "      kind: manifest  # or operator; a file, a directory, or a URL with its sha256"
            yield f"      from: {MANIFEST[0]}"
            yield f"      sha256: {MANIFEST[1]}"
        yield "    pools:"
        size = 2 ** (32 - plan.block_size)
        yield f"      # {plan.blocks} blocks of {size} addresses for {plan.nodes} nodes of at most {plan.pods_per_node} pods."
        yield "      - name: default"
        yield f"        cidr: {plan.pod_cidr}"
        yield f"        blockSize: {plan.block_size}  # cannot be changed later"
        yield "        encapsulation: VXLAN"
        yield "        natOutgoing: true"

    def _workloads(self) -> Iterator[str]:
        yield "workloads:"
        yield '  include: ["*"]'
        yield "  exclude: [kube-system]"
        yield "  start: serving  # what a Service selects and may run twice starts before the cutover"
        if self.undecided:
            yield f"  # {len(self.undecided)} objects of blue need your word before a run writes anything: {CHANGE}"
            for decision in self.undecided[:SHOWN]:
                yield f"  #   {comment(str(decision.ref))}: {comment(decision.reason)}"
            if len(self.undecided) > SHOWN:
                yield f"  #   and {len(self.undecided) - SHOWN} more: cnimigrate plan --objects"
        yield f"  volumes: []  # what becomes of the data behind claims: {DATA_WORDS}, as in"
        yield "  #  - {namespace: web, name: data-*, as: empty, reason: a cache}"
        yield "  rules: []  # your own decisions, each with a reason, such as"
        example = next((d.ref for d in self.undecided), None)
        kind, namespace, name = (
            (example.kind, example.namespace, example.name) if example else ("Deployment", "web", "old")
        )
        place = f"namespace: {scalar(namespace)}, " if namespace else ""
        yield f"  #  - {{kind: {scalar(kind)}, {place}name: {scalar(name)}, skip: true, reason: nobody uses it}}"

    def _cutover(self) -> Iterator[str]:
        yield "cutover:"
        if self.simulated is not None:
            yield "  kind: simulated"
        else:
            yield f"  kind: manual  # {CHANGE}: a person turns the traffic; or haproxy, or command (your own programs)"
            yield "  # haproxy: {socket: /run/haproxy/admin.sock, backend: web, blue: [b1], green: [g1]}"
        yield "  routes:"
        yield "    - name: web"
        if self.services:
            shown = ", ".join(scalar(s) for s in self.services)
            yield f"      services: [{shown}]  # reached from outside: LoadBalancer, NodePort, Ingress"
        if self.simulated is None:
            yield f"      # {CHANGE}: how the way in is probed, from here"
            yield "      # probe: http://web.example/healthz"
            yield "      # directBlue: http://192.0.2.10:30080/healthz"
            yield "      # directGreen: http://192.0.2.20:30080/healthz"
        yield "  mode: auto  # ramp what can run on both sides, switch the rest"
        yield "  ramp: [1, 5, 25, 50, 100]"
        yield "  pause: 5m"
        yield "  minSamples: 3000"
        yield "  abort: {errorRate: 0.1%, latencyP99: 1.5x}"

    @staticmethod
    def _tail() -> Iterator[str]:
        yield "gates:  # cnimigrate approve GATE"
        for gate in ("before-start", "before-cutover", "before-full", "before-writers"):
            yield f"  {gate}: approval"
        yield ""
        yield "soak: 7d  # blue stands by until then"


def recommend(blue: ClusterFacts, addresses: Iterable[str] = ()) -> Recommendation:
    """Choose ranges for green that meet nothing of blue, with one block a node for all pods that a node may take.

    `addresses` are further ones that blue uses, such as its load balancers'. Raises Stopped where private address
    space has no such range left.
    """
    nodes = max(1, blue.nodes)
    pods = int((blue.details.get("podsPerNode") or {}).get("allowed") or KUBELET_PODS)
    # one address more: the node's tunnel takes it from its first block
    block = min(BLOCK, max(WIDEST_BLOCK, 32 - ceil(log2(pods + 1))))
    needed = nodes * ceil((pods + 1) / 2 ** (32 - block))
    taken = _taken(blue, addresses)
    for growth in (GROWTH, 1):
        prefix = min(NARROWEST, block - ceil(log2(growth * needed)), NODE_MASK - ceil(log2(growth * nodes)))
        if prefix < WIDEST:
            continue
        pod_range = _free(prefix, _PODS_FROM, taken)
        service_range = _free(SERVICES, _SERVICES_FROM, [*taken, pod_range]) if pod_range else None
        if pod_range is not None and service_range is not None:
            return Recommendation(
                str(pod_range),
                str(service_range),
                block,
                2 ** (block - prefix),
                nodes,
                pods,
                tuple(str(n) for n in taken if n != _BRIDGE),
            )
    raise Stopped(
        f"private address space has no range left for {nodes} nodes of {pods} pods beside what blue uses",
        remedy="Write the file by hand (cnimigrate schema); green.network takes any range that is yours.",
    )


def outside_addresses(inventory: Inventory) -> tuple[str, ...]:
    """Addresses by which blue's Services are reached from outside: of load balancers, and external ones."""
    found: set[str] = set()
    for service in inventory.of("Service"):
        found.update(map(str, dig(service, "spec", "externalIPs", default=None) or ()))
        entries = dig(service, "status", "loadBalancer", "ingress", default=None) or ()
        found.update(str(entry["ip"]) for entry in entries if entry.get("ip"))
    return tuple(sorted(found))


def name_for(cluster: str) -> str:
    """A migration's name from a cluster's: of "admin@dc1" it is dc1; "migration" where nothing usable is left."""
    last = cluster.rpartition("@")[2] or cluster
    plain = re.sub(r"[^a-z0-9]+", "-", last.lower()).strip("-")[:52].strip("-")
    return plain or "migration"


def cni_words(cni: Cni) -> str:
    """A CNI in words: name and version, how it encapsulates, whether it encrypts and enforces policies."""
    enforced = {True: "enforces policies", False: "enforces no policies", None: ""}[cni.enforces_policy]
    parts = (
        f"{cni.name} {cni.version}".strip(),
        cni.encapsulation,
        "encrypted" if cni.encrypted else "",
        enforced,
    )
    return ", ".join(part for part in parts if part)


def scalar(text: str) -> str:
    """A text as one YAML scalar, quoted where it must be."""
    quoted = (
        str(yaml.safe_dump(text, width=10**6, allow_unicode=True)).removesuffix("\n").removesuffix("\n...")
    )
    # inside [ ] and { } a comma ends a plain scalar
    return f'"{quoted}"' if re.search(r"[,\[\]{}]", quoted) and quoted[0] not in "'\"" else quoted


def comment(text: str) -> str:
    """A text that may stand in a comment: on one line, whatever the cluster says."""
    return " ".join(text.split())


def _taken(blue: ClusterFacts, addresses: Iterable[str]) -> list[IPv4Network]:
    """Blue's ranges and the /24 around every address of its nodes and of what reaches it from outside."""
    found = [_range(cidr) for cidr in (*blue.pod_cidrs, *blue.service_cidrs)]
    span = _range(str(blue.details.get("nodeRange") or ""))
    # nodes far apart span half of the private space, which says nothing
    found += [span] if span is not None and span.prefixlen >= NARROWEST else []
    for address in (*blue.node_addresses, *addresses):
        one = _range(address)
        found.append(one.supernet(new_prefix=24) if one is not None and one.prefixlen > 24 else one)
    clear: list[IPv4Network] = []
    known = [network for network in (*found, _BRIDGE) if network is not None]
    for network in sorted(
        known, key=lambda n: n.prefixlen
    ):  # stable, and the wider first: it holds the others
        if not any(network.subnet_of(other) for other in clear):
            clear.append(network)
    return clear


def _range(text: str) -> IPv4Network | None:
    try:
        found = ip_network(text.strip(), strict=False)
    except ValueError:
        return None
    return found if isinstance(found, IPv4Network) else None


def _free(prefix: int, start: IPv4Network, taken: Sequence[IPv4Network]) -> IPv4Network | None:
    """The first private range of that size that meets nothing taken; the search begins where people look for it."""
    for begin in (start.network_address, None):
        for private in _PRIVATE:
            if prefix < private.prefixlen:
                continue
            for candidate in private.subnets(new_prefix=prefix):
                early = begin is not None and candidate.network_address < begin
                if not early and not any(candidate.overlaps(other) for other in taken):
                    return candidate
    return None
