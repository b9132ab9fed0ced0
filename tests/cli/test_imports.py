"""What the commands that look at nothing but files import: a slow start is paid at every look at a run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from migrate.cli.app import COMMANDS

HEAVY = {"kubernetes", "aiohttp", "urllib3", "rich", "jinja2", "cryptography"}
OURS = {
    "migrate.kube",
    "migrate.simulation",
    "migrate.steps",
    "migrate.actions",
    "migrate.assess",
    "migrate.replay",
}

PLAN = "metadata: {name: a}\nblue: {simulated: ''}\ngreen: {provisioner: {kind: simulated}}\ncutover: {kind: simulated}\n"


def imported(folder: Path, *arguments: str) -> set[str]:
    """Run the command line in a fresh process, and name the modules that it had imported at its end."""
    program = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('\\n'.join(sys.modules), file=open('modules', 'w')))\n"
        "from migrate.cli.app import main\n"
        "main(sys.argv[1:])\n"
    )
    subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=folder, check=False, capture_output=True, timeout=60
    )
    return set((folder / "modules").read_text().split())


@pytest.mark.parametrize("arguments", [("--help",), ("--version",)])
def test_help_imports_neither_a_client_nor_a_parser(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """`--help` and `--version` import click and nothing heavy: no kubernetes, no pydantic, no YAML, no command."""
    modules = imported(tmp_path, *arguments)
    assert "migrate.cli.app" in modules
    assert not modules & (HEAVY | OURS | {"pydantic", "yaml"})
    assert not {name for name in modules if name.startswith("migrate.cli.commands.")}


def test_status_imports_no_kubernetes(tmp_path: Path) -> None:
    """`status` reads the file and the journal; it imports no kubernetes, no step and no simulation."""
    (tmp_path / "migration.yaml").write_text(PLAN)
    modules = imported(tmp_path, "status")
    assert "migrate.cli.commands.status" in modules
    assert "migrate.engine.journal" in modules
    assert not modules & (HEAVY | OURS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_no_commands_help_imports_kubernetes(tmp_path: Path, name: str) -> None:
    """A command's own `--help` imports no kubernetes either."""
    assert "kubernetes" not in imported(tmp_path, name, "--help")
