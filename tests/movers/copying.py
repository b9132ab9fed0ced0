"""A mover for tests: it copies directories, and remembers which passes it did. Run as a program."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from migrate.doors.provisioner import Provision
from migrate.model.action import State

PROGRAM = Path(__file__)


@dataclass(frozen=True)
class Green:
    """A green that stands, by its kubeconfig alone."""

    folder: Path
    kind = "existing"
    makes = False

    def observe(self) -> Provision:
        """It stands."""
        return Provision(State.DONE, self.folder / "green.yaml", "stands")

    def create(self, deadline: float) -> None:
        """Nothing to make."""

    def destroy(self, deadline: float) -> None:
        """Nothing to unmake."""


def _counted(volume: Path) -> dict[str, int]:
    files = [path for path in volume.rglob("*") if path.is_file()]
    return {"bytes": sum(path.stat().st_size for path in files), "files": len(files)}


def main(folder: Path) -> None:
    """Do what standard input asks for."""
    asked = json.load(sys.stdin)
    place = Path(asked["source"]["namespace"]) / asked["source"]["claim"]
    done = folder / "passes" / asked["pass"] / place
    if asked["do"] == "observe":
        print(done.read_text() if done.exists() else json.dumps({"done": False}))
        return
    source, target = folder / "blue" / place, folder / "green" / place
    if not source.is_dir() or not target.is_dir():
        sys.exit(f"{place} is not there")
    shutil.copytree(source, target, dirs_exist_ok=True)
    print(json.dumps({"progress": _counted(target)}), flush=True)
    answer = json.dumps({"done": True, "source": _counted(source), "target": _counted(target)})
    done.parent.mkdir(parents=True, exist_ok=True)
    done.write_text(answer)
    print(answer)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
