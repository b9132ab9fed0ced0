"""Controllers that act only inside the cluster they run in: one on either side does no harm, whoever leads.

What they elect a leader for is written into their own cluster's objects, mostly a status, so that a held Lease or an
argument is no evidence against them. What else speaks for exclusivity, a volume or the operator's word, still counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from migrate.model.objects import Object, dig


@dataclass(frozen=True, slots=True)
class Insider:
    """One such controller by its image's path without the registry; `front` where clients outside come in through it."""

    what: str
    image: re.Pattern[str]
    front: bool = False


def _insider(what: str, image: str, *, front: bool = False) -> Insider:
    return Insider(what, re.compile(rf"(?:^|/){image}(?:[:@]|$)"), front)


INSIDERS = (
    _insider(
        "ingress-nginx serves clients; its leader writes the status of Ingresses",
        r"(?:ingress-nginx/controller(?:-chroot)?|nginx-ingress-controller[^/:@]*)",
        front=True,
    ),
    _insider(
        "NGINX Ingress Controller serves clients; its leader writes the status of Ingresses",
        r"(?:nginx-ic/)?nginx-(?:plus-)?ingress",
        front=True,
    ),
    _insider("Traefik serves clients; it elects no leader", r"(?:mirrored-library-)?traefik", front=True),
    _insider(
        "HAProxy Ingress serves clients; its leader writes the status of Ingresses",
        r"(?:haproxy-ingress|haproxytech/kubernetes-ingress)",
        front=True,
    ),
    _insider(
        "Contour serves Envoy its configuration; its leader writes the status of Ingresses and HTTPProxies",
        r"projectcontour/contour",
        front=True,
    ),
    _insider(
        "cainjector writes authorities into its own cluster's webhooks and definitions",
        r"cert-manager-cainjector",
    ),
    _insider("kube-state-metrics only reads its own cluster", r"kube-state-metrics"),
    _insider("metrics-server only reads its own cluster's kubelets", r"metrics-server(?:-[^/:@]+)?"),
)
"""Sources: ingress-nginx, NGINX and haproxy-ingress keep their election in the status package; Contour's documentation
on leader election; cert-manager.io/docs/cli/cainjector."""

_ORDERS = re.compile(r"^--certificatesresolvers\.", re.IGNORECASE)
"""With a resolver Traefik itself orders certificates: doc.traefik.io, ACME."""


def insider_of(pod: Object) -> Insider | None:
    """Which of them a pod is; None where it is none, or orders certificates beside."""
    containers = dig(pod, "spec", "containers", default=()) or ()
    words = (str(w) for c in containers for w in (*(c.get("command") or ()), *(c.get("args") or ())))
    if any(map(_ORDERS.match, words)):
        return None
    images = [str(container.get("image", "")) for container in containers]
    return next((one for one in INSIDERS for image in images if one.image.search(image)), None)
