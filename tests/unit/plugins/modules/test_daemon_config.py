# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module daemon_config, against a model of the engine."""

from __future__ import annotations

import json

import pytest

GCR = "https://mirror.gcr.io"


def given(daemon_json, text):
    daemon_json.parent.mkdir()
    if text is not None:
        daemon_json.write_text(text)


def held(daemon_json):
    return daemon_json.read_text() if daemon_json.exists() else None


@pytest.fixture(autouse=True)
def shown(engine):
    """What the engine shows."""
    engine.settings = {"debug": False, "labels": [], "insecure-registries": [], "log-driver": "json-file"}


CHANGES = {
    # name: (file before, options, file after, changed keys, pending, in force)
    "no file": (None, {"settings": {"debug": True}}, '{\n  "debug": true\n}\n', ["debug"], "none", {"debug": True}),
    "all is well": (
        '{"debug": false}',
        {"settings": {"debug": False}},
        '{"debug": false}',
        [],
        "none",
        {"debug": True},
    ),
    "the rest stays": (
        '{"a-b": 1.50 ,\n\t"x": "\\u0041"}',
        {"settings": {"debug": True}},
        '{"a-b": 1.50 ,\n\t"x": "\\u0041",\n\t"debug": true}',
        ["debug"],
        "none",
        {"debug": True},
    ),
    "objects are merged": (
        '{"log-opts": {"max-size": "1m", "max-file": "3"}}',
        {"settings": {"log-opts": {"max-size": "10m"}}},
        '{"log-opts": {"max-size": "10m", "max-file": "3"}}',
        ["log-opts.max-size"],
        "restart",
        {"log-opts": None},
    ),
    "lists are replaced": (
        '{"dns": ["1.1.1.1"]}',
        {"settings": {"dns": ["8.8.8.8"]}},
        '{"dns": ["8.8.8.8"]}',
        ["dns"],
        "restart",
        {"dns": None},
    ),
    "numbers": (
        "{}",
        {"settings": {"shutdown-timeout": 10}},
        '{"shutdown-timeout": 10}',
        ["shutdown-timeout"],
        "none",
        {"shutdown-timeout": None},
    ),
    "a number that is there": ('{"mtu": 10}', {"settings": {"mtu": 10}}, '{"mtu": 10}', [], "none", {"mtu": None}),
    "removed": ('{"debug": false, "x": 1}', {"remove": ["debug"]}, '{"x": 1}', ["debug"], "none", {"debug": True}),
    "removed within an object": (
        '{"log-opts": {"max-size": "1m", "max-file": "3"}}',
        {"remove": ["log-opts.max-size"]},
        '{"log-opts": {"max-file": "3"}}',
        ["log-opts.max-size"],
        "restart",
        {"log-opts": None},
    ),
    "a key with dots": (
        '{"runtimes": {"io.x.y": {}}}',
        {"remove": ["runtimes.io.x.y"]},
        '{"runtimes": {}}',
        ["runtimes.io.x.y"],
        "none",
        {"runtimes": None},
    ),
    "removed, and not there": (
        '{"x": 1}',
        {"remove": ["debug", "log-opts.x"]},
        '{"x": 1}',
        [],
        "none",
        {"debug": True, "log-opts": None},
    ),
    "mirrors, which the engine shows with a slash": (
        "{}",
        {"settings": {"registry-mirrors": [GCR]}},
        f'{{"registry-mirrors": ["{GCR}"]}}',
        ["registry-mirrors"],
        "none",
        {"registry-mirrors": True},
    ),
    "a top-level key with dots": (
        '{"a.b": 1, "x": 2}',
        {"remove": ["a.b"]},
        '{"x": 2}',
        ["a.b"],
        "restart",
        {"a.b": None},
    ),
    "removed, and no file": (None, {"remove": ["debug"]}, None, [], "none", {"debug": True}),
    "shown, and read at the start": (
        "{}",
        {"settings": {"log-driver": "local"}},
        '{"log-driver": "local"}',
        ["log-driver"],
        "restart",
        {"log-driver": False},
    ),
}


@pytest.mark.parametrize("case", CHANGES.values(), ids=CHANGES)
def test_change(engine, run, daemon_json, case):
    before, options, after, changed_keys, pending, in_force = case
    given(daemon_json, before)
    predicted = run("daemon_config", check=True, **options)
    assert held(daemon_json) == before and engine.texts == []
    result = run("daemon_config", **options)
    assert held(daemon_json) == after
    assert (result["changed_keys"], result["pending"], result["in_force"]) == (changed_keys, pending, in_force)
    assert result["changed"] is bool(before != after)
    assert result["reloaded"] is bool(engine.texts)
    same = "changed path changed_keys reloaded pending engine diff".split()
    assert {key: predicted[key] for key in same} == {key: result[key] for key in same}
    again = run("daemon_config", **options)
    assert (again["changed"], again["changed_keys"], held(daemon_json)) == (False, [], after)


def test_a_key_whose_default_nobody_knows(engine, run, daemon_json):
    given(daemon_json, '{"log-driver": "json-file"}')
    result = run("daemon_config", remove=["log-driver"])
    assert (result["changed"], result["pending"], result["in_force"]) == (True, "restart", {"log-driver": None})
    result = run("daemon_config", remove=["log-driver"])
    assert (result["changed"], result["pending"], result["in_force"]) == (False, "none", {"log-driver": None})


def test_drift_is_healed(engine, run, daemon_json):
    given(daemon_json, '{"debug": true}')
    result = run("daemon_config", settings={"debug": True})
    assert (result["changed"], result["reloaded"], result["changed_keys"], engine.settings["debug"]) == (
        True,
        True,
        [],
        True,
    )


def test_a_key_that_the_engine_keeps_is_brought_to_its_default_by_naming_it(engine, run, daemon_json):
    given(daemon_json, '{"debug": true, "x": 1}')
    engine.settings["debug"] = True
    result = run("daemon_config", remove=["debug"])
    assert result["reloaded"] and engine.settings["debug"] is False and held(daemon_json) == '{"x": 1}'
    assert json.loads(engine.texts[0]) == {"x": 1, "debug": False}


@pytest.fixture
def refusing(engine):
    """An engine that refuses its first reload, of which it has applied half."""
    honest = engine.reload

    def refusing(known, in_force, timeout, **more):
        refusal = honest(known, in_force, timeout, **more)
        return refusal if len(engine.texts) > 1 else "level=error it has half of it"

    engine.reload = refusing
    return engine


def test_a_refusal_is_put_back(refusing, run, daemon_json):
    given(daemon_json, '{"debug": false}')
    result = run("daemon_config", settings={"debug": True, "max-concurrent-uploads": 9})
    assert result["failed"] and not result["changed"] and "half of it" in result["msg"]
    assert (
        held(daemon_json) == '{"debug": false}'
        and refusing.settings["debug"] is False
        and refusing.texts[-1] == b'{"debug": false}'
    )


def test_what_the_engine_does_not_show_is_taken_back_as_well(refusing, run, daemon_json):
    """Before 25.0, a reload that is refused may have applied half of the file."""
    given(daemon_json, "{}")
    assert run("daemon_config", settings={"max-concurrent-uploads": 9})["failed"]
    assert [json.loads(text) for text in refusing.texts] == [{"max-concurrent-uploads": 9}, {}] and held(
        daemon_json
    ) == "{}"


REFUSALS = {
    # name: (file, options, message)
    "nothing": (None, {}, "Neither settings nor remove names a key. Nothing was changed. Name at least one."),
    "null": (
        None,
        {"settings": {"debug": None}},
        "settings: debug is null, which in YAML is often an accident. Nothing was changed. To remove a key, name "
        "it in remove.",
    ),
    "null within": (
        None,
        {"settings": {"log-opts": {"a": ["x", None]}}},
        "settings: log-opts.a.1 is null, which in YAML is often an accident. Nothing was changed. To remove a "
        "key, name it in remove.",
    ),
    "both": (
        None,
        {"settings": {"debug": True}, "remove": ["x", "debug"]},
        "debug is in settings and in remove. Nothing was changed. Take it out of one of them.",
    ),
    "a bad mirror": (
        None,
        {"settings": {"registry-mirrors": ["ftp://x"]}},
        '"ftp://x" cannot be a registry mirror: its scheme is "ftp"; write http:// or https://, in lower case. '
        "Nothing was changed.",
    ),
    "mirrors that are no list": (
        None,
        {"settings": {"registry-mirrors": GCR}},
        "settings: registry-mirrors is a string, and the engine accepts only a list of strings. Nothing was changed. "
        f'Write "registry-mirrors": ["{GCR}"].',
    ),
    "a name that is ignored": (
        None,
        {"settings": {"insecure-registry": ["x"]}},
        'settings: the engine accepts the key "insecure-registry" and ignores it; the right name '
        'is "insecure-registries". '
        "Nothing was changed. Rename it or remove it.",
    ),
    "a file that is no JSON": (
        "{",
        {"settings": {"debug": True}},
        "{path}, line 1, column 2: expected a key in double quotes, found the end of the text. Nothing was "
        "changed. Fix the file first.",
    ),
    "NaN": (
        None,
        {"settings": {"x": {"y": float("nan")}}},
        "settings: x.y is nan, which JSON cannot express. Nothing was changed.",
    ),
}


@pytest.mark.parametrize(("before", "options", "message"), REFUSALS.values(), ids=REFUSALS)
def test_refused(engine, run, daemon_json, before, options, message):
    given(daemon_json, before)
    for check in (True, False):
        result = run("daemon_config", check=check, **options)
        assert result["failed"] and not result["changed"] and held(daemon_json) == before and engine.texts == []
        assert result["msg"] == message.replace("{path}", str(daemon_json))


@pytest.mark.parametrize(
    ("key", "value", "flag"),
    [
        ("registry-mirrors", [GCR], f"--registry-mirror={GCR}"),
        ("insecure-registries", ["x"], "--insecure-registry=x"),
        ("debug", True, "-D"),
        ("log-level", "debug", "--log-level=info"),
    ],
)
def test_a_flag_for_the_same_setting(engine, run, daemon_json, key, value, flag):
    engine.argv += (flag,)
    result = run("daemon_config", settings={key: value})
    assert result["failed"] and key in result["msg"] and not daemon_json.exists()


def test_a_flag_of_the_next_start(engine, run, daemon_json, systemd):
    systemd.options.write_text("DOCKER_OPTS=-D\n")
    result = run("daemon_config", settings={"debug": True})
    assert result["failed"] and f"{systemd.options}, line 1" in result["msg"] and not daemon_json.exists()


def test_live_restore_on_a_swarm(engine, run, daemon_json):
    engine.swarm = True
    result = run("daemon_config", settings={"live-restore": True})
    assert result["failed"] and not daemon_json.exists()
    assert result["msg"] == (
        "settings: live-restore, and this engine is an active node of a swarm. A reload would "
        "accept it, and the next start "
        "would fail (seen on 20.10.24). Nothing was changed."
    )
    engine.swarm = False
    assert run("daemon_config", settings={"live-restore": True})["in_force"] == {"live-restore": True}


SNAPSHOTTER = "containerd-snapshotter"
STORES = {
    # name: (store in use, file, options, pending)
    "on": ("graphdriver", "{}", {"settings": {"features": {SNAPSHOTTER: True}}}, "restart"),
    "on, and in use": ("containerd", "{}", {"settings": {"features": {SNAPSHOTTER: True}}}, "none"),
    "off": ("containerd", "{}", {"settings": {"features": {SNAPSHOTTER: False}}}, "restart"),
    "off, and not in use": ("graphdriver", "{}", {"settings": {"features": {SNAPSHOTTER: False}}}, "none"),
    "named before": (
        "graphdriver",
        f'{{"features": {{"{SNAPSHOTTER}": true}}}}',
        {"settings": {"features": {"x": True}}},
        "none",
    ),
    "not named any more": (
        "containerd",
        f'{{"features": {{"{SNAPSHOTTER}": true}}}}',
        {"remove": [f"features.{SNAPSHOTTER}"]},
        "none",
    ),
}


@pytest.mark.parametrize(("store", "before", "options", "pending"), STORES.values(), ids=STORES)
def test_another_image_store_takes_a_restart(engine, run, daemon_json, store, before, options, pending):
    engine.store = store
    given(daemon_json, before)
    result = run("daemon_config", **options)
    reasons = ["the engine chooses its image store only at its start"] if pending == "restart" else []
    assert (result["pending"], result["pending_reasons"], result["reloaded"]) == (pending, reasons, pending == "none")


def test_what_a_reload_would_lose_takes_a_restart(engine, run, daemon_json):
    """Insecure registries beside mirrors, on engines that lose them."""
    given(daemon_json, f'{{"registry-mirrors": ["{GCR}"]}}')
    engine.mirrors = [GCR + "/"]
    engine.version = "24.0.0"
    assert run("daemon_config", settings={"insecure-registries": ["r.example"]})["pending"] == "restart"
    engine.version = "24.0.1"
    assert run("daemon_config", settings={"insecure-registries": ["r.example"]})["reloaded"]


def test_a_key_that_a_reload_keeps_is_reloaded_where_the_file_has_it(engine, run, daemon_json):
    engine.settings["default-runtime"] = "runc"
    result = run("daemon_config", settings={"default-runtime": "runsc"})
    assert result["reloaded"] and result["in_force"] == {"default-runtime": True}


def test_another_order_of_labels_is_the_same(engine, run, daemon_json):
    given(daemon_json, '{"labels": ["a=1", "b=2"]}')
    engine.settings["labels"] = ["b=2", "a=1"]
    result = run("daemon_config", settings={"labels": ["a=1", "b=2"]})
    assert (result["changed"], result["in_force"]) == (False, {"labels": True})


def test_a_default_that_the_engine_does_not_show_is_named_as_well(engine, run, daemon_json):
    given(daemon_json, '{"shutdown-timeout": 60}')
    result = run("daemon_config", remove=["shutdown-timeout"])
    assert result["reloaded"] and [json.loads(text) for text in engine.texts] == [{"shutdown-timeout": 15}]
    assert json.loads(held(daemon_json)) == {}


def test_containers_would_stop(engine, run, daemon_json):
    engine.containers_running = 2
    result = run("daemon_config", settings={"log-level": "debug"})
    assert result["failed"] and "2 running container(s)" in result["msg"] and not daemon_json.exists()
    assert run("daemon_config", settings={"log-level": "debug"}, keep_containers=False)["pending"] == "restart"


def test_secrets_are_masked(engine, run, daemon_json):
    given(daemon_json, '{"log-opts": {"splunk-token": "0ld"}}')
    result = run(
        "daemon_config",
        settings={"log-opts": {"splunk-token": "n3w"}, "proxies": {"http-proxy": "http://u:pa55@p.example"}},
    )
    shown = {key: value for key, value in result.items() if key != "invocation"}
    assert result["changed"] and not any(secret in str(shown) for secret in ("0ld", "n3w", "pa55"))


@pytest.mark.parametrize("state", ["stopped", "absent"])
def test_an_engine_that_does_not_run(engine, run, daemon_json, state):
    engine.state = state
    result = run("daemon_config", settings={"debug": True, "log-level": "info"})
    assert (result["changed"], result["pending"], result["in_force"]) == (
        True,
        "none",
        {"debug": None, "log-level": None},
    )
    assert (result["pending_reasons"], result["reloaded"]) == ([], False)
