"""Verdicts, and the hash that an approval binds to."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.model.verdict import Result, Verdict, failed, inconclusive, passed, verdicts_digest

verdicts = st.lists(
    st.builds(
        Verdict,
        check=st.text(max_size=5),
        result=st.sampled_from(Result),
        evidence=st.text(),
        remedy=st.text(),
    ),
    max_size=5,
    unique_by=lambda v: v.check,
)


@pytest.mark.parametrize(
    ("verdict", "result"),
    [
        (passed("c"), Result.PASS),
        (failed("c", "e", "r"), Result.FAIL),
        (inconclusive("c", "e"), Result.INCONCLUSIVE),
    ],
)
def test_only_a_pass_passed(verdict: Verdict, result: Result) -> None:
    """An inconclusive verdict did not pass, as little as a failed one."""
    assert (verdict.result, verdict.passed) == (result, result is Result.PASS)


@given(found=verdicts)
def test_verdicts_survive_the_journal(found: Sequence[Verdict]) -> None:
    """Verdicts read back as they were written."""
    assert [Verdict.of_json(v.as_json()) for v in found] == list(found)


@given(found=verdicts, data=st.data())
def test_only_check_and_result_count(found: list[Verdict], data: st.DataObject) -> None:
    """Order, evidence and remedies change no hash; a result does."""
    other = [Verdict(v.check, v.result, "other") for v in data.draw(st.permutations(found))]
    assert verdicts_digest(other) == verdicts_digest(found)
    if found:
        turned = Result.FAIL if found[0].passed else Result.PASS
        assert verdicts_digest([Verdict(found[0].check, turned), *found[1:]]) != verdicts_digest(found)
        assert verdicts_digest(found[1:]) != verdicts_digest(found)
