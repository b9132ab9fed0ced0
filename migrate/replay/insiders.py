"""Controllers that act only inside the cluster they run in: one on either side does no harm, whoever leads.

What they elect a leader for is written into their own cluster's objects, mostly a status, so that a held Lease or an
argument is no evidence against them. What else speaks for exclusivity, a volume or the operator's word, still counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from migrate.model.ids import RuleId
from migrate.model.objects import Object, dig
from migrate.replay.pods import containers_of, image_path


@dataclass(frozen=True, slots=True)
class Insider:
    """One such controller: what it is for is its evidence, `reason` why two do no harm.

    `front` is where clients outside come in through it.
    """

    id: RuleId
    what: str
    reason: str
    image: re.Pattern[str]
    front: bool = False


def _insider(name: str, what: str, reason: str, image: str, *, front: bool = False) -> Insider:
    return Insider(RuleId(f"inside.{name}"), what, reason, image_path(image), front)


_STATUS = "its leader writes the status of its own cluster's Ingresses"

INSIDERS = (
    _insider(
        "ingress-nginx",
        "ingress-nginx serves clients",
        _STATUS,
        r"(?:ingress-nginx/controller(?:-chroot)?|nginx-ingress-controller[^/:@]*)",
        front=True,
    ),
    _insider(
        "nginx-ingress",
        "NGINX Ingress Controller serves clients",
        _STATUS,
        r"(?:nginx-ic/)?nginx-(?:plus-)?ingress",
        front=True,
    ),
    _insider(
        "traefik",
        "Traefik serves clients",
        "it elects no leader; one with a resolver of certificates is not meant, as it orders them itself",
        r"(?:mirrored-library-)?traefik",
        front=True,
    ),
    _insider(
        "haproxy-ingress",
        "HAProxy Ingress serves clients",
        _STATUS,
        r"(?:haproxy-ingress|haproxytech/kubernetes-ingress)",
        front=True,
    ),
    _insider(
        "contour",
        "Contour serves Envoy its configuration",
        "its leader writes the status of its own cluster's Ingresses and HTTPProxies",
        r"projectcontour/contour",
        front=True,
    ),
    _insider(
        "cainjector",
        "cainjector writes authorities",
        "into its own cluster's webhooks and definitions",
        r"cert-manager-cainjector",
    ),
    _insider(
        "kube-state-metrics",
        "kube-state-metrics serves numbers",
        "it only reads its own cluster",
        r"kube-state-metrics",
    ),
    _insider(
        "metrics-server",
        "metrics-server serves numbers",
        "it only reads its own cluster's kubelets",
        r"metrics-server(?:-[^/:@]+)?",
    ),
)
"""Sources: ingress-nginx, NGINX and haproxy-ingress keep their election in the status package; Contour's documentation
on leader election; cert-manager.io/docs/cli/cainjector."""

_ORDERS = re.compile(r"^--certificatesresolvers\.", re.IGNORECASE)
"""With a resolver Traefik itself orders certificates: doc.traefik.io, ACME."""


def insider_of(pod: Object) -> Insider | None:
    """Which of them a pod is; None where it is none, or orders certificates beside."""
    words = (str(w) for c in containers_of(pod) for w in (*(c.get("command") or ()), *(c.get("args") or ())))
    if any(map(_ORDERS.match, words)):
        return None
    # a sidecar does not say what the pod beside it is for
    images = [str(c.get("image", "")) for c in dig(pod, "spec", "containers", default=()) or ()]
    return next((one for one in INSIDERS for image in images if one.image.search(image)), None)
