# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Edit members of a JSON text: what is set, what stays, and what is refused."""

from __future__ import annotations

import json

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_reader, json_text

KEY = ["registry-mirrors"]
A, B = "https://a.example", "https://b.example"

SET = {
    # name: (text before, list, text after)
    "blank": ("", [A], '{\n  "registry-mirrors": [\n    "https://a.example"\n  ]\n}\n'),
    "only a byte order mark": ("\ufeff", [A], '\ufeff{\n  "registry-mirrors": [\n    "https://a.example"\n  ]\n}\n'),
    "empty object": ("{}", [A], '{"registry-mirrors": ["https://a.example"]}'),
    "empty object in a line": ("{}\n", [A], '{"registry-mirrors": ["https://a.example"]}\n'),
    "spaces in an empty object": ("{ }", [A], '{ "registry-mirrors": ["https://a.example"] }'),
    "empty object, CRLF": ("{\r\n}", [A], '{\r\n  "registry-mirrors": [\r\n    "https://a.example"\r\n  ]\r\n}'),
    "one line": ('{"debug":true}', [A], '{"debug":true,"registry-mirrors":["https://a.example"]}'),
    "tabs": (
        '{\n\t"debug": true\n}\n',
        [A],
        '{\n\t"debug": true,\n\t"registry-mirrors": [\n\t\t"https://a.example"\n\t]\n}\n',
    ),
    "CRLF, no final newline": (
        '{\r\n  "debug": true\r\n}',
        [A],
        '{\r\n  "debug": true,\r\n  "registry-mirrors": [\r\n    "https://a.example"\r\n  ]\r\n}',
    ),
    "the list of another key is in one line": (
        '{\n  "hosts": ["fd://"]\n}\n',
        [A],
        '{\n  "hosts": ["fd://"],\n  "registry-mirrors": ["https://a.example"]\n}\n',
    ),
    "the list of another key is on lines, in an object in one line": (
        '{\n  "o": {"hosts": [\n    "fd://"]}\n}\n',
        [A],
        '{\n  "o": {"hosts": [\n    "fd://"]},\n  "registry-mirrors": [\n    "https://a.example"\n  ]\n}\n',
    ),
    "the first list that has elements counts": (
        '{\n  "dns": [],\n  "hosts": ["fd://"],\n  "labels": [\n    "x"\n  ]\n}',
        [A],
        '{\n  "dns": [],\n  "hosts": ["fd://"],\n  "labels": [\n    "x"\n  ],\n'
        '  "registry-mirrors": ["https://a.example"]\n}',
    ),
    "blank lines before keys": (
        '{\n\n  "debug": true\n}',
        [A],
        '{\n\n  "debug": true,\n  "registry-mirrors": [\n    "https://a.example"\n  ]\n}',
    ),
    "several members in one line": (
        '{"o": {"x": 1,"y": 2}, "l": ["a,b"],   "debug": true}',
        [A],
        '{"o": {"x": 1,"y": 2}, "l": ["a,b"],   "debug": true,   "registry-mirrors": ["https://a.example"]}',
    ),
    "last member in a line of its own": (
        '{"a": 1,\n "debug": true}',
        [A],
        '{"a": 1,\n "debug": true,\n "registry-mirrors": [\n   "https://a.example"\n ]}',
    ),
    "value in the line after its key": (
        '{"debug":\n  true}',
        [A],
        '{"debug":\n  true, "registry-mirrors": ["https://a.example"]}',
    ),
    "tab after the colon": ('{"debug":\ttrue}', [A], '{"debug":\ttrue, "registry-mirrors":\t["https://a.example"]}'),
    "spaces before the colon": (
        '{"debug" : true}',
        [A],
        '{"debug" : true, "registry-mirrors" : ["https://a.example"]}',
    ),
    "spelling of those that stay": (
        '{"registry-mirrors": ["https:\\/\\/a.example"]}',
        [A, B],
        '{"registry-mirrors": ["https:\\/\\/a.example", "https://b.example"]}',
    ),
    "key with an escape": ('{"registry\\u002dmirrors": []}', [A], '{"registry\\u002dmirrors": ["https://a.example"]}'),
    "null becomes a list": ('{"registry-mirrors": null}', [A], '{"registry-mirrors": ["https://a.example"]}'),
    "a number that no float holds": (
        '{"n": 1234567890123456789012345678901234567890.10, "registry-mirrors": ["x"]}',
        [],
        '{"n": 1234567890123456789012345678901234567890.10, "registry-mirrors": []}',
    ),
    "byte order mark": (
        '\ufeff{"debug": true}',
        [A],
        '\ufeff{"debug": true, "registry-mirrors": ["https://a.example"]}',
    ),
    "layout of a list that is there": (
        '{\n "registry-mirrors": [\n      "https://a.example"\n ]\n}',
        [A, B],
        '{\n "registry-mirrors": [\n      "https://a.example",\n      "https://b.example"\n ]\n}',
    ),
}


OVER = {
    # name: (list before, list, list after), for one list over another
    "each stays as it is spelled": (
        '["https:\\/\\/a.example", "https://a.example"]',
        [A, A, B],
        '["https:\\/\\/a.example", "https://a.example", "https://b.example"]',
    ),
    "spelling of one that moves": ('["x","https:\\/\\/a.example"]', [A, "x"], '["https:\\/\\/a.example","x"]'),
    "each separator before those that stay": (
        '["x" , "y",  "z"]',
        ["x", "y", "z", A],
        '["x" , "y",  "z",  "https://a.example"]',
    ),
    "the last separator before the others": ('["x" , "y",  "z"]', ["x", A, "z"], '["x",  "https://a.example",  "z"]'),
    "blanks inside the brackets": ('[ "x" ]', ["x", A], '[ "x", "https://a.example" ]'),
    "first of two goes": ('["x", "y"]', ["y"], '["y"]'),
    "none is left": ('[ "x" ]', [], "[]"),
}


@pytest.mark.parametrize(("before", "value", "after"), OVER.values(), ids=OVER)
def test_a_list_over_a_list(before, value, after):
    assert json_text.set_member(f'{{"registry-mirrors": {before}}}', KEY, value) == f'{{"registry-mirrors": {after}}}'


@pytest.mark.parametrize(("before", "value", "after"), SET.values(), ids=SET)
def test_set(before, value, after):
    assert json_text.set_member(before, KEY, value) == after
    assert json.loads(after.lstrip("\ufeff"))["registry-mirrors"] == value
    assert json_text.set_member(after, KEY, value) == after, "a second run changes nothing"


@pytest.mark.parametrize(
    "before",
    [
        before
        for before, _value, _after in SET.values()
        if "{" in before and "mirrors" not in before and "u002d" not in before
    ],
)
def test_remove_undoes_set_to_the_byte(before):
    assert json_text.remove_member(json_text.set_member(before, KEY, [A, B]), KEY) == before


REMOVED = {
    "first": ('{"registry-mirrors": [], "debug": true}', '{"debug": true}'),
    "middle": ('{\n "a": 1,\n "registry-mirrors": [],\n "b": 2\n}', '{\n "a": 1,\n "b": 2\n}'),
    "last": ('{\n "a": 1,\n "registry-mirrors": []\n}\n', '{\n "a": 1\n}\n'),
    "last of three": ('{"a": [1, 2], "b": {"c": 1}, "registry-mirrors": []}', '{"a": [1, 2], "b": {"c": 1}}'),
    "only one": ('{ "registry-mirrors": [] }', "{ }"),
    "an object": ('{"registry-mirrors": {"a": 1}, "debug": true}', '{"debug": true}'),
    "not there": ('{ "a" : 1 }', '{ "a" : 1 }'),
    "blank": (" \n", " \n"),
}


@pytest.mark.parametrize(("before", "after"), REMOVED.values(), ids=REMOVED)
def test_remove(before, after):
    assert json_text.remove_member(before, KEY) == after


BELOW = {
    # name: (text before, path, value, text after)
    "in one line": ('{"log-opts": {"a": "1"}}', ("log-opts", "b"), "2", '{"log-opts": {"a": "1", "b": "2"}}'),
    "not the first object": (
        '{"x": {}, "log-opts": {"a": "1"}}',
        ("log-opts", "a"),
        "2",
        '{"x": {}, "log-opts": {"a": "2"}}',
    ),
    "objects on the way are added": ("{}", ("a", "b", "c"), "2", '{"a": {"b": {"c": "2"}}}'),
    "objects on the way are added, on lines": (
        '{\n "debug": true\n}',
        ("a", "b", "c"),
        "2",
        '{\n "debug": true,\n "a": {\n  "b": {\n   "c": "2"\n  }\n }\n}',
    ),
    "over a value on lines": (
        '{\n  "debug": true,\n  "log-opts": {\n    "b": null\n  }\n}',
        ("log-opts", "b"),
        {"c": "2"},
        '{\n  "debug": true,\n  "log-opts": {\n    "b": {\n      "c": "2"\n    }\n  }\n}',
    ),
    "an empty object on lines": (
        '{\n "log-opts": {\n }\n}',
        ("log-opts", "b"),
        "2",
        '{\n "log-opts": {\n  "b": "2"\n }\n}',
    ),
    "an object in one line of a text on lines": (
        '{\n  "log-opts": {"a": "1"}\n}',
        ("log-opts", "b"),
        {"c": ["2"]},
        '{\n  "log-opts": {"a": "1", "b": {"c": ["2"]}}\n}',
    ),
    "an object on lines in one line": (
        '{"log-opts": {\n  "a": "1"}}',
        ("log-opts", "b"),
        {"c": ["2", "3"]},
        '{"log-opts": {\n  "a": "1",\n  "b": {\n    "c": [\n      "2",\n      "3"\n    ]\n  }}}',
    ),
}


@pytest.mark.parametrize(("before", "path", "value", "after"), BELOW.values(), ids=BELOW)
def test_set_below_an_object(before, path, value, after):
    assert json_text.set_member(before, path, value) == after
    assert json_reader.parse(after).find(*path).value == value


def test_nothing_is_set_below_a_value_that_is_not_an_object():
    with pytest.raises(json_reader.JsonTextError) as refused:
        json_text.set_member('{"log-opts": 1}', ["log-opts", "b"], "2")
    assert str(refused.value) == 'line 1, column 14: "log-opts" is not an object'


def test_remove_below_an_object():
    text = '{"debug": true, "o": {"p": {"a": 1, "b": 2}, "a": 3}}'
    assert json_text.remove_member(text, ["o", "p", "a"]) == '{"debug": true, "o": {"p": {"b": 2}, "a": 3}}'
    assert json_text.remove_member(text, ["o", "a", "x"]) == text
    assert json_text.remove_member(text, ["x", "a"]) == text


VALUES = {
    # name: (value, how it is written in one line, how on lines)
    "null": (None, "null", "null"),
    "false": (False, "false", "false"),
    "number": (json_reader.Number("1.50"), "1.50", "1.50"),
    "text beyond ASCII": ('g\u00fcn"', '"g\u00fcn\\""', '"g\u00fcn\\""'),
    "empty object": ({}, "{}", "{}"),
    "empty list": ([], "[]", "[]"),
    "object": ({"\u00fc": "1", "b": True}, '{"\u00fc": "1", "b": true}', '{\n    "\u00fc": "1",\n    "b": true\n  }'),
    "lists in an object": (
        {"a": ["1", "2"], "b": {"c": []}},
        '{"a": ["1", "2"], "b": {"c": []}}',
        '{\n    "a": [\n      "1",\n      "2"\n    ],\n    "b": {\n      "c": []\n    }\n  }',
    ),
    "objects in a list": (
        [{"a": "1"}, ["2"]],
        '[{"a": "1"}, ["2"]]',
        '[\n    {\n      "a": "1"\n    },\n    [\n      "2"\n    ]\n  ]',
    ),
}


@pytest.mark.parametrize(("value", "in_one_line", "on_lines"), VALUES.values(), ids=VALUES)
@pytest.mark.parametrize(
    "old", ["1", "[]", '{"x": {"y": 1}}', '[ 1,\n{"x": [2]} ]'], ids=["number", "list", "object", "list of objects"]
)
def test_values_as_they_are_written(value, in_one_line, on_lines, old):
    assert json_text.set_member('{"debug": true}', ["k"], value) == f'{{"debug": true, "k": {in_one_line}}}'
    assert json_text.set_member('{\n  "debug": true\n}', ["k"], value) == f'{{\n  "debug": true,\n  "k": {on_lines}\n}}'
    if not (isinstance(value, list) and "1," in old):
        assert json_text.set_member(f'{{"k": {old}}}', ["k"], value) == f'{{"k": {in_one_line}}}'
        changed = json_text.set_member(f'{{\n  "k": {old}\n}}', ["k"], value)
        assert changed == f'{{\n  "k": {on_lines}\n}}'
        assert json_reader.is_same(json_reader.parse(changed).root.value, {"k": value})


def test_an_object_is_on_lines_where_lists_are_not():
    before = '{\n  "hosts": ["fd://"]\n}'
    assert (
        json_text.set_member(before, ["k"], {"a": ["1"]})
        == '{\n  "hosts": ["fd://"],\n  "k": {\n    "a": ["1"]\n  }\n}'
    )


def test_an_object_is_added_to_a_list_on_lines():
    before = '{\n  "pools": [\n\n    {\n      "base": "x"\n    }\n  ]\n}'
    after = before[:-6] + ',\n\n    {\n      "base": "y"\n    }\n  ]\n}'
    assert json_text.set_member(before, ["pools"], [{"base": "x"}, {"base": "y"}]) == after


WRONG = {
    # name: what an edit of {"a": 1, "o": {"b": 2}} that sets o.c to "3" could wrongly come to
    "nothing was set": '{"a": 1, "o": {"b": 2}}',
    "another value": '{"a": 1, "o": {"b": 2, "c": "4"}}',
    "a number": '{"a": 1, "o": {"b": 2, "c": 3}}',
    "a sibling is lost": '{"a": 1, "o": {"c": "3"}}',
    "a sibling is spelled in another way": '{"a": 1, "o": {"b": 2.0, "c": "3"}}',
    "a member above is lost": '{"o": {"b": 2, "c": "3"}}',
    "a member is added": '{"a": 1, "o": {"b": 2, "c": "3"}, "d": 4}',
    "more text after the object": '{"a": 1, "o": {"b": 2, "c": "3"}}\n',
    "more text before the object": ' {"a": 1, "o": {"b": 2, "c": "3"}}',
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_edit_is_refused(monkeypatch, wrong):
    monkeypatch.setattr(json_text, "_insert", lambda *_: wrong)
    with pytest.raises(json_reader.JsonTextError) as refused:
        json_text.set_member('{"a": 1, "o": {"b": 2}}', ["o", "c"], "3")
    assert str(refused.value) == "line 1, column 1: this text cannot be edited safely; edit it by hand"
    assert (refused.value.line, refused.value.column) == (1, 1)
