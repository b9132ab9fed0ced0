"""Whether a route leads from blue's CNI to Calico, and what to say where none does."""

from __future__ import annotations

from collections.abc import Sequence

from migrate.assess.sources import POLICY_ONLY
from migrate.errors import NoRoute, NothingToMigrate, Stopped
from migrate.model.facts import Cni, CniName

ROUTES = (CniName.WEAVE, CniName.FLANNEL, CniName.CANAL)
"""CNIs that a route leads from."""

_MANAGED = {CniName.GKE, CniName.AWS_VPC, CniName.AZURE}


def require_route(cnis: Sequence[Cni], expected: str | None = None) -> Cni:
    """Give the CNI that blue is moved off, the first of what `detect` found.

    `expected` is the migration file's `blue.cni`. Raises NothingToMigrate where blue runs Calico, NoRoute from any
    other CNI and where none was recognised, Stopped where the file names another CNI than the one found.
    """
    main = cnis[0] if cnis else Cni(CniName.UNKNOWN)
    seen = (
        "; ".join(main.evidence) or "no DaemonSet of a known CNI, and no pod with an address of a pod network"
    )
    if expected is not None and main.name in ROUTES and main.name != expected:
        raise Stopped(
            f"The migration file says blue.cni: {expected}, but blue runs {main.name} ({seen}).",
            remedy=f"Check that blue is the cluster you mean; if it is, write blue.cni: {main.name} or leave the key out.",
        )
    if main.name is CniName.CALICO and main.encapsulation != POLICY_ONLY:
        raise NothingToMigrate(
            f"Blue already runs Calico ({seen}).",
            remedy="Nothing is left to do. If you meant another cluster, check blue.kubeconfig and blue.context.",
        )
    if main.name not in ROUTES:
        raise NoRoute(_no_route(main, seen), remedy=_remedy(main))
    return main


def _no_route(main: Cni, seen: str) -> str:
    routes = ", ".join(ROUTES)
    if main.name is CniName.UNKNOWN:
        return f"Blue's CNI was not recognised ({seen}); routes lead from {routes}."
    return f"Blue runs {main.name} ({seen}); routes lead from {routes}, none from {main.name}."


def _remedy(main: Cni) -> str:
    if main.name is CniName.UNKNOWN:
        notes = " ".join(f"Seen: {note}." for note in main.notes)
        return (
            "Check that these credentials may list DaemonSets, ConfigMaps and Nodes in every namespace "
            "(cnimigrate rbac --phase assess), and that blue is the cluster you mean. "
            f"A CNI that runs as a service of the hosts is not seen through the API. {notes}"
        ).strip()
    if main.name in _MANAGED:
        return (
            "The provider manages this cluster's network. Make a new cluster with Calico by the provider's own means "
            "and move the workloads by your deployment tool."
        )
    return (
        f"Leave {main.name} in place, or move the workloads by your deployment tool. "
        "A DaemonSet that only stayed behind is told by its pods: with none wanted, remove it and assess again."
    )
