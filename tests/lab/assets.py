"""Where the programs of the lab are: a folder that somebody names, or the cache that build.py fills."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from tests.lab.errors import LabUnavailable

GO = Path(__file__).parent / "go"
MODULES = ("etcd", "hyperkube", "kwok", "helm")
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "helm")
STAGES = "kwok-stages.yaml"
RECIPE = "1"  # raise it when build.py makes something else of the same sources
REQUIRE = "CNIMIGRATE_REQUIRE_LAB"
NOT_BUILT = "the lab's programs are not built: python -m tests.lab build"


@dataclass(frozen=True)
class Assets:
    """Point at a folder with programs; etcd and kube-apiserver are always there, the others may be absent."""

    folder: Path

    def has(self, program: str) -> bool:
        """Say whether a program is there; kwok counts only with its stages."""
        needed = [program, STAGES] if program == "kwok" else [program]
        return all((self.folder / name).exists() for name in needed)

    def program(self, name: str) -> Path:
        """Return the path of a program, or say that this lab has none."""
        if not self.has(name):
            raise LabUnavailable(f"{name} is not among the programs in {self.folder}")
        return self.folder / name

    @property
    def stages(self) -> Path:
        """Return kwok's configuration: how nodes and pods turn Ready."""
        return self.folder / STAGES


def required() -> bool:
    """Say whether a missing lab is a failure rather than a reason to skip, as in CI."""
    return os.environ.get(REQUIRE, "") == "1"


def cache() -> Path:
    """Return the folder in which builds are kept, by XDG_CACHE_HOME or under the home directory."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "cnimigrate"


def build_folder() -> Path:
    """Return the folder of the build of just these sources, whether it is there or not."""
    digest = hashlib.sha256(RECIPE.encode())
    for path in sorted(GO.glob("*/*")):
        digest.update(path.relative_to(GO).as_posix().encode())
        digest.update(path.read_bytes())
    return cache() / f"lab-{digest.hexdigest()[:16]}"


def named() -> Assets | None:
    """Return the programs that KUBEBUILDER_ASSETS names, or None where it names nothing usable."""
    folder = os.environ.get("KUBEBUILDER_ASSETS", "")
    assets = Assets(Path(folder)) if folder else None
    if assets is None or not (assets.has("etcd") and assets.has("kube-apiserver")):
        return None
    return assets


def locate() -> Assets:
    """Return the programs that are there now; builds nothing, since a build outlasts any test's patience."""
    found = named() or Assets(build_folder())
    if not found.folder.is_dir():
        raise LabUnavailable(NOT_BUILT)
    return found
