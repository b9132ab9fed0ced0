"""Credentials that a cluster makes for its ServiceAccounts: by what they are told from those that a person made.

An account's `secrets` tell nothing: a person lists there what its pods may mount, and a hand-made token as well.
Sources: kubernetes/kubernetes pkg/controller/serviceaccount/tokens_controller.go before 1.24, apiserver's
storage/names/generate.go; openshift/openshift-controller-manager, pkg/serviceaccounts/controllers.
"""

from __future__ import annotations

import re

from migrate.model.objects import Object, annotations_of, name_of

TOKEN = "kubernetes.io/service-account-token"  # noqa: S105 - the name of a type
"""Type of the Secrets that hold a ServiceAccount's token."""

_ACCOUNT = "kubernetes.io/service-account.name"
_ACCOUNT_UID = "kubernetes.io/service-account.uid"
_OPENSHIFT = ("openshift.io/internal-registry-auth-token.service-account", "openshift.io/token-secret.name")
"""Annotations of the registry credentials that OpenShift makes, since 4.16 and before."""

_SUFFIX = re.compile("[bcdfghjklmnpqrstvwxz2456789]{5}")
"""What a server adds to a generated name: no vowel, and nothing that looks like one."""

_BASE = 58
"""Characters of a name's beginning that a server keeps when it generates the rest."""


def account_of(token: Object) -> str:
    """The ServiceAccount that a token is for."""
    return str(annotations_of(token).get(_ACCOUNT, ""))


def made_token(secret: Object) -> bool:
    """Whether Kubernetes made a token by itself, with its account: the name is generated, the account's UID noted."""
    return _ACCOUNT_UID in annotations_of(secret) and _generated(account_of(secret), "token", name_of(secret))


def made_credentials(secret: Object) -> str:
    """The annotation by which registry credentials are OpenShift's own; empty where a person made them."""
    if not str(secret.get("type", "")).startswith("kubernetes.io/dockerc"):
        return ""
    return next((key for key in _OPENSHIFT if key in annotations_of(secret)), "")


def made_name(account: str, name: str) -> bool:
    """Whether a Secret that an account lists has a name that a cluster gives to what it makes for the account."""
    return any(_generated(account, what, name) for what in ("token", "dockercfg"))


def _generated(account: str, what: str, name: str) -> bool:
    base = f"{account}-{what}-"[:_BASE]
    return name.startswith(base) and _SUFFIX.fullmatch(name.removeprefix(base)) is not None
