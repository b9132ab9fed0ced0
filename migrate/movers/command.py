"""Copying by the operator's own program; the contract is docs/mover-command.md."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from queue import Empty, SimpleQueue
from typing import IO, Any

from migrate.doors.mover import Amount, Copied, Going, Pass, Sample
from migrate.errors import Refused
from migrate.model.migration import MoverSpec
from migrate.movers.ends import Ends
from migrate.movers.left_behind import LeftBehind
from migrate.movers.limits import Limits
from migrate.planning.copying import request
from migrate.processes import end_group

KIND = "command"

LOOK = 60.0
"""Seconds for an answer to `observe`."""

_TURN = 0.5
_GRACE = 5.0
_TAIL = 2000


class CommandMover:
    """One program that is told what to do in JSON on its standard input, and answers in lines of JSON."""

    def __init__(self, spec: MoverSpec, ends: Ends) -> None:
        self._argv = spec.command
        self._ends = ends
        self._left = LeftBehind(ends.directory)

    def observe(self, task: Pass) -> Copied | None:
        """Ask the program; raises as `copy`."""
        return self._asked("observe", task, LOOK, lambda _: True)

    def copy(self, task: Pass, deadline: float, going: Going) -> Copied:
        """Run the program to its end, and take what it counted; one that a dead run has left is ended before."""
        self._left.end(task.claim)
        copied = self._asked("copy", task, deadline, going)
        if copied is None:
            raise Refused(f"{self._argv[0]} ended well, but says that the copying is not done")
        return copied

    def let_go(self, task: Pass, deadline: float, going: Going) -> None:
        """End the program that a dead run has left at work; one of this run's ended with its pass."""
        del deadline, going
        self._left.end(task.claim)

    def _asked(self, do: str, task: Pass, deadline: float, going: Going) -> Copied | None:
        source, target = self._ends.source(task.claim), self._ends.target(task.claim)
        asked = request(do, str(task), task.phase, source=source, target=target)
        title = f"{self._argv[0]} ({do})"  # not its other words: there may be a token among them
        with tempfile.TemporaryFile() as log, _running(self._argv, asked, log) as (process, lines):
            if do == "copy":
                self._left.note(task.claim, process.pid)
            answer = _answer(process, lines, Limits(title, self._ends.clock, deadline, going))
            code = process.wait()
            if code:
                raise Refused(f"{title} ended with exit code {code}{_tail(log)}", reason=f"exit {code}")
            if answer is None:
                raise Refused(f"{title} ended well, but did not say `done`{_tail(log)}")
        return _copied(answer, title) if answer["done"] else None


def make(spec: MoverSpec, ends: Ends) -> CommandMover:
    """Make this kind's side of the door."""
    return CommandMover(spec, ends)


@contextmanager
def _running(
    argv: tuple[str, ...], asked: Mapping[str, Any], log: IO[bytes]
) -> Iterator[tuple[subprocess.Popen[bytes], SimpleQueue[bytes | None]]]:
    """The program with its request written, and its lines as they come; None is the end of them."""
    lines: SimpleQueue[bytes | None] = SimpleQueue()
    with tempfile.TemporaryFile() as request:
        request.write(json.dumps(asked).encode())
        request.seek(0)
        try:
            process = subprocess.Popen(
                argv, stdin=request, stdout=subprocess.PIPE, stderr=log, start_new_session=True
            )
        except OSError as error:
            raise Refused(f"{argv[0]} cannot be started: {error.strerror}. Nothing was copied.") from error

    def read() -> None:
        with process.stdout or nullcontext(()) as out:
            for line in out:
                lines.put(line)
        lines.put(None)

    # a thread, because a program that says nothing must be ended by its deadline all the same
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield process, lines
    finally:
        end_group(process.pid, _GRACE, lambda: process.poll() is not None)
        reader.join(_GRACE)


def _answer(
    process: subprocess.Popen[bytes], lines: SimpleQueue[bytes | None], limits: Limits
) -> dict[str, Any] | None:
    """The line with `done`, once the program has ended; progress is told as it comes."""
    answer: dict[str, Any] | None = None
    while True:
        try:
            line = lines.get(timeout=_TURN)
        except Empty:
            limits.check(None)
            if process.poll() is not None:
                return answer  # a grandchild may hold the pipe open for ever
            continue
        if line is None:
            return answer
        value = _object(line, limits.title)
        if isinstance(value.get("done"), bool):
            answer = value
        limits.check(_amount(value["progress"], limits.title) if "progress" in value else None)


def _copied(answer: Mapping[str, Any], title: str) -> Copied:
    ends = [answer.get(end) for end in ("source", "target")]
    source, target = (_amount(end, title) for end in ends)
    here, there = (_sample(end, title) for end in ends)
    return Copied(source, target, here, there)


def _object(line: bytes, title: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise Refused(f"{title} printed a line that is no JSON: {line[:200]!r}") from error
    if not isinstance(value, dict):
        raise Refused(f"{title} printed a line that is no JSON object: {line[:200]!r}")
    return value


def _amount(value: Any, title: str) -> Amount:
    match value:
        case {"bytes": int(size), "files": int(files)} if size >= 0 and files >= 0:
            return Amount(size, files)
        case _:
            raise Refused(f"{title} says {value!r} where bytes and files are wanted, whole numbers both")


def _sample(end: Any, title: str) -> Sample:
    """The checksums of an end, in lower case; none where the program took none."""
    sample = end.get("sample", {})
    if not isinstance(sample, dict) or not all(_is_sha256(value) for value in sample.values()):
        wanted = 'an object such as {"a/file": "its SHA-256 in hexadecimal"}'
        raise Refused(f"{title} says a sample where {wanted} is wanted")
    return {path: value.lower() for path, value in sample.items()}


def _is_sha256(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-fA-F]{64}", value) is not None


def _tail(log: IO[bytes]) -> str:
    """The end of what a program wrote to stderr, ready to be put behind a sentence; control characters are left out."""
    log.seek(0, os.SEEK_END)
    log.seek(max(0, log.tell() - _TAIL))
    text = log.read().decode(errors="replace").strip()
    return f": {''.join(c for c in text if c.isprintable() or c in chr(10) + chr(9))}" if text else ""
