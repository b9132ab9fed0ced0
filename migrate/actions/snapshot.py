"""Blue as it was, in files: one line of JSON an object, one file a resource, and a table of contents with hashes.

The table lists what is not in a file as well, and why.
Secrets are left out, or encrypted to the operator's key; the way back from a mistake never depends on the tool.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.fernet import Fernet

from migrate.actions.one_by_one import OneByOne
from migrate.doors.cluster import Cluster
from migrate.doors.reading import TOLERATED, listable, unlisted
from migrate.errors import DoorError, Refused, Stopped
from migrate.model.action import Action, Observation, Outcome, OutcomeState, State
from migrate.model.canonical import canonical
from migrate.model.ids import ActionKey
from migrate.model.objects import Object, Resource

CONTENTS = "contents.json"
"""Written last: a snapshot without it is unfinished.

Each kind of blue that has objects is in it: `objects` and the file's `sha256`; or `objects` and why they are `leftOut`;
or why it is `unread`, in the server's words. A group that could not be discovered is there as `*.group`.
"""

NO_KEY = "the migration file names no snapshot.secretsKey"

Contents = Mapping[str, Mapping[str, Any]]


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


class Snapshot(OneByOne):
    """Write the snapshot beside its place and move it there whole."""

    def __init__(self, blue: Cluster, state: Path) -> None:
        self._blue = blue
        self._place = state / "snapshot"

    def observe(self, action: Action) -> Observation:
        """A finished snapshot has its table of contents."""
        finished = (self._place / CONTENTS).exists()
        return Observation(
            State.DONE if finished else State.ABSENT, evidence=f"{action.key}: {self._place.name}"
        )

    def do(self, action: Action) -> Outcome:
        """Write it; blue is only read."""
        key = action.params["secretsKey"]
        fernet = read_key(key) if key else None
        fresh = self._place.with_name("snapshot.new")
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            fresh.mkdir(mode=0o700)
            contents = self._written(fresh, fernet)
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
        return _told(contents)

    def _written(self, place: Path, fernet: Fernet | None) -> Contents:
        """Write every resource's file; what is not in one is listed with the reason."""
        contents: dict[str, Mapping[str, Any]] = {}
        served = self._blue.resources()
        contents.update({name: {"unread": why} for name, why in unlisted(self._blue, served).items()})
        for resource in listable(served):
            secret = resource.name == "secrets"
            entry: Mapping[str, Any]
            try:
                if secret and fernet is None:
                    entry = {"objects": sum(1 for _ in self._objects(resource)), "leftOut": NO_KEY}
                else:
                    entry = _write(place, resource, self._objects(resource), fernet if secret else None)
            except Refused as error:
                if error.status not in TOLERATED:
                    raise
                entry = {"unread": str(error)}
            if entry.get("objects") != 0:
                contents[resource.name] = entry
        return contents

    def _objects(self, resource: Resource) -> Iterator[Object]:
        for page in self._blue.pages(resource, ownership=True):
            yield from page


def _private(path: Path) -> BinaryIO:
    """A new file that nobody else reads."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb")


def _write(
    place: Path, resource: Resource, objects: Iterator[Object], fernet: Fernet | None
) -> Mapping[str, Any]:
    """Write one resource's file, 0600, encrypted with a key; no file where there is no object, or no right to list."""
    count, digest = 0, hashlib.sha256()
    path = place / f"{resource.name}.jsonl"
    try:
        with _private(path) as file:
            for obj in objects:
                line = canonical(obj).encode()
                line = (fernet.encrypt(line) if fernet else line) + b"\n"
                digest.update(line)
                file.write(line)
                count += 1
    except DoorError:
        path.unlink()  # a right may go between two pages: half a kind must not look like all of it
        raise
    if not count:
        path.unlink()
    return {"objects": count, "sha256": digest.hexdigest()}


def _told(contents: Contents) -> Outcome:
    """Say what the snapshot has, and name what it has not."""
    total = sum(e["objects"] for e in contents.values() if "sha256" in e)
    secrets = sum(e["objects"] for e in contents.values() if "leftOut" in e)
    unread = sorted(name for name, e in contents.items() if "unread" in e)
    missing = [f"{secrets} Secrets left out"] if secrets else []
    if unread:
        kinds = "kind" if len(unread) == 1 else "kinds"
        missing.append(f"{len(unread)} {kinds} could not be read: {', '.join(unread)}")
    words = f"snapshot of {total} objects" + (f" ({'; '.join(missing)})" if missing else "")
    return Outcome(OutcomeState.DONE, words, facts={"objects": total, "leftOut": secrets, "unread": unread})
