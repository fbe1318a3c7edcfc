# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON edited as text: what is set, what stays, and what is refused where."""

from __future__ import annotations

import json

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_reader, json_text, masking

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
    "the list of another key is on lines, in an object in one line": (
        '{\n  "o": {"hosts": [\n    "fd://"]}\n}\n',
        [A],
        '{\n  "o": {"hosts": [\n    "fd://"]},\n  "registry-mirrors": [\n    "https://a.example"\n  ]\n}\n',
    ),
    "the first list that has elements counts": (
        '{\n  "dns": [],\n  "hosts": ["fd://"],\n  "labels": [\n    "x"\n  ]\n}',
        [A],
        '{\n  "dns": [],\n  "hosts": ["fd://"],\n  "labels": [\n    "x"\n  ],\n  "registry-mirrors": ["https://a.example"]\n}',
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


OVER = {
    # name: (list before, list, list after), for one list over another
    "each stays as it is spelled": (
        '["https:\\/\\/a.example", "https://a.example"]',
        [A, A, B],
        '["https:\\/\\/a.example", "https://a.example", "https://b.example"]',
    ),
    "spelling of one that moves": ('["x","https:\\/\\/a.example"]', [A, "x"], '["https:\\/\\/a.example","x"]'),
    "each separator before those that stay": ('["x" , "y",  "z"]', ["x", "y", "z", A], '["x" , "y",  "z",  "https://a.example"]'),
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


@pytest.mark.parametrize("before", [before for before, _value, _after in SET.values() if "{" in before and "mirrors" not in before and "u002d" not in before])
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
    "not the first object": ('{"x": {}, "log-opts": {"a": "1"}}', ("log-opts", "a"), "2", '{"x": {}, "log-opts": {"a": "2"}}'),
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
    "an empty object on lines": ('{\n "log-opts": {\n }\n}', ("log-opts", "b"), "2", '{\n "log-opts": {\n  "b": "2"\n }\n}'),
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


def test_nothing_is_set_below_what_is_no_object():
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
@pytest.mark.parametrize("old", ["1", "[]", '{"x": {"y": 1}}', '[ 1,\n{"x": [2]} ]'], ids=["number", "list", "object", "list of objects"])
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
    assert json_text.set_member(before, ["k"], {"a": ["1"]}) == '{\n  "hosts": ["fd://"],\n  "k": {\n    "a": ["1"]\n  }\n}'


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


SAME = {
    # name: (one, other, whether they are the same)
    "text": ("a", "a", True),
    "other text": ("a", "b", False),
    "true and 1": (True, 1, False),
    "number and text": (json_reader.Number("1"), "1", False),
    "numbers as they are written": (json_reader.Number("1.0"), json_reader.Number("1"), False),
    "order of keys": ({"a": "1", "b": "2"}, {"b": "2", "a": "1"}, True),
    "other keys": ({"a": "1"}, {"b": "1"}, False),
    "no keys": ({}, {"b": "1"}, False),
    "other value of a key": ({"a": "1"}, {"a": True}, False),
    "lists": (["1", ["2"]], ["1", ["2"]], True),
    "a longer list": (["1"], ["1", "2"], False),
    "order of a list": (["1", "2"], ["2", "1"], False),
}


@pytest.mark.parametrize(("one", "other", "same"), SAME.values(), ids=SAME)
def test_same(one, other, same):
    assert [json_reader.is_same(*pair) for pair in ((one, other), (other, one))] == [same, same]


def test_what_is_read_and_where_it_stands():
    text = '\ufeff{"t": true, "f": false,\n "n": [null, -1.5e+3, "\\ud83d\\ude00"],\n "o": {"\ud7ff": {}, "\ue000": []}}\n'
    document = json_reader.parse(text)
    number = json_reader.Number("-1.5e+3")
    assert document.root.value == {"t": True, "f": False, "n": [None, number, "\U0001f600"], "o": {"\ud7ff": {}, "\ue000": []}}
    assert document.bom and document.text == text
    shown = {key: text[member.key_start : member.key_end] + text[member.node.start : member.node.end] for key, member in document.root.members.items()}
    assert shown == {"t": '"t"true', "f": '"f"false', "n": '"n"[null, -1.5e+3, "\\ud83d\\ude00"]', "o": '"o"{"\ud7ff": {}, "\ue000": []}'}
    assert [text[element.start : element.end] for element in document.find("n").elements] == ["null", "-1.5e+3", '"\\ud83d\\ude00"']
    assert document.key_position("f") == (1, 14)
    assert document.key_position("o", "\ue000") == (3, 17)
    assert document.position(len(text)) == (4, 1)


@pytest.mark.parametrize("path", [("x",), ("a", "x"), ("x", "y", "z"), ("n", "0")], ids=".".join)
def test_a_path_that_is_not_there(path):
    assert json_reader.parse('{"a": {"b": 1}, "n": [1]}').find(*path) is None


@pytest.mark.parametrize("text", ["", " \t\r\n", "\ufeff", "\ufeff\n"], ids=["nothing", "white space", "mark", "mark and line"])
def test_a_blank_text_is_an_empty_object(text):
    document = json_reader.parse(text)
    assert document.root.value == {} and document.bom is text.startswith("\ufeff")
    assert json_text.remove_member(text, KEY) == text and masking.mask_json(text) == text


COMMENT = "comments are not JSON, and the engine refuses them"
COMMA = "a comma with nothing after it is not JSON, and the engine refuses it"
STRING = "the string that begins here does not end, or holds a line break, a control character or a wrong escape"
HALF = "the key holds half of a surrogate pair, which readers understand differently"
MORE = "there is more text after the end of the object; Docker Engine 20.10 passes over it, and 23.0 and later do not start"
NO_OBJECT = "the text is not an object, such as {}"

REFUSED = {
    # name: (text, line, column, message)
    "comment": ("{\n  // note\n}", 2, 3, COMMENT),
    "comment, other kind": ("{ /* note */ }", 1, 3, COMMENT),
    "comment, shell's": ("{\n# note\n}", 2, 1, COMMENT),
    "comment before the object": ("// note\n{}", 1, 1, COMMENT),
    "comment after the object": ("{}\n # note", 2, 2, COMMENT),
    "comment after the object, other kind": ("{}/* note */", 1, 3, COMMENT),
    "trailing comma": ('{"a": 1,}', 1, 8, COMMA),
    "trailing comma in a list": ('{"a": [1,\n]}', 1, 9, COMMA),
    "missing comma": ('{"a": 1\n "b": 2}', 2, 2, 'here stands "\\"" where "," or "}" is missing'),
    "missing comma in a list": ('{"a": [1 2]}', 1, 10, 'here stands a word where "," or "]" is missing'),
    "missing colon": ('{"a"\n1}', 2, 1, 'here stands a word where ":" after the key is missing'),
    "missing key": ("{a: 1}", 1, 2, 'here stands a word where a key in double quotes is missing'),
    "duplicate key": ('{"b": 1,\n "a": 1,\n "a": 2}', 3, 2, 'the key "a" is here for the second time (first in line 2); readers disagree on which counts'),
    "duplicate key by an escape": (
        '{"a": 1, "\\u0061": 2}',
        1,
        10,
        'the key "a" is here for the second time (first in line 1); readers disagree on which counts',
    ),
    "duplicate key inside": (
        '{"o": {"a": 1, "a": 2}}',
        1,
        16,
        'the key "a" is here for the second time (first in line 1); readers disagree on which counts',
    ),
    "first half of a pair in a key": ('{"\\ud800": 1}', 1, 2, HALF),
    "second half of a pair in a key": ('{"x\\udfff": 1}', 1, 2, HALF),
    "not an object": ("[]", 1, 1, NO_OBJECT),
    "a string": ('\n "x"', 2, 2, NO_OBJECT),
    "not an object, and more text": ("1 {}", 1, 1, NO_OBJECT),
    "as deep as it may be, and not an object": ("[" * 101 + "]" * 101, 1, 1, NO_OBJECT),
    "NaN": ('{"a": NaN}', 1, 7, 'here stands a word where a value is missing'),
    "part of a constant": ('{"a": tru}', 1, 7, 'here stands a word where a value is missing'),
    "leading zero": ('{"a": 01}', 1, 7, 'here stands a word where a value is missing'),
    "a long word": ('{"a": ' + "x" * 50 + "}", 1, 7, 'here stands a word where a value is missing'),
    "a word that is no text": ("X", 1, 1, 'here stands a word where a value is missing'),
    "white space that JSON does not know": ("\x0c", 1, 1, 'here stands "\\f" where a value is missing'),
    "single quotes": ("{'a': 1}", 1, 2, "JSON strings are in double quotes, not in single ones"),
    "single quotes for a value": ("{\"a\": 'x'}", 1, 7, "JSON strings are in double quotes, not in single ones"),
    "cut off": ('{"a": [1, 2', 1, 12, 'the text ends where "," or "]" is missing'),
    "cut off in front of a value": ('{"a":', 1, 6, "the text ends where a value is missing"),
    "trailing garbage": ("{}\n}", 2, 1, MORE),
    "a word after the object": ("{} X", 1, 4, MORE),
    "newline in a string": ('{"a": "x\ny"}', 1, 7, STRING),
    "a key that does not end": ('{"a', 1, 2, STRING),
    "two objects": ("{} {}", 1, 4, MORE),
}


@pytest.mark.parametrize(("text", "line", "column", "message"), REFUSED.values(), ids=REFUSED)
def test_refused_with_line_and_column(text, line, column, message):
    with pytest.raises(json_reader.JsonTextError) as refused:
        json_reader.parse(text)
    assert (refused.value.line, refused.value.column, refused.value.message) == (line, column, message)
    assert str(refused.value) == f"line {line}, column {column}: {message}"


@pytest.mark.parametrize(("opening", "closing", "columns"), [('{"a": ', "}", 6), ("[", "]", 1)], ids=["objects", "arrays"])
def test_depth_is_limited(opening, closing, columns):
    depth = json_reader.DEPTH_LIMIT - 1
    json_reader.parse('{"x": ' + opening * depth + "1" + closing * depth + "}")
    with pytest.raises(json_reader.JsonTextError) as refused:
        json_reader.parse('{"x": ' + opening * 100_000 + "1" + closing * 100_000 + "}")
    assert str(refused.value) == f"line 1, column {7 + columns * json_reader.DEPTH_LIMIT}: more than 100 objects and arrays within each other"


NO_UTF_8 = {
    # name: (bytes, line, column, what they are)
    "Latin 1": (b'{"a": "\xff"}', 1, 8, "not UTF-8"),
    "UTF-16, little endian": (b"\xff\xfe{\0}\0", 1, 1, "UTF-16"),
    "UTF-16, big endian": (b"\xfe\xff\0{\0}", 1, 1, "UTF-16"),
    "cut off in a character": ("{\n\u00fc\u00fc".encode() + b"\xc3", 2, 3, "not UTF-8"),
}


@pytest.mark.parametrize(("data", "line", "column", "what"), NO_UTF_8.values(), ids=NO_UTF_8)
def test_text_that_is_not_utf_8(data, line, column, what):
    with pytest.raises(json_reader.JsonTextError) as refused:
        json_reader.decode(data)
    assert (refused.value.line, refused.value.column) == (line, column)
    assert refused.value.message == f"the text is {what}; save it as UTF-8"


def test_a_byte_order_mark_stays_in_the_text():
    assert json_reader.decode(b"\xef\xbb\xbf{}") == "\ufeff{}"


MASKED = {
    # name: (text, text that is shown)
    "a key that says so": ('{"log-opts": {"splunk-token": "hush", "tag": "x"}, "n": 1}', '{"log-opts": {"splunk-token": "***", "tag": "x"}, "n": 1}'),
    "all below such a key": ('{"x-Secrets": {"a": ["hush"]}, "debug": true}', '{"x-Secrets": "***", "debug": true}'),
    "the user of a URL": (
        '{"proxies": {"http-proxy": "http://me:hush@p.example"}, "debug": true}',
        '{"proxies": {"http-proxy": "http://***@p.example"}, "debug": true}',
    ),
    "in lists": (
        '[{"a": ["x", "http://hush@p.example", [], {}]}, {"password": 1}, null]',
        '[{"a": ["x", "http://***@p.example", [], {}]}, {"password": "***"}, null]',
    ),
}


@pytest.mark.parametrize(("text", "shown"), MASKED.values(), ids=MASKED)
def test_secrets_are_masked_and_all_else_is_shown(text, shown):
    assert masking.mask_json(f'{{"k": {text}}}') == f'{{"k": {shown}}}'


def test_secrets_are_masked_in_a_text_that_cannot_be_read():
    text = '{"registry-mirrors": ["https://me:hush@a.example"], // broken'
    assert masking.mask_json(text) == '{"registry-mirrors": ["https://***@a.example"], // broken'
