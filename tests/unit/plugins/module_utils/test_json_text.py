# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON edited as text: what is set, what stays, and what is refused where."""

from __future__ import annotations

import json

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils import _json_text

KEY = ["registry-mirrors"]
A, B = "https://a.example", "https://b.example"

SET = {
    # name: (text before, list, text after)
    "blank": ("", [A], '{\n  "registry-mirrors": [\n    "https://a.example"\n  ]\n}\n'),
    "empty object": ("{}", [A], '{"registry-mirrors": ["https://a.example"]}'),
    "one line": ('{"debug":true}', [A], '{"debug":true,"registry-mirrors":["https://a.example"]}'),
    "tabs": ('{\n\t"debug": true\n}\n', [A], '{\n\t"debug": true,\n\t"registry-mirrors": [\n\t\t"https://a.example"\n\t]\n}\n'),
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
    "spaces before the colon": ('{"debug" : true}', [A], '{"debug" : true, "registry-mirrors" : ["https://a.example"]}'),
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
    "byte order mark": ('\ufeff{"debug": true}', [A], '\ufeff{"debug": true, "registry-mirrors": ["https://a.example"]}'),
    "layout of a list that is there": (
        '{\n "registry-mirrors": [\n      "https://a.example"\n ]\n}',
        [A, B],
        '{\n "registry-mirrors": [\n      "https://a.example",\n      "https://b.example"\n ]\n}',
    ),
}


@pytest.mark.parametrize(("before", "value", "after"), SET.values(), ids=SET)
def test_set(before, value, after):
    assert _json_text.set_member(before, KEY, value) == after
    assert json.loads(after.lstrip("\ufeff"))["registry-mirrors"] == value
    assert _json_text.set_member(after, KEY, value) == after, "a second run changes nothing"


@pytest.mark.parametrize("before", [before for name, (before, _value, _after) in SET.items() if before and "mirrors" not in before and "u002d" not in before])
def test_remove_undoes_set_to_the_byte(before):
    assert _json_text.remove_member(_json_text.set_member(before, KEY, [A, B]), KEY) == before


REMOVED = {
    "first": ('{"registry-mirrors": [], "debug": true}', '{"debug": true}'),
    "middle": ('{\n "a": 1,\n "registry-mirrors": [],\n "b": 2\n}', '{\n "a": 1,\n "b": 2\n}'),
    "last": ('{\n "a": 1,\n "registry-mirrors": []\n}\n', '{\n "a": 1\n}\n'),
    "not there": ('{ "a" : 1 }', '{ "a" : 1 }'),
}


@pytest.mark.parametrize(("before", "after"), REMOVED.values(), ids=REMOVED)
def test_remove(before, after):
    assert _json_text.remove_member(before, KEY) == after


def test_set_below_an_object():
    assert _json_text.set_member('{"log-opts": {"a": "1"}}', ["log-opts", "b"], "2") == '{"log-opts": {"a": "1", "b": "2"}}'
    assert json.loads(_json_text.set_member("{}", ["log-opts", "b"], "2")) == {"log-opts": {"b": "2"}}
    with pytest.raises(_json_text.JsonTextError, match='line 1, column 14: "log-opts" is not an object'):
        _json_text.set_member('{"log-opts": 1}', ["log-opts", "b"], "2")


REFUSED = {
    # name: (text, line, column, a word of the message)
    "comment": ("{\n  // note\n}", 2, 3, "comment"),
    "comment, other kind": ("{ /* note */ }", 1, 3, "comment"),
    "comment, shell's": ("{\n# note\n}", 2, 1, "comment"),
    "trailing comma": ('{"a": 1,}', 1, 8, "comma"),
    "trailing comma in a list": ('{"a": [1,\n]}', 1, 9, "comma"),
    "missing comma": ('{"a": 1\n "b": 2}', 2, 2, ""),
    "duplicate key": ('{"a": 1,\n "a": 2}', 2, 2, "a"),
    "duplicate key by an escape": ('{"a": 1, "\\u0061": 2}', 1, 10, "a"),
    "duplicate key inside": ('{"o": {"a": 1, "a": 2}}', 1, 16, "a"),
    "not an object": ("[]", 1, 1, "object"),
    "a string": ('"x"', 1, 1, "object"),
    "NaN": ('{"a": NaN}', 1, 7, ""),
    "leading zero": ('{"a": 01}', 1, 7, ""),
    "single quotes": ("{'a': 1}", 1, 2, ""),
    "cut off": ('{"a": [1, 2', 1, 12, ""),
    "trailing garbage": ("{}\n}", 2, 1, "20.10"),
    "newline in a string": ('{"a": "x\ny"}', 1, 7, ""),
    "two objects": ("{} {}", 1, 4, ""),
}


@pytest.mark.parametrize(("text", "line", "column", "word"), REFUSED.values(), ids=REFUSED)
def test_refused_with_line_and_column(text, line, column, word):
    with pytest.raises(_json_text.JsonTextError) as refused:
        _json_text.parse(text)
    assert (refused.value.line, refused.value.column) == (line, column), str(refused.value)
    assert word in refused.value.message


def test_depth_is_limited():
    deep = _json_text.DEPTH_LIMIT
    _json_text.parse('{"a": ' * deep + "1" + "}" * deep)
    with pytest.raises(_json_text.JsonTextError, match="within each other"):
        _json_text.parse('{"a": ' * 100_000 + "1" + "}" * 100_000)


@pytest.mark.parametrize(
    ("data", "position"), [(b'{"a": "\xff"}', (1, 8)), ("{}".encode("utf-16"), (1, 1)), ("{\n\u00fc\u00fc".encode() + b"\xc3", (2, 3))]
)
def test_text_that_is_not_utf_8(data, position):
    with pytest.raises(_json_text.JsonTextError) as refused:
        _json_text.decode(data)
    assert (refused.value.line, refused.value.column) == position


def test_secrets_are_masked_and_all_else_is_shown():
    text = '{"proxies": {"http-proxy": "http://me:hush@p.example"}, "log-opts": {"splunk-token": "hush", "tag": "x"}, "debug": true}'
    shown = _json_text.masked(text)
    assert "hush" not in shown and '"tag": "x"' in shown and '"debug": true' in shown and "p.example" in shown
    assert "hush" not in _json_text.masked('{"registry-mirrors": ["https://me:hush@a.example"], // broken')
