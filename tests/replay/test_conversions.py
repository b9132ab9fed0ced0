"""Every conversion has a case: an object of a version that was given up, and the same one of its successor."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from migrate.replay import conversions
from migrate.replay.conversions import CONVERSIONS

FILES = sorted((Path(__file__).parent.parent / "cases" / "conversions").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_object_becomes_what_its_case_says(path: Path) -> None:
    """The converted object and the words about it are those of the case, and the original is left as it was."""
    case = yaml.safe_load(path.read_text())
    given = deepcopy(case["object"])
    conversion = conversions.of_object(given)
    assert conversion is not None
    assert conversion.convert(given) == case["becomes"]
    words = f"converted from {case['object']['apiVersion']} to {case['becomes']['apiVersion']}"
    assert conversion.said(given) == case.get("said", words)
    assert given == case["object"]
    assert conversions.of_object(case["becomes"]) is None


def test_every_conversion_has_a_case() -> None:
    """No conversion goes untried."""
    tried = [conversions.of_object(yaml.safe_load(path.read_text())["object"]) for path in FILES]
    assert {(c.kind, c.version) for c in tried if c} == {(c.kind, c.version) for c in CONVERSIONS}
