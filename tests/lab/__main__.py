"""Run the lab by hand: `python -m tests.lab build|up|down|status`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from tests.lab import detached, outcomes
from tests.lab.assets import REQUIRE, required
from tests.lab.build import build
from tests.lab.errors import LabError, LabUnavailable


def main() -> int:
    """Carry out one command and return its exit code."""
    arguments = _parser().parse_args()
    try:
        return int(arguments.command(arguments))
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    commands = parser.add_subparsers(required=True)
    making = commands.add_parser("build", help="build the programs into the user's cache")
    making.add_argument(
        "--if-possible", action="store_true", help=f"succeed where it cannot be, unless {REQUIRE}=1"
    )
    making.set_defaults(command=_build)
    for name, command, words in (
        ("up", _up, "bring blue and green up in the background"),
        ("down", _down, "take blue and green down"),
        ("status", _status, "say whether they are up; exit code 1 where not"),
        ("hold", _hold, "be the process in the background (used by up)"),
    ):
        commands.add_parser(name, help=words).set_defaults(command=command)
    ran = commands.add_parser("ran", help="fail where a JUnit file shows no test of the lab that ran")
    ran.add_argument("junit", type=Path)
    ran.set_defaults(command=_ran)
    return parser


def _build(arguments: argparse.Namespace) -> int:
    try:
        assets = build()
    except LabUnavailable as reason:
        if required() or not arguments.if_possible:
            raise
        print(f"lab: not built, so tests that need it are skipped: {reason}", file=sys.stderr)
        return 0
    print(f"lab: programs in {assets.folder}", file=sys.stderr)
    return 0


def _up(_: argparse.Namespace) -> int:
    _show(detached.up())
    return 0


def _down(_: argparse.Namespace) -> int:
    print("blue and green are down" if detached.down() else "blue and green were not up")
    return 0


def _status(_: argparse.Namespace) -> int:
    there = detached.status()
    if there is None:
        print("blue and green are not up: make lab")
        return 1
    _show(there)
    return 0


def _hold(_: argparse.Namespace) -> int:
    detached.hold()
    return 0


def _ran(arguments: argparse.Namespace) -> int:
    found = outcomes.read(arguments.junit)
    print(f"tests on real control planes that ran: {found.lab_ran}")
    print(f"{found.passed} passed, {found.failed} failed, {found.skipped} skipped")
    return 0 if found.lab_ran > 0 and found.failed == 0 else 1


def _show(state: dict[str, Any]) -> None:
    print(f"blue and green are up, held by process {state['pid']}; make lab-down takes them away")
    for name, files in state["planes"].items():
        for purpose, path in files.items():
            print(f"  {name:5}  {purpose:10}  {os.path.relpath(path)}")
    blue = os.path.relpath(state["planes"]["blue"]["kubeconfig"])
    print(f"For example: .venv/bin/kubectl --kubeconfig {blue} get nodes")


if __name__ == "__main__":
    sys.exit(main())
