"""Green by the operator's own program: a script, terraform, a playbook. The contract is docs/provisioner-command.md."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from migrate.doors.provisioner import Provision
from migrate.errors import Refused, Unreachable, UsageError
from migrate.model.action import State
from migrate.model.migration import ProvisionerSpec
from migrate.processes import born, end_group
from migrate.provisioners.kubeconfig import KubeconfigError, endpoint, version

KIND = "command"

KUBECONFIG = "green.kubeconfig"
MARKER = "green.provisioning.json"
GRACE = 10.0
"""Seconds between asking the program's processes to end and killing them."""

_POLL = 0.2
_TAIL_LINES = 15
_TAIL_BYTES = 4000


def build(spec: ProvisionerSpec, directory: Path, name: str) -> Command:
    """Build it from the migration file; raises UsageError where no program is named."""
    if not spec.create:
        raise UsageError(
            "green.provisioner.create is missing: the program that makes green, with its arguments",
            remedy='write green.provisioner.create: ["./make-green.sh"]',
        )
    written = Path(spec.kubeconfig).expanduser() if spec.kubeconfig else directory / KUBECONFIG
    return Command(
        spec.create, spec.destroy, kubeconfig=written, context=spec.context, directory=directory, name=name
    )


class Command:
    """Run the operator's programs, and believe the kubeconfig that they leave rather than their exit codes.

    A marker in the state directory is written before the program starts: without a kubeconfig it says that green may
    be half made, which creating again completes, by contract.
    """

    kind = KIND
    makes = True

    def __init__(
        self,
        create: Sequence[str],
        destroy: Sequence[str] = (),
        *,
        kubeconfig: Path,
        context: str | None,
        directory: Path,
        name: str,
        answers: Callable[[Path, str | None], str] | None = None,
        grace: float = GRACE,
    ) -> None:
        self._create = tuple(create)
        self._destroy = tuple(destroy)
        self._kubeconfig = kubeconfig.absolute()
        self._context = context
        self._directory = directory.absolute()
        self._name = name
        self._answers = answers or _answers
        self._grace = grace
        self._marker = self._directory / MARKER

    def observe(self) -> Provision:
        """Done where the kubeconfig stands and its server answers; partial where a program of ours was begun."""
        ours = self._marker.exists()
        if not self._kubeconfig.exists():
            if ours:
                return Provision(
                    State.PARTIAL, None, f"{self._create[0]} was begun and has left no {self._kubeconfig}"
                )
            return Provision(State.ABSENT, None, f"there is no {self._kubeconfig}")
        try:
            found = self._answers(self._kubeconfig, self._context)
        except KubeconfigError as error:
            # Of a file that was there before us nobody knows what making green again would do to it.
            return Provision(State.PARTIAL if ours else State.FOREIGN, None, str(error))
        return Provision(
            State.DONE, self._kubeconfig, f"{self._kubeconfig}: the server answers, {found}".rstrip(", ")
        )

    def create(self, deadline: float) -> None:
        """Run the program that makes green, or wait for one that a dead run has left.

        Raises Refused where it fails or leaves no kubeconfig, Unreachable where the deadline passes; its processes
        are killed then. Calling again is safe by contract.
        """
        until = time.monotonic() + deadline
        self._outlive(until)
        if self.observe().state is State.DONE:
            return
        self._run("create", self._create, until)
        self._settle(until)

    def destroy(self, deadline: float) -> None:
        """Run the program that unmakes green; nothing where no program of ours was begun. Raises as `create`."""
        if not self._marker.exists():
            return
        if not self._destroy:
            raise Refused(
                "green.provisioner.destroy is missing: green stands as its program made it, and is removed by hand"
            )
        until = time.monotonic() + deadline
        self._outlive(until)
        self._run("destroy", self._destroy, until)
        self._kubeconfig.unlink(missing_ok=True)
        self._marker.unlink(missing_ok=True)

    def _run(self, verb: str, argv: Sequence[str], until: float) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = self._directory / f"green-{verb}.log"
        environment = os.environ | {
            "CNIMIGRATE_NAME": self._name,
            "CNIMIGRATE_KUBECONFIG": str(self._kubeconfig),
        }
        first = not self._marker.exists()
        self._mark({})
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        start = os.fstat(descriptor).st_size
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,  # so that the whole group can be killed, and Ctrl-C does not reach it
            )
        except OSError as error:
            if first:
                self._marker.unlink()
            raise Refused(f"{argv[0]} cannot be started: {error.strerror}") from error
        finally:
            os.close(descriptor)
        self._mark({"pid": process.pid, "born": born(process.pid)})
        try:
            code = process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired as error:
            raise Unreachable(f"{argv[0]} was not done before its deadline{_tail(log, start)}") from error
        finally:
            if process.poll() is None:
                end_group(process.pid, self._grace, lambda: process.poll() is not None)
                process.wait()
        if code:
            raise Refused(f"{argv[0]} ended with {_exit(code)}{_tail(log, start)}", status=code)

    def _settle(self, until: float) -> None:
        """After the program: the kubeconfig must stand, is kept from other users, and its server answers."""
        if not self._kubeconfig.exists():
            raise Refused(
                f"{self._create[0]} ended well, and has written no {self._kubeconfig} (CNIMIGRATE_KUBECONFIG)"
            )
        self._kubeconfig.chmod(0o600)
        while True:
            provision = self.observe()
            if provision.state is State.DONE:
                return
            if time.monotonic() + _POLL >= until:
                raise Unreachable(f"{self._create[0]} ended well, but {provision.evidence}")
            time.sleep(_POLL)

    def _outlive(self, until: float) -> None:
        """Wait for a program that a killed run has left behind: two at a time would fight over one cluster."""
        try:
            mark = json.loads(self._marker.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        pid, then = int(mark.get("pid") or 0), str(mark.get("born") or "")
        if not pid or not then:
            return

        def ended() -> bool:
            return born(pid) != then

        while not ended():
            if time.monotonic() >= until:
                end_group(pid, self._grace, ended)
                raise Unreachable(f"process {pid}, begun by an earlier run, was not done before the deadline")
            time.sleep(_POLL)

    def _mark(self, mark: dict[str, Any]) -> None:
        """Write the marker whole, so that a crash leaves the old one or the new one."""
        draft = self._marker.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(mark, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._marker)


def _answers(path: Path, context: str | None) -> str:
    return version(endpoint(path, context))


def _exit(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _tail(log: Path, start: int) -> str:
    """The last lines that this run of the program wrote, for an error; control characters are left out."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(start, size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return f"; its output is in {log}"
    lines = ["".join(c for c in line if c.isprintable() or c == "\t") for line in text.splitlines()]
    shown = "\n  ".join(line for line in lines[-_TAIL_LINES:] if line.strip())
    return f"; the end of {log}:\n  {shown}" if shown else f"; it wrote nothing ({log})"
