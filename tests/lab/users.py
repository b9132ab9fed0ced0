"""The users of a control plane, their tokens and kubeconfigs, and the rights that are given to them."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.lab.api import Api


@dataclass(frozen=True)
class User:
    """Name a user of the token file; a group may be system:masters, which API priority and fairness exempts."""

    name: str
    groups: tuple[str, ...] = ()
    token: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)


@dataclass(frozen=True)
class Users:
    """Hold one user per purpose."""

    setup: User = field(default_factory=lambda: User("lab-setup", ("system:masters",)))
    admin: User = field(default_factory=lambda: User("lab-admin"))
    limited: User = field(default_factory=lambda: User("lab-reader"))
    controllers: User = field(default_factory=lambda: User("system:kube-controller-manager"))
    scheduler: User = field(default_factory=lambda: User("system:kube-scheduler"))

    def token_file(self) -> str:
        """Return what the API server reads as --token-auth-file."""
        everyone = (self.setup, self.admin, self.limited, self.controllers, self.scheduler)
        return "".join(f'{u.token},{u.name},{u.name},"{",".join(u.groups)}"\n' for u in everyone)


READ_ALL = [
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]},
    {"nonResourceURLs": ["*"], "verbs": ["get"]},
]


def grant(api: Api, users: Users) -> None:
    """Bind the admin to cluster-admin and let the limited user read everything and write nothing."""
    bind(api, users.admin.name, "cluster-admin")
    create_role(api, users.limited.name, READ_ALL)
    bind(api, users.limited.name, users.limited.name)


def create_role(api: Api, name: str, rules: list[dict[str, Any]]) -> None:
    """Create a ClusterRole with these rules."""
    api.create(
        "/apis/rbac.authorization.k8s.io/v1/clusterroles", {"metadata": {"name": name}, "rules": rules}
    )


def bind(api: Api, user: str, role: str) -> None:
    """Bind a user to a ClusterRole, for all namespaces."""
    group = "rbac.authorization.k8s.io"
    api.create(
        f"/apis/{group}/v1/clusterrolebindings",
        {
            "metadata": {"name": user},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        },
    )


def write_kubeconfig(path: Path, *, cluster: str, port: int, ca: str, user: str, token: str) -> Path:
    """Write a kubeconfig readable by its owner only, with the server's certificate inside."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": cluster,
                "cluster": {
                    "server": f"https://127.0.0.1:{port}",
                    "certificate-authority-data": base64.b64encode(ca.encode()).decode(),
                },
            }
        ],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": f"{user}@{cluster}", "context": {"cluster": cluster, "user": user}}],
        "current-context": f"{user}@{cluster}",
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path
