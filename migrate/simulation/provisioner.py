"""The simulated way of making green."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from migrate.doors.provisioner import Provision
from migrate.model.action import State
from migrate.model.ids import Side
from migrate.simulation.seeding import fresh_cluster, wipe
from migrate.simulation.store import Store

_MADE = "made-by-provisioner"


class SimulatedProvisioner:
    """Makes and unmakes green in the world's file; each is one transaction, so there is no half-made cluster.

    A green that was seeded by other means is foreign to it and never destroyed.
    """

    kind = "simulated"
    makes = True

    def __init__(
        self,
        store: Store,
        *,
        version: str,
        pod_cidr: str,
        service_cidr: str,
        nodes: int,
        name: str,
        kubeconfig: Path | None,
        classes: Sequence[Mapping[str, Any]],
    ) -> None:
        self._store = store
        self._version = version
        self._pod_cidr = pod_cidr
        self._service_cidr = service_cidr
        self._nodes = nodes
        self._name = name
        self._kubeconfig = kubeconfig
        self._classes = tuple(classes)

    def observe(self) -> Provision:
        """Look whether green stands, and whether it is ours."""
        about = self._store.value(f"cluster:{Side.GREEN.value}")
        if about is None:
            return Provision(State.ABSENT, evidence="no green cluster in the simulated world")
        if self._store.value(_MADE) != about["name"]:
            return Provision(
                State.FOREIGN, self._kubeconfig, f"green {about['name']} was not made by this provisioner"
            )
        return Provision(State.DONE, self._kubeconfig, f"green {about['name']}, {about['version']}")

    def create(self, deadline: float) -> None:
        """Make green where it does not stand yet; takes no simulated time."""
        del deadline
        if self._store.value(f"cluster:{Side.GREEN.value}") is not None:
            return
        with self._store.transaction():
            fresh_cluster(
                self._store,
                Side.GREEN,
                version=self._version,
                pod_cidr=self._pod_cidr,
                service_cidr=self._service_cidr,
                nodes=self._nodes,
                name=self._name,
                classes=self._classes,
            )
            self._store.set_value(_MADE, self._name)
            self._count("provision")

    def destroy(self, deadline: float) -> None:
        """Unmake green where `create` made it."""
        del deadline
        if self.observe().state is not State.DONE:
            return
        with self._store.transaction():
            wipe(self._store, Side.GREEN)
            self._store.set_value(_MADE, None)
            self._count("destroy")

    def _count(self, verb: str) -> None:
        self._store.run(
            "INSERT INTO effects VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET count = count + 1",
            f"{verb} {Side.GREEN.value} {self._name}",
        )
