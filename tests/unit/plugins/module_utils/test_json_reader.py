# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read JSON text: values with their positions, and errors with line and column."""

from __future__ import annotations

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_reader

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


def test_values_and_their_positions():
    text = (
        '\ufeff{"t": true, "f": false,\n "n": [null, -1.5e+3, "\\ud83d\\ude00"],\n "o": {"\ud7ff": {}, "\ue000": []}}\n'
    )
    document = json_reader.parse(text)
    number = json_reader.Number("-1.5e+3")
    assert document.root.value == {
        "t": True,
        "f": False,
        "n": [None, number, "\U0001f600"],
        "o": {"\ud7ff": {}, "\ue000": []},
    }
    assert document.bom and document.text == text
    shown = {
        key: text[member.key_start : member.key_end] + text[member.node.start : member.node.end]
        for key, member in document.root.members.items()
    }
    assert shown == {
        "t": '"t"true',
        "f": '"f"false',
        "n": '"n"[null, -1.5e+3, "\\ud83d\\ude00"]',
        "o": '"o"{"\ud7ff": {}, "\ue000": []}',
    }
    assert [text[element.start : element.end] for element in document.find("n").elements] == [
        "null",
        "-1.5e+3",
        '"\\ud83d\\ude00"',
    ]
    assert document.key_position("f") == (1, 14)
    assert document.key_position("o", "\ue000") == (3, 17)
    assert document.position(len(text)) == (4, 1)


@pytest.mark.parametrize("path", [("x",), ("a", "x"), ("x", "y", "z"), ("n", "0")], ids=".".join)
def test_a_path_that_is_not_there(path):
    assert json_reader.parse('{"a": {"b": 1}, "n": [1]}').find(*path) is None


@pytest.mark.parametrize(
    "text", ["", " \t\r\n", "\ufeff", "\ufeff\n"], ids=["nothing", "white space", "mark", "mark and line"]
)
def test_a_blank_text_is_an_empty_object(text):
    document = json_reader.parse(text)
    assert document.root.value == {} and document.bom is text.startswith("\ufeff")


COMMENT = "comments are not JSON, and the engine refuses them"
COMMA = "a comma with nothing after it is not JSON, and the engine refuses it"
STRING = "the string that begins here does not end, or contains a line break, a control character or an invalid escape"
HALF = "the key contains half of a surrogate pair, which readers understand differently"
MORE = "there is more text after the end of the object; Docker Engine 20.10 ignores it, and 23.0 and later do not start"
NO_OBJECT = "the text is not an object, such as {}"


def twice(line):
    return f'the key "a" is there twice (first in line {line}), and readers disagree on which one counts'


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
    "missing comma": ('{"a": 1\n "b": 2}', 2, 2, 'expected "," or "}", found "\\""'),
    "missing comma in a list": ('{"a": [1 2]}', 1, 10, 'expected "," or "]", found a bare word'),
    "missing colon": ('{"a"\n1}', 2, 1, 'expected ":" after the key, found a bare word'),
    "missing key": ("{a: 1}", 1, 2, "expected a key in double quotes, found a bare word"),
    "duplicate key": ('{"b": 1,\n "a": 1,\n "a": 2}', 3, 2, twice(2)),
    "duplicate key by an escape": (
        '{"a": 1, "\\u0061": 2}',
        1,
        10,
        twice(1),
    ),
    "duplicate key inside": (
        '{"o": {"a": 1, "a": 2}}',
        1,
        16,
        twice(1),
    ),
    "first half of a pair in a key": ('{"\\ud800": 1}', 1, 2, HALF),
    "second half of a pair in a key": ('{"x\\udfff": 1}', 1, 2, HALF),
    "not an object": ("[]", 1, 1, NO_OBJECT),
    "a string": ('\n "x"', 2, 2, NO_OBJECT),
    "not an object, and more text": ("1 {}", 1, 1, NO_OBJECT),
    "as deep as it may be, and not an object": ("[" * 101 + "]" * 101, 1, 1, NO_OBJECT),
    "NaN": ('{"a": NaN}', 1, 7, "expected a value, found a bare word"),
    "part of a constant": ('{"a": tru}', 1, 7, "expected a value, found a bare word"),
    "leading zero": ('{"a": 01}', 1, 7, "expected a value, found a bare word"),
    "a long word": ('{"a": ' + "x" * 50 + "}", 1, 7, "expected a value, found a bare word"),
    "a word in place of the object": ("X", 1, 1, "expected a value, found a bare word"),
    "white space that JSON does not know": ("\x0c", 1, 1, 'expected a value, found "\\f"'),
    "single quotes": ("{'a': 1}", 1, 2, "JSON strings need double quotes, not single quotes"),
    "single quotes for a value": ("{\"a\": 'x'}", 1, 7, "JSON strings need double quotes, not single quotes"),
    "cut off": ('{"a": [1, 2', 1, 12, 'expected "," or "]", found the end of the text'),
    "cut off in front of a value": ('{"a":', 1, 6, "expected a value, found the end of the text"),
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


@pytest.mark.parametrize(
    ("opening", "closing", "columns"), [('{"a": ', "}", 6), ("[", "]", 1)], ids=["objects", "arrays"]
)
def test_depth_is_limited(opening, closing, columns):
    depth = json_reader.DEPTH_LIMIT - 1
    json_reader.parse('{"x": ' + opening * depth + "1" + closing * depth + "}")
    with pytest.raises(json_reader.JsonTextError) as refused:
        json_reader.parse('{"x": ' + opening * 100_000 + "1" + closing * 100_000 + "}")
    column = 7 + columns * json_reader.DEPTH_LIMIT
    assert str(refused.value) == f"line 1, column {column}: objects and arrays are nested more than 100 levels deep"


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
