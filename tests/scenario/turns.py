"""What is let go in turns: ways in of the shop beside its route, and the acts of a cutover in their order."""

from __future__ import annotations

from collections.abc import Sequence

from migrate.cli.project import Project
from migrate.model.ids import Side
from migrate.model.objects import Resource
from tests.scenario.hands import SERVICES, created
from tests.scenario.moves import progress_of

INGRESSES = Resource("networking.k8s.io", "v1", "ingresses", "Ingress", namespaced=True)
DEFINITIONS = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)
FLUX = Resource("kustomize.toolkit.fluxcd.io", "v1", "kustomizations", "Kustomization", namespaced=True)

OWN_ADDRESS = {"type": "LoadBalancer", "loadBalancerIP": "192.0.2.77", "selector": {"app": "web"}}
TO_API = {"service": {"name": "api", "port": {"number": 80}}}
PORTS = [{"port": 80, "targetPort": 8080, "nodePort": 31080, "protocol": "TCP"}]


def ways_in(project: Project) -> None:
    """Give blue's shop an Ingress and a load balancer with an address of its own."""
    created(project, Side.BLUE, INGRESSES, "shop/api", spec={"defaultBackend": TO_API})
    created(project, Side.BLUE, SERVICES, "shop/own", spec={**OWN_ADDRESS, "ports": PORTS})


def defined(project: Project, resource: Resource) -> None:
    """Define a custom kind on blue, whose objects may say anything."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": resource.version, "served": True, "storage": True, "schema": schema}
    names = {"plural": resource.plural, "singular": resource.kind.lower(), "kind": resource.kind}
    spec = {"group": resource.group, "scope": "Namespaced", "names": names, "versions": [version]}
    created(project, Side.BLUE, DEFINITIONS, f"/{resource.plural}.{resource.group}", spec=spec)


def acts(project: Project) -> list[str]:
    """What the cutover did, in its order: the keys of its acts."""
    return [i.action.key for i in progress_of(project).intents() if i.step.startswith("cutover.")]


def first(found: Sequence[str], *words: str) -> int:
    """The place of the first act that has all these words."""
    return next(n for n, key in enumerate(found) if all(word in key for word in words))
