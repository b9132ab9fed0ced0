"""Blue as it was, in files: one line of JSON an object, one file a resource, and a table of contents with hashes.

Secrets are left out, or encrypted to the operator's key; the way back from a mistake never depends on the tool.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from cryptography.fernet import Fernet

from migrate.doors.cluster import Cluster
from migrate.doors.reading import listable
from migrate.errors import DoorError, Forbidden, Stopped
from migrate.model.action import Action, Observation, Outcome, OutcomeState, State
from migrate.model.canonical import canonical
from migrate.model.ids import ActionKey
from migrate.model.objects import Object, Resource

CONTENTS = "contents.json"
"""Written last: a snapshot without it is unfinished."""


def snapshot(secrets_key: str | None) -> Action:
    """Write blue's objects to files; with the path of a Fernet key, Secrets too, encrypted."""
    command = "kubectl get -A -o json for every listable resource (Secrets encrypted, or left out)"
    return Action(
        "snapshot", ActionKey("snapshot blue"), {"secretsKey": secrets_key}, command, deadline=600.0
    )


def read_key(path: str) -> Fernet:
    """Read the operator's key; raises Stopped for a file that holds none."""
    try:
        return Fernet(Path(path).read_bytes().strip())
    except (OSError, ValueError) as error:
        message = f"snapshot.secretsKey: {path} holds no usable key"
        raise Stopped(
            message, remedy="Write 32 random bytes in url-safe base64 to it, and keep it safe."
        ) from error


class Snapshot:
    """Write the snapshot beside its place and move it there whole."""

    def __init__(self, blue: Cluster, state: Path) -> None:
        self._blue = blue
        self._place = state / "snapshot"

    def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Nothing is read."""
        return actions

    def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Write it; blue is only read."""
        return [self._act(action) for action in actions]

    def observe(self, action: Action) -> Observation:
        """A finished snapshot has its table of contents."""
        finished = (self._place / CONTENTS).exists()
        return Observation(
            State.DONE if finished else State.ABSENT, evidence=f"{action.key}: {self._place.name}"
        )

    def _act(self, action: Action) -> Outcome:
        key = action.params["secretsKey"]
        fernet = read_key(key) if key else None
        fresh = self._place.with_name("snapshot.new")
        shutil.rmtree(fresh, ignore_errors=True)
        contents, left_out = {}, 0
        try:
            fresh.mkdir(mode=0o700)
            for resource in listable(self._blue.resources()):
                secret = resource.name == "secrets"
                try:
                    count, digest = _write(
                        fresh,
                        resource,
                        self._objects(resource),
                        fernet if secret else None,
                        leave=secret and not fernet,
                    )
                except Forbidden:
                    continue
                left_out += count if secret and not fernet else 0
                if count:
                    contents[resource.name] = {"objects": count, "sha256": digest}
            with _private(fresh / CONTENTS) as file:
                file.write(json.dumps(contents, indent=1, sort_keys=True).encode() + b"\n")
            shutil.rmtree(self._place, ignore_errors=True)
            fresh.rename(self._place)
        except DoorError as error:
            return Outcome(OutcomeState.FAILED, f"the snapshot of blue: {error}")
        except OSError as error:
            shutil.rmtree(fresh, ignore_errors=True)
            said = f"the snapshot of blue cannot be written to {self._place}: {error.strerror or error}"
            return Outcome(
                OutcomeState.FAILED, said, "Make room or mend the disk, then run the same command."
            )
        total = sum(int(str(c["objects"])) for c in contents.values()) - left_out
        words = f"snapshot of {total} objects" + (f" ({left_out} Secrets left out)" if left_out else "")
        return Outcome(OutcomeState.DONE, words, facts={"objects": total, "leftOut": left_out})

    def _objects(self, resource: Resource) -> Iterator[Object]:
        for page in self._blue.pages(resource):
            yield from page


def _private(path: Path) -> BinaryIO:
    """A new file that nobody else reads."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb")


def _write(
    place: Path, resource: Resource, objects: Iterator[Object], fernet: Fernet | None, *, leave: bool
) -> tuple[int, str]:
    """Write one resource's file, 0600; Secrets are encrypted, or only counted."""
    count, digest = 0, hashlib.sha256()
    path = place / f"{resource.name}.jsonl"
    with _private(path) as file:
        for obj in objects:
            count += 1
            if leave:
                continue
            line = canonical(obj).encode()
            line = (fernet.encrypt(line) if fernet else line) + b"\n"
            digest.update(line)
            file.write(line)
    if leave or not count:
        path.unlink()
    return count, digest.hexdigest()
