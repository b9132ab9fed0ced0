"""The migration that a command is about: its file, and where its state lies."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from migrate.errors import StateNotWritable, UsageError
from migrate.model.migration import Migration
from migrate.planning import migration_file, paths

DEFAULT = "migration.yaml"
NETWORK = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "9p",
        "ceph",
        "glusterfs",
        "fuse.sshfs",
        "fuse.glusterfs",
        "lustre",
        "afs",
    }
)
"""File systems on which SQLite's locks and syncs cannot be trusted."""


@dataclass(frozen=True, slots=True)
class Project:
    """A migration file that was read, and its state directory (which need not exist yet).

    `written` is the file as a person wrote it, `migration` the same with absolute paths.
    """

    file: Path
    written: Migration
    migration: Migration
    state: Path

    @property
    def journal(self) -> Path:
        """Where the journal lies."""
        return self.state / "journal.db"

    @property
    def lock(self) -> Path:
        """The file whose lock the runner holds."""
        return self.state / "lock"

    @property
    def rehearsal(self) -> Path:
        """The state of the latest rehearsal."""
        return self.state / "rehearsal"

    def make_state(self) -> None:
        """Make the state directory, private and ignored by git; raises StateNotWritable."""
        try:
            self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
            ignore = (
                self.state.parent / ".gitignore"
                if self.state.parent.name == ".cnimigrate"
                else self.state / ".gitignore"
            )
            if not ignore.exists():
                ignore.write_text("*\n")
            probe = self.state / ".probe"
            probe.write_bytes(b"x")
            probe.unlink()
        except OSError as error:
            message = f"the state directory {self.state} cannot be written: {error.strerror or error}"
            raise StateNotWritable(
                message, remedy="Give a directory on a local disk that you may write: --state DIR"
            ) from error
        kind = filesystem(self.state)
        if kind in NETWORK:
            message = f"the state directory {self.state} lies on a network file system ({kind}), where a journal is not safe"
            raise StateNotWritable(message, remedy="Give a directory on a local disk: --state DIR")


def load(positional: str | None, option: str | None, state: str | None, *, lenient: bool = False) -> Project:
    """Find and read the migration file; `lenient` does not ask whether the files it names exist."""
    if positional and option:
        message = f"two migration files were given: {positional} and {option}"
        raise UsageError(message, remedy="Give one.")
    file = Path(positional or option or os.environ.get("CNIMIGRATE_FILE") or DEFAULT)
    if not file.exists():
        hint = "Write it with cnimigrate init --kubeconfig FILE, or name one: -f FILE"
        message = f"there is no migration file {file}"
        raise UsageError(message, remedy=hint)
    written = migration_file.read(file, exists=(lambda _: True) if lenient else None)
    directory = file.resolve().parent
    place = Path(state) if state else directory / ".cnimigrate" / written.name
    return Project(file, written, paths.resolve(written, directory), place.resolve())


def filesystem(path: Path) -> str:
    """The type of the file system that holds a path, by the kernel's table of mounts; empty where it cannot be told."""
    try:
        mounts = Path("/proc/mounts").read_text().splitlines()
    except OSError:
        return ""
    best, kind = "", ""
    for mount in mounts:
        fields = mount.split()
        at = fields[1].replace("\\040", " ")
        if (path == Path(at) or Path(at) in path.parents) and len(at) >= len(best):
            best, kind = at, fields[2]
    return kind
