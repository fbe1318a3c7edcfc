# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find and edit flags among plain words."""

from __future__ import annotations

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._text import flag_text

NAME = "--m"

FOUND = [
    # text, flags
    ("", []),
    ("d --x", []),
    ("d --m=a --m b --m= --mm=c", [(2, 7, "a"), (8, 13, "b"), (14, 18, "")]),
    ("d --m \\\n  a", [(2, 11, "a")]),
    ("d --m", [(2, 5, "")]),
]


@pytest.mark.parametrize(("text", "flags"), FOUND)
def test_find(text, flags):
    assert flag_text.find(text, NAME) == flags


PUTS = [
    # text, values, text after
    ("", ["a"], "--m=a"),
    ("", [], ""),
    (" ", ["a"], "--m=a "),
    ("--x 1", ["a", "b"], "--x 1 --m=a --m=b"),
    ("--x 1 ", ["a"], "--x 1 --m=a "),
    ("--m=a --x", ["a"], "--m=a --x"),
    ("a\n--m=a", [], "a"),
    ("a \\\r\n--m=a", [], "a"),
    ("--m a --x", ["a", "b"], "--m a --m=b --x"),
    ("--m=a --m=b --x", ["b"], "--m=b --x"),
    ("--x --m=a", [], "--x"),
    ("--m=a", [], ""),
    ("--m=a --x", [], "--x"),
    ("--x --m a --y", [], "--x --y"),
    ("--m=a --m=b", ["b", "a"], "--m=b --m=a"),
    ("--m=a --m=a", ["a"], "--m=a"),
    ("--m=a --x --m=c --y", ["a", "b"], "--m=a --m=b --x --y"),
    ("--m=c --m=a --m=d --m e --x", ["a", "b"], "--m=a --m=b --x"),
    ("--mm=a --x-m=b", [], "--mm=a --x-m=b"),
    ("d \\\n  --m=a \\\n  --x", [], "d \\\n  --x"),
    ("d \\\n  --x", ["a"], "d \\\n  --x --m=a"),
    ("d --m", [], "d"),
]


@pytest.mark.parametrize(("text", "values", "after"), PUTS)
def test_put(text, values, after):
    assert flag_text.put(text, NAME, values) == after
    assert [flag.value for flag in flag_text.find(after, NAME)] == values


@pytest.mark.parametrize("text", ["", "d", "d --x 1", "d --x ", "d \\\n --x", " d"])
def test_removing_added_flags_restores_the_text_to_the_byte(text):
    added = flag_text.put(text, NAME, ["a", "b"])
    assert added != text and flag_text.put(added, NAME, []) == text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("--a=b --c d", True),
        ("https://a.example:5000/x_y-z,~", False),
        ("https://a.example:5000/x_y-z,+%@^[::1]", True),
        ("a \\\n b", True),
        *((f"a{character}b", False) for character in "\"'\\$`;|&<>*?(){}!#"),
        ("ä", False),
    ],
)
def test_plain_words(text, plain):
    assert flag_text.is_plain(text) is plain
