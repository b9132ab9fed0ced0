"""Calico's selector language: a parser that says where it stopped, and an evaluator.

The grammar, lowest precedence first: `||`, `&&`, any number of `!`, then parentheses or one of `all()`, `global()`,
`has(label)`, `label == 'x'`, `label != 'x'`, `label in {'x', 'y'}`, `label not in {'x'}`, `label contains 'x'`,
`label starts with 'x'`, `label ends with 'x'`. Strings stand in single or double quotes, without escapes. An empty
selector selects everything. Source: the documentation of NetworkPolicy's selectors (docs.tigera.io,
reference/resources/networkpolicy#selectors) and libcalico-go's own parser, whose oddities are kept where they decide
whether a policy is accepted: a comma may follow a set's last member, and a set may be empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Labels = Mapping[str, str]
Test = Callable[[Labels], bool]

_LABEL = re.compile(r"[A-Za-z0-9_./-]{1,512}")
_CALL = re.compile(r"(all|global|has)\(")
_WORD_OPERATORS = (
    ("contains", re.compile(r"contains")),
    ("starts with", re.compile(r"starts[ \t]*with")),
    ("ends with", re.compile(r"ends[ \t]*with")),
    ("not in", re.compile(r"not[ \t]*in")),
    ("in", re.compile(r"in")),
)


class SelectorError(ValueError):
    """Say why a selector is refused; `position` counts characters from 0."""

    def __init__(self, selector: str, position: int, reason: str) -> None:
        super().__init__(f"{reason} at position {position} of {selector!r}")
        self.selector = selector
        self.position = position
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Selector:
    """A parsed selector; `calls` names the functions it uses ("all", "global", "has"), `labels` the labels it reads."""

    text: str
    test: Test
    calls: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()

    def matches(self, labels: Labels) -> bool:
        """Whether an endpoint with these labels is selected."""
        return self.test(labels)


def parse(text: str) -> Selector:
    """Parse a selector; raises SelectorError with the position of the first thing that does not fit."""
    return _Parser(text).selector()


def problem(text: object) -> str | None:
    """What is wrong with a selector, as a sentence without an end; None where it parses."""
    if not isinstance(text, str):
        return f"a selector is text, not {text!r}"
    try:
        parse(text)
    except SelectorError as error:
        return str(error)
    return None


class _Parser:
    """A recursive descent over the text itself, so that every error knows its position."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.calls: set[str] = set()
        self.labels: set[str] = set()

    def selector(self) -> Selector:
        self._space()
        test = _everything if self.at == len(self.text) else self._either()
        self._space()
        if self.at < len(self.text):
            raise self._error("expected an operator or the end")
        return Selector(self.text, test, frozenset(self.calls), frozenset(self.labels))

    def _either(self) -> Test:
        parts = [self._both()]
        while self._take("||"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda labels: any(part(labels) for part in parts)

    def _both(self) -> Test:
        parts = [self._operation()]
        while self._take("&&"):
            parts.append(self._operation())
        return parts[0] if len(parts) == 1 else lambda labels: all(part(labels) for part in parts)

    def _operation(self) -> Test:
        negated = False
        while self._take("!"):
            negated = not negated
        test = self._positive()
        return (lambda labels: not test(labels)) if negated else test

    def _positive(self) -> Test:
        if self._take("("):
            test = self._either()
            self._expect(")")
            return test
        call = _CALL.match(self.text, self.at)
        if call:
            return self._call(call)
        return self._comparison(self._label("a label, a function or '('"))

    def _call(self, call: re.Match[str]) -> Test:
        self.at = call.end()
        name = call[1]
        self.calls.add(name)
        label = self._label("a label name") if name == "has" else ""
        self._expect(")")
        return (lambda labels: label in labels) if label else _everything

    def _comparison(self, label: str) -> Test:
        self._space()
        for symbol in ("==", "!="):
            if self._take(symbol):
                return _compare(symbol, label, self._string())
        if self.text.startswith("=", self.at):
            raise self._error("expected == (a single = is no operator)")
        for name, pattern in _WORD_OPERATORS:
            word = pattern.match(self.text, self.at)
            if word:
                self.at = word.end()
                return (
                    _compare_set(name, label, self._set())
                    if name.endswith("in")
                    else _compare(name, label, self._string())
                )
        raise self._error(f"expected an operator after the label {label!r}")

    def _set(self) -> frozenset[str]:
        self._expect("{")
        values: set[str] = set()
        while not self._peek("}"):
            values.add(self._string())
            if not self._take(","):
                break
        self._expect("}")
        return frozenset(values)

    def _string(self) -> str:
        self._space()
        quote = self.text[self.at : self.at + 1]
        if quote not in {"'", '"'} or not quote:
            raise self._error("expected a quoted string")
        end = self.text.find(quote, self.at + 1)
        if end < 0:
            raise self._error("the string that begins here has no end")
        value = self.text[self.at + 1 : end]
        self.at = end + 1
        return value

    def _label(self, what: str) -> str:
        self._space()
        label = _LABEL.match(self.text, self.at)
        if not label:
            raise self._error(f"expected {what}")
        self.at = label.end()
        self.labels.add(label[0])
        return label[0]

    def _space(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in " \t":
            self.at += 1

    def _peek(self, symbol: str) -> bool:
        self._space()
        return self.text.startswith(symbol, self.at)

    def _take(self, symbol: str) -> bool:
        # `!` must not eat the first half of `!=`: a label is missing there, and the error should say so.
        if not self._peek(symbol) or (symbol == "!" and self.text.startswith("!=", self.at)):
            return False
        self.at += len(symbol)
        return True

    def _expect(self, symbol: str) -> None:
        if not self._take(symbol):
            raise self._error(f"expected {symbol!r}")

    def _error(self, reason: str) -> SelectorError:
        return SelectorError(self.text, self.at, reason)


def _everything(_labels: Labels) -> bool:
    return True


def _compare(operator: str, label: str, value: str) -> Test:
    """One comparison with a string; a missing label satisfies `!=` and nothing else."""
    match operator:
        case "==":
            return lambda labels: labels.get(label) == value
        case "!=":
            return lambda labels: labels.get(label) != value
        case "contains":
            return lambda labels: label in labels and value in labels[label]
        case "starts with":
            return lambda labels: label in labels and labels[label].startswith(value)
        case _:
            return lambda labels: label in labels and labels[label].endswith(value)


def _compare_set(operator: str, label: str, values: frozenset[str]) -> Test:
    """Membership; a missing label is not in any set."""
    if operator == "in":
        return lambda labels: label in labels and labels[label] in values
    return lambda labels: label not in labels or labels[label] not in values
