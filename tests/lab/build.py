"""Build the programs of the lab into the cache: minutes when cold, seconds when Go's own cache is warm.

The sources under go/ are locked by go.mod and go.sum; whatever of them changes makes another folder.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.assets import GO, MODULES, STAGES, Assets, build_folder, named
from tests.lab.errors import BuildFailed, LabUnavailable

NEEDS = (1, 26)
TICK = 20.0
STAGE_FOLDERS = ("node/fast", "node/heartbeat-with-lease", "pod/fast")
PACKAGES = {
    "etcd": ".",
    "hyperkube": ".",
    "kwok": "sigs.k8s.io/kwok/cmd/kwok",
    "helm": "helm.sh/helm/v3/cmd/helm",
}


@dataclass(frozen=True)
class Clock:
    """Say on stderr how far a build is, with the seconds since it began."""

    began: float

    def say(self, text: str) -> None:
        """Print one line of progress."""
        print(f"lab: {time.monotonic() - self.began:4.0f} s  {text}", file=sys.stderr, flush=True)


def build() -> Assets:
    """Return the programs, built first where they are not there; LabUnavailable says why that cannot be."""
    if (given := named()) is not None:
        return given
    folder = build_folder()
    if folder.is_dir():
        return Assets(folder)
    check_go()
    clock = Clock(time.monotonic())
    with _lock(folder, clock):
        if not folder.is_dir():  # else another process has built it while this one waited
            _fill(folder, clock)
    return Assets(folder)


def check_go() -> None:
    """Refuse a machine without Go or with one too old; nothing is downloaded in its stead."""
    wanted = ".".join(map(str, NEEDS))
    if shutil.which("go") is None:
        raise LabUnavailable(f"the lab is built with Go {wanted} or newer, and there is no go on PATH")
    words = _go(GO / "etcd", "env", "GOVERSION").strip()
    found = re.match(r"go(\d+)\.(\d+)", words)
    if found and (int(found[1]), int(found[2])) < NEEDS:
        raise LabUnavailable(f"the lab is built with Go {wanted} or newer, and go on PATH is {words}")


@contextmanager
def _lock(folder: Path, clock: Clock) -> Iterator[None]:
    """Keep other processes from building the same; they wait and then find the result."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            clock.say("waiting for another process that builds the same")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fill(folder: Path, clock: Clock) -> None:
    """Build beside the folder and rename at the end, so that it is there whole or not at all."""
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)  # of a build that was killed; the lock says that none is running
    part.mkdir()
    for module in MODULES:
        clock.say(f"building {module}" + (" (about 5 min when cold)" if module == "hyperkube" else ""))
        _compile(module, part, clock)
    for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler"):
        (part / name).symlink_to("hyperkube")
    (part / STAGES).write_text(_stages(), encoding="utf-8")
    part.rename(folder)
    clock.say(f"built into {folder}")


def _compile(module: str, into: Path, clock: Clock) -> None:
    flags = " ".join(["-s", "-w", *_stamps(module)])
    argv = [
        "go",
        "build",
        "-buildvcs=false",
        "-trimpath",
        "-ldflags",
        flags,
        "-o",
        str(into / module),
        PACKAGES[module],
    ]
    log = into / f"{module}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(argv, cwd=GO / module, env=_environment(), stdout=output, stderr=output)
        try:
            while _still_running(process):
                clock.say(f"building {module}: {_last_line(log)}")
        except BaseException:  # Ctrl-C too: leave no compiler behind
            process.kill()
            process.wait()
            raise
    if process.returncode != 0:
        words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-15:]
        raise BuildFailed(f"{module} does not build:\n" + "\n".join(words))
    log.unlink()


def _still_running(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(timeout=TICK)
    except subprocess.TimeoutExpired:
        return True
    return False


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[-1] if lines else "compiling"


def _stamps(module: str) -> list[str]:
    """Stamp the version as a release does: clients read it from /version."""
    if module != "hyperkube":
        return []
    version = kubernetes_version()
    major, minor, _ = version.split(".")
    stamps = {
        "gitVersion": f"v{version}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitCommit": "0000000",
        "buildDate": "2026-01-01T00:00:00Z",
    }
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return [f"-X {package}.{key}={value}" for package in packages for key, value in stamps.items()]


def kubernetes_version() -> str:
    """Return the version of Kubernetes that the sources are locked to, as in `1.35.4`."""
    text = (GO / "hyperkube" / "go.mod").read_text(encoding="utf-8")
    found = re.search(r"^\s*k8s\.io/kubernetes v(\S+)", text, re.MULTILINE)
    assert found, "hyperkube/go.mod requires k8s.io/kubernetes"
    return found[1]


def _stages() -> str:
    """Join the stage files that come with kwok's own module into one configuration."""
    root = Path(_go(GO / "kwok", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok").strip())
    files = [
        path
        for folder in STAGE_FOLDERS
        for path in sorted((root / "kustomize" / "stage" / folder).glob("*.yaml"))
        if path.name != "kustomization.yaml"
    ]
    return "---\n".join(path.read_text(encoding="utf-8") for path in files)


def _go(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["go", *arguments], cwd=folder, env=_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BuildFailed(f"go {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def _environment() -> dict[str, str]:
    settings = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
    return {**os.environ, **settings}
