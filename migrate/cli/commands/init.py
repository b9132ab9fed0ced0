"""`cnimigrate init`: look at blue, read-only, and draft a migration file."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from migrate import assess, replay
from migrate.cli import say, tables
from migrate.cli.looking import blue_alone
from migrate.cli.options import output
from migrate.errors import StateNotWritable, UsageError
from migrate.model.migration import Migration
from migrate.planning import migration_file
from migrate.planning.draft import CHANGE, Draft, cni_words, name_for, outside_addresses, recommend
from migrate.planning.routes import exposed
from migrate.steps.sides import facts_of


@click.command("init")
@click.option("--kubeconfig", metavar="FILE", help="the kubeconfig by which blue is reached")
@click.option("--context", metavar="NAME", help="the kubeconfig's context [its current one]")
@click.option(
    "--simulated", metavar="FILE", help='a recorded blue instead, for trying; "" for the embedded one'
)
@click.option("--out", metavar="FILE", default="migration.yaml", show_default=True, help="the file to write")
@click.option("--force", is_flag=True, help="write over a file that is there")
@output("text", "json", "yaml")
def command(
    kubeconfig: str | None,
    context: str | None,
    simulated: str | None,
    out: str,
    output: str,
    *,
    force: bool,
) -> None:
    r"""Look at blue, read-only, and draft a commented migration file with what was found and what is recommended.

    \b
    cnimigrate init --kubeconfig ~/.kube/dc1.yaml
    cnimigrate init --simulated plans/weave-to-calico.blue.yaml --out try.yaml

    Exit codes: 0 drafted, 2 the file is there already, 11 blue runs Calico already, 12 no route from its CNI.
    """
    _one_blue(kubeconfig, context, simulated)
    place = Path(out)
    _free(place, force=force)
    draft = _draft(kubeconfig, context, simulated, place)
    # what a person has still to fill in is a file that is not there; all else must hold
    migration_file.parse(draft.text, out, exists=lambda _: True)
    _write(place, draft.text, force=force)
    if output == "text":
        _tell(draft, place)
    else:
        say.document(document(draft, place), output)


def document(draft: Draft, place: Path) -> dict[str, Any]:
    """What was found and what is recommended, as JSON."""
    facts: dict[str, Any] = json.loads(json.dumps(asdict(draft.facts)))
    return {
        "file": str(place),
        "name": draft.name,
        "blue": facts,
        "recommended": draft.recommendation.as_json(),
        "services": list(draft.services),
        "undecided": [{**d.ref.as_json(), "rule": str(d.rule), "reason": d.reason} for d in draft.undecided],
    }


def _one_blue(kubeconfig: str | None, context: str | None, simulated: str | None) -> None:
    if (kubeconfig is None) == (simulated is None):
        message = "init looks at one blue: --kubeconfig FILE or --simulated FILE"
        raise UsageError(message, remedy="For example: cnimigrate init --kubeconfig ~/.kube/dc1.yaml")
    if simulated is not None and context is not None:
        message = "--context has no meaning for a simulated cluster"
        raise UsageError(message, remedy="Leave it out.")


def _free(place: Path, *, force: bool) -> None:
    """Refuse before any cluster is read."""
    if os.path.lexists(place) and not force:
        raise _there(place)
    if place.is_dir():
        message = f"{place} is a directory"
        raise UsageError(message, remedy=f"Name a file in it: --out {place / 'migration.yaml'}")
    if not place.parent.is_dir():
        message = f"there is no directory {place.parent}"
        raise UsageError(message, remedy="Make it, or name another file with --out.")


def _draft(kubeconfig: str | None, context: str | None, simulated: str | None, place: Path) -> Draft:
    with blue_alone(kubeconfig, context, simulated) as wired:
        inventory, facts = facts_of(wired.doors.blue)
        assess.require_route(facts.cnis)
        recommendation = recommend(facts, outside_addresses(inventory))
        unplanned = Migration.model_validate({"metadata": {"name": "blue"}, "blue": {}})
        decisions = replay.decide_all(
            inventory,
            recommendation.planned(unplanned),
            residue=assess.residue(inventory),
            ranges=assess.own_ranges(inventory),
            green_resources=None,
        )
    directory = place.absolute().parent
    return Draft(
        name_for(facts.name),
        facts,
        recommendation,
        kubeconfig=_as_written(kubeconfig, directory),
        # pinned, so that a current-context that changes later does not change the migration
        context=facts.name if kubeconfig is not None else None,
        simulated=_as_written(simulated, directory) if simulated else simulated,
        services=exposed(inventory),
        undecided=decisions.undecided,
    )


def _as_written(file: str | None, directory: Path) -> str | None:
    """A path as it will be found from the drafted file: beside it, from the home, or absolute."""
    if file is None:
        return None
    whole = Path(file).expanduser().absolute()
    if whole.is_relative_to(directory):
        return str(whole.relative_to(directory))
    home = Path("~").expanduser()
    return f"~/{whole.relative_to(home)}" if whole.is_relative_to(home) else str(whole)


def _write(place: Path, text: str, *, force: bool) -> None:
    """Write the whole file or none of it; a file that came meanwhile is not written over."""
    part = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        with part.open("x", encoding="utf-8") as file:
            file.write(text)
        if not force:
            place.open("x").close()  # claims the name, or finds it taken
        part.replace(place)
    except FileExistsError:
        raise _there(place) from None
    except OSError as error:
        message = f"{place} cannot be written: {error.strerror or error}"
        raise StateNotWritable(message, remedy="Name another file with --out.") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _there(place: Path) -> UsageError:
    return UsageError(
        f"{place} is there already; it was left as it is",
        remedy="Name another file with --out, or write over it with --force.",
    )


def _tell(draft: Draft, place: Path) -> None:
    facts, plan = draft.facts, draft.recommendation
    say.line(
        f"blue ({facts.name})  {facts.version}, {tables.counted(facts.nodes, 'node')}, "
        f"{tables.counted(facts.pods, 'pod')}, {cni_words(facts.cni)}"
    )
    say.line(
        f"recommended for green: pods {plan.pod_cidr}, services {plan.service_cidr}, "
        f"{plan.blocks} blocks of /{plan.block_size}"
    )
    if draft.undecided:
        say.line(
            f"{tables.counted(len(draft.undecided), 'object')} of blue to decide: they are listed in the file"
        )
    places = sum(f"# {CHANGE}" in line or line.endswith(CHANGE) for line in draft.text.splitlines())
    fill = f"fill in {tables.counted(places, 'place')} marked {CHANGE}, then " if places else ""
    say.line(f"wrote {place}. Nothing was changed on blue. Next: {fill}cnimigrate assess -f {place}")
