"""Calico's selector language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.calico.selectors import SelectorError, parse, problem

WEB = {"app": "web", "tier": "front-end", "a/b.c-d_e": "1"}


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("", True),
        ("   \t", True),
        ("all()", True),
        ("all( )", True),
        ("!all()", False),
        ("!!all()", True),
        ("global()", True),
        ("app == 'web'", True),
        ('app=="web"', True),
        ("app == 'api'", False),
        ("app != 'api'", True),
        ("missing != 'x'", True),
        ("missing == ''", False),
        ("app in {'web', 'api'}", True),
        ("app in {}", False),
        ("app in {'web',}", True),
        ("app not in {'web'}", False),
        ("app notin {'api'}", True),
        ("missing not in {'web'}", True),
        ("missing in {'web'}", False),
        ("has(app)", True),
        ("has( app )", True),
        ("!has(missing)", True),
        ("has(a/b.c-d_e)", True),
        ("tier contains 'end'", True),
        ("tier starts with 'front'", True),
        ("tier startswith 'back'", False),
        ("tier ends  with 'end'", True),
        ("missing contains ''", False),
        ("app == 'web' && tier == 'x' || has(app)", True),
        ("has(missing) && has(app) || has(missing)", False),
        ("has(app) || has(missing) && has(missing)", True),
        ("(has(app) || has(missing)) && has(missing)", False),
        ("!(app == 'web' && has(tier))", False),
        ("in in {'x'}", False),
        ("all == 'x'", False),
        ('app == "it\'s"', False),
    ],
)
def test_a_selector_selects_as_calico_reads_it(text: str, selected: bool) -> None:
    """Operators, functions and precedence: `!` before `&&` before `||`; a missing label satisfies != and not in."""
    assert parse(text).matches(WEB) is selected


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("app = web", 4, "a single = is no operator"),
        ("app = 'web'", 4, "a single = is no operator"),
        ("app == web", 7, "expected a quoted string"),
        ("app == 'web", 7, "has no end"),
        ("app", 3, "expected an operator after the label 'app'"),
        ("app ==", 6, "expected a quoted string"),
        ("app == 'a' app == 'b'", 11, "expected an operator or the end"),
        ("app == 'a' & app == 'b'", 11, "expected an operator or the end"),
        ("app == 'a' &&", 13, "expected a label, a function or '('"),
        ("(app == 'a'", 11, "expected ')'"),
        ("app == 'a')", 10, "expected an operator or the end"),
        ("app in ('a')", 7, "expected '{'"),
        ("app in {'a' 'b'}", 12, "expected '}'"),
        ("app in {a}", 8, "expected a quoted string"),
        ("has()", 4, "expected a label name"),
        ("has(a b)", 6, "expected ')'"),
        ("all(x)", 4, "expected ')'"),
        ("'a' == app", 0, "expected a label"),
        ("!= 'a'", 0, "expected a label"),
        ("app not 'a'", 4, "expected an operator"),
        ("app starts 'a'", 4, "expected an operator"),
        ("app $ 'a'", 4, "expected an operator"),
        ("app == 'a'\n", 10, "expected an operator or the end"),
    ],
)
def test_a_refusal_says_where_and_why(text: str, position: int, reason: str) -> None:
    """The position counts characters from 0, and the reason says what was expected there."""
    with pytest.raises(SelectorError) as caught:
        parse(text)
    assert caught.value.position == position
    assert reason in caught.value.reason
    assert f"position {position}" in str(problem(text))


def test_a_selector_knows_what_it_uses() -> None:
    """Labels and functions are told, so that global() can be refused where it may not stand."""
    selector = parse("has(a) && (b == 'x' || !global())")
    assert selector.labels == {"a", "b"}
    assert selector.calls == {"has", "global"}


def test_what_is_no_text_is_no_selector() -> None:
    """A number or a mapping, as YAML may give, is a problem and no crash."""
    assert problem(5) == "a selector is text, not 5"
    assert problem("all()") is None


LABEL = st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True).filter(
    lambda t: t not in {"all", "has", "global"}
)
VALUE = st.text(alphabet="abcxyz019 -", max_size=4)


def leaves() -> st.SearchStrategy[str]:
    comparison = st.builds(
        lambda k, o, v: f"{k} {o} '{v}'", LABEL, st.sampled_from(("==", "!=", "contains")), VALUE
    )
    member = st.builds(lambda k, v: f"{k} in {{'{v}'}}", LABEL, VALUE)
    return comparison | member | st.builds("has({})".format, LABEL)


def trees() -> st.SearchStrategy[str]:
    return st.recursive(
        leaves(),
        lambda inner: (
            st.builds("!({})".format, inner)
            | st.builds("({}) && ({})".format, inner, inner)
            | st.builds("({}) || ({})".format, inner, inner)
        ),
        max_leaves=8,
    )


@given(one=trees(), other=trees(), labels=st.dictionaries(LABEL, VALUE))
def test_connectives_are_those_of_logic(one: str, other: str, labels: dict[str, str]) -> None:
    """Whatever the parts are, && and || and ! combine their answers."""
    a, b = parse(one).matches(labels), parse(other).matches(labels)
    assert parse(f"({one}) && ({other})").matches(labels) is (a and b)
    assert parse(f"({one})||({other})").matches(labels) is (a or b)
    assert parse(f"!({one})").matches(labels) is not a


@given(st.text(alphabet="ab('\"){}!=&|, allhsin", max_size=20))
def test_any_text_is_parsed_or_refused_with_a_position(text: str) -> None:
    """No text crashes the parser, and a position lies in the text or at its end."""
    position = 0
    try:
        parse(text).matches({"a": "b"})
    except SelectorError as error:
        position = error.position
    assert 0 <= position <= len(text)
