"""Green by a program: real scripts, a real server that answers, real deadlines."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from migrate.errors import Refused, Unreachable, UsageError
from migrate.model.action import State
from migrate.model.migration import ProvisionerSpec
from migrate.provisioners import provisioner
from migrate.provisioners.command import MARKER, Command

WRITE = """
cat > "$CNIMIGRATE_KUBECONFIG.new" <<CONFIG
clusters: [{{name: c, cluster: {{server: "{server}"}}}}]
contexts: [{{name: green, context: {{cluster: c}}}}]
current-context: green
CONFIG
mv "$CNIMIGRATE_KUBECONFIG.new" "$CNIMIGRATE_KUBECONFIG"
"""

Script = Callable[..., str]


class Version(BaseHTTPRequestHandler):
    """Answers as an API server does to /version."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(json.dumps({"gitVersion": "v1.35.4"}).encode())

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Version) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_address[1]}"
        http.shutdown()
        thread.join()


@pytest.fixture
def script(tmp_path: Path) -> Script:
    def make(body: str, name: str = "make-green.sh") -> str:
        path = tmp_path / name
        path.write_text(f"#!/bin/bash\nset -eu\n{body}", encoding="utf-8")
        path.chmod(0o755)
        return str(path)

    return make


def command(tmp_path: Path, create: str, *arguments: str, destroy: str = "", grace: float = 0.5) -> Command:
    return Command(
        [create, *arguments],
        [destroy] if destroy else [],
        kubeconfig=tmp_path / "state" / "green.kubeconfig",
        context=None,
        directory=tmp_path / "state",
        name="dc1",
        grace=grace,
    )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_program_makes_green_and_its_kubeconfig_is_believed(
    tmp_path: Path, server: str, script: Script
) -> None:
    """Absent before, done after: the server of the kubeconfig answers, whatever the exit code says."""
    green = command(
        tmp_path, script('echo "making $CNIMIGRATE_NAME with $1"' + WRITE.format(server=server)), "five nodes"
    )
    assert green.observe().state is State.ABSENT
    green.create(20.0)
    found = green.observe()
    assert found.state is State.DONE
    assert found.kubeconfig == tmp_path / "state" / "green.kubeconfig"
    assert "v1.35.4" in found.evidence
    log = tmp_path / "state" / "green-create.log"
    assert log.read_text(encoding="utf-8") == "making dc1 with five nodes\n"
    assert mode(log) == 0o600
    assert mode(found.kubeconfig) == 0o600
    assert mode(tmp_path / "state" / MARKER) == 0o600


def test_a_cluster_that_stands_is_not_made_again(tmp_path: Path, server: str, script: Script) -> None:
    """Creating where the kubeconfig's server answers runs no program."""
    green = command(tmp_path, script("echo run" + WRITE.format(server=server)))
    green.create(20.0)
    green.create(20.0)
    assert (tmp_path / "state" / "green-create.log").read_text(encoding="utf-8") == "run\n"


def test_a_failing_program_says_its_code_and_its_last_words(tmp_path: Path, script: Script) -> None:
    """The end of this run's output is in the error, an earlier run's is not; what was begun is partial."""
    green = command(tmp_path, script('echo "no quota for $1 \x1b[31mnodes" >&2\nexit 7'), "5")
    with pytest.raises(Refused, match="exit code 7") as caught:
        green.create(20.0)
    assert caught.value.status == 7
    with pytest.raises(Refused) as caught:
        green.create(20.0)
    assert str(caught.value).count("no quota for 5 [31mnodes") == 1
    assert green.observe().state is State.PARTIAL


def test_a_program_that_goes_on_after_a_failure_finishes_green(
    tmp_path: Path, server: str, script: Script
) -> None:
    """Partial is made whole by running the program again, which the contract calls safe."""
    half = tmp_path / "half"
    body = f'if [ ! -e "{half}" ]; then touch "{half}"; exit 1; fi' + WRITE.format(server=server)
    green = command(tmp_path, script(body))
    with pytest.raises(Refused):
        green.create(20.0)
    green.create(20.0)
    assert green.observe().state is State.DONE


def test_a_program_that_leaves_no_kubeconfig_has_failed(tmp_path: Path, script: Script) -> None:
    """Exit code 0 alone proves nothing."""
    with pytest.raises(Refused, match=r"has written no .*CNIMIGRATE_KUBECONFIG"):
        command(tmp_path, script("true")).create(20.0)


def test_a_server_that_never_answers_is_no_green(tmp_path: Path, script: Script) -> None:
    """A kubeconfig of a server that does not answer is partial, and creating ends at its deadline."""
    green = command(tmp_path, script(WRITE.format(server="http://127.0.0.1:1")))
    with pytest.raises(Unreachable, match="does not answer"):
        green.create(1.0)
    assert green.observe().state is State.PARTIAL


def test_a_deadline_kills_the_whole_process_group(tmp_path: Path, script: Script) -> None:
    """Children go too, also those that do not listen to SIGTERM."""
    pids = tmp_path / "pids"
    body = f"trap '' TERM\nsleep 60 &\necho $$ $! > {pids}\necho still working\nwait\nsleep 60"
    begun = time.monotonic()
    with pytest.raises(Unreachable, match=r"(?s)deadline.*still working"):
        command(tmp_path, script(body), grace=0.2).create(5.0)
    assert time.monotonic() - begun < 50
    started = [int(pid) for pid in pids.read_text(encoding="utf-8").split()]
    assert len(started) == 2
    deadline = time.monotonic() + 30
    while not all(map(gone, started)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in started if not gone(pid)] == []


def test_a_program_left_by_a_killed_run_is_waited_for(tmp_path: Path, server: str, script: Script) -> None:
    """A second run starts no second program while the first is at work: it waits, and finds green made."""
    go = tmp_path / "go"
    body = f"echo run\nuntil [ -e {go} ]; do sleep 0.05; done" + WRITE.format(server=server)
    runner = tmp_path / "runner.py"
    runner.write_text(
        "import sys\nfrom pathlib import Path\nfrom migrate.provisioners.command import Command\n"
        "state = Path(sys.argv[2])\n"
        "Command([sys.argv[1]], kubeconfig=state / 'green.kubeconfig', context=None, directory=state, name='dc1')"
        ".create(120.0)\n",
        encoding="utf-8",
    )
    state = tmp_path / "state"
    root = Path(__file__).resolve().parents[2]
    first = subprocess.Popen(
        [sys.executable, str(runner), script(body), str(state)], env=os.environ | {"PYTHONPATH": str(root)}
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and "pid" not in _text(state / MARKER):
        time.sleep(0.02)
    first.kill()
    first.wait()
    second = command(tmp_path, str(tmp_path / "make-green.sh"))
    assert second.observe().state is State.PARTIAL
    threading.Timer(1.0, go.touch).start()
    second.create(60.0)
    assert second.observe().state is State.DONE
    assert _text(state / "green-create.log") == "run\n"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def test_a_strange_kubeconfig_without_an_answer_is_foreign(tmp_path: Path, script: Script) -> None:
    """A file that was there before us is not overwritten by guess."""
    (tmp_path / "state").mkdir()
    path = tmp_path / "state" / "green.kubeconfig"
    path.write_text("current-context: x", encoding="utf-8")
    assert command(tmp_path, script("true")).observe().state is State.FOREIGN


def test_a_program_that_cannot_be_started_begins_nothing(tmp_path: Path) -> None:
    """The program's name is in the error, and green stays absent."""
    green = command(tmp_path, str(tmp_path / "none.sh"))
    with pytest.raises(Refused, match="cannot be started: No such file"):
        green.create(5.0)
    assert green.observe().state is State.ABSENT


def test_destroy_unmakes_only_what_was_made(tmp_path: Path, server: str, script: Script) -> None:
    """Without a begun create nothing is run; after it the program runs, and kubeconfig and note go."""
    ran = tmp_path / "destroyed"
    remove = script(f'echo "$CNIMIGRATE_NAME" > {ran}', "remove-green.sh")
    green = command(tmp_path, script(WRITE.format(server=server)), destroy=remove)
    green.destroy(5.0)
    assert not ran.exists()
    green.create(20.0)
    green.destroy(5.0)
    assert ran.read_text(encoding="utf-8") == "dc1\n"
    assert green.observe().state is State.ABSENT


def test_without_a_destroy_program_green_stays(tmp_path: Path, server: str, script: Script) -> None:
    """The refusal says that it is removed by hand."""
    green = command(tmp_path, script(WRITE.format(server=server)))
    green.create(20.0)
    with pytest.raises(Refused, match="removed by hand"):
        green.destroy(5.0)
    assert green.observe().state is State.DONE


def test_an_answer_without_rights_is_an_answer(tmp_path: Path, server: str, script: Script) -> None:
    """A server that refuses /version to strangers answers; one that fails (5xx) does not yet."""
    green = command(tmp_path, script(WRITE.format(server=server)))
    green.create(20.0)
    try:
        Version.status = 403
        assert green.observe().state is State.DONE
        Version.status = 503
        assert green.observe().state is State.PARTIAL
    finally:
        Version.status = 200


def test_the_migration_file_names_the_program_and_the_place(
    tmp_path: Path, server: str, script: Script
) -> None:
    """Built from the file, the kubeconfig stands where the file says; a command without create is refused."""
    place = tmp_path / "elsewhere.yaml"
    spec = ProvisionerSpec(
        kind="command", create=(script(WRITE.format(server=server)),), kubeconfig=str(place)
    )
    green = provisioner(spec, directory=tmp_path / "state", name="dc1")
    assert green.makes
    green.create(20.0)
    assert green.observe().kubeconfig == place
    with pytest.raises(UsageError, match=r"green\.provisioner\.create is missing"):
        provisioner(ProvisionerSpec(kind="command"), directory=tmp_path, name="dc1")
