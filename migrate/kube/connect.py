"""From a kubeconfig to a cluster door."""

from __future__ import annotations

from pathlib import Path

from migrate.kube.access import Access
from migrate.kube.cluster import KubeCluster
from migrate.kube.kubeconfig import read_kubeconfig
from migrate.kube.transport import WIDTH, Transport
from migrate.model.ids import Side

__all__ = ["connect"]


def connect(
    kubeconfig: Path, context: str | None, side: Side, *, timeout: float = 30.0, in_flight: int = WIDTH
) -> KubeCluster:
    """Open the door that a kubeconfig leads to; nothing is sent yet (an exec plugin is run).

    `timeout` in seconds is how long each part of an answer may take (a whole one ten times that), and how long a call goes
    on repeating what is safe to repeat.
    `in_flight` is the ceiling: never so many requests and one more are under way, reads among them.
    Raises UsageError where the file, the context or a file that it names is missing or broken, and
    CredentialsRefused where its exec plugin gives no credentials.
    """
    chosen = read_kubeconfig(kubeconfig.expanduser(), context, side)
    access = Access(chosen)
    transport = Transport(access, timeout=timeout, in_flight=in_flight)
    return KubeCluster(chosen.context, side, access, transport, patience=timeout)
