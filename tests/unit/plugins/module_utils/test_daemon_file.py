# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file daemon.json: which mirrors it lists, its text with another list, and what is refused."""

from __future__ import annotations

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._change import daemon_file
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused

A, B = "https://a.example", "https://b.example/X"
OLD, NEW = (20, 10, 24), (23, 0, 0)


def daemon_json(text):
    return daemon_file.DaemonJson("/etc/daemon.json", text if text is None else text.encode())


LISTS = {
    # name: (text, mirrors, whether the key is there, its line)
    "no file": (None, [], False, None),
    "no key": ('{"debug": true}', [], False, None),
    "null": ('{"registry-mirrors": null}', [], True, 1),
    "none": ('{\n  "registry-mirrors": []}', [], True, 2),
    "two": (f'{{\n"debug": true,\n"registry-mirrors": ["{A}", "{B}"]}}', [A, B], True, 3),
}


@pytest.mark.parametrize(("text", "listed", "present", "line"), LISTS.values(), ids=LISTS)
def test_daemon_json_lists(text, listed, present, line):
    source = daemon_json(text)
    assert (source.path, source.data, source.listed, source.present, source.line) == (
        "/etc/daemon.json",
        text and text.encode(),
        listed,
        present,
        line,
    )
    assert source.place() == (f"/etc/daemon.json, line {line}" if line else "/etc/daemon.json")


def test_daemon_json_shows_its_other_settings():
    source = daemon_json('{"debug": true,\n"insecure-registries": ["10.0.0.0/8", 5, "b:5000"]}')
    assert source.settings["debug"] is True and source.insecure == ["10.0.0.0/8", "b:5000"]
    assert (
        source.place("insecure-registries") == "/etc/daemon.json, line 2" and source.place("dns") == "/etc/daemon.json"
    )
    assert daemon_json("{}").insecure == daemon_json('{"insecure-registries": "a"}').insecure == []


REFUSED = {
    # name: (text, line, column, message)
    "not JSON": ('{\n "debug": tru}', 2, 11, "expected a value, found a bare word. Fix the file first"),
    "no list": (
        f'{{"registry-mirrors":\n "{A}"}}',
        2,
        2,
        "registry-mirrors is not a list of strings. Fix the file first",
    ),
    "a number": (
        f'{{"registry-mirrors": ["{A}",\n  5]}}',
        2,
        3,
        "an entry of registry-mirrors is not a string. Fix the file first",
    ),
    "null in it": (
        f'{{"registry-mirrors": [null, "{A}"]}}',
        1,
        23,
        "an entry of registry-mirrors is not a string. Fix the file first",
    ),
    "an ignored name": (
        '{\n  "label": []}',
        2,
        3,
        'the engine accepts the key "label" and ignores it; the right name is "labels". Rename it or remove it',
    ),
    "nested": (
        '{"debug": true, "proxies": {\n "registry-mirrors": []}}',
        2,
        2,
        'the engine does not read "registry-mirrors" inside "proxies", and drops its mirrors at a reload. '
        "Move it to the top level",
    ),
}


@pytest.mark.parametrize(("text", "line", "column", "message"), REFUSED.values(), ids=REFUSED)
def test_daemon_json_is_refused_with_line_and_column(text, line, column, message):
    with pytest.raises(Refused) as refused:
        daemon_json(text)
    assert str(refused.value) == f"/etc/daemon.json, line {line}, column {column}: {message}."


@pytest.mark.parametrize("key", ["features", "log-opts"])
def test_daemon_json_within_what_the_engine_does_not_look_at(key):
    assert daemon_json(f'{{"{key}": {{"registry-mirrors": []}}}}').listed == []


MARK = "\ufeff"
CHECKS = {
    # name: (text, versions, message)
    "all versions take it": (
        f'{{"dns": [], "features": {{"x": true}}, "registry-mirrors": ["{A}"]}}',
        [None, (24, 0, 8)],
        None,
    ),
    "an old one takes it": (f'{{"log-opts": {{"x": ""}}, "registry-mirrors": ["{A}"]}}', [OLD], None),
    "a mark, from 23.0": (f'{MARK}{{"whatever": {{}}}}', [None, NEW], None),
    "a mark, before": (
        f"{MARK}{{}}",
        [NEW, OLD],
        "/etc/daemon.json, line 1, column 1: "
        "the file begins with a byte order mark, which Docker Engine before 23.0 refuses. Remove the mark.",
    ),
    "an unknown object, before 23.0, where only what is inside counts": ('{"whatever": {}}', [OLD], None),
    "an unknown key, before 23.0": (
        '{"debug": true,\n  "whatever": 1}',
        [None, OLD],
        '/etc/daemon.json, line 2, column 3: Docker Engine before 23.0 does not know the key "whatever" '
        "and would not start. Remove it.",
    ),
    "an unknown key inside": (
        '{"proxies": {"dns": 1,\n "whatever": 1}}',
        [OLD],
        '/etc/daemon.json, line 2, column 2: Docker Engine before 23.0 does not know the key "whatever" '
        "and would not start. Remove it.",
    ),
}


@pytest.mark.parametrize(("text", "versions", "message"), CHECKS.values(), ids=CHECKS)
def test_daemon_json_is_checked_for_the_versions(text, versions, message):
    source = daemon_json(text)
    if message is None:
        source.check_keys(versions)
    else:
        with pytest.raises(Refused) as refused:
            source.check_keys(versions)
        assert str(refused.value) == message


LISTED, EMPTY, NULL = f'{{"registry-mirrors": ["{A}"]}}', '{"registry-mirrors": []}', '{"registry-mirrors":null}'
TEXTS = {
    # name: (text, mirrors, what is kept, text after)
    "no file, none": (None, [], {}, None),
    "no file, none kept": (None, [], {"keep_empty": True}, '{\n  "registry-mirrors": []\n}\n'),
    "no file, one": (None, [A], {}, f'{{\n  "registry-mirrors": [\n    "{A}"\n  ]\n}}\n'),
    "blank, none": (" \n", [], {"keep_key": False}, " \n"),
    "as it is": (LISTED, [A], {}, LISTED),
    "as it is, whatever is kept": (LISTED, [A], {"keep_empty": True, "keep_key": False}, LISTED),
    "another": (LISTED, [A, "https://ä.example"], {}, f'{{"registry-mirrors": ["{A}", "https://ä.example"]}}'),
    "none, and no key": (LISTED, [], {}, "{}"),
    "none, and no key to keep": (LISTED, [], {"keep_key": False}, "{}"),
    "none, kept": (LISTED, [], {"keep_empty": True}, EMPTY),
    "none already": (NULL, [], {}, NULL),
    "none already, kept": (NULL, [], {"keep_empty": True}, NULL),
    "none already, and no key to keep": (NULL, [], {"keep_key": False}, "{}"),
    "no key, none kept": ('{"debug": true}', [], {"keep_empty": True}, '{"debug": true, "registry-mirrors": []}'),
    "no key, and none to keep": ("{ }", [], {"keep_key": False}, "{ }"),
}


@pytest.mark.parametrize(("text", "mirrors", "kept", "after"), TEXTS.values(), ids=TEXTS)
def test_daemon_json_with_another_list(text, mirrors, kept, after):
    assert daemon_json(text).text(mirrors, **kept) == (after and after.encode())


def test_daemon_json_locates_what_the_engine_objects_to():
    source = daemon_json('{"dns": [],\n  "debug": 1, "mtu": 2}')
    assert source.locate("debug and mtu: no") == (
        "/etc/daemon.json, line 2, column 3 and line 2, column 15: "
        "the installed Docker Engine would refuse this file: debug and mtu: no"
    )
    assert source.locate("EOF") == "/etc/daemon.json: the installed Docker Engine would refuse this file: EOF"
