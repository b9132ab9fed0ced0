"""Migration files: what is refused, in which words, and what comes out of a good one.

A case is a YAML file in tests/cases/migration_file with the expected output beside it as .txt; one whose name begins
with "valid" has none. `CNIMIGRATE_UPDATE_CASES=1 pytest tests/planning` writes the expected outputs again: the diff
is the review.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from migrate.errors import MigrationFileError
from migrate.model.canonical import canonical, digest
from migrate.model.migration import Migration
from migrate.planning.migration_file import (
    MAX_BYTES,
    REVISABLE,
    identity_part,
    normalised,
    parse,
    read,
    revisable_part,
)

ROOT = Path(__file__).parents[2]
CASES = sorted((ROOT / "tests/cases/migration_file").glob("*.yaml"))
VALID = [case for case in CASES if case.stem.startswith("valid")]
REFUSED = [case for case in CASES if case not in VALID]
PLANS = sorted(plan for plan in (ROOT / "plans").glob("*.yaml") if not plan.stem.endswith(".blue"))

SHORT = """\
metadata: {name: dc1}
blue: {kubeconfig: blue.yaml}
green: {provisioner: {kubeconfig: green.yaml}}
cutover: {kind: manual}
"""


def _exists(file: str) -> bool:
    return "missing" not in file


def _anything(file: str) -> bool:
    return True


def _refusal(text: str) -> MigrationFileError:
    with pytest.raises(MigrationFileError) as caught:
        parse(text, "migration.yaml", exists=_exists)
    return caught.value


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.stem)
def test_a_wrong_file_is_refused_with_every_problem_and_its_line(case: Path) -> None:
    """What is printed for a wrong file is exactly what stands beside it."""
    error = _refusal(case.read_text(encoding="utf-8"))
    printed = "\n".join([*error.problems, str(error)]) + "\n"
    golden = case.with_suffix(".txt")
    if os.environ.get("CNIMIGRATE_UPDATE_CASES"):
        golden.write_text(printed, encoding="utf-8")
    assert printed == golden.read_text(encoding="utf-8")
    assert error.exit_code == 2


@pytest.mark.parametrize("case", VALID, ids=lambda case: case.stem)
def test_a_right_file_is_read(case: Path) -> None:
    """A right file has no problem, and its normal form reads as the same migration."""
    migration = parse(case.read_text(encoding="utf-8"), case.name, exists=_exists)
    again = parse(json.dumps(normalised(migration)), case.name, exists=_exists)
    assert again == migration


def test_the_short_file_is_filled_with_defaults() -> None:
    """Name, blue, green and cutover are enough; everything else has the interface's default."""
    migration = parse(SHORT, "migration.yaml", exists=_exists)
    assert migration.name == "dc1"
    assert migration.green.network.pod_cidr == "10.48.0.0/14"
    assert migration.cutover.ramp == (1, 5, 25, 50, 100)
    assert migration.soak == "7d"
    assert migration.gates.before_replay is None


def test_problems_come_in_the_order_of_the_lines() -> None:
    """Whatever finds a problem, the operator reads the file from top to bottom."""
    text = "soak: 7\nmetadata: {name: dc1}\ncutover: {kind: manual, ramp: [5, 1]}\ngates: {before: auto}\nblue: {}\n"
    lines = [int(problem.split("  ")[0].rpartition(":")[2]) for problem in _refusal(text).problems]
    assert lines == sorted(lines)
    assert len(lines) >= 5


def test_a_problem_does_not_hide_another_of_a_later_check() -> None:
    """A wrong type in one place still lets what needs several keys be checked in another."""
    text = SHORT.replace("{kind: manual}", "{kind: manual, pause: 5, ramp: [5, 1]}")
    told = "\n".join(_refusal(text).problems)
    assert "cutover.pause: 5 has no unit" in told
    assert "cutover.ramp: 5, 1 is not rising" in told


def test_a_wrong_value_is_told_once() -> None:
    """A check says nothing about a value whose own problem is told already."""
    text = SHORT.replace("{kind: manual}", "{kind: manual, ramp: [5, x, 1]}")
    assert len(_refusal(text).problems) == 1


def test_an_index_is_the_files_own_after_a_wrong_item() -> None:
    """Items that could not be read do not shift the numbers of those behind them."""
    pools = "[{name: a}, {name: b, cidr: 10.48.0.0/16}, {name: c, cidr: 10.48.0.0/17}]"
    text = SHORT.replace("{provisioner:", f"{{calico: {{pools: {pools}}}, provisioner:")
    told = "\n".join(_refusal(text).problems)
    assert "green.calico.pools[0].cidr: is missing" in told
    assert "green.calico.pools[2].cidr: 10.48.0.0/17 overlaps pool b 10.48.0.0/16" in told


def _problems(text: str) -> tuple[str, ...] | None:
    """The problems of a text; None for a right one. Any other error is the test's failure."""
    try:
        parse(text, "migration.yaml", exists=_anything)
    except MigrationFileError as error:
        return error.problems
    return None


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    """No text makes the reader fail otherwise than with problems that name the file."""
    problems = _problems(text)
    assert problems is None or (problems and all(p.startswith("migration.yaml:") for p in problems))


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "auto", "5m", "10.0.0.0/8"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "kind", "cidr", "mode", "blue", "ramp"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


def _holes(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key, below in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from _holes(below, (*path, key))


_WHOLE = yaml.safe_load((ROOT / "plans/weave-to-calico.yaml").read_text(encoding="utf-8"))


@given(st.data())
def test_any_value_anywhere_is_read_or_refused_in_words(data: st.DataObject) -> None:
    """A good file with anything put anywhere is read, or refused with problems; it never fails otherwise."""
    whole = json.loads(json.dumps(_WHOLE))
    *parents, last = data.draw(st.sampled_from([path for path in _holes(whole) if path]))
    place = whole
    for key in parents:
        place = place[key]
    place[last] = data.draw(_VALUES)
    problems = _problems(yaml.safe_dump(whole))
    assert problems is None or problems


@pytest.mark.parametrize("cut", range(5, 100, 5))
def test_a_half_written_file_is_refused(cut: int) -> None:
    """A file that an editor or a copy has only begun is never taken for a whole one, unless it is one."""
    text = (ROOT / "plans/weave-to-calico.yaml").read_text(encoding="utf-8")
    half = text[: text.index("cutover:") * cut // 100]
    with pytest.raises(MigrationFileError):
        parse(half, "migration.yaml", exists=_anything)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"\x7fELF\0\0\1", "is binary"),
        (SHORT.encode("utf-16"), "is UTF-16"),
        (SHORT.replace("dc1", "d\xe9").encode("latin-1"), "is not UTF-8 (byte 0xe9)"),
        (b"#" * (MAX_BYTES + 1), f"is larger than {MAX_BYTES} bytes"),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    """What cannot be a migration file is named for what it is."""
    file = tmp_path / "migration.yaml"
    file.write_bytes(content)
    with pytest.raises(MigrationFileError) as caught:
        read(file)
    assert len(caught.value.problems) == 1
    assert str(file) in caught.value.problems[0]
    assert told in caught.value.problems[0]


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    """A missing file, a directory, a name that is too long and a loop of links each say what they are."""
    (tmp_path / "loop").symlink_to("loop")
    for name, told in (
        ("none.yaml", "there is no such file"),
        ("", "is a directory"),
        ("n" * 300, "cannot be read"),
        ("loop", "cannot be read"),
    ):
        with pytest.raises(MigrationFileError) as caught:
            read(tmp_path / name)
        assert told in caught.value.problems[0]


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without the right to read it says so."""

    def denied(*_: object, **__: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)  # root may read every file, so the right cannot be taken away
    with pytest.raises(MigrationFileError) as caught:
        read(tmp_path / "migration.yaml")
    assert "may not be read by you" in caught.value.problems[0]


@pytest.mark.parametrize("name", ["~nobody-of-this-name/blue.yaml", "n" * 300])
def test_a_path_that_cannot_be_is_a_missing_file(tmp_path: Path, name: str) -> None:
    """Another user's home that is none, and a name that no file system takes, are told like any missing file."""
    file = tmp_path / "migration.yaml"
    (tmp_path / "green.yaml").touch()
    file.write_text(SHORT.replace("blue.yaml", name), encoding="utf-8")
    with pytest.raises(MigrationFileError) as caught:
        read(file)
    assert len(caught.value.problems) == 1
    assert "there is no such file" in caught.value.problems[0]


def test_files_are_looked_for_beside_the_migration_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative paths start at the file's directory, not at the one where the command was typed."""
    place = tmp_path / "there"
    place.mkdir()
    file = place / "migration.yaml"
    file.write_text("\ufeff" + SHORT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MigrationFileError) as caught:
        read(file)
    assert len(caught.value.problems) == 2
    (place / "blue.yaml").touch()
    (place / "green.yaml").touch()
    assert read(Path("there/migration.yaml")).name == "dc1"


def test_the_way_of_writing_is_no_part_of_the_identity() -> None:
    """Comments, order, quotes and written-out defaults change nothing that is hashed."""
    plain = parse(SHORT, "f", exists=_exists)
    other = """\
# the same in other words
cutover: {minSamples: 3000, "kind": 'manual'}
soak: 7d
green:
  network:
    podCIDR: "10.48.0.0/14"
  provisioner:
    kubeconfig: green.yaml
    kind: existing
blue:
  kubeconfig: blue.yaml
metadata:
  name: dc1
kind: Migration
"""
    assert canonical(normalised(parse(other, "f", exists=_exists))) == canonical(normalised(plain))


REVISIONS = {
    "workloads.rules": {"workloads": {"rules": [{"kind": "Job", "skip": True, "reason": "done"}]}},
    "workloads.hold": {"workloads": {"hold": [{"namespace": "shop"}]}},
    "workloads.start": {"workloads": {"start": "none"}},
    "workloads.volumes": {
        "workloads": {"volumes": [{"namespace": "shop", "as": "empty", "reason": "drained"}]}
    },
    "workloads.onRefusal": {"workloads": {"onRefusal": "stop"}},
    "workloads.onConflict": {"workloads": {"onConflict": "adopt"}},
    "gates": {"gates": {"before-start": "auto"}},
    "cutover.ramp": {"cutover": {"kind": "manual", "ramp": [10, 100]}},
    "limits": {"limits": {"inFlight": 8}},
    "verify.accept": {
        "verify": {"accept": [{"kind": "Deployment", "path": "spec.replicas", "reason": "scaled"}]}
    },
    "window": {"window": {"start": "2026-12-05T22:00Z", "end": "2026-12-06T04:00Z"}},
}


@pytest.mark.parametrize("key", [".".join(map(str, path)) for path in REVISABLE])
def test_a_revision_changes_its_own_part_alone(key: str) -> None:
    """Each key that `amend` may change is in the revisable part, and no part of the identity."""
    old = parse(SHORT, "f", exists=_exists)
    new = parse(json.dumps(yaml.safe_load(SHORT) | REVISIONS[key]), "f", exists=_exists)
    assert identity_part(new) == identity_part(old)
    changed = {k for k, v in revisable_part(new).items() if v != revisable_part(old)[k]}
    assert changed == {key}


@pytest.mark.parametrize(
    "change", [("dc1", "dc2"), ("blue.yaml", "other.yaml"), ("kind: manual", "kind: manual, pause: 6m")]
)
def test_anything_else_is_another_migration(change: tuple[str, str]) -> None:
    """What a revision may not change is part of the identity."""
    old = parse(SHORT, "f", exists=_exists)
    new = parse(SHORT.replace(*change), "f", exists=_exists)
    assert digest(identity_part(new)) != digest(identity_part(old))
    assert revisable_part(new) == revisable_part(old)


def test_the_parts_together_are_the_whole() -> None:
    """Nothing of the normal form is lost between the two parts."""
    migration = parse(SHORT, "f", exists=_exists)
    value = identity_part(migration)
    for dotted, part in revisable_part(migration).items():
        *parents, last = dotted.split(".")
        place = value
        for key in parents:
            place = place[key]
        place[last] = part
    assert value == normalised(migration)


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.stem)
def test_the_plans_that_people_copy_are_valid(plan: Path) -> None:
    """A file of plans/ has no problem once its clusters are there; the demo has none anywhere."""
    migration = read(plan, exists=_anything)
    assert migration.name in {plan.stem, "demo"}
    if migration.blue.simulated is not None:
        assert read(plan) == migration


def test_the_plans_pin_the_manifest_that_they_name() -> None:
    """The checksum in the plans is that of the published manifest."""
    data = Path(os.environ.get("CNIMIGRATE_TEST_DATA", ROOT.parent / "shared/data"))
    manifest = data / "manifests/calico-v3.32.1/calico-vxlan.yaml"
    if not manifest.exists():
        pytest.skip(f"{manifest} is not here; set CNIMIGRATE_TEST_DATA")
    real = hashlib.sha256(manifest.read_bytes()).hexdigest()
    pinned = {read(plan, exists=_anything).green.calico.install.sha256 for plan in PLANS}
    assert pinned == {real, None}


def test_a_migration_is_frozen() -> None:
    """A Migration is a value: nothing can be set on it."""
    migration: Migration = parse(SHORT, "f", exists=_exists)
    with pytest.raises(ValueError, match="frozen"):
        migration.soak = "1d"  # type: ignore[misc]
