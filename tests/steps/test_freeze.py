"""What would put blue back is paused from the top."""

from __future__ import annotations

from migrate.model.objects import Object
from migrate.replay.gitops import TRACKING
from migrate.steps.freeze_blue import pauses
from tests.replay.builders import inventory, obj, owner

ARGO = "argoproj.io/v1alpha1"
AUTOMATED = {"syncPolicy": {"automated": {"selfHeal": True}}}


def application(name: str, **rest: object) -> Object:
    """An Application that synchronises by itself."""
    return obj("Application", name, "argocd", ARGO, spec=AUTOMATED, **rest)


def test_what_keeps_others_is_paused_before_them() -> None:
    """The root is paused, then the ApplicationSet that it keeps, by its template, then the Application that this made."""
    tracking = {TRACKING: "root:argoproj.io/ApplicationSet:argocd/sets"}
    sets = obj(
        "ApplicationSet",
        "sets",
        "argocd",
        ARGO,
        uid="u-1",
        annotations=tracking,
        spec={"template": {"spec": AUTOMATED}},
    )
    found = inventory(application("a-made", owners=owner(sets)), sets, application("root"))
    actions = list(pauses(found))
    assert [a.params["ref"]["name"] for a in actions] == ["root", "sets", "a-made"]
    assert actions[1].params["patch"] == {"spec": {"template": {"spec": {"syncPolicy": {"automated": None}}}}}


def test_what_rests_is_left_alone() -> None:
    """What is paused, or never was automated, is not patched."""
    idle = obj("ApplicationSet", "idle", "argocd", ARGO, spec={"template": {"spec": {}}})
    flux = obj("Kustomization", "apps", "flux", "kustomize.toolkit.fluxcd.io/v1", spec={"suspend": True})
    assert not list(pauses(inventory(idle, flux, obj("Application", "a", "argocd", ARGO, spec={}))))


def test_what_the_flux_operator_makes_follows_what_makes_it() -> None:
    """A ResourceSet may make workloads itself: it is told to rest before what it has made, by an annotation."""
    keeps = {
        f"resourceset.fluxcd.controlplane.io/{key}": value
        for key, value in (("name", "sets"), ("namespace", "flux"))
    }
    sets = obj("ResourceSet", "sets", "flux", "fluxcd.controlplane.io/v1", spec={})
    made = obj("Kustomization", "apps", "flux", "kustomize.toolkit.fluxcd.io/v1", labels=keeps, spec={})
    off = {"fluxcd.controlplane.io/reconcile": "disabled"}
    asleep = obj("FluxInstance", "flux", "flux", "fluxcd.controlplane.io/v1", annotations=off, spec={})
    actions = list(pauses(inventory(made, asleep, sets)))
    assert [a.params["ref"]["name"] for a in actions] == ["sets", "apps"]
    assert actions[0].params["patch"] == {"metadata": {"annotations": off}}
