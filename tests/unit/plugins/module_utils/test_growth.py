# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of each reader of files grows with the length of a text, and not with its square.

Work is counted and not timed, so a busy machine changes nothing. Counted are calls, and the characters that slices,
counts and searches go over. The work within a regular expression is not counted: ``test_patterns.py`` times it.
"""

from __future__ import annotations

import contextlib
import functools
import sys

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._text import (
    flag_text,
    json_reader,
    options_editor,
    options_text,
    toml_reader,
    unit_text,
)

LENGTH = 1024
"""Characters of the shorter text."""
STEP, GROWTH = 4, 6
"""A text that is STEP times as long may take GROWTH times the work. Linear growth gives 4, quadratic growth 16."""
FLAG = "--registry-mirror"


# -- counting --------------------------------------------------------------------------------------------------------


class Text(str):
    """A text that adds the characters which its methods go over to ``tally[0]``. Its parts do the same."""

    def __new__(cls, text, tally):
        made = super().__new__(cls, text)
        made.tally = tally
        return made

    def reaches(self, characters):
        self.tally[0] += characters

    def part(self, part):
        return Text(part, self.tally) if isinstance(part, str) and not isinstance(part, Text) else part

    def __getitem__(self, key):
        part = super().__getitem__(key)
        self.reaches(len(part))
        return self.part(part)

    def __iter__(self):
        self.reaches(len(self))
        return super().__iter__()

    def __contains__(self, other):
        self.reaches(len(self))
        return super().__contains__(other)

    def count(self, sub, start=0, end=sys.maxsize):
        self.reaches(min(end, len(self)) - start)
        return super().count(sub, start, end)

    def find(self, sub, start=0, end=sys.maxsize):
        found = super().find(sub, start, end)
        self.reaches((min(end, len(self)) if found < 0 else found) - start)
        return found

    def rfind(self, sub, start=0, end=sys.maxsize):
        found = super().rfind(sub, start, end)
        self.reaches(min(end, len(self)) - max(found, start))
        return found


def _goes_over_all(method):
    @functools.wraps(method)
    def counted(self, *args):
        self.reaches(len(self))
        result = method(self, *args)
        return [self.part(part) for part in result] if isinstance(result, list) else self.part(result)

    return counted


for _name in ("lower", "lstrip", "replace", "rstrip", "split", "splitlines", "strip"):
    setattr(Text, _name, _goes_over_all(getattr(str, _name)))


def work(read, errors, text):
    """Return the number of calls that reading a text takes, and of characters that they go over."""
    tally = [0]
    text = Text(text, tally)

    def count(_frame, event, _argument):
        tally[0] += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        with contextlib.suppress(*errors):
            read(text)
    finally:
        sys.setprofile(before)
    return tally[0]


def growth(read, errors, head, piece):
    """Return how much more work a text takes that is STEP times as long. ``%d`` in the piece is another number."""
    texts = [
        head + "".join(piece.replace("%d", str(at)) for at in range(length // len(piece)))
        for length in (LENGTH, STEP * LENGTH)
    ]
    return work(read, errors, texts[1]) / work(read, errors, texts[0])


# -- readers ---------------------------------------------------------------------------------------------------------


def _options(text, *, shell):
    (options_text.read_as_shell if shell else options_text.read_as_systemd)(text)
    options_text.assignments(text, "A", shell=shell)


def _edit(text, *, shell):
    options_editor.put_flag(text, "A", FLAG, ["b"], shell=shell)


def _unit(text):
    for setting in unit_text.in_effect("Environment", [("a.service", text)]):
        unit_text.on_one_line(setting.value)


_ASSIGNMENTS = ("A=b\n", "A%d=b\n", "A=\\\n", "A='b", "A='b'", "# %d\n", "A=b ", " ", "\n", "#", "\\", "'", '"', "A")
READERS = {
    # name: (function, errors, head, pieces)
    "JSON": (
        json_reader.parse,
        (json_reader.JsonTextError,),
        "{",
        ('"%d": 1,', '"%d": "a",\n', '"%d": [1, 2],', '"%d": {"a": null},', " ", "\n", '"\\n', "a", "[", "1"),
    ),
    "a JSON list": (
        json_reader.parse,
        (json_reader.JsonTextError,),
        '{"a": [',
        ("1,", "[],\n", "{},", '"a", ', "true,\n", "1.5e9,"),
    ),
    "TOML": (
        toml_reader.parse,
        (toml_reader.TomlTextError,),
        "",
        ("a%d = 1\n", "[a%d]\n", "[[a]]\n", "a.b%d = 'c'\n", "# a\n", "\n", " ", "\r\n", "a", "[", "a."),
    ),
    "a TOML list": (
        toml_reader.parse,
        (toml_reader.TomlTextError,),
        "a = [",
        ("1,", "[],\n", "{},", '"a", ', "true,\n", "# a\n", "1979-05-27,", "{a = 1},"),
    ),
    "a TOML string": (
        toml_reader.parse,
        (toml_reader.TomlTextError,),
        'a = """',
        ("a", '""', "\\n", "\n", "\\ \n", "\\u00e9", "'"),
    ),
    "a unit": (
        _unit,
        (),
        "[Service]\n",
        (
            "Environment=A%d=b\n", "Environment=\n", "Environment=a \\\n", "a \\\n", "; a\n", "\\\n", "[Service]\n",
            "\n", " ", "\\", "a", "=",
        ),
    ),
    "options of a shell": (
        functools.partial(_options, shell=True), (), "", (*_ASSIGNMENTS, "A=$B\n", "export A\n", "(", "`", "$(")
    ),
    "options of systemd": (functools.partial(_options, shell=False), (), "", _ASSIGNMENTS),
    "edited options of a shell": (
        functools.partial(_edit, shell=True),
        (options_editor.OptionsTextError,),
        "",
        (*_ASSIGNMENTS, f"A={FLAG}=c\n", f"B%d={FLAG}=c\n"),
    ),
    "edited options of systemd": (
        functools.partial(_edit, shell=False),
        (options_editor.OptionsTextError,),
        "",
        (*_ASSIGNMENTS, f"A={FLAG}=c\n"),
    ),
    "flags": (functools.partial(flag_text.put, name=FLAG, values=["b"]), (), "", ("c ", "\\\n", " ", FLAG)),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "piece"), [(name, piece) for name, (*_reader, pieces) in READERS.items() for piece in pieces]
)
def test_work_grows_with_the_length(name, piece):
    read, errors, head, _pieces = READERS[name]
    assert growth(read, errors, head, piece) < GROWTH


# -- the proof that the count can fail -------------------------------------------------------------------------------


def _each(text, step):
    for at in range(0, len(text), 64):
        step(text, at)


SLOW = {
    "a slice to the end": lambda text, at: text[at:],
    "a slice from the start": lambda text, at: text[:at],
    "a count from the start": lambda text, at: text.count("\n", 0, at),
    "a search to the end": lambda text, at: text.find("\0", at),
    "a search back to the start": lambda text, at: text.rfind("\0", 0, at),
    "all lines": lambda text, at: text.split("\n"),
    "a copy": lambda text, at: text.replace("a", "b"),
    "a loop": lambda text, at: list(text),
    "a part of a part": lambda text, at: text[:][at:],
    "a call for each earlier step": lambda text, at: [len(text) for _earlier in range(at)],
}


@pytest.mark.parametrize("step", SLOW.values(), ids=SLOW)
def test_slow_steps_are_found(step):
    assert growth(functools.partial(_each, step=step), (), "", "a\n") > 2 * GROWTH


def test_quick_steps_are_not_found():
    assert growth(functools.partial(_each, step=lambda text, at: text[at : at + 8].find("\n")), (), "", "a\n") < GROWTH
