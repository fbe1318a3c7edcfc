# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read and edit any TOML text, with Python's own reader as witness."""

from __future__ import annotations

import contextlib

import pytest
import tomllib

from hypothesis import assume, example, given
from hypothesis import strategies as st

from ansible_collections.pullthrough.docker.plugins.module_utils._text import toml_reader, toml_text
from ansible_collections.pullthrough.docker.tests.properties.readers import quickly
from ansible_collections.pullthrough.docker.tests.properties.texts import LONG_TEXTS
from ansible_collections.pullthrough.docker.tests.properties.toml_texts import EDITABLE_TOML_TEXTS, TOML_TEXTS


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


# -- edits -----------------------------------------------------------------------------------------------------------

NEW = ["host", "https://new.example"]
TABLES = st.recursive(
    st.text(max_size=3) | st.booleans() | st.integers(-9, 9) | st.just([]),
    lambda inner: (
        st.dictionaries(st.sampled_from(["a", "b c", ""]), inner, max_size=2) | st.lists(inner, min_size=1, max_size=2)
    ),
    max_leaves=6,
)
VALUES = st.dictionaries(
    st.sampled_from(["a", "b c", "ca"]),
    st.recursive(
        st.text(max_size=3) | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
        max_leaves=3,
    ),
    max_size=2,
)


@given(st.dictionaries(st.text(max_size=3), TABLES, max_size=3))
@example({"a": {"b": {}}, "c": [{}], "d": [[{}]], "e": [{}, 1], "f": {"g": [{"h": [{}]}], "i": 1}})
def test_a_new_text_has_these_values(values):
    assert tomllib.loads(toml_text.new_text(values)) == values


@given(EDITABLE_TOML_TEXTS, VALUES, st.data())
def test_inserting_adds_the_table_and_removing_restores_the_text(text, values, data):
    wanted = witness(text)
    assume(wanted is not None)
    headers = [list(header.path) for header in toml_reader.parse(text).headers if not header.is_array]
    before = data.draw(st.sampled_from([None, *headers]))
    changed = toml_text.insert_table(text, NEW, values, before=before)
    wanted.setdefault("host", {})[NEW[1]] = values
    assert tomllib.loads(changed) == wanted
    if before:
        names = [list(header.path) for header in toml_reader.parse(changed).headers]
        assert names.index(NEW) + 1 == names.index(before)
    assert toml_text.remove_table(changed, NEW) == text


@given(TOML_TEXTS, st.data())
def test_removing_keeps_all_other_values(text, data):
    wanted = witness(text)
    assume(wanted)
    path = data.draw(st.sampled_from(list(paths_of(wanted))))
    try:
        changed = toml_text.remove_table(text, path)
    except toml_reader.TomlTextError:
        assert not all(is_header(text, path[: length + 1]) for length in range(len(path)))
        return
    found = tomllib.loads(changed)
    delete(wanted, path)
    delete(found, path)
    assert repr(without_empty(found)) == repr(without_empty(wanted))


@given(TOML_TEXTS, st.sampled_from(["a", "b", "server", "k0"]), st.text(max_size=4))
def test_setting_a_key_changes_only_its_value(text, name, value):
    wanted = witness(text)
    assume(wanted is not None)
    try:
        changed = toml_text.set_key(text, name, value)
    except toml_reader.TomlTextError:
        assert isinstance(wanted[name], (dict, list)), "only a table cannot be replaced"
        return
    assert repr(sorted({**wanted, name: value}.items())) == repr(sorted(tomllib.loads(changed).items()))
    assert toml_text.set_key(changed, name, value) == changed


def paths_of(table):
    for name, value in table.items():
        yield [name]
        if isinstance(value, dict):
            yield from ([name, *path] for path in paths_of(value))


def is_header(text, path):
    """Return whether a table is written only with headers."""
    return toml_reader.parse(text).find(*path).node.kind in (toml_reader.Kind.HEADER, toml_reader.Kind.NAMED)


def delete(table, path):
    for name in path[:-1]:
        table = table.get(name, {})
    table.pop(path[-1], None)


def without_empty(value):
    """Return a value without empty tables: the last table below a name takes the name with it."""
    if not isinstance(value, dict):
        return value
    inner = {name: without_empty(item) for name, item in value.items()}
    return {name: item for name, item in inner.items() if item != {}}
