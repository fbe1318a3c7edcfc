# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file daemon.json: which mirrors it lists, its text with another list, and what is refused."""

from __future__ import annotations

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._change import daemon_file
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused

A, B = "https://a.example", "https://b.example/X"


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
        "registry-mirrors is a string, and the engine accepts only a list of strings. "
        f'Write "registry-mirrors": ["{A}"]',
    ),
    "a number": (
        f'{{"registry-mirrors": ["{A}",\n  5]}}',
        2,
        3,
        'registry-mirrors[1] is a number, and the engine accepts only a string. Write "5"',
    ),
    "an object in it": (
        '{"registry-mirrors": [{}]}',
        1,
        23,
        "registry-mirrors[0] is an object, and the engine accepts only a string. Fix it first",
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
    # name: (text, message)
    "an old one takes it": (f'{{"log-opts": {{"x": ""}}, "registry-mirrors": ["{A}"]}}', None),
    "a mark": (
        f"{MARK}{{}}",
        "/etc/daemon.json, line 1, column 1: "
        "the file begins with a byte order mark, which Docker Engine before 23.0 refuses. Remove the mark.",
    ),
    "an unknown object, where only what is inside counts": ('{"whatever": {}}', None),
    "an unknown key": (
        '{"debug": true,\n  "whatever": 1}',
        '/etc/daemon.json, line 2, column 3: Docker Engine before 23.0 does not know the key "whatever" '
        "and would not start. Remove it.",
    ),
    "an unknown key inside": (
        '{"proxies": {"dns": 1,\n "whatever": 1}}',
        '/etc/daemon.json, line 2, column 2: Docker Engine before 23.0 does not know the key "whatever" '
        "and would not start. Remove it.",
    ),
}


@pytest.mark.parametrize(("text", "message"), CHECKS.values(), ids=CHECKS)
def test_daemon_json_is_checked_for_engines_before_23(text, message):
    source = daemon_json(text)
    if message is None:
        source.check_keys()
    else:
        with pytest.raises(Refused) as refused:
            source.check_keys()
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


OBJECTED = """{
  "dns-servers": ["10.0.0.1"],
  "dns": ["10.0.0.2"], "ip": "10.0.0.3",
  "debug": true, "mtu": "1400",
  "proxies": {
    "whatever": 1
  },
  "iptable": false,
  "registry-mirrors": []
}"""
UNKNOWN = "the following directives don't match any configuration option: "
TWICE = "the following directives are specified both as a flag and in the configuration file: "
OBJECTIONS = {
    # name: (objection, places)
    "an unknown key": (f"{UNKNOWN}dns-servers", ", line 2, column 3"),
    "in the order of lines": (
        f"{UNKNOWN}iptable, whatever, dns-servers",
        ", line 2, column 3 and line 6, column 5 and line 8, column 3",
    ),
    "a flag": (f"{TWICE}debug: (from flag: true, from file: true)", ", line 4, column 3"),
    "two flags": (
        f"{TWICE}mtu: (from flag: 9, from file: ip), dns: (from flag: [debug], from file: [10.0.0.2])",
        ", line 3, column 3 and line 4, column 18",
    ),
    "a type": ("json: cannot unmarshal string into Go struct field Config.mtu of type int", ", line 4, column 18"),
    "a type, and embedded structures": (
        "json: cannot unmarshal string into Go struct field Config.CommonConfig.BridgeConfig.mtu of type int",
        ", line 4, column 18",
    ),
    "a type deep inside": (
        "json: cannot unmarshal number into Go struct field Config.proxies.http-proxy of type string",
        ", line 5, column 3",
    ),
    "no key": ("/debug/ip: EOF in the dns of mtu", ""),
    "a key that the file does not have": (f"{UNKNOWN}x", ""),
}


@pytest.mark.parametrize(("objection", "places"), OBJECTIONS.values(), ids=OBJECTIONS)
def test_what_the_engine_objects_to_is_located(objection, places):
    source = daemon_json(OBJECTED)
    located = f"/etc/daemon.json{places}: the installed Docker Engine would refuse this file: {objection}"
    assert source.locate(objection) == located


def test_lines_are_those_of_the_file_as_the_user_has_it():
    text = f'{{\n  "registry-mirrors": [\n    "{A}"\n  ],\n  "x": 1,\n  "debug": 2\n}}'
    source = daemon_json(text)
    after = source.with_data(source.text([])).with_data(b'{"x": 1, "debug": 2, "y": 3}')
    assert after.locate(f"{UNKNOWN}x").startswith("/etc/daemon.json, line 5, column 3: ")
    assert after.locate(f"{UNKNOWN}x, y").startswith("/etc/daemon.json, line 5, column 3, and settings: ")
    assert after.locate(f"{UNKNOWN}y").startswith("settings, for /etc/daemon.json: ")
    assert after.locate("invalid logging level: loud").startswith("/etc/daemon.json, with the change of this task: ")
    with pytest.raises(Refused, match=r"^/etc/daemon.json, line 6, column 12: debug is a number"):
        after.check_types()
    with pytest.raises(Refused, match=r'^/etc/daemon.json, line 5, column 3: .* does not know the key "x"'):
        after.check_keys()


TEMPLATE = ". It looks like a template that was not rendered. Fix the file first."
TEMPLATES = {
    # name: (text, whether it looks like a template)
    "Jinja": ('{"mtu": {{ docker_mtu }}}', True),
    "Jinja with a filter": ("""{"exec-opts": [{{ OPTS | default('"a: b"') }}]}""", True),
    "a statement of Jinja": ('{% if x %}\n{"debug": true}\n{% endif %}', True),
    "Terraform": ("%{ if x }{}%{ endif }", True),
    "a shell": ('{"mtu": ${MTU}}', True),
    "ERB": ('{"mtu": <%= @mtu %>}', True),
    "doubled braces": ("{{registry-mirrors: [https://reg-mirror.example ]}}", False),
    "a comma too many": ('{"debug": true,}', False),
}


@pytest.mark.parametrize(("text", "is_template"), TEMPLATES.values(), ids=TEMPLATES)
def test_a_template_that_was_not_rendered_is_called_one(text, is_template):
    with pytest.raises(Refused) as refused:
        daemon_json(text)
    assert str(refused.value).startswith("/etc/daemon.json, line 1, column ")
    assert str(refused.value).endswith(TEMPLATE) is is_template


BLANK = {
    # name: (text, mirrors, place of the blank entry, text with the same mirrors)
    "one among others": (f'["{A}", "", "{B}/"]', [A, f"{B}/"], 44, f'["{A}", "{B}/"]'),
    "only a blank one": ('[" "]', [], 23, None),
    "null, which Go reads as an empty string": (f'[null, "{A}"]', [A], 23, f'["{A}"]'),
}


@pytest.mark.parametrize(("listed", "mirrors", "column", "after"), BLANK.values(), ids=BLANK)
def test_a_blank_entry_is_no_mirror_and_goes_when_the_list_is_written(listed, mirrors, column, after):
    source = daemon_json(f'{{"registry-mirrors": {listed}}}')
    place = f"/etc/daemon.json, line 1, column {column}"
    assert (source.listed, source.blank) == (mirrors, f"{place}: an entry of registry-mirrors is empty")
    assert source.text(mirrors).decode() == (f'{{"registry-mirrors": {after}}}' if after else "{}")
    assert daemon_json(f'{{"registry-mirrors": ["{A}"]}}').blank is None
