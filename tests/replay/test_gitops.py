"""Who keeps an object as Git has it, told by what Argo CD and Flux write on it."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.model.objects import Object
from migrate.replay.gitops import TRACKING, Keepers
from tests.replay.builders import inventory, obj, owner

ARGO = "argoproj.io/v1alpha1"
FLUX = "kustomize.toolkit.fluxcd.io"
ID = "shop:/ConfigMap:shop/c"


def application(name: str = "shop", namespace: str = "argocd", **rest: Any) -> Object:
    """An Argo CD Application."""
    return obj("Application", name, namespace, ARGO, **rest)


def settings(**data: str) -> Object:
    """Argo CD's own settings."""
    return obj("ConfigMap", "argocd-cm", "argocd", data=data)


def labelled(name: str = "c", key: str = "app.kubernetes.io/instance", **rest: Any) -> Object:
    """An object with the label by which Argo CD may track."""
    return obj("ConfigMap", name, "shop", labels={key: "shop"}, **rest)


def tracked(tracking: str = ID, name: str = "c") -> Object:
    """An object with a tracking annotation."""
    return obj("ConfigMap", name, "shop", annotations={TRACKING: tracking})


def keeper(found: Object, *around: Object) -> str:
    """Who keeps an object, in words; empty where nobody does."""
    return str(Keepers(inventory(found, *around)).of(found) or "")


SHOP = "Application.argoproj.io argocd/shop"


@pytest.mark.parametrize(
    ("found", "around", "said"),
    [
        (tracked(), [application()], SHOP),
        (tracked("shop:/ConfigMap:shop/other"), [application()], ""),  # a copy of another object
        (
            tracked("argo-team_shop:/ConfigMap:shop/c"),
            [application(namespace="argo-team")],
            SHOP.replace("argocd", "argo-team"),
        ),
        (tracked(), [application("other")], ""),  # its Application is gone
        (tracked(), [], "Application shop of an Argo CD outside blue"),
        (labelled(), [application(), settings()], SHOP),
        (labelled(), [application(), settings(), tracked(name="c2")], ""),
        (labelled(), [application(), settings(**{"application.resourceTrackingMethod": "annotation"})], ""),
        (
            labelled(key="argo/instance"),
            [application(), settings(**{"application.instanceLabelKey": "argo/instance"})],
            SHOP,
        ),
        (labelled(), [], ""),  # many a chart writes this label
        (labelled(), [application("other")], ""),
    ],
)
def test_argo_cd_keeps_what_it_tracks(found: Object, around: list[Object], said: str) -> None:
    """The annotation must name its own object; the label counts only where Argo CD tracks by it."""
    assert keeper(found, *around) == said


def test_flux_keeps_what_carries_its_labels_while_it_is_there() -> None:
    """A Kustomization that is gone makes nothing again."""
    labels = {f"{FLUX}/name": "apps", f"{FLUX}/namespace": "flux-system"}
    found = obj("ConfigMap", "c", "shop", labels=labels)
    kustomization = obj("Kustomization", "apps", "flux-system", f"{FLUX}/v1")
    assert keeper(found, kustomization) == "Kustomization.kustomize.toolkit.fluxcd.io flux-system/apps"
    assert keeper(found) == ""


def test_depth_counts_keepers_and_ends_where_they_go_round() -> None:
    """An Application that an ApplicationSet made stands below it, and both below the Application that has the set."""
    above = obj(
        "ApplicationSet",
        "sets",
        "argocd",
        ARGO,
        uid="u-1",
        annotations={TRACKING: "root:argoproj.io/ApplicationSet:argocd/sets"},
    )
    made = application("made", owners=owner(above))
    itself = application("root", annotations={TRACKING: "root:argoproj.io/Application:argocd/root"})
    keepers = Keepers(inventory(above, made, application("lone"), itself))
    assert keepers.depth(application("lone")) == 0
    assert keepers.depth(made) > keepers.depth(above) >= 1
