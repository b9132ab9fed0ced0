"""Argo CD and Flux: what they keep, by the labels and annotations that they write, and what keeps them going.

Sources: argo-cd.readthedocs.io, user-guide/resource_tracking and applicationset/Controlling-Resource-Modification;
fluxcd.io, components/kustomize and components/helm.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from migrate.model.inventory import Inventory
from migrate.model.objects import (
    Object,
    Ref,
    annotations_of,
    controller_of,
    dig,
    group_of,
    kind_of,
    labels_of,
    name_of,
    namespace_of,
    ref_of,
)
from migrate.replay import kinds
from migrate.replay.kinds import Kind

AUTOMATED = ("spec", "syncPolicy", "automated")
TEMPLATE_AUTOMATED = ("spec", "template", *AUTOMATED)
"""What makes an Application synchronise by itself; taken out of an ApplicationSet's template it is out of all it makes."""

DISABLED = ("metadata", "annotations", "fluxcd.controlplane.io/reconcile")
"""Where `disabled` keeps the Flux Operator from reconciling; source: flux-operator, api/v1, ReconcileAnnotation."""

_ARGO = frozenset({kinds.APPLICATION, kinds.APPLICATION_SET, ("argoproj.io", "AppProject")})

TRACKING = "argocd.argoproj.io/tracking-id"

_SETTINGS = "argocd-cm"
_LABEL = "app.kubernetes.io/instance"
_FLUX = tuple(
    (f"{prefix}/namespace", f"{prefix}/name", kind)
    for prefix, kind in (
        ("kustomize.toolkit.fluxcd.io", kinds.KUSTOMIZATION),
        ("helm.toolkit.fluxcd.io", kinds.HELM_RELEASE),
        ("resourceset.fluxcd.controlplane.io", kinds.RESOURCE_SET),
        ("fluxcd.controlplane.io", kinds.FLUX_INSTANCE),
    )
)
"""By which labels, of a namespace and of a name, an object says what of Flux or of the Flux Operator keeps it."""


def own_kind(kind: Kind) -> bool:
    """Whether a kind tells Argo CD or Flux what to apply, and to where."""
    return kind in _ARGO or kind[0].endswith(".toolkit.fluxcd.io") or kind[0] == kinds.FLUX_INSTANCE[0]


def automated(obj: Object) -> bool:
    """Whether an Application synchronises by itself, or those of an ApplicationSet do."""
    path = TEMPLATE_AUTOMATED if kind_of(obj) == kinds.APPLICATION_SET[1] else AUTOMATED
    return dig(obj, *path) is not None


def automated_elsewhere(application_set: Object) -> str:
    """Where an ApplicationSet switches automation on beside its template; empty where it does not."""
    if "automated" in str(dig(application_set, "spec", "templatePatch", default="")):
        return "spec.templatePatch"
    generators = dig(application_set, "spec", "generators", default=()) or ()
    return next(("a generator's template" for g in generators if _names_automated(g)), "")


def _names_automated(value: object) -> bool:
    """Whether a template below a generator, however deep (matrix and merge nest them), says `automated`."""
    if isinstance(value, dict):
        if dig(value, "template", *AUTOMATED) is not None:
            return True
        return any(map(_names_automated, value.values()))
    return isinstance(value, list) and any(map(_names_automated, value))


@dataclass(frozen=True, slots=True)
class Keeper:
    """What keeps an object as Git has it; `here` says whether it stands on blue itself, not on a cluster of its own."""

    ref: Ref
    here: bool = True

    def __str__(self) -> str:
        """The keeper, and where it is if not here."""
        return str(self.ref) if self.here else f"Application {self.ref.name} of an Argo CD outside blue"


@dataclass(frozen=True)
class Keepers:
    """Who keeps what, on one cluster."""

    inventory: Inventory

    def of(self, obj: Object) -> Keeper | None:
        """Who keeps an object; None where nobody does, or who did is gone."""
        return next(self.each_of(obj), None)

    @cached_property
    def releases(self) -> Mapping[tuple[str, str], Ref]:
        """The HelmReleases by the namespace and name under which Helm keeps its records of them."""
        return {_recorded(obj): ref_of(obj) for obj in self.inventory.of(*reversed(kinds.HELM_RELEASE))}

    def depth(self, obj: Object) -> int:
        """How many keepers stand above an object: what is put to rest from the top is not put back from above."""
        seen = {ref_of(obj)}
        above = self._above(obj)
        while above is not None and ref_of(above) not in seen:  # Flux's root keeps itself
            seen.add(ref_of(above))
            above = self._above(above)
        return len(seen) - 1

    def _above(self, obj: Object) -> Object | None:
        owner = controller_of(obj)
        if owner is not None and (group_of(owner), owner.get("kind")) == kinds.APPLICATION_SET:
            return self.inventory.find(
                Ref(*kinds.APPLICATION_SET, namespace_of(obj), str(owner.get("name", "")))
            )
        keeper = self.of(obj)
        return self.inventory.find(keeper.ref) if keeper is not None else None

    def each_of(self, obj: Object) -> Iterator[Keeper]:
        """Everybody who keeps an object, Flux before Argo CD; one may be named twice."""
        labels = labels_of(obj)
        for space_label, name_label, kind in _FLUX if labels else ():
            name = labels.get(name_label, "")
            if name and self.inventory.find(Ref(*kind, labels.get(space_label, ""), name)) is not None:
                yield Keeper(Ref(*kind, labels.get(space_label, ""), name))
        name, _, own = annotations_of(obj).get(TRACKING, "").partition(":")
        if name and _speaks_of(own, obj):
            yield from self._application(name, alone=True)
        labelled = labels.get(self._label, "") if self._label else ""
        if labelled:
            yield from self._application(labelled, alone=False)

    def _application(self, name: str, *, alone: bool) -> Iterator[Keeper]:
        """The Application of that name; where blue has no Argo CD, `alone` is enough of a sign of one elsewhere."""
        # an Application outside Argo CD's own namespace is tracked as <namespace>_<name>
        space, _, bare = name.rpartition("_")
        if name in self._applications:
            yield Keeper(self._applications[name])
        elif self.inventory.find(Ref(*kinds.APPLICATION, space, bare)) is not None:
            yield Keeper(Ref(*kinds.APPLICATION, space, bare))
        elif alone and self.inventory.resource(*reversed(kinds.APPLICATION)) is None:
            yield Keeper(Ref(*kinds.APPLICATION, "", name), here=False)

    @cached_property
    def _applications(self) -> dict[str, Ref]:
        found = self.inventory.of(*reversed(kinds.APPLICATION))
        return {name_of(obj): Ref(*kinds.APPLICATION, namespace_of(obj), name_of(obj)) for obj in found}

    @cached_property
    def _label(self) -> str:
        """The label by which Argo CD tracks; empty where it tracks by annotation.

        Where it does not say, it depends on its version (3.0 changed it): then annotations that are there decide.
        """
        settings = next((c for c in self.inventory.of("ConfigMap") if name_of(c) == _SETTINGS), None)
        method = dig(settings, "data", "application.resourceTrackingMethod")
        if not self._applications or (method and method != "label"):
            return ""
        if not method and any(TRACKING in annotations_of(obj) for _, obj in self.inventory):
            return ""
        return str(dig(settings, "data", "application.instanceLabelKey") or _LABEL)


def _recorded(release: Object) -> tuple[str, str]:
    """Where Helm keeps its records of a HelmRelease, by Flux's defaults for what its spec leaves out."""
    spec = release.get("spec") or {}
    target, own = spec.get("targetNamespace"), name_of(release)
    name = spec.get("releaseName") or (f"{target}-{own}" if target else own)
    return str(spec.get("storageNamespace") or namespace_of(release)), str(name)


def _speaks_of(tracked: str, obj: Object) -> bool:
    """Whether the rest of a tracking id, `group/Kind:namespace/name`, names its own object: a copy's does not."""
    kind, _, name = tracked.partition(":")
    return kind == f"{group_of(obj)}/{kind_of(obj)}" and name.rpartition("/")[2] == name_of(obj)
