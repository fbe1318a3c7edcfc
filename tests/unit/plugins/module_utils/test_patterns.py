# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The time of every regular expression of the collection grows with the length of a text, and not with its square.

The tests find each use of `re` in each module. For each pattern, they make texts of its own repeated parts, as an
attacker would.
"""

from __future__ import annotations

import ast
import functools
import importlib
import pathlib
import re
import signal
import time

import pytest

from ansible_collections.pullthrough.docker.plugins import module_utils

try:
    from re import _constants, _parser  # Python 3.11 and later
except ImportError:
    import sre_constants as _constants
    import sre_parse as _parser

FOLDER = pathlib.Path(next(iter(module_utils.__path__)))
METHODS = {"search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer"}

NOT_CONSTANT = {"misspelt_variables": 2, "options_text": 1, "snapshots": 1}
"""Calls, by module, whose pattern is put together while it runs. They read files that only root writes, or
the role's own files."""

LENGTH = 65536
"""Characters of a text: more than any bound in a pattern, within which the time may grow as it likes."""
ENOUGH = 0.05
"""Seconds in which a text of this length is fast. With the square of the length it would take several times as long."""
STEP, GROWTH = 4, 9
"""A text that is STEP times as long may take GROWTH times as long. Linear growth gives 4, quadratic growth 16."""
TOO_LONG = 1.5
"""Seconds of processor time after which a search is stopped; STEP times as many for the longer text."""


# -- the patterns of the collection ----------------------------------------------------------------------------------


def uses_in(source, values):
    """Return each (pattern, method) in a module's source, and how many calls have a pattern that is no constant."""
    found, unknown = set(), 0
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        owner, method = node.func.value, node.func.attr
        if isinstance(owner, ast.Name) and owner.id == "re" and method in {*METHODS, "compile"}:
            pattern = node.args[0]
            if isinstance(pattern, ast.Name) and isinstance(values.get(pattern.id), re.Pattern):
                pattern = ast.Constant(values[pattern.id].pattern)
            if isinstance(pattern, ast.Name) and isinstance(values.get(pattern.id), (str, bytes)):
                pattern = ast.Constant(values[pattern.id])
            if method == "compile":
                continue  # Its uses count. A pattern with a name and without a use is found by that name.
            if isinstance(pattern, ast.Constant):
                flags = eval(ast.unparse(node.args[-1]), {"re": re}) if "re." in ast.unparse(node.args[-1]) else 0
                found.add((re.compile(pattern.value, flags), method))
            else:
                unknown += 1
        elif isinstance(owner, ast.Name) and isinstance(values.get(owner.id), re.Pattern) and method in METHODS:
            found.add((values[owner.id], method))
    return found, unknown


def modules():
    for path in sorted([*FOLDER.glob("_*/[a-z]*.py"), *FOLDER.parent.glob("filter/[a-z]*.py")]):
        folders = path.relative_to(FOLDER.parent).with_suffix("").parts
        yield path, importlib.import_module(".".join([module_utils.__package__.rpartition(".")[0], *folders]))


def patterns():
    cases = {}
    for path, module in modules():
        found, _unknown = uses_in(path.read_text(), vars(module))
        used = {pattern for pattern, _method in found}
        # A compiled pattern that no call names goes somewhere else, as _UNPRINTABLE does: it is tried as a search.
        found |= {
            (value, "search") for value in vars(module).values() if isinstance(value, re.Pattern) and value not in used
        }
        for pattern, method in sorted(found, key=lambda each: (str(each[0].pattern), each[1])):
            cases.setdefault(
                (pattern, method),
                f"{path.stem}: {method} {str(pattern.pattern)[:60].encode('unicode_escape').decode()}",
            )
    return cases


# -- texts that are made from a pattern ------------------------------------------------------------------------------


def character_of(items):
    """Return a character that a set of a pattern has, a letter where there is one."""
    negated = any(kind is _constants.NEGATE for kind, _value in items)

    firsts = [
        value[0] if kind is _constants.RANGE else value
        for kind, value in items
        if kind in (_constants.RANGE, _constants.LITERAL)
    ]

    def holds(code):
        for kind, value in items:
            if kind is _constants.LITERAL and value == code:
                return True
            if kind is _constants.RANGE and value[0] <= code <= value[1]:
                return True
            if kind is _constants.CATEGORY and re.match(CATEGORIES[value], chr(code)):
                return True
        return False

    return next(chr(code) for code in (*b"a1 ./", *range(1, 0x300), *firsts) if holds(code) is not negated)


CATEGORIES = {
    _constants.CATEGORY_DIGIT: r"\d", _constants.CATEGORY_NOT_DIGIT: r"\D", _constants.CATEGORY_SPACE: r"\s",
    _constants.CATEGORY_NOT_SPACE: r"\S", _constants.CATEGORY_WORD: r"\w", _constants.CATEGORY_NOT_WORD: r"\W",
}  # fmt: skip
REPEATS = {_constants.MAX_REPEAT, _constants.MIN_REPEAT, getattr(_constants, "POSSESSIVE_REPEAT", None)}


def samples_of(tree, before, parts):
    """Return a text that a pattern matches. Each repeated part goes to `parts`, with the text before it."""
    text = before
    for kind, value in tree:
        if kind is _constants.LITERAL:
            text += chr(value)
        elif kind is _constants.NOT_LITERAL:
            text += "b" if value == ord("a") else "a"
        elif kind is _constants.ANY:
            text += " "  # After a word, a blank is its end too.
        elif kind is _constants.IN:
            text += character_of(value)
        elif kind in REPEATS:
            least, most, body = value
            inner = samples_of(body, "", [])
            samples_of(body, text, parts)
            if most > 1:
                parts.append((text, inner))
            text += inner * max(least, 1)
        elif kind is _constants.SUBPATTERN:
            text = samples_of(value[-1], text, parts)
        elif kind is _constants.BRANCH:
            text, *_others = [samples_of(branch, text, parts) for branch in value[1]]
        elif kind is getattr(_constants, "ATOMIC_GROUP", None):
            text = samples_of(value, text, parts)
        else:
            assert kind in (_constants.AT, _constants.ASSERT, _constants.ASSERT_NOT, _constants.GROUPREF), kind
            text += "a" if kind is _constants.GROUPREF else ""
    return text


def texts_for(pattern):
    """Return the parts of long texts: (beginning, what is repeated, end)."""
    parts = []
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    whole = samples_of(
        _parser.parse(source, pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags),
        "",
        parts,
    )
    starts = list(dict.fromkeys([*parts, ("", whole)]))
    return list(dict.fromkeys(
        (beginning, repeated, end)
        for before, part in starts
        for beginning, repeated in (
            (before, part), ("", part), ("", before + part), ("", f"{before} "), (before, before + part)
        )
        for end in ("", "\x00", "\n!")
    ))  # fmt: skip


# -- growth ----------------------------------------------------------------------------------------------------------


class TooSlow(Exception):
    pass


def seconds(pattern, method, text, limit):
    """Return the processor's time for one use of a pattern."""
    call = functools.partial(getattr(pattern, method), "") if method in ("sub", "subn") else getattr(pattern, method)

    def stop(_signal, _frame):
        raise TooSlow

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, limit)
    try:
        began = time.process_time()
        result = call(text)
        if method == "finditer":
            list(result)
        return time.process_time() - began
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def is_slow(pattern, method, beginning, repeated, end):
    """Return whether the time grows faster than the length of such a text."""

    def text(length):
        made = beginning + repeated * (length // len(repeated)) + end
        return made.encode("latin-1") if isinstance(pattern.pattern, bytes) else made

    try:
        if seconds(pattern, method, text(LENGTH), TOO_LONG) < ENOUGH:
            return False
        for _again in range(
            3
        ):  # One of three is enough: what else the machine does makes a time longer, never shorter.
            times = [
                seconds(pattern, method, text(length), limit)
                for length, limit in ((LENGTH, TOO_LONG), (STEP * LENGTH, STEP * TOO_LONG))
            ]
            if times[1] <= GROWTH * times[0]:
                return False
    except TooSlow:
        pass
    return True


def slow_texts(pattern, method):
    return [parts for parts in texts_for(pattern) if is_slow(pattern, method, *parts)]


CASES = patterns()


@pytest.mark.parametrize(("pattern", "method"), CASES, ids=CASES.values())
def test_time_grows_with_the_length(pattern, method):
    assert slow_texts(pattern, method) == []


def test_no_pattern_is_forgotten():
    """A pattern that is put together while it runs cannot be tried here, so each such call is known."""
    found = {path.stem: uses_in(path.read_text(), vars(module))[1] for path, module in modules()}
    assert {name: count for name, count in found.items() if count} == NOT_CONSTANT
    assert {
        name for _path, module in modules() for name, value in vars(module).items() if isinstance(value, re.Pattern)
    }, "there are patterns"


def imports_re(source):
    """Return whether a module's source imports the package of regular expressions, under whatever name."""
    nodes = list(ast.walk(ast.parse(source)))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return "re" in names or any(node.module == "re" for node in nodes if isinstance(node, ast.ImportFrom))


def test_all_patterns_are_in_the_modules_that_are_tried():
    tried = {path for path, _module in modules()}
    using = {path for path in FOLDER.parent.rglob("*.py") if imports_re(path.read_text())}
    assert using
    assert using <= tried


def test_patterns_are_used_under_the_name_that_the_tests_look_for():
    """A use under another name, as after ``from re import search``, would not be found."""
    for path, module in modules():
        nodes = list(ast.walk(ast.parse(path.read_text())))
        assert not [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module == "re"]
        assert getattr(module, "re", re) is re
        assert imports_re(path.read_text()) is hasattr(module, "re")


SLOW = {
    "a challenge of 0.3.0": (r'(\w+)="([^"]*)"', "findall"),
    "a refusal of 0.3.0": (r"level=(?:error|fatal)\b.*(?:reconfiguring the daemon|reloading configuration)", "search"),
    "a host of 0.3.0": (r'msg="trying next host\b.*\bhost="?([^\s"]+)', "search"),
    "everything before a mark": (r".*@", "search"),
    "a repeat of a repeat": (r"(?:a+)+b", "match"),
    "two ways to a letter": (r"(?:a|a)*b", "fullmatch"),
    "bytes": (rb"\s+x", "search"),
}


@pytest.mark.parametrize(("pattern", "method"), SLOW.values(), ids=SLOW)
def test_a_slow_pattern_is_found(pattern, method):
    pattern = re.compile(pattern)
    assert any(is_slow(pattern, method, *parts) for parts in texts_for(pattern))
