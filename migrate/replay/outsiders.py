"""Controllers that act on the outside world: two of them would act against each other, whatever else speaks for them.

Told by the image's path without its registry. Each has its turn at the cutover, as what it does reaches others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from migrate.model.ids import RuleId
from migrate.model.objects import Object
from migrate.replay.pods import image_path, images_of
from migrate.replay.turns import Turn


@dataclass(frozen=True, slots=True)
class Outsider:
    """One such controller: what it does is its evidence, and `reason` what two of them would do."""

    id: RuleId
    what: str
    reason: str
    turn: Turn
    image: re.Pattern[str]


def _outsider(name: str, what: str, reason: str, turn: Turn, image: str) -> Outsider:
    return Outsider(RuleId(f"outside.{name}"), what, reason, turn, image_path(image))


DNS = _outsider(
    "external-dns",
    "external-dns writes DNS records",
    "with one owner id each deletes the records of what only the other sees",
    Turn.NAMES,
    r"external-dns",
)

OUTSIDERS: tuple[Outsider, ...] = (
    DNS,
    _outsider(
        "cert-manager",
        "cert-manager orders certificates",
        "both order for the same names, and run into the authority's rate limits",
        Turn.NAMES,
        r"cert-manager-(?:controller|acmesolver)",
    ),
    _outsider(
        "cluster-autoscaler",
        "cluster-autoscaler changes machines",
        "two on the same groups of machines resize them against each other",
        Turn.LAST,
        r"cluster-autoscaler[^/:@]*",
    ),
    _outsider(
        "karpenter",
        "Karpenter changes machines",
        "each ends machines that carry its cluster's tags and that it knows nothing of",
        Turn.LAST,
        r"karpenter(?:/controller)?",
    ),
    _outsider(
        "descheduler",
        "descheduler evicts pods",
        "while much is held it would judge a cluster that is half there",
        Turn.LAST,
        r"descheduler",
    ),
    _outsider(
        "argo-cd",
        "Argo CD applies what Git holds",
        "it would start what is held",
        Turn.GITOPS,
        r"argo-?cd(?:-[^/:@]+)?",
    ),
    _outsider(
        "flux",
        "Flux applies what Git holds",
        "it would start what is held, and two of them would write to one branch",
        Turn.GITOPS,
        r"(?:(?:source|kustomize|helm|notification|image-automation|image-reflector)-controller|flux-operator)",
    ),
    _outsider(
        "cloud-controller",
        "a cloud controller changes the cloud",
        "each takes load balancers and routes of one cluster name for its own",
        Turn.WAYS_IN,
        r"[^/:@]*cloud-controller-manager[^/:@]*",
    ),
    _outsider(
        "load-balancer-controller",
        "a load balancer controller changes the cloud",
        "each takes load balancers of one cluster name for its own, and changes them by its own Services",
        Turn.WAYS_IN,
        r"aws-load-balancer-controller",
    ),
    _outsider(
        "metallb",
        "MetalLB announces addresses",
        "both would announce the same addresses",
        Turn.WAYS_IN,
        r"(?:metallb/|metallb-)(?:controller|speaker)",
    ),
    _outsider(
        "announcer",
        "an announcer of addresses",
        "both would announce the same addresses (kube-vip, PureLB, OpenELB, keepalived)",
        Turn.WAYS_IN,
        r"(?:kube-vip|purelb/(?:allocator|lbnodeagent)|openelb(?:-[^/:@]+)?|kube-keepalived-vip)",
    ),
    _outsider(
        "velero",
        "Velero writes backups",
        "both write to one bucket, and each deletes there what has expired",
        Turn.LAST,
        r"velero",
    ),
    _outsider(
        "certbot",
        "a renewer of certificates",
        "both order for the same names, and each one's answer to a challenge takes the place of the other's",
        Turn.NAMES,
        r"certbot",
    ),
)


def acts_outside(pod: Object) -> Iterator[Outsider]:
    """What a pod's containers do outside, container by container."""
    return (one for image in images_of(pod) for one in OUTSIDERS if one.image.search(image))


def publishes(pod: Object) -> bool:
    """Whether a pod makes a DNS record of what it sees with a host and an address."""
    return DNS in acts_outside(pod)


def outside_turn(pod: Object) -> Turn | None:
    """The turn of a pod that acts on the outside world: the latest of its containers; None where none does."""
    return max((one.turn for one in acts_outside(pod)), default=None)
