# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read and edit any TOML text, with Python's own reader as witness."""

from __future__ import annotations

import contextlib
import tomllib

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.pullthrough.docker.plugins.module_utils._text import toml_reader
from ansible_collections.pullthrough.docker.tests.properties.readers import quickly
from ansible_collections.pullthrough.docker.tests.properties.texts import LONG_TEXTS
from ansible_collections.pullthrough.docker.tests.properties.toml_texts import TOML_TEXTS


def witness(text):
    """Return the value of a text by Python's own reader, None where it refuses the text.

    It has no limit for integers. TOML has one, and other readers refuse larger integers.
    """
    try:
        value = tomllib.loads(text)
    except ValueError:
        return None
    return None if has_large_integer(value) else value


def has_large_integer(value):
    if isinstance(value, dict):
        return any(map(has_large_integer, value.values()))
    if isinstance(value, list):
        return any(map(has_large_integer, value))
    return isinstance(value, int) and not -(2**63) <= value < 2**63


@given(TOML_TEXTS)
@example("[a.b]\nc = 1\n[a]\nb.d = 2")
@example("a = {b.c = 1, b.d = 2}\n[e]\na.b = 1")
def test_value_and_refusal_are_those_of_python(text):
    wanted = witness(text)
    if wanted is None:
        with pytest.raises(toml_reader.TomlTextError) as error:
            toml_reader.parse(text)
        lines = text.split("\n")
        assert 1 <= error.value.column <= len(lines[error.value.line - 1]) + 1
    else:
        # The text of a value tells 1 from true and from 1.0, and compares nan.
        assert repr(toml_reader.parse(text).root.value) == repr(wanted)


@given(TOML_TEXTS)
def test_positions_are_those_of_the_text(text):
    with contextlib.suppress(toml_reader.TomlTextError):
        document = toml_reader.parse(text)
        for header in document.headers:
            brackets = "[[" if header.is_array else "["
            assert text[header.start : header.end].startswith(brackets) and text[header.end - 1] == "]"
            assert document.line(header.start) == text[: header.start].count("\n") + 1
        for member in members_of(document.root):
            key = text[member.key.start : member.key.end]
            assert tomllib.loads(f"{key} = 1") == {member.key.name: 1}
            node = member.node
            if node.kind in (toml_reader.Kind.SCALAR, toml_reader.Kind.ARRAY, toml_reader.Kind.INLINE):
                value = tomllib.loads(f"x = {text[node.start : node.end]}")["x"]
                assert repr(value) == repr(node.value)


def members_of(node):
    """Yield all members of a value, with those of the values in it."""
    for member in node.members.values():
        yield member
        yield from members_of(member.node)
    for element in node.elements:
        yield from members_of(element)


@given(LONG_TEXTS | st.text(max_size=40))
def test_any_text_ends_quickly(text):
    with quickly(), contextlib.suppress(toml_reader.TomlTextError):
        toml_reader.parse(text)
        toml_reader.parse(f"a = {text}")
