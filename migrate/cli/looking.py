"""Doors for commands that only look: nothing is begun, nothing is left behind where nothing stood before."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from migrate import assess, replay
from migrate.cli.project import Project
from migrate.cli.wiring import Wired, wired
from migrate.engine.bodies import Bodies
from migrate.engine.step import Scene
from migrate.model.action import State
from migrate.model.ids import RunId
from migrate.model.inventory import Inventory
from migrate.model.migration import Blue, CalicoInstall, Cutover, Green, Metadata, Migration, ProvisionerSpec
from migrate.model.progress import Progress
from migrate.planning.compose import batch_of
from migrate.steps.base import as_it_was, blue_decided


@contextmanager
def looking(project: Project, *, manifests: bool = False) -> Iterator[Wired]:
    """Open a migration's doors to look through them.

    A simulated blue that was not begun is seeded in a directory that goes away. Calico's manifests are read, or
    fetched, only where `manifests` asks for them: the others must work without a way to where they lie.
    """
    migration = project.migration
    if not manifests:
        calico = migration.green.calico.model_copy(update={"install": CalicoInstall()})
        green = migration.green.model_copy(update={"calico": calico})
        migration = migration.model_copy(update={"green": green})
    seen = replace(project, migration=migration)
    if migration.blue.simulated is None or (project.state / "world.db").exists():
        with wired(seen) as doors:
            yield doors
        return
    with (
        tempfile.TemporaryDirectory(prefix="cnimigrate-") as folder,
        wired(replace(seen, state=Path(folder) / "state")) as doors,
    ):
        yield doors


@contextmanager
def blue_alone(kubeconfig: str | None, context: str | None, simulated: str | None) -> Iterator[Wired]:
    """Open the door to a blue without a migration file; green does not exist behind the others.

    Raises UsageError where the kubeconfig, its context or the recorded file is missing or broken.
    """
    with tempfile.TemporaryDirectory(prefix="cnimigrate-") as folder:
        blue = Blue(kubeconfig=_absolute(kubeconfig), context=context, simulated=_recorded(simulated))
        real = simulated is None
        provisioner = ProvisionerSpec(
            kind="existing" if real else "simulated",
            # a file that never exists: this is how a green that is not there yet is said
            kubeconfig=str(Path(folder) / "green.kubeconfig") if real else None,
        )
        migration = Migration(
            metadata=Metadata(name="blue"),
            blue=blue,
            green=Green(provisioner=provisioner),
            cutover=Cutover(kind="manual" if real else "simulated"),
        )
        place = Path(folder)
        with wired(Project(place / "migration.yaml", migration, migration, place / "state")) as doors:
            yield doors


def scene_of(
    project: Project, doors: Wired, progress: Progress | None = None, *, run: str = "", key: bytes = b""
) -> Scene:
    """What the steps' own looking functions ask for, without a run unless one is given."""
    return Scene(
        project.migration,
        doors.doors,
        progress or Progress(),
        RunId(run),
        key,
        batch_of(project.migration),
        project.state,
        Bodies(),
        doors.calico,
    )


def decided(scene: Scene, inventory: Inventory) -> tuple[Inventory, replay.Decisions]:
    """Decide of every object of a blue that was read; against what green serves, once there is a green."""
    if scene.doors.provisioner.observe().state is State.DONE:
        return blue_decided(scene, inventory)
    blue = replay.modern(as_it_was(inventory, scene.progress), None)
    found = replay.decide_all(
        blue,
        scene.migration,
        residue=assess.residue(blue),
        ranges=assess.own_ranges(blue),
        green_resources=None,
    )
    return blue, found


def _absolute(file: str | None) -> str | None:
    return str(Path(file).expanduser().absolute()) if file is not None else None


def _recorded(file: str | None) -> str | None:
    return _absolute(file) if file else file  # empty is the embedded cluster
