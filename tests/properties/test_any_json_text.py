# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Edit and read any JSON text."""

from __future__ import annotations

import itertools
import re

import pytest

from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_reader, json_text
from ansible_collections.pullthrough.docker.tests.properties.readers import as_read, members, read_json, value_text
from ansible_collections.pullthrough.docker.tests.properties.texts import (
    DAMAGED_JSON_TEXTS,
    JSON_TEXTS,
    MIRRORS,
    VALUES,
    paths,
)


def found(value, path):
    """Return the value at a path, or None."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def holds(value, path):
    parent = found(value, path[:-1])
    return isinstance(parent, dict) and path[-1] in parent


def texts_along(text, path):
    """Return the text of each value that exists on a path, from the root to its end."""
    there = [text]
    for key in path:
        member = dict(members(there[-1])).get(key) if there[-1].lstrip("\ufeff \t\r\n").startswith("{") else None
        if member is None:
            break
        there.append(value_text(member))
    return there


def is_settable(text, path):
    """Return whether each value that exists before the end of the path is an object."""
    value = read_json(text)
    return all(
        isinstance(found(value, path[:length]), dict) or not holds(value, path[:length])
        for length in range(1, len(path))
    )


def stays(before, after, changed):
    """Return whether a text keeps all its characters at both ends, except as many as may have changed."""
    start = _same(before, after)
    return start + _same(before[start:][::-1], after[start:][::-1]) >= len(before) - changed


def _same(one, other):
    """Return how many characters two texts have in common at their start."""
    return len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other))))


@st.composite
def changes(draw):
    """Draw a text, a path in it, and a value to set there."""
    text = draw(JSON_TEXTS)
    path = draw(paths(text))
    assume(is_settable(text, path))
    return text, path, draw(VALUES)


@given(changes())
def test_setting_changes_only_the_value_at_the_path(change):
    text, path, value = change
    wanted = read_json(text)
    node = wanted
    for key in path[:-1]:
        node = node.setdefault(key, as_read({}))
    node[path[-1]] = as_read(value)
    assert read_json(json_text.set_member(text, path, value)) == wanted


@given(changes())
def test_removing_changes_only_the_value_at_the_path(change):
    text, path, _value = change
    wanted = read_json(text)
    if holds(wanted, path):
        del found(wanted, path[:-1])[path[-1]]
    assert read_json(json_text.remove_member(text, path)) == wanted


@given(changes())
def test_setting_keeps_every_character_outside(change):
    text, path, value = change
    assume(text.strip("\ufeff \t\r\n"))
    texts = texts_along(text, path)
    assert stays(text, json_text.set_member(text, path, value), len(texts[-1]) if len(texts) > len(path) else 0)


def paths_of(value, path=()):
    """Return the paths of all members."""
    return [
        longer
        for key, inner in (value.items() if isinstance(value, dict) else ())
        for longer in [(*path, key), *paths_of(inner, (*path, key))]
    ]


@given(JSON_TEXTS, st.data())
def test_removing_takes_only_the_member(text, data):
    known = paths_of(read_json(text))
    assume(known)
    path = data.draw(st.sampled_from(known))
    after = json_text.remove_member(text, path)
    member = dict(members(texts_along(text, path)[len(path) - 1]))[path[-1]]
    size = len(text) - len(after)
    slices = [
        text[start : start + size] for start in range(len(after) + 1) if text[:start] + text[start + size :] == after
    ]
    assert any(gone.startswith(member) or gone.endswith(member) for gone in slices)
    assert any(not gone.replace(member, "", 1).strip(", \t\r\n") for gone in slices)


@given(changes())
def test_setting_twice_equals_once(change):
    text, path, value = change
    once = json_text.set_member(text, path, value)
    assert json_text.set_member(once, path, value) == once


@given(changes())
def test_removing_twice_equals_once(change):
    text, path, _value = change
    once = json_text.remove_member(text, path)
    assert json_text.remove_member(once, path) == once


@given(changes())
def test_removing_a_set_member_restores_the_text(change):
    text, path, value = change
    assume(text.strip("\ufeff \t\r\n"))
    there = len(texts_along(text, path)) - 1
    assume(there < len(path))
    assert json_text.remove_member(json_text.set_member(text, path, value), path[: there + 1]) == text


def is_plain(value):
    """Return whether a value is neither an object nor a list, and has only one likely spelling."""
    return isinstance(value, (tuple, bool, type(None))) or (isinstance(value, str) and value.isalnum())


@given(JSON_TEXTS, VALUES, st.data())
def test_setting_a_plain_value_back_restores_the_text(text, value, data):
    known = [path for path in paths_of(read_json(text)) if is_plain(found(read_json(text), path))]
    assume(known)
    path = data.draw(st.sampled_from(known))
    old = found(read_json(text), path)
    if isinstance(old, str):
        assume(texts_along(text, path)[-1] == f'"{old}"')
    old = json_reader.Number(*old) if isinstance(old, tuple) else old
    assert json_text.set_member(json_text.set_member(text, path, value), path, old) == text


@given(JSON_TEXTS, st.data())
def test_removing_added_elements_restores_the_text(text, data):
    value = read_json(text)
    lists = [key for key, listed in value.items() if isinstance(listed, list) and listed]
    assume(lists)
    key = data.draw(st.sampled_from(lists))
    listed = json_reader.parse(text).find(key).value
    longer = [*listed, *data.draw(st.lists(st.sampled_from(MIRRORS), min_size=1, max_size=2))]
    assert json_text.set_member(json_text.set_member(text, [key], longer), [key], listed) == text


@given(changes())
def test_new_lines_are_those_of_the_text(change):
    text, path, value = change
    assume(text.strip("\ufeff \t\r\n"))
    after = json_text.set_member(text, path, value)
    if "\n" not in text:
        assert "\n" not in after
    if "\r\n" in text and not re.search(r"(?<!\r)\n", text):
        assert not re.search(r"(?<!\r)\n", after)


@given(DAMAGED_JSON_TEXTS)
def test_text_that_readers_understand_differently_is_refused(text):
    try:
        wanted = read_json(text)
    except (ValueError, RecursionError):
        wanted = None
    if not isinstance(wanted, dict) or _is_beyond(wanted):
        with pytest.raises(json_reader.JsonTextError):
            json_reader.parse(text)
    else:
        assert as_read(json_reader.parse(text).root.value) == wanted


def _is_beyond(value, depth=0):
    """Return whether only some readers accept a value: too many levels, or half of a surrogate pair in a key."""
    if isinstance(value, dict):
        return depth > json_reader.DEPTH_LIMIT or any(
            re.search("[\ud800-\udfff]", key) or _is_beyond(inner, depth + 1) for key, inner in value.items()
        )
    return isinstance(value, list) and (
        depth > json_reader.DEPTH_LIMIT or any(_is_beyond(inner, depth + 1) for inner in value)
    )
