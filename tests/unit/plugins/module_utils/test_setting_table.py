# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of settings: each row is complete, and one row is enough for a new key."""

from __future__ import annotations

import json
import re

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import activation, setting_table, value_types
from ansible_collections.pullthrough.docker.plugins.module_utils._rules.setting_table import Reload
from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_reader

A, B = "https://a.example/", "https://b.example/"

ROWS = setting_table._ROWS


FLAG_NAMES = {flag[2:] for row in ROWS for flag in row.flags if flag != f"--{row.key}"}
FLAG_NAMES |= {"add-runtime", "containerd-plugins-namespace", "restart"}
"""Keys that the engine accepts because a flag has the name, and from which it reads nothing."""


def problems_of(row):
    """Return which columns of a row are missing or contradict each other."""
    if not row.flags and row.key != "runtimes":
        yield "flags: an engine with the setting in both places does not start, so its flag must be known"
    if row.takes is value_types.ANY and row.key not in FLAG_NAMES:
        yield "takes: an engine does not start with a value of a wrong type, so the type must be known"
    if not all(flag.startswith("-") for flag in row.flags):
        yield "flags: a flag begins with a hyphen"
    if row.missing not in ("keeps", "default"):
        yield "missing: what a reload does where the key is missing"
    if row.missing == "default" and row.default is not None:
        yield "default: a reload restores it already"
    if row.reload is None and (row.missing == "default" or row.default is not None):
        yield "reload: a default is named only for a reload"
    if (
        row.info is not None
        and row.reload is not None
        and row.missing == "keeps"
        and row.default is None
        and row.key != "default-runtime"
    ):
        yield "default: /info shows the setting, so a reload can be made to end it"


@pytest.mark.parametrize("row", ROWS, ids=[row.key for row in ROWS])
def test_each_row_is_complete(row):
    assert list(problems_of(row)) == []


@pytest.mark.parametrize(
    "columns",
    [
        {"takes": value_types.ANY},
        {"flags": ()},
        {"flags": ("debug",)},
        {"missing": "forgets"},
        {"missing": "default"},
        {"reload": None},
        {"default": None},
    ],
    ids="-".join,
)
def test_a_missing_column_is_named(columns):
    found = list(problems_of(setting_table.of("debug")._replace(**columns)))
    assert found and all(problem.partition(":")[0] in setting_table.Setting._fields for problem in found)


def test_no_key_has_two_rows():
    assert len(setting_table.TABLE) == len(ROWS)


def test_one_row_is_enough_for_a_key_that_a_new_engine_reloads(monkeypatch):
    row = setting_table.of("new-limit")._replace(reload=Reload(since=(30, 0, 0)), default=json_reader.Number("3"))
    monkeypatch.setattr(setting_table, "TABLE", {**setting_table.TABLE, row.key: row})
    wanted = {row.key: activation.Wanted(json_reader.Number("5"), True)}
    for version, pending in (((29, 7, 2), "restart"), ((30, 0, 0), "reload")):
        assert activation.needed_for(wanted, version=version, flags=[], settings={}).pending == pending
    assert (setting_table.is_kept(row.key), row.flags) == (True, ("--new-limit",))


def test_an_unknown_key_takes_a_restart_and_has_a_flag_of_its_name():
    row = setting_table.of("whatever")
    assert (row.flags, row.reload, row.before_validate) == (("--whatever",), None, False)


def test_what_info_shows():
    answer = json.loads('{"Debug": true, "DockerRootDir": "/x", "Name": "host"}')
    assert setting_table.shown_by(answer) == {"debug": True, "data-root": "/x"}


@pytest.mark.parametrize(
    ("key", "configured", "used", "same"),
    [
        ("registry-mirrors", ["https://a.example", "https://a.example/"], [A], True),
        ("registry-mirrors", None, [], True),
        ("registry-mirrors", [A, B], [B, A], False),
        ("insecure-registries", ["http://R.example:5000", "10.1.2.3/8"], ["10.0.0.0/8", "r.example:5000"], True),
        ("insecure-registries", ["a/b"], ["a"], False),
        ("insecure-registries", ["10.0.0.0/8"], ["192.168.0.0/16"], False),
        ("insecure-registries", ["10.1.2.3"], ["10.1.2.3/32"], False),
        ("insecure-registries", None, [], True),
        ("insecure-registries", [5], ["5"], False),
        ("labels", ["b=1", "a=1"], ["a=1", "b=1"], True),
        ("labels", {"a": "1"}, {"a": "1"}, True),
        ("labels", {"a": "1"}, ["a=1"], False),
        ("data-root", "/a\0", "/a\0", True),
        ("data-root", "/a\0", "/a", False),
        ("debug", True, True, True),
        ("shutdown-timeout", json_reader.Number("15"), json_reader.Number("15"), True),
        ("default-runtime", "runc", "runsc", False),
    ],
)
def test_the_same_setting(key, configured, used, same):
    assert setting_table.is_same(key, configured, used) is same


@pytest.mark.parametrize(
    ("key", "names"),
    [("dns", ("--dns",)), ("labels", ("--label",)), ("data-root", ("--data-root", "--graph", "-g")), ("runtimes", ())],
)
def test_the_flags_of_a_setting(key, names):
    assert setting_table.of(key).flags == names


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("/d --graph /x", "--graph"),
        ("/d --graph=/x", "--graph"),
        ("/d -g/x", "-g"),
        ("/d -gx", "-g"),
        ("/d --graphs /x", None),
        ("/d --graph-x /x", None),
        ("/d x--graph", None),
        ("/d --log-g", None),
    ],
)
def test_a_flag_in_a_line(line, found):
    match = re.search(setting_table.flag_pattern(["--graph", "-g"]), line)
    assert (match and match.group()) == found
