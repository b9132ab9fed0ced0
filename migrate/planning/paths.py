"""Paths of a migration file: relative ones start at its directory, `~` is the operator's home.

Here stands which fields are paths; one that is left out is opened from wherever the tool happens to run.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from migrate.model.migration import (
    Blue,
    CalicoInstall,
    CommandTraffic,
    Data,
    HAProxy,
    Migration,
    Part,
    ProvisionerSpec,
)
from migrate.planning.sides import is_address, is_url

_Part = TypeVar("_Part", bound=Part)


def absolute(file: str, directory: Path) -> str:
    """Make one path absolute; `~` of nobody stays as it is, and is not found."""
    try:
        expanded = Path(file).expanduser()
    except RuntimeError:  # no such user, or no home
        expanded = Path(file)
    return str(directory.absolute() / expanded)


def resolve(migration: Migration, directory: Path) -> Migration:
    """Make every path of a migration absolute, relative ones from the file's directory; `~` is expanded."""
    found = _Paths(directory)
    green, cutover = migration.green, migration.cutover
    calico = _with(green.calico, install=found.install(green.calico.install))
    provisioner = found.provisioner(green.provisioner)
    volumes = tuple(map(found.data, migration.workloads.volumes))
    return _with(
        migration,
        blue=found.blue(migration.blue),
        green=_with(green, provisioner=provisioner, calico=calico),
        workloads=_with(migration.workloads, volumes=volumes),
        cutover=_with(
            cutover,
            haproxy=cutover.haproxy and found.haproxy(cutover.haproxy),
            command=cutover.command and found.command(cutover.command),
        ),
        snapshot=_with(migration.snapshot, secrets_key=found.file(migration.snapshot.secrets_key)),
    )


class _Paths:
    """Each part of a file with its paths made absolute."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def file(self, name: str | None) -> str | None:
        return absolute(name, self._directory) if name else name

    def program(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        # a name without a slash is looked for on PATH
        return (absolute(argv[0], self._directory), *argv[1:]) if argv and "/" in argv[0] else argv

    def blue(self, spec: Blue) -> Blue:
        return _with(spec, kubeconfig=self.file(spec.kubeconfig), simulated=self.file(spec.simulated))

    def provisioner(self, spec: ProvisionerSpec) -> ProvisionerSpec:
        create, destroy = self.program(spec.create), self.program(spec.destroy)
        return _with(spec, kubeconfig=self.file(spec.kubeconfig), create=create, destroy=destroy)

    def install(self, spec: CalicoInstall) -> CalicoInstall:
        return spec if is_url(spec.source) else _with(spec, source=self.file(spec.source))

    def data(self, spec: Data) -> Data:
        if spec.mover is None:
            return spec
        return _with(spec, mover=_with(spec.mover, command=self.program(spec.mover.command)))

    def haproxy(self, spec: HAProxy) -> HAProxy:
        socket = spec.socket if is_address(spec.socket) else self.file(spec.socket)
        return _with(spec, socket=socket, state_file=self.file(spec.state_file))

    def command(self, spec: CommandTraffic) -> CommandTraffic:
        programs = {"read": spec.read, "set": spec.set, "counts": spec.counts}
        return _with(spec, **{name: self.program(argv) for name, argv in programs.items()})


def _with(part: _Part, **changes: object) -> _Part:
    return part.model_copy(update=changes)
