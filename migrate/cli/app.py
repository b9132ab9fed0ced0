"""The group of commands, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import gc
import signal
import sqlite3
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from migrate import __version__
from migrate.cli import say
from migrate.engine.signals import Interrupted
from migrate.errors import CnimigrateError, DoorError, GateClosed, MigrationFileError, RecordingError

COMMANDS = {
    "init": "draft a migration file from blue, read-only",
    "assess": "facts and findings; writes nothing",
    "plan": "the composed Plan: phases, steps, objects, gates",
    "rehearse": "the whole move on the simulated world, seeded from the real blue",
    "run": "carry the move out, or resume it from its journal",
    "status": "where the move stands, what it waits for, how far back one can go",
    "approve": "open a gate, from any terminal",
    "revoke": "close a gate again",
    "amend": "record a new revision after the file changed",
    "abort": "the red button: traffic back to blue at once",
    "rollback": "walk done steps backwards",
    "resolve": "settle what the tool cannot know",
    "verify": "hold green against blue now; writes nothing",
    "runbook": "the documents that a change board reads",
    "unlock": "take the Lease away from a dead runner",
    "export": "the journal as JSON lines",
    "schema": "the JSON Schema of the migration file",
}
"""Commands with a line of help each; a module of the same name in `cli/commands` has the command."""


def _marked(command: click.Command) -> click.Command:
    """Keep the lines of examples apart in the help: click's mark is the character, raw docstrings have its letters."""
    command.help = (command.help or "").replace("\\b\n", "\b\n")
    return command


class Commands(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of a move."""
        _ = ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command's module; None for an unknown name."""
        _ = ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"migrate.cli.commands.{cmd_name}").command
        return _marked(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        _ = ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command, and suggest the nearest for a misspelt one."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            near = get_close_matches(args[0], COMMANDS, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            message = f"No such command {args[0]!r}.{hint}"
            raise click.UsageError(message, ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cnimigrate")
def app() -> None:
    r"""Move a Kubernetes cluster off Weave, Flannel or Canal and onto Calico, blue to green.

    \b
    cnimigrate init --kubeconfig ~/.kube/dc1.yaml    draft migration.yaml
    cnimigrate assess                                what stands in the way
    cnimigrate rehearse                              the whole move, simulated
    cnimigrate run                                   the move; run again to resume

    Exit codes: 0 done, 2 usage or file, 11 nothing to migrate, 12 no route, 20 waiting at a gate, 30 stopped by a
    check, 32 failed in the middle, 33 outcome unknown, 40 locked, 41 fenced, 50 Plan and journal disagree,
    51 journal damaged, 130 stopped at a safe border.
    """


_marked(app)


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command; leaves by sys.exit with the codes of `app`'s help."""
    collect_seldom()
    with _interruptible():
        sys.exit(_call(argv))


def collect_seldom() -> None:
    """Let the collector look seldom: a cluster's objects are trees, and many; looking for cycles among them takes most of the time of reading them."""
    gc.set_threshold(200_000, 100, 100)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Take SIGTERM and a lost terminal like Ctrl-C; a run has its own way with them, and nohup stays nohup."""
    former: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                former[number] = signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _call(argv: Sequence[str] | None) -> int:
    """Call the command, and turn whatever ends it into words and an exit code."""
    code: Any = 0
    try:
        code = app.main(args=list(argv) if argv is not None else None, standalone_mode=False) or 0
    except click.exceptions.Exit as left:
        code = left.exit_code
    except click.Abort:
        say.error("interrupted; no act was under way")
        code = 130
    except click.ClickException as error:
        say.note(_usage(error))
        code = error.exit_code
    except (MigrationFileError, RecordingError) as error:
        for problem in error.problems:
            say.problem(problem)
        say.error(error.message, error.remedy)
        code = error.exit_code
    except GateClosed as error:
        say.error(error.message, error.remedy, mark="gate")
        code = error.exit_code
    except CnimigrateError as error:
        say.error(error.message, error.remedy)
        code = error.exit_code
    except DoorError as error:
        # a door failed where nothing had been begun; an act's failure never comes this far
        say.error(str(error), "Nothing was changed. Mend the way to the cluster, then run the same command.")
        code = 30
    except Interrupted as error:
        say.error(f"stopped at once ({error}) while ending", "Run the same command: it looks before it acts.")
        code = 33
    except (OSError, sqlite3.Error) as error:
        # outside a run, where nothing was begun: a run turns these into words of its own
        say.error(f"a file could not be read or written: {error}", "Mend it, then run the same command.")
        code = 30
    return code if isinstance(code, int) else 0


def _usage(error: click.ClickException) -> str:
    """What click would print, through our own way of printing."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    usage = f"{context.get_usage()}\nTry '{context.command_path} --help' for help.\n\n" if context else ""
    return f"{usage}Error: {error.format_message()}"


if __name__ == "__main__":
    main()
