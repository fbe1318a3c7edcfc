# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Edit tables and keys of a TOML text; everything else keeps every byte."""

from __future__ import annotations

import datetime

import pytest
import tomllib

from ansible_collections.pullthrough.docker.plugins.module_utils._text import toml_reader, toml_text

A, B, NEW = ["host", "https://a.example"], ["host", "https://b.example"], ["host", "https://new.example"]
VALUES = {"capabilities": ["pull", "resolve"], "dial_timeout": "5s"}
TABLE = '[host."https://new.example"]\ncapabilities = ["pull", "resolve"]\ndial_timeout = "5s"\n'
HOST_A, HOST_B = (f'[host."https://{name}.example"] # {name}\n  x = 1 # y\n' for name in "ab")
TWO = f'# ours\nserver = "https://s.example"\n\n# a\n{HOST_A}\n# b\n {HOST_B}\n# end\n'

NEW_TEXTS = {
    # name: (values, text)
    "nothing": ({}, ""),
    "a registry with mirrors": (
        {"registry": [{"prefix": "r", "mirror": [{"location": "a"}, {"location": "b", "insecure": True}]}]},
        '[[registry]]\nprefix = "r"\n\n[[registry.mirror]]\nlocation = "a"\n\n'
        '[[registry.mirror]]\nlocation = "b"\ninsecure = true\n',
    ),
    "a file of hosts": ({"host": {A[1]: {"x": ["y"]}, B[1]: {}}}, f'[host."{A[1]}"]\nx = ["y"]\n\n[host."{B[1]}"]\n'),
    "keys come before tables": ({"a": {"b": 1}, "c": 2}, "c = 2\n\n[a]\nb = 1\n"),
    "a list of not only tables": ({"a": [{}, 1]}, "a = [{}, 1]\n"),
}


@pytest.mark.parametrize(("values", "text"), NEW_TEXTS.values(), ids=NEW_TEXTS)
def test_a_new_text(values, text):
    assert toml_text.new_text(values) == text
    assert tomllib.loads(text) == values


@pytest.mark.parametrize("value", [(1,), {"a": (1,)}, None], ids=repr)
def test_a_value_that_cannot_be_written(value):
    with pytest.raises(toml_reader.TomlTextError):
        toml_text.new_text({"a": value})


INSERTED = {
    # name: (text, before, text with the table)
    "nothing": ("", None, TABLE),
    "a key": ("a = 1\n", None, f"a = 1\n\n{TABLE}"),
    "no newline at the end": ("a = 1", None, f"a = 1\n\n{TABLE[:-1]}"),
    "a blank line at the end": ("a = 1\n\n", None, f"a = 1\n\n\n{TABLE}"),
    "after other tables": (TWO, None, f"{TWO}\n{TABLE}"),
    "before the first": (TWO, A, TWO.replace("\n# a\n", f"\n{TABLE}\n# a\n")),
    "before the second": (TWO, B, TWO.replace("\n# b\n", f"\n{TABLE}\n# b\n")),
    "before a table without a blank line": (HOST_A + HOST_B, B, f"{HOST_A}{TABLE}\n{HOST_B}"),
    "at the start": (HOST_A, A, f"{TABLE}\n{HOST_A}"),
    "lines of Windows": ("a = 1\r\n", None, f"a = 1\n\n{TABLE}".replace("\n", "\r\n")),
    "after a string that looks like a comment": (
        f"a = '''\n# x'''\n# y\n{HOST_A}",
        A,
        f"a = '''\n# x'''\n{TABLE}\n# y\n{HOST_A}",
    ),
}


@pytest.mark.parametrize(("text", "before", "wanted"), INSERTED.values(), ids=INSERTED)
def test_insert_a_table_and_remove_it(text, before, wanted):
    changed = toml_text.insert_table(text, NEW, VALUES, before=before)
    assert changed == wanted
    assert tomllib.loads(changed)["host"][NEW[1]] == VALUES
    assert toml_text.remove_table(changed, NEW) == text


REMOVED = {
    # name: (text, path, text without the table)
    "no such table": (TWO, NEW, TWO),
    "the first": (TWO, A, TWO.replace(f"{HOST_A}\n", "")),
    "the second": (TWO, B, TWO.replace(f" {HOST_B}\n", "")),
    "the only one": (HOST_A, A, ""),
    "its subtables": (f'{HOST_A}[host."https://a.example".header]\nx = [\n1]\n{HOST_B}', A, HOST_B),
    "subtables in other places": (f'{HOST_A}{HOST_B}[host."https://a.example".header]\n', A, HOST_B),
    "only a subtable": (f'[host."https://a.example".header]\n{HOST_B}', A, HOST_B),
    "another spelling": (f"[ 'host' . \"https:\\u002f/a.example\" ]\n{HOST_B}", A, HOST_B),
    "a comment below stays": (f"{HOST_A}# z\n{HOST_B}", A, f"# z\n{HOST_B}"),
    "a table with a header above stays": (f"[host]\n{HOST_A}", A, "[host]\n"),
    "an array of tables": ("[[a]]\nb = 1\n[[a]]\n[c]", ["a"], "[c]"),
}


@pytest.mark.parametrize(("text", "path", "wanted"), REMOVED.values(), ids=REMOVED)
def test_remove_a_table(text, path, wanted):
    assert toml_text.remove_table(text, path) == wanted


SET = {
    # name: (text, text with the server)
    "nothing": ("", 'server = "s"\n'),
    "the same": ("server = 's'", "server = 's'"),
    "another": ("  'server'  =  'old' # c\n", "  'server'  =  \"s\" # c\n"),
    "another type": ("server = [\n1]\n[a]", 'server = "s"\n[a]'),
    "after other keys": ("# c\na = [\n1] # d\n\n[b]\n", '# c\na = [\n1] # d\nserver = "s"\n\n[b]\n'),
    "after a key without newline": ("a = 1", 'a = 1\nserver = "s"'),
    "before the first table": ("# ours\n\n# a\n[a]\nserver = 1", '# ours\n\nserver = "s"\n\n# a\n[a]\nserver = 1'),
    "after a comment": ("# c", '# c\nserver = "s"\n'),
    "lines of Windows": ("a = 1\r\n[b]", 'a = 1\r\nserver = "s"\r\n[b]'),
}


@pytest.mark.parametrize(("text", "wanted"), SET.values(), ids=SET)
def test_set_a_key(text, wanted):
    assert toml_text.set_key(text, "server", "s") == wanted


VALUES_OF_ALL_TYPES = {
    "text": '\u00e9"\\\n\t\x7f',
    "": True,
    "a b": [False, -1, 1.5, 1e300, float("inf")],
    "table": {"header": {"x": ["y"]}, "empty": {}, "d": []},
    "time": datetime.datetime(2026, 1, 2, 3, 4, 5, 6, datetime.timezone.utc),
}


def test_values_of_all_types():
    text = toml_text.insert_table("", ["a"], VALUES_OF_ALL_TYPES)
    assert tomllib.loads(text) == {"a": VALUES_OF_ALL_TYPES}


def test_a_text_with_nan_can_be_edited():
    assert toml_text.set_key("a = nan\n", "server", "s") == 'a = nan\nserver = "s"\n'


REFUSED = {
    # name: (edit, message)
    "a text that is not TOML": (lambda: toml_text.set_key("a", "server", "s"), "line 1, column 2: expected ="),
    "a table that is there already": (lambda: toml_text.insert_table(HOST_A, A, {}), "defined twice"),
    "a table with a subtable": (
        lambda: toml_text.insert_table('[host."https://a.example".header]\nx = 1', A, {}),
        "edit it by hand",
    ),
    "no such table before": (lambda: toml_text.insert_table(TWO, A, {}, before=NEW), "no table has the header"),
    "a table in an array": (lambda: toml_text.insert_table("[[host]]", A, {}), "edit it by hand"),
    "a table in a value": (lambda: toml_text.insert_table("host = 1", A, {}), "edit it by hand"),
    "an inline table": (lambda: toml_text.remove_table('host."https://a.example" = {}', A), "edit it by hand"),
    "a table of dotted keys": (lambda: toml_text.remove_table('host."https://a.example".x = 1', A), "edit it by hand"),
    "a key that is a table": (lambda: toml_text.set_key("[server]", "server", "s"), "edit it by hand"),
    "a value that TOML does not have": (lambda: toml_text.set_key("", "server", None), "expected a value"),
}


@pytest.mark.parametrize(("edit", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(edit, message):
    with pytest.raises(toml_reader.TomlTextError, match=message):
        edit()


WRONG = {
    "another value": "a = 2\n[b]\n[c]\n",
    "another type": "a = true\n[b]\n[c]\n",
    "another order": "a = 1\n[c]\n[b]\n",
    "another key": "a = 1\nd = 1\n[b]\n[c]\n",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_wrong_edit_is_refused(text):
    with pytest.raises(toml_reader.TomlTextError, match="edit it by hand"):
        toml_text._checked(text, {"a": 1, "b": {}, "c": {}}, [("b",), ("c",)])
