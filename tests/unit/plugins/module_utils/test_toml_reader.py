# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read TOML text: the values that Python's own reader finds, their positions, and errors with line and column."""

from __future__ import annotations

import contextlib
import math
import time

import pytest
import tomllib

from ansible_collections.pullthrough.docker.plugins.module_utils._text import toml_reader

VALID = {
    "nothing": "",
    "blank lines": "\n \t\r\n\n",
    "comments": "# a\n  # \t\u00e4\na = 1 # b\n#",
    "no newline at the end": "a = 1",
    "keys": 'a-b_1 = 1\n1234 = 2\n"a b" = 3\n\'c\\d\' = 4\n"" = 5\n"\\u00e9" = 6',
    "dotted keys": 'a.b = 1\na . "c.d" = 2\n3.14 = 3\na.e.f = 4',
    "basic strings": r'a = "\b\t\n\f\r\"\\\u00E9\U0001F600"' + '\nb = "\t\u00e9"\nc = ""',
    "literal strings": "a = 'C:\\n\"'\nb = ''",
    "multi-line strings": 'a = """\nb\r\nc "" d"""\ne = """"""\nf = """""a"""""\ng = """\\"""" ',
    "line ends that are escaped": 'a = """a \\\n\n   b \\  \r\n\t c\\\n"""',
    "multi-line literal strings": "a = '''\nb\\\n'' c'''\nd = ''''x'''''\ne = ''''''",
    "integers": "a = [+1, -0, 0, 1_000, 0xDead_beef, 0o755, 0b1_0, 0x00]",
    "the largest integers": "a = [9223372036854775807, -9223372036854775808, 0x7fffffffffffffff]",
    "floats": "a = [1.0, -0.5, 1e3, 1E+1_0, 6.626e-34, 1_0.0_1, inf, -inf, +inf, 0e0, 1e999]",
    "booleans": "a = [true, false]",
    "dates": (
        "a = [1979-05-27T07:32:00Z, 1979-05-27 07:32:00.1234567-07:30, 1979-05-27t07:32:00z, 1979-05-27T00:00:00, "
        "1979-05-27, 07:32:00, 07:32:00.5, 2000-02-29, 1979-05-27 00:00:00+23:59 ]"
    ),
    "a date before a comment": "a = 1979-05-27 # x\nb = 1979-05-27 \n",
    "arrays": "a = [ ]\nb = [1, [2, 'x',],\n # c\n\n 3\n , # d\n]\nc = [{a = 1}, {}]",
    "inline tables": "a = {}\nb = { c = 1, d.e = 2, d.f = {g = [\n1,\n]} }",
    "tables": '[a]\nb = 1\n[ c . "d" ]\n[c.d.e]\n[c]\nf = 1',
    "a table after its subtable": "[a.b.c]\n[a]\nb.d = 1\n[a.e]",
    "a subtable of a dotted key": "[a]\nb.c = 1\n[a.b.d]",
    "arrays of tables": "[[a]]\nb = 1\n[[a.c]]\n[[a.c]]\n[a.c.d]\n[[a]]\n[a.c]\n[[ e . f ]]",
    "the same keys in two tables of an array": "[[a]]\nb.c = 1\n[[a]]\nb.c = 1",
    "a file for containerd": (
        'server = "https://registry-1.docker.io"\n\n[host."https://a.example"]\n  capabilities = ["pull", "resolve"]\n'
        '  [host."https://a.example".header]\n    x = ["y"]\n'
    ),
    "a file for podman": '[[registry]]\nprefix = "docker.io"\n[[registry.mirror]]\nlocation = "a.example:5000"\n',
}


@pytest.mark.parametrize("text", VALID.values(), ids=VALID)
def test_valid_text(text):
    wanted = tomllib.loads(text)
    value = toml_reader.parse(text).root.value
    assert (value, repr(value)) == (wanted, repr(wanted))


def test_a_number_that_is_none():
    number = toml_reader.parse("a = -nan").root.value["a"]
    assert math.isnan(number)


INVALID = {
    # name: (text, line, column, part of the message)
    "no value": ("\na =\n", 2, 4, "expected a value, found the end of the line"),
    "no value at the end": ("a =", 1, 4, "expected a value, found the end of the text"),
    "no key": ("= 1", 1, 1, "expected a key, found the character ="),
    "no equals sign": ("a 1", 1, 3, "expected = after the key, found a bare word"),
    "an empty part of a key": ("a..b = 1", 1, 3, "expected a key"),
    "a key over lines": ("a.\nb = 1", 1, 3, "expected a key"),
    "a multi-line string as key": ('"""a""" = 1', 1, 3, "expected = after the key"),
    "a bare key that is not ASCII": ("\u00e9 = 1", 1, 1, "expected a key"),
    "a byte order mark": ("\ufeffa = 1", 1, 1, "expected a key, found the character U+FEFF"),
    "two pairs on a line": ("a = 1 b = 2", 1, 7, "expected the end of the line"),
    "a value on the next line": ("a = \n1", 1, 5, "expected a value"),
    "a bare word": ("a = hunter2", 1, 5, "a string needs quotes"),
    "a control character": ("a = 1 # \x01", 1, 9, "found the character U+0001"),
    "delete in a comment": ("# \x7f", 1, 3, "U+007F"),
    "a carriage return": ("a = 1\rb = 2", 1, 6, "U+000D"),
    "a carriage return in a comment": ("# a\rb", 1, 4, "U+000D"),
    "a string that does not end": ('\na = "b', 2, 5, "the string that begins here does not end"),
    "a string over lines": ('a = "b\r\n"', 1, 5, "does not end"),
    "a multi-line string that does not end": ('a = """b\n\n""', 1, 5, "does not end"),
    "a literal that does not end": ("a = '", 1, 5, "does not end"),
    "a control character in a string": ('a = "b\x00"', 1, 7, "U+0000 cannot be in a string"),
    "a carriage return in a multi-line string": ('a = """\n\r"""', 2, 1, "U+000D"),
    "an unknown escape": ('a = "C:\\x"', 1, 8, "this escape is not TOML"),
    "an escape that is too short": ('a = "\\u12"', 1, 6, "this escape is not TOML"),
    "an escape of half a pair": ('a = "\\ud800"', 1, 6, "names no Unicode character"),
    "an escape that is too large": ('a = "\\U00110000"', 1, 6, "names no Unicode character"),
    "blanks after a line end that is escaped": ('a = """b\\ c"""', 1, 9, "this escape is not TOML"),
    "six quotes at the end": ('a = """b""""""', 1, 14, "expected the end of the line"),
    "a zero before a number": ("a = 01", 1, 5, "expected a value"),
    "two underscores": ("a = 1__0", 1, 5, "expected a value"),
    "a sign before another base": ("a = -0x1", 1, 5, "expected a value"),
    "capitals for another base": ("a = 0XFF", 1, 5, "expected a value"),
    "a point without digits": ("a = 1.", 1, 5, "expected a value"),
    "a point before digits": ("a = .5", 1, 5, "expected a value"),
    "capitals": ("a = True", 1, 5, "expected a value"),
    "a number above 64 bits": ("a = 9223372036854775808", 1, 5, "64 bits"),
    "a number below 64 bits": ("a = -9223372036854775809", 1, 5, "64 bits"),
    "a number of another base above 64 bits": ("a = 0xffffffffffffffff", 1, 5, "64 bits"),
    "a long number": (f"a = {'9' * 5000}", 1, 5, "64 bits"),
    "no such day": ("a = 2001-02-29", 1, 5, "does not exist"),
    "no such hour": ("a = 24:00:00", 1, 5, "does not exist"),
    "no such month and time": ("a = 2001-13-01 00:00:00", 1, 5, "does not exist"),
    "no seconds": ("a = 07:32", 1, 5, "expected a value"),
    "an offset of a day": ("a = 1979-05-27T00:00:00+24:00", 1, 5, "expected a value"),
    "an array that does not end": ("a = [1,\n", 2, 1, "expected a value, found the end of the text"),
    "no comma": ("a = [1\n2]", 2, 1, "expected , or ] in the array, found a bare word"),
    "only a comma": ("a = [,]", 1, 6, "expected a value"),
    "an inline table over lines": ("a = {\nb = 1}", 1, 6, "expected a key, found the end of the line"),
    "a comma at the end of an inline table": ("a = {b = 1,}", 1, 11, "a comma with nothing after it"),
    "an inline table that does not end": ("a = {b = 1", 1, 11, "expected , or } in the table"),
    "a key that is there twice": ("a = 1\n'a' = 2", 2, 1, '"a" is defined twice (first in line 1)'),
    "a key that is there twice in an inline table": ("a = {b = 1, b = 2}", 1, 13, '"b" is defined twice'),
    "a key below a value": ("a = 1\na.b = 2", 2, 1, '"a" is defined twice'),
    "a value above a key": ("a.b = 1\na = 2", 2, 1, '"a" is defined twice'),
    "a key below an inline table": ("a = {}\na.b = 1", 2, 1, '"a" is defined twice'),
    "a key below an inline table in another": ("a = {b = {}, b.c = 1}", 1, 14, '"b" is defined twice'),
    "a header that is there twice": ("[a]\n[b]\n[ 'a' ]", 3, 3, '"a" is defined twice (first in line 1)'),
    "a header twice, after its subtable": ("[a.b]\n[a]\n[a]", 3, 2, '"a" is defined twice (first in line 2)'),
    "a header for a dotted key": ("a.b = 1\n[a]", 2, 2, '"a" is defined twice'),
    "a header for a dotted key of a table": ("[a]\nb.c.d = 1\n[a.b.c]", 3, 6, '"c" is defined twice'),
    "a header for a value": ("a = 1\n[a]", 2, 2, '"a" is defined twice'),
    "a header below a value": ("a = 1\n[a.b]", 2, 2, '"a" is defined twice'),
    "a header below an inline table": ("a = {b = {}}\n[a.b.c]", 2, 2, '"a" is defined twice'),
    "a header below an array": ("a = [{}]\n[a.b]", 2, 2, '"a" is defined twice'),
    "a dotted key for a header": ("[a.b]\n[a]\nb.c = 1", 3, 1, '"b" is defined twice'),
    "a dotted key for an array of tables": ("[[a.b]]\n[a]\nb.c = 1", 3, 1, '"b" is defined twice'),
    "a table for an array of tables": ("[[a]]\n[a]", 2, 2, '"a" is defined twice'),
    "an array of tables for a table": ("[a]\n[[a]]", 2, 3, '"a" is defined twice'),
    "an array of tables for an array": ("a = []\n[[a]]", 2, 3, '"a" is defined twice'),
    "an array of tables for a subtable": ("[a.b]\n[[a]]", 2, 3, '"a" is defined twice'),
    "a header without a name": ("[]", 1, 2, "expected a key"),
    "a header that does not end": ("[a\n", 1, 3, "expected ] after the name of the table"),
    "a header over lines": ("[a.\nb]", 1, 4, "expected a key"),
    "blanks between brackets": ("[[a] ]", 1, 4, "expected ]] after the name of the table"),
    "blanks between the first brackets": ("[ [a]]", 1, 3, "expected a key"),
    "text after a header": ("[a] b = 1", 1, 5, "expected the end of the line"),
}


@pytest.mark.parametrize(("text", "line", "column", "message"), INVALID.values(), ids=INVALID)
def test_invalid_text(text, line, column, message):
    with pytest.raises(toml_reader.TomlTextError) as error:
        toml_reader.parse(text)
    assert (error.value.line, error.value.column) == (line, column), error.value
    assert message in error.value.message and str(error.value).startswith(f"line {line}, column {column}: ")


# Python's reader has no limit of 64 bits; TOML has.
@pytest.mark.parametrize("name", [name for name in INVALID if "64 bits" not in INVALID[name][3]])
def test_python_refuses_the_invalid_text_too(name):
    with pytest.raises(ValueError, match=r"at line|at end of document|out of range"):
        tomllib.loads(INVALID[name][0])


def test_an_error_shows_no_value():
    with pytest.raises(toml_reader.TomlTextError) as error:
        toml_reader.parse("password = hunter2")
    assert "hunter2" not in str(error.value)


TEXT = 'a."b c" = [1,\n  {d = "x"}]\n\n[t] # c\ne = 2 # d\n# f\n[[u.v]]\n[[u.v]]\nw = 3\n'


def test_positions():
    document = toml_reader.parse(TEXT)
    array = document.find("a", "b c")
    key, node = array
    assert (TEXT[key.start : key.end], TEXT[node.start : node.end]) == ('"b c"', '[1,\n  {d = "x"}]')
    assert [TEXT[element.start : element.end] for element in node.elements] == ["1", '{d = "x"}']
    assert document.position(node.elements[1].members["d"].node.start) == (2, 8)
    assert [document.line(document.find(*path).key.start) for path in [("a",), ("t",), ("t", "e"), ("u", "v")]] == [
        1,
        4,
        5,
        7,
    ]
    assert document.find("a", "x") is None and document.find("x", "y") is None and document.find() is None
    assert document.position(len(TEXT)) == (10, 1)


def test_headers():
    document = toml_reader.parse(TEXT)
    assert [
        (header.path, TEXT[header.start : header.end], TEXT[header.end : header.content_end], header.is_array)
        for header in document.headers
    ] == [
        (("t",), "[t]", " # c\ne = 2", False),
        (("u", "v"), "[[u.v]]", "", True),
        (("u", "v"), "[[u.v]]", "\nw = 3", True),
    ]
    assert document.header("t") is document.headers[0] and document.header("u", "v") is None


@pytest.mark.parametrize(
    "deep",
    [
        lambda levels: f"a = {'[' * levels}{']' * levels}",
        lambda levels: f"a = {'{a=' * (levels - 1)}{{}}{'}' * (levels - 1)}",
        lambda levels: ".".join("a" * levels) + ".b = 1",
        lambda levels: f"[{'.'.join('a' * (levels + 1))}]",
        lambda levels: f"[{'.'.join('a' * levels)}]\nb = 1",
    ],
    ids=["arrays", "inline tables", "a dotted key", "a header", "a key below a header"],
)
def test_depth(deep):
    text = deep(toml_reader.DEPTH_LIMIT - 1)
    assert toml_reader.parse(text).root.value == tomllib.loads(text)
    for levels in (toml_reader.DEPTH_LIMIT + 1, 100000):
        with pytest.raises(toml_reader.TomlTextError, match="nested more than 100 levels deep"):
            toml_reader.parse(deep(levels))


@pytest.mark.parametrize(
    "text",
    [
        f"a = {'9' * 1000000}",
        f"a = 0.{'9' * 1000000}",
        'a = """' + '"x""' * 300000,
        'a = "' + "\\n" * 500000,
        "a = [" + "[],\n" * 200000 + "]",
        "".join(f"[[a]]\nb{number} = 1\n" for number in range(100000)),
        "".join(f"[a.b{number}]\n" for number in range(100000)),
        'a = """' + "\\ \n" * 300000,
        "a = 1" + " " * 1000000 + "x",
    ],
    ids=["integer", "float", "quotes", "escapes", "array", "tables", "headers", "line ends", "blanks"],
)
def test_time_is_linear(text):
    """Each text takes less than a second or two; where time grows with the square, it takes minutes."""
    began = time.process_time()
    with contextlib.suppress(toml_reader.TomlTextError):
        toml_reader.parse(text)
    assert time.process_time() - began < 20


def test_decode():
    assert toml_reader.decode("\u00e9".encode()) == "\u00e9"
    with pytest.raises(toml_reader.TomlTextError, match="line 2, column 3: the text is not UTF-8"):
        toml_reader.decode(b"a\n# \xff")
