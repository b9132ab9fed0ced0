"""Check how blue, green and the traffic are reached: that the kinds fit together and that the files are there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from migrate.model.migration import Migration
from migrate.planning.marks import KeyPath, Problem

Has = Callable[[KeyPath], bool]

_BLUE: KeyPath = ("blue",)
_PROVISIONER: KeyPath = ("green", "provisioner")
_INSTALL: KeyPath = ("green", "calico", "install")
_CUTOVER: KeyPath = ("cutover",)
_BLOCKS = ("haproxy", "command", "manual")
_OPTIONAL_BLOCKS = frozenset({"manual"})


def is_url(text: str) -> bool:
    """Whether a source of manifests is a URL rather than a path."""
    return re.match(r"[a-z][a-z0-9+.-]*://", text, re.IGNORECASE) is not None


def is_address(socket: str) -> bool:
    """Whether HAProxy's socket is `address:port` rather than a path."""
    return "/" not in socket and ":" in socket


def check_sides(migration: Migration, *, has: Has, exists: Callable[[str], bool]) -> Iterator[Problem]:
    """Find kinds that do not fit together, parts that are missing or have no meaning, and files that are not there."""
    yield from _blue(migration, has)
    yield from _provisioner(migration, has)
    yield from _simulated(migration, has)
    yield from _install(migration)
    yield from _blocks(migration, has)
    yield from _files(migration, exists)


def _blue(migration: Migration, has: Has) -> Iterator[Problem]:
    blue = migration.blue
    if blue.kubeconfig is not None and blue.simulated is not None:
        told = "has both kubeconfig and simulated"
        yield Problem(_BLUE, told, "leave one out: a real cluster has a kubeconfig, a demo is simulated")
    elif blue.simulated is not None and blue.context is not None:
        yield Problem((*_BLUE, "context"), "has no meaning for a simulated cluster", "leave it out")
    elif blue.kubeconfig is None and blue.simulated is None:
        if has((*_BLUE, "simulated")):
            told, hint = "simulated names nothing", 'write simulated: "" for the embedded cluster, or a file'
        else:
            told, hint = "names no cluster", "write kubeconfig: ~/.kube/config"
        yield Problem(_BLUE, told, hint)
    elif blue.kubeconfig is not None and not blue.kubeconfig.strip():
        yield Problem((*_BLUE, "kubeconfig"), "is blank", "write for example ~/.kube/config")


def _provisioner(migration: Migration, has: Has) -> Iterator[Problem]:
    green, blue = migration.green.provisioner, migration.blue
    if green.kind == "simulated":
        for key in ("kubeconfig", "context", "create", "destroy"):
            if getattr(green, key):
                yield Problem((*_PROVISIONER, key), "has no meaning for kind simulated", "leave it out")
        return
    if green.kind == "command" and not green.create:
        told = "kind command has no program that makes the cluster"
        yield Problem(
            _PROVISIONER, told, "write create: [./make-green.sh]", about=((*_PROVISIONER, "create"),)
        )
    if green.kind == "existing":
        for key in ("create", "destroy"):
            if getattr(green, key):
                yield Problem((*_PROVISIONER, key), "has no meaning for kind existing", "write kind: command")
    if blue.simulated is not None and blue.kubeconfig is None:
        return  # told once, by _simulated
    if not (green.kubeconfig or "").strip():
        told = (
            "names no kubeconfig" if has(_PROVISIONER) else "is missing: green would be an existing cluster"
        )
        hint = "write kubeconfig: and where `create` leaves it" if green.kind == "command" else ""
        yield Problem(_PROVISIONER, told, hint or "write kubeconfig: ~/.kube/green.yaml")
    elif (green.kubeconfig, green.context) == (blue.kubeconfig, blue.context):
        told = f"{green.kubeconfig} is blue's kubeconfig, with the same context"
        yield Problem((*_PROVISIONER, "kubeconfig"), told, "green must be another cluster", about=(_BLUE,))


def _simulated(migration: Migration, has: Has) -> Iterator[Problem]:
    """Time is simulated if and only if every door is, so simulated is all or nothing."""
    simulated = migration.blue.simulated is not None
    if simulated == (migration.blue.kubeconfig is not None):
        return  # both or neither: what blue was meant to be is not known, and told by _blue
    kinds = {
        (*_PROVISIONER, "kind"): (migration.green.provisioner.kind, "existing or command"),
        (*_CUTOVER, "kind"): (migration.cutover.kind, "haproxy, command or manual"),
    }
    for path, (kind, real) in kinds.items():
        if (kind == "simulated") == simulated:
            continue
        if simulated:
            told = f"{kind}, but blue is simulated; simulated is all or nothing"
            yield Problem(path, told, "write kind: simulated", about=(_BLUE,))
        elif has(path):
            told = "simulated, but blue is a real cluster; simulated is all or nothing"
            yield Problem(
                path, told, f"write {real}; a rehearsal simulates whatever the kind is", about=(_BLUE,)
            )
        else:
            yield Problem(path, "is missing", f"write {real}", about=(_BLUE,))


def _install(migration: Migration) -> Iterator[Problem]:
    install, version = migration.green.calico.install, migration.green.calico.version
    path: KeyPath = (*_INSTALL, "from")
    if not install.source:
        if install.sha256 is not None:
            yield Problem(
                (*_INSTALL, "sha256"), "is the checksum of nothing", "write `from`, or leave it out"
            )
        return
    if not is_url(install.source):
        return
    if not re.match(r"https?://[^/\s]+/\S+$", install.source):
        yield Problem(
            path, f"{install.source} cannot be fetched", "write an https:// URL, a file or a directory"
        )
    elif install.sha256 is None:
        told = "is a URL without its checksum, so that what it serves could change"
        hint = "write sha256: and what `sha256sum` prints for the file you read"
        yield Problem(path, told, hint, about=((*_INSTALL, "sha256"),))
    named = re.search(r"/(v[0-9]+\.[0-9]+\.[0-9]+)/", install.source)
    if named and named[1] != version:
        told = f"names {named[1]}, but green.calico.version is {version}"
        yield Problem(path, told, "let both say the same version", about=(("green", "calico", "version"),))


def _blocks(migration: Migration, has: Has) -> Iterator[Problem]:
    cutover = migration.cutover
    for block in _BLOCKS:
        path = (*_CUTOVER, block)
        given = getattr(cutover, block) is not None
        if given and block != cutover.kind:
            kind = f"kind {cutover.kind}" if has((*_CUTOVER, "kind")) else f"kind {cutover.kind}, the default"
            yield Problem(
                path,
                f"belongs to kind {block}, but cutover has {kind}",
                f"write kind: {block}, or leave it out",
            )
        elif not given and block == cutover.kind and block not in _OPTIONAL_BLOCKS:
            wanted = {
                "haproxy": "haproxy: {socket: /run/haproxy/admin.sock, backend: shop, blue: [b1], green: [g1]}",
                "command": "command: {read: [./traffic, read], set: [./traffic, set]}",
            }[block]
            yield Problem(
                (*_CUTOVER, "kind"), f"{block}, but its block is missing", f"write {wanted}", about=(path,)
            )


def _files(migration: Migration, exists: Callable[[str], bool]) -> Iterator[Problem]:
    for path, file, what in _named(migration):
        if file.strip() and not exists(file):
            where = (
                ""
                if PurePosixPath(file).is_absolute() or file.startswith("~")
                else "; paths start beside this file"
            )
            yield Problem(path, f"{file}: there is no such {what}{where}")


def _named(migration: Migration) -> Iterator[tuple[KeyPath, str, str]]:
    """Every file that the run will want to read, with what it is."""
    blue, green, cutover = migration.blue, migration.green, migration.cutover
    yield (*_BLUE, "kubeconfig"), blue.kubeconfig or "", "file"
    yield (*_BLUE, "simulated"), blue.simulated or "", "file"
    if green.provisioner.kind == "existing":
        yield (*_PROVISIONER, "kubeconfig"), green.provisioner.kubeconfig or "", "file"
    if not is_url(green.calico.install.source):
        yield (*_INSTALL, "from"), green.calico.install.source, "file or directory"
    for key in ("create", "destroy"):
        yield from _program((*_PROVISIONER, key), getattr(green.provisioner, key))
    for index, data in enumerate(migration.workloads.volumes):
        if data.mover is not None:
            path: KeyPath = ("workloads", "volumes", index, "mover", "command")
            yield from _program(path, data.mover.command)
    yield ("snapshot", "secretsKey"), migration.snapshot.secrets_key or "", "file"
    if cutover.haproxy is not None:
        if not is_address(cutover.haproxy.socket):
            yield (*_CUTOVER, "haproxy", "socket"), cutover.haproxy.socket, "socket"
        state = PurePosixPath(cutover.haproxy.state_file or "/")
        yield (*_CUTOVER, "haproxy", "stateFile"), str(state.parent), "directory"
    if cutover.command is not None:
        for key in ("read", "set", "counts"):
            yield from _program((*_CUTOVER, "command", key), getattr(cutover.command, key))


def _program(path: KeyPath, argv: tuple[str, ...]) -> Iterator[tuple[KeyPath, str, str]]:
    """A program that is named by its path; one without a slash is looked for on PATH, when it is started."""
    if argv and "/" in argv[0]:
        yield path, argv[0], "program"
