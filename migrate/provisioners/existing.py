"""A green that was there before: nothing is made, and nothing is ever unmade."""

from __future__ import annotations

from pathlib import Path

from migrate.doors.provisioner import Provision
from migrate.errors import Refused, UsageError
from migrate.model.action import State
from migrate.model.migration import ProvisionerSpec
from migrate.provisioners.kubeconfig import KubeconfigError, endpoint

KIND = "existing"


def build(spec: ProvisionerSpec, _directory: Path, _name: str) -> Existing:
    """Build it from the migration file; raises UsageError where no kubeconfig is named."""
    if not spec.kubeconfig:
        raise UsageError(
            "green.provisioner.kubeconfig is missing: an existing cluster is reached by one",
            remedy="write green.provisioner.kubeconfig: PATH",
        )
    return Existing(Path(spec.kubeconfig).expanduser(), spec.context)


class Existing:
    """Green by its kubeconfig; whether the cluster answers, and to whom, is asked by the cluster door."""

    kind = KIND
    makes = False

    def __init__(self, kubeconfig: Path, context: str | None = None) -> None:
        self._kubeconfig = kubeconfig
        self._context = context

    def observe(self) -> Provision:
        """Done where the kubeconfig can be read and has the context; absent otherwise."""
        try:
            target = endpoint(self._kubeconfig, self._context)
        except KubeconfigError as error:
            return Provision(State.ABSENT, None, str(error))
        evidence = f"{self._kubeconfig} names {target.server} (context {target.context})"
        return Provision(State.DONE, self._kubeconfig, evidence)

    def create(self, deadline: float) -> None:
        """Make nothing; raises Refused where the kubeconfig cannot be used, as no retry will mend it."""
        del deadline
        provision = self.observe()
        if provision.state is not State.DONE:
            raise Refused(f"green is said to exist, but {provision.evidence}")

    def destroy(self, deadline: float) -> None:
        """Unmake nothing: this cluster was here before the migration."""
        del deadline
