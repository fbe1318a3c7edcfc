# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module registry_mirrors, against a model of the engine."""

from __future__ import annotations

import json
import os
import pathlib

from typing import ClassVar

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._change import places
from ansible_collections.pullthrough.docker.plugins.module_utils._host import files, transaction
from ansible_collections.pullthrough.docker.tests.properties.readers import flags_and_rest, shown
from ansible_collections.pullthrough.docker.tests.unit.model import ModelHost

GCR = "https://mirror.gcr.io"
OWN = "https://cache.example:5000"


def given(daemon_json, text):
    daemon_json.parent.mkdir()
    if text is not None:
        daemon_json.write_bytes(text.encode())


def held(daemon_json):
    return daemon_json.read_bytes().decode() if daemon_json.exists() else None


WITH_GCR = '{\n  "registry-mirrors": [\n    "https://mirror.gcr.io"\n  ]\n}\n'

RETURNED = (
    "changed source path mirrors previous_mirrors in_force reloaded pending pending_reasons backups engine diff".split()
)

CHANGES = {
    # name: (file before, in force before, options, file after, in force after, changed, reloaded)
    "no file": (None, [], {"mirrors": GCR}, WITH_GCR, [GCR], True, True),
    "an empty object": (
        '{"debug": true}',
        [],
        {"mirrors": GCR},
        f'{{"debug": true, "registry-mirrors": ["{GCR}"]}}',
        [GCR],
        True,
        True,
    ),
    "all is well": (WITH_GCR, [GCR], {"mirrors": GCR}, WITH_GCR, [GCR], False, False),
    "all is well, with a slash": (WITH_GCR, [GCR], {"mirrors": GCR + "/"}, WITH_GCR, [GCR], False, False),
    "drift: the file is right, the engine is not": (WITH_GCR, [], {"mirrors": GCR}, WITH_GCR, [GCR], True, True),
    "drift: no key, and the engine has mirrors": (
        "{}",
        [GCR],
        {"mirrors": GCR, "state": "absent"},
        "{}",
        [],
        True,
        True,
    ),
    "drift: no key, and the engine has others": (
        "{}",
        [OWN],
        {"mirrors": GCR},
        f'{{"registry-mirrors": ["{GCR}"]}}',
        [GCR],
        True,
        True,
    ),
    "added at the end": (
        f'{{"registry-mirrors": ["{OWN}"]}}',
        [OWN],
        {"mirrors": [GCR, OWN + "/"]},
        f'{{"registry-mirrors": ["{OWN}", "{GCR}"]}}',
        [OWN, GCR],
        True,
        True,
    ),
    "exclusive": (
        f'{{"registry-mirrors": ["{OWN}", "{GCR}/"]}}',
        [OWN, GCR],
        {"mirrors": [GCR], "exclusive": True},
        f'{{"registry-mirrors": ["{GCR}/"]}}',
        [GCR],
        True,
        True,
    ),
    "exclusive, none": (WITH_GCR, [GCR], {"mirrors": [], "exclusive": True}, "{\n}\n", [], True, True),
    "absent": (WITH_GCR, [GCR], {"mirrors": GCR, "state": "absent"}, "{\n}\n", [], True, True),
    "absent, others stay": (
        f'{{"registry-mirrors": ["{OWN}", "{GCR}"]}}',
        [OWN, GCR],
        {"mirrors": GCR, "state": "absent"},
        f'{{"registry-mirrors": ["{OWN}"]}}',
        [OWN],
        True,
        True,
    ),
    "absent, an empty list of the user's stays": (
        '{"registry-mirrors": []}',
        [GCR],
        {"mirrors": GCR, "state": "absent"},
        '{"registry-mirrors": []}',
        [],
        True,
        True,
    ),
    "absent, and no file": (None, [GCR], {"mirrors": GCR, "state": "absent"}, None, [], True, True),
    "absent, and nothing to do": (None, [], {"mirrors": GCR, "state": "absent"}, None, [], False, False),
    "no reload": (None, [], {"mirrors": GCR, "reload": False}, WITH_GCR, [], True, False),
}


@pytest.mark.parametrize("case", CHANGES.values(), ids=CHANGES)
def test_change(engine, run, daemon_json, case):
    before, in_force, options, after, in_force_after, changed, reloaded = case
    given(daemon_json, before)
    engine.mirrors = [mirror + "/" for mirror in in_force]
    shown_before = engine.mirrors

    predicted = run("registry_mirrors", check=True, **options)
    assert (held(daemon_json), engine.mirrors) == (before, shown_before)

    result = run("registry_mirrors", **options)
    assert held(daemon_json) == after
    assert engine.mirrors == [mirror + "/" for mirror in in_force_after]
    assert (result["changed"], result["reloaded"]) == (changed, reloaded)
    assert result["in_force"] == engine.mirrors
    assert predicted["in_force"] == shown_before, "in check mode, what it uses now"
    same = set(RETURNED) - {"pending_reasons", "in_force"}
    assert {key: predicted[key] for key in same} == {key: result[key] for key in same}
    assert [entry["after_header"] for entry in result["diff"]] == [str(daemon_json)] * (before != after) + [
        "engine"
    ] * reloaded
    assert os.listdir(daemon_json.parent) == ([daemon_json.name] if after is not None else [])

    if options.get("reload", True):
        again = run("registry_mirrors", **options)
        assert (again["changed"], again["pending"], held(daemon_json)) == (False, "none", after)


def test_in_force_is_what_the_engine_showed_last(engine, run):
    honest = engine.reload

    def overtaken(known, in_force, timeout, **more):
        problem = honest(known, in_force, timeout, **more)
        engine.mirrors = [f"{OWN}/"]  # Someone else changed it immediately afterwards.
        return problem

    engine.reload = overtaken
    result = run("registry_mirrors", mirrors=GCR)
    assert (result["changed"], result["mirrors"], result["in_force"]) == (True, [f"{GCR}/"], [f"{OWN}/"])


def test_none_is_brought_into_force_by_naming_it(engine, run, daemon_json):
    given(daemon_json, WITH_GCR)
    engine.mirrors = [GCR + "/"]
    run("registry_mirrors", mirrors=GCR, state="absent")
    assert [b'"registry-mirrors": []' in text for text in engine.texts] == [True]


def test_the_folder_is_made_and_the_modes_are_usual(engine, run, daemon_json):
    old = os.umask(0o077)
    try:
        run("registry_mirrors", mirrors=GCR)
    finally:
        os.umask(old)
    assert (daemon_json.parent.stat().st_mode & 0o777, daemon_json.stat().st_mode & 0o777) == (0o755, 0o644)


def test_the_mode_of_a_file_stays(engine, run, daemon_json):
    given(daemon_json, "{}")
    daemon_json.chmod(0o600)
    run("registry_mirrors", mirrors=GCR)
    assert daemon_json.stat().st_mode & 0o777 == 0o600


REFUSALS = {
    # name: (file before, options, words of the message)
    "an empty list": (None, {"mirrors": []}, ["mirrors is an empty list", "exclusive: true"]),
    "an empty string": (None, {"mirrors": [""]}, ["Nothing was changed"]),
    "absent and an empty list": (None, {"mirrors": [], "state": "absent"}, ["mirrors is an empty list"]),
    "no scheme": (None, {"mirrors": ["mirror.gcr.io"]}, ["mirror.gcr.io", "https://"]),
    "a password": (None, {"mirrors": ["https://me:hunter2@mirror.example"]}, ["mirror.example"]),
    "invalid JSON": ('{\n  "debug": tru\n}', {"mirrors": GCR}, ["line 2, column 12", "Nothing was changed"]),
    "a comment": ('{\n  // no\n  "debug": true\n}', {"mirrors": GCR}, ["line 2, column 3", "omment"]),
    "a trailing comma": ('{"debug": true,}', {"mirrors": GCR}, ["line 1, column 15"]),
    "a key twice": ('{"debug": true, "debug": false}', {"mirrors": GCR}, ["line 1, column 17", "debug"]),
    "a key twice, deep": ('{"log-opts": {"a": "1",\n"a": "2"}}', {"mirrors": GCR}, ["line 2, column 1"]),
    "not an object": ("[]", {"mirrors": GCR}, ["line 1, column 1"]),
    "mirrors as a string": (
        '{"registry-mirrors": "x"}',
        {"mirrors": GCR},
        ["line 1, column 22", "registry-mirrors is a string", 'Write "registry-mirrors": ["x"].'],
    ),
    "a mirror as a number": (
        '{"registry-mirrors": [\n1]}',
        {"mirrors": GCR},
        ["line 2, column 1", "registry-mirrors[0] is a number"],
    ),
    "the singular": ('{"registry-mirror": []}', {"mirrors": GCR}, ["line 1, column 2", '"registry-mirrors"']),
    "nested": ('{"x": {"registry-mirrors": []}}', {"mirrors": GCR}, ["line 1, column 8", "top level"]),
    "a bad mirror in the file": (
        '{"registry-mirrors": [\n"ftp://x"]}',
        {"mirrors": GCR},
        ["line 2, column 1", "ftp://x"],
    ),
}


@pytest.mark.parametrize("check", [False, True], ids=["real", "check"])
@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS)
def test_refused_with_nothing_touched(engine, run, daemon_json, case, check):
    before, options, words = case
    given(daemon_json, before)
    result = run("registry_mirrors", check=check, **options)
    assert result["failed"] and not result["changed"]
    for word in words:
        assert word in result["msg"]
    if before is not None and "line" in words[0]:
        assert str(daemon_json) in result["msg"]
    assert "hunter2" not in result["msg"]
    assert (held(daemon_json), engine.texts) == (before, [])


def test_not_utf8(engine, run, daemon_json):
    daemon_json.parent.mkdir()
    daemon_json.write_bytes(b'{\n"a": "\xff"}')
    result = run("registry_mirrors", mirrors=GCR)
    assert f"{daemon_json}, line 2, column 7" in result["msg"] and "UTF-8" in result["msg"]


@pytest.mark.parametrize(
    ("version", "text", "words"),
    [
        ("20.10.24", '{"foo": 1}', ["line 1, column 2", '"foo"', "before 23.0"]),
        ("20.10.24", '{"x": {"bar": 1}}', ["line 1, column 8", '"bar"']),
        ("20.10.24", "\ufeff{}", ["byte order mark"]),
    ],
)
def test_what_an_old_engine_refuses(engine, run, daemon_json, version, text, words):
    engine.version = version
    given(daemon_json, text)
    result = run("registry_mirrors", mirrors=GCR)
    assert result["failed"] and held(daemon_json) == text
    for word in words:
        assert word in result["msg"]
    engine.version = "28.5.2"
    assert run("registry_mirrors", mirrors=GCR)["changed"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("log-opts", '""'),
        ("runtimes", "{}"),
        ("default-ulimits", "{}"),
        ("features", "true"),
        ("builder", "{}"),
        ("cluster-store-opts", '""'),
    ],
)
def test_an_old_engine_looks_not_into_every_object(engine, run, daemon_json, key, value):
    engine.version = "20.10.24"
    given(daemon_json, f'{{"{key}": {{"anything": {value}}}}}')
    assert run("registry_mirrors", mirrors=GCR)["changed"]


@pytest.mark.parametrize("flag", ["--registry-mirror=https://x.example", "--registry-mirror https://x.example"])
@pytest.mark.parametrize("version", ["20.10.24", "26.1.5", "28.5.2"])
def test_a_flag_for_the_same_setting(engine, run, daemon_json, flag, version):
    engine.version = version
    engine.argv += tuple(flag.split())
    result = run("registry_mirrors", mirrors=GCR)
    assert (
        result["failed"] and "process 4711" in result["msg"] and "--registry-mirror=https://x.example" in result["msg"]
    )
    assert not daemon_json.exists()


@pytest.mark.parametrize("state", ["unreachable", "ambiguous", "starting"])
def test_an_engine_that_cannot_be_asked(engine, run, daemon_json, state):
    given(daemon_json, "{}")
    engine.state = state
    result = run("registry_mirrors", mirrors=GCR)
    assert result["failed"] and f"it is {state}" in result["msg"] and held(daemon_json) == "{}"


@pytest.mark.parametrize("state", ["stopped", "absent"])
def test_an_engine_that_does_not_run_reads_the_file_when_it_starts(engine, run, daemon_json, state):
    engine.state = state
    result = run("registry_mirrors", mirrors=GCR)
    assert (result["changed"], result["in_force"], result["pending"], result["reloaded"]) == (True, None, "none", False)
    assert (held(daemon_json), engine.texts) == (WITH_GCR, [])
    assert not run("registry_mirrors", mirrors=GCR)["changed"]


@pytest.mark.parametrize("before", [None, "{}", f'{{"registry-mirrors": ["{OWN}"]}}'])
def test_a_mirror_that_the_engine_refuses_is_put_back(engine, run, daemon_json, before):
    given(daemon_json, before)
    engine.refuses = "gcr"
    engine.mirrors = [OWN + "/"]
    result = run("registry_mirrors", mirrors=GCR)
    assert result["failed"] and not result["changed"]
    assert "invalid mirror: gcr" in result["msg"] and "are as they were" in result["msg"]
    assert (held(daemon_json), engine.mirrors) == (before, [OWN + "/"])


def test_an_engine_that_takes_something_else_is_brought_back_by_naming_its_list(engine, run, daemon_json):
    """An engine before 25.0 may apply half of a file: going back names the list that was in force, and reloads."""
    given(daemon_json, "{}")
    engine.mirrors = [OWN + "/"]
    honest = engine.reload

    def half(known, in_force, timeout, **more):
        refusal = honest(known, in_force, timeout, **more)
        return refusal if len(engine.texts) > 1 else "it took half of it"

    engine.reload = half
    result = run("registry_mirrors", mirrors=GCR)
    assert result["failed"] and not result["changed"]
    assert (held(daemon_json), engine.mirrors) == ("{}", [OWN + "/"])
    assert OWN.encode() in engine.texts[-1]


def test_someone_else_writes_while_the_engine_reloads(engine, run, daemon_json):
    given(daemon_json, "{}")

    def overwritten(known, in_force, timeout, **more):
        daemon_json.write_text('{"debug": true}')
        return "refused"

    engine.reload = overwritten
    result = run("registry_mirrors", mirrors=GCR)
    assert result["failed"] and result["changed"] and "someone else" in result["msg"]
    assert held(daemon_json) == '{"debug": true}'


def test_a_file_that_changes_before_the_write_is_planned_once_more(engine, run, daemon_json, monkeypatch):
    given(daemon_json, "{}")
    write, writers = transaction.Transaction.write, ['{"debug": true}']

    def raced(self, path, expected, data):
        if writers:
            daemon_json.write_text(writers.pop())
        return write(self, path, expected, data)

    monkeypatch.setattr(transaction.Transaction, "write", raced)
    assert run("registry_mirrors", mirrors=GCR)["changed"]
    assert held(daemon_json) == f'{{"debug": true, "registry-mirrors": ["{GCR}"]}}'
    writers += ['{"debug": false}', '{"icc": false}']
    result = run("registry_mirrors", mirrors=OWN)
    assert result["failed"] and "someone else changed it" in result["msg"] and held(daemon_json) == '{"debug": false}'


class TestRestart:
    """Where only a restart helps: a plugin that stands on the command line alone."""

    @pytest.fixture(autouse=True)
    def plugin(self, engine):
        engine.argv += ("--authorization-plugin=p",)

    def test_pending_with_a_copy_for_putting_back(self, engine, run, daemon_json):
        given(daemon_json, "{}")
        result = run("registry_mirrors", mirrors=GCR)
        assert (result["changed"], result["pending"], result["reloaded"], result["in_force"]) == (
            True,
            "restart",
            False,
            [],
        )
        (copy,) = result["backups"]
        assert pathlib.Path(copy["backup_file"]).read_text() == "{}"
        again = run("registry_mirrors", mirrors=GCR)
        assert (again["changed"], again["pending"], again["backups"]) == (False, "restart", [])

    def test_no_copy_of_a_file_that_was_not_there(self, engine, run, daemon_json):
        (copy,) = run("registry_mirrors", mirrors=GCR)["backups"]
        assert (copy["path"], copy["backup_file"]) == (str(daemon_json), None)

    def test_containers_would_stop(self, engine, run, daemon_json):
        engine.containers_running = 3
        result = run("registry_mirrors", mirrors=GCR)
        assert (
            result["failed"] and "3 running container(s)" in result["msg"] and "keep_containers: false" in result["msg"]
        )
        assert not daemon_json.exists()
        given(daemon_json, WITH_GCR)
        assert run("registry_mirrors", mirrors=GCR)["failed"], "a file that is right already needs the same restart"

    @pytest.mark.parametrize(("live_restore", "keep_containers"), [(True, True), (False, False)], ids=["not", "may"])
    def test_containers_would_not_stop_or_may(self, engine, run, daemon_json, live_restore, keep_containers):
        engine.containers_running = 3
        engine.live_restore = live_restore
        assert run("registry_mirrors", mirrors=GCR, keep_containers=keep_containers)["pending"] == "restart"

    @pytest.mark.parametrize("running", [3, 0])
    def test_live_restore_does_not_keep_what_systemd_kills(self, engine, run, daemon_json, monkeypatch, running):
        engine.containers_running, engine.live_restore = running, True
        monkeypatch.setattr(ModelHost, "stop_kills_containers", lambda *_args: True)
        result = run("registry_mirrors", mirrors=GCR)
        assert result.get("failed", False) is bool(running)
        if running:
            assert "systemd kills all of it when it stops the service" in result["msg"]
            assert "set KillMode=process in a drop-in" in result["msg"] and not daemon_json.exists()
        assert run("registry_mirrors", mirrors=GCR, keep_containers=False)["pending"] == "restart"


def test_secrets_in_the_file_are_masked_in_the_diff(engine, run, daemon_json):
    given(daemon_json, '{"log-opts": {"splunk-token": "s3cret"}, "proxies": {"http-proxy": "http://u:pa55@p.example"}}')
    result = run("registry_mirrors", mirrors=GCR)
    assert "s3cret" not in str(result) and "pa55" not in str(result) and "p.example" in str(result["diff"])


def test_backup(engine, run, daemon_json):
    given(daemon_json, "{}")
    (copy,) = run("registry_mirrors", mirrors=GCR, backup=True)["backups"]
    assert pathlib.Path(copy["backup_file"]).read_text() == "{}"
    assert run("registry_mirrors", mirrors=GCR, backup=True)["backups"] == []


def test_leftovers_of_a_killed_run_are_removed(engine, run, daemon_json):
    given(daemon_json, "{}")
    (daemon_json.parent / ".pullthrough-docker-abc").write_text("half")
    run("registry_mirrors", mirrors=GCR)
    assert os.listdir(daemon_json.parent) == ["daemon.json"]


@pytest.mark.parametrize("reloaded", [False, True])
def test_no_empty_list_of_a_killed_run_stays_behind(engine, run, daemon_json, reloaded):
    given(daemon_json, WITH_GCR)
    engine.mirrors = [GCR + "/"]
    reload = engine.reload

    class KilledError(BaseException):
        pass

    def killed(*arguments, **options):
        if reloaded:
            reload(*arguments, **options)
        raise KilledError

    engine.reload = killed
    with pytest.raises(KilledError):
        run("registry_mirrors", mirrors=GCR, state="absent")
    engine.reload = reload
    assert json.loads(daemon_json.read_text()) == {"registry-mirrors": []}
    result = run("registry_mirrors", mirrors=GCR, state="absent")
    assert result["changed"] and result["in_force"] == [] and json.loads(daemon_json.read_text()) == {}
    assert os.listdir(daemon_json.parent) == ["daemon.json"]
    assert not run("registry_mirrors", mirrors=GCR, state="absent")["changed"]


def test_symlinks(engine, run, daemon_json, tmp_path):
    given(daemon_json, None)
    target = tmp_path / "real.json"
    daemon_json.symlink_to(target)
    assert "does not exist" in run("registry_mirrors", mirrors=GCR)["msg"]
    target.write_text("{}")
    result = run("registry_mirrors", mirrors=GCR)
    assert result["path"] == str(target) and daemon_json.is_symlink() and GCR in target.read_text()
    daemon_json.parent.chmod(0o777)
    assert "another user can write" in run("registry_mirrors", mirrors=OWN)["msg"]


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_not_a_file(engine, run, daemon_json, make):
    given(daemon_json, None)
    make(daemon_json)
    assert "not a regular file" in run("registry_mirrors", mirrors=GCR)["msg"]


def test_a_folder_that_cannot_be_written(engine, run, daemon_json, monkeypatch):
    given(daemon_json, "{}")

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    result = run("registry_mirrors", mirrors=GCR)
    assert (
        result["failed"]
        and "No space left on device" in result["msg"]
        and "Make room" in result["msg"]
        and held(daemon_json) == "{}"
    )


class TestNextStart:
    """What stands on the command line of the next start, though not on that of the engine that runs."""

    @pytest.mark.parametrize("state", ["running", "stopped"])
    def test_the_same_setting(self, engine, run, daemon_json, systemd, state):
        systemd.options.write_text(f'# note\nDOCKER_OPTS="--registry-mirror={OWN}"\n')
        engine.state = state
        given(daemon_json, "{}")
        for check in (True, False):
            result = run("registry_mirrors", check=check, mirrors=GCR)
            assert result["failed"] and not result["changed"]
            assert (
                f"{systemd.options}, line 2" in result["msg"]
                and "at its next start" in result["msg"]
                and "migrate: true to move them in the same step, which needs a restart" in result["msg"]
            )
        assert held(daemon_json) == "{}"
        assert not run("registry_mirrors", mirrors=GCR, state="absent").get("failed"), (
            "it is not there, so there is nothing to refuse"
        )

    @pytest.mark.parametrize(
        ("key", "flag"),
        [
            ("insecure-registries", "--insecure-registry=10.0.0.0/8"),
            ("hosts", "-Hfd://"),
            ("hosts", "--host=fd://"),
            ("debug", "-D"),
            ("log-level", "--log-level=info"),
            ("containerd", "--containerd=/run/containerd/containerd.sock"),
        ],
    )
    def test_another_setting(self, engine, run, daemon_json, systemd, key, flag):
        systemd.start(f"/usr/sbin/dockerd {flag}")
        engine.argv = ("dockerd", flag)
        given(daemon_json, f'{{\n  "{key}": []\n}}')
        result = run("registry_mirrors", mirrors=GCR)
        assert (
            result["failed"]
            and f"{systemd.unit}, line 3" in result["msg"]
            and f"{key} in {daemon_json}, line 2" in result["msg"]
        )
        (conflict,) = run("registry_mirrors_info")["conflicts"]
        assert conflict["setting"] == key and conflict["places"] == [
            f"{daemon_json}, line 2",
            f"{systemd.unit}, line 3",
        ]

    def test_runtimes_are_merged(self, engine, run, daemon_json):
        engine.argv += ("--add-runtime=x=/x",)
        given(daemon_json, '{"runtimes": {}}')
        assert run("registry_mirrors", mirrors=GCR)["changed"]

    def test_a_fault_is_named_and_stops_a_restart(self, engine, run, daemon_json, systemd):
        systemd.options.write_text('# note\nDOCKER_OPTS="${DOCKER_OPTS} --debug"\n')
        given(daemon_json, "{}")
        place = f"{systemd.options}, line 2"
        result = run("registry_mirrors", mirrors=GCR)
        assert result["changed"] and [warning for warning in result["warnings"] if place in warning]
        engine.argv += ("--authorization-plugin=p",)
        result = run("registry_mirrors", mirrors=OWN)
        assert result["failed"] and place in result["msg"]
        (conflict,) = run("registry_mirrors_info")["conflicts"]
        assert conflict["places"] == [place]

    def test_a_flag_that_waits_for_a_restart_is_drift(self, engine, run, daemon_json, systemd):
        systemd.options.write_text(f'DOCKER_OPTS="--registry-mirror={OWN}"\n')
        given(daemon_json, "{}")
        result = run("registry_mirrors_info")
        assert (result["mirrors"], result["in_force"], result["drift"]) == ([OWN + "/"], [], True)
        assert result["sources"][1] == {
            "source": "options_file",
            "path": str(systemd.options),
            "line": 1,
            "mirrors": [OWN + "/"],
            "reason": None,
        }


class TestPlaces:
    """Mirrors kept as flags, and moved from place to place."""

    FLAG = f"--registry-mirror={GCR}"

    def restart(self, engine, systemd):
        """Start the engine with the command line and the file as they are now."""
        engine.argv = systemd.next_start("docker").argv
        flags, _rest = flags_and_rest(engine.argv)
        text = engine.config_path.read_text() if engine.config_path.exists() else "{}"
        assert not (flags and "registry-mirrors" in text), "such an engine does not start"
        engine.mirrors = shown(flags or json.loads(text).get("registry-mirrors") or [])

    def test_an_options_file(self, engine, run, daemon_json, systemd):
        before = '# Options\nDOCKER_OPTS="--dns 8.8.8.8"  \n'
        systemd.options.write_text(before)
        engine.argv += ("--dns", "8.8.8.8")
        predicted = run("registry_mirrors", check=True, mirrors=GCR, source="options_file")
        assert systemd.options.read_text() == before
        result = run("registry_mirrors", mirrors=GCR, source="options_file")
        assert (
            systemd.options.read_text() == f'# Options\nDOCKER_OPTS="--dns 8.8.8.8 {self.FLAG}"  \n'
            and not daemon_json.exists()
        )
        assert (result["changed"], result["pending"], result["source"], result["path"]) == (
            True,
            "restart",
            "options_file",
            str(systemd.options),
        )
        assert (
            predicted["changed"]
            and predicted["diff"] == result["diff"]
            and [copy["path"] for copy in result["backups"]] == [str(systemd.options)]
        )
        again = run("registry_mirrors", mirrors=GCR, source="options_file")
        assert (again["changed"], again["pending"]) == (False, "restart"), "a lost handler"
        self.restart(engine, systemd)
        settled = run("registry_mirrors", mirrors=GCR, source="options_file")
        assert (settled["changed"], settled["pending"], settled["in_force"]) == (False, "none", [GCR + "/"])
        gone = run("registry_mirrors", mirrors=GCR, state="absent")
        assert (gone["changed"], gone["pending"]) == (True, "restart") and systemd.options.read_text() == before
        self.restart(engine, systemd)
        assert (run("registry_mirrors", mirrors=GCR, state="absent")["pending"], engine.mirrors) == ("none", [])

    def test_a_drop_in(self, engine, run, daemon_json, systemd):
        result = run("registry_mirrors", mirrors=GCR, source="systemd_drop_in")
        lines = systemd.own.read_text().splitlines()
        assert lines[-3:] == [
            "[Service]",
            "ExecStart=",
            f"ExecStart=/usr/sbin/dockerd -H fd:// $DOCKER_OPTS {self.FLAG}",
        ]
        assert (result["changed"], result["pending"], systemd.daemon_reloads) == (True, "restart", 1)
        self.restart(engine, systemd)
        assert run("registry_mirrors", mirrors=GCR, source="systemd_drop_in")["pending"] == "none"
        systemd.start("/usr/sbin/dockerd --new")
        renewed = run("registry_mirrors", mirrors=GCR, source="systemd_drop_in")
        assert (renewed["changed"], renewed["pending"]) == (
            True,
            "none",
        ) and f"dockerd --new {self.FLAG}" in systemd.own.read_text()
        self.restart(engine, systemd)
        gone = run("registry_mirrors", mirrors=GCR, state="absent", source="systemd_drop_in")
        assert (gone["changed"], gone["pending"], systemd.own.exists()) == (True, "restart", False)
        (copy,) = gone["backups"]
        assert copy["checksum"] == "" and self.FLAG in pathlib.Path(copy["backup_file"]).read_text()

    def test_systemd_that_has_not_seen_the_drop_in_is_told(self, engine, run, daemon_json, systemd):
        run("registry_mirrors", mirrors=GCR, source="systemd_drop_in")
        systemd.needs_daemon_reload = "yes"
        assert (
            run("registry_mirrors", check=True, mirrors=GCR, source="systemd_drop_in")["pending"] == "restart"
            and systemd.daemon_reloads == 1
        )
        assert (
            not run("registry_mirrors", mirrors=GCR, source="systemd_drop_in")["changed"]
            and systemd.daemon_reloads == 2
        )

    @pytest.mark.parametrize("source", ["daemon_json", "options_file", "systemd_drop_in"])
    def test_all_three_places_become_one(self, engine, run, daemon_json, systemd, source):
        third = "https://third.example"
        given(daemon_json, f'{{"registry-mirrors": ["{OWN}"], "debug": true}}')
        systemd.options.write_text('DOCKER_OPTS="--registry-mirror=https://second.example --dns 8.8.8.8"\n')
        drop_in = systemd.drop_ins / "10-machine.conf"
        drop_in.write_text(
            f"[Service]\nExecStart=\nExecStart=/usr/sbin/dockerd -H fd:// \\\n  --registry-mirror {third} \\\n  "
            "$DOCKER_OPTS\n"
        )
        engine.argv += ("--registry-mirror", third, "--registry-mirror=https://second.example", "--dns", "8.8.8.8")
        engine.mirrors = [third + "/", "https://second.example/"]
        refused = run("registry_mirrors", mirrors=GCR, source=source)
        assert refused["failed"] and f"{systemd.options}, line 1" in refused["msg"]
        assert systemd.options.read_text().count("second") == 1 and OWN in held(daemon_json)
        run("registry_mirrors", mirrors=GCR, source=source, migrate=True)
        self.restart(engine, systemd)
        assert sorted(engine.mirrors) == sorted([OWN + "/", "https://second.example/", third + "/", GCR + "/"])
        result = run("registry_mirrors", mirrors=GCR, source=source)
        assert (result["changed"], result["pending"], result["in_force"]) == (False, "none", engine.mirrors)
        assert "--dns 8.8.8.8" in systemd.options.read_text() and '"debug": true' in held(daemon_json)
        assert ("registry-mirrors" in held(daemon_json)) is (source == "daemon_json")

    @pytest.mark.parametrize("empty", ["[]", "null"])
    def test_beside_a_flag_the_key_goes_even_where_it_is_empty(self, engine, run, daemon_json, systemd, empty):
        given(daemon_json, f'{{"debug": true, "registry-mirrors": {empty}}}')
        assert run("registry_mirrors", mirrors=GCR, source="options_file")["failed"]
        assert run("registry_mirrors", mirrors=GCR, source="options_file", migrate=True)["pending"] == "restart"
        assert held(daemon_json) == '{"debug": true}'

    def test_flags_of_two_places_stay_in_their_order(self, engine, run, daemon_json, systemd):
        systemd.start(f"/usr/sbin/dockerd $DOCKER_OPTS --registry-mirror={OWN}")
        systemd.options.write_text('DOCKER_OPTS="--registry-mirror=https://second.example"\n')
        self.restart(engine, systemd)
        for mirror in ("https://no.example", OWN):
            result = run("registry_mirrors", mirrors=mirror, state="absent")
            assert (result["changed"], result["pending"]) == ((False, "none") if mirror != OWN else (True, "restart"))
        assert result["mirrors"] == ["https://second.example/"]

    @pytest.mark.parametrize("source", ["options_file", "systemd_drop_in"])
    def test_another_order(self, engine, run, daemon_json, systemd, source):
        for mirrors in ([OWN, GCR], [GCR, OWN]):
            result = run("registry_mirrors", mirrors=mirrors, exclusive=True, source=source)
            assert (result["changed"], result["pending"]) == (True, "restart")
            self.restart(engine, systemd)
            assert engine.mirrors == [mirror + "/" for mirror in mirrors]

    def test_they_leave_the_old_place_before_they_reach_the_new_one(
        self, engine, run, daemon_json, systemd, monkeypatch
    ):
        systemd.options.write_text(f'DOCKER_OPTS="{self.FLAG}"\n')
        write, order = transaction.Transaction.write, []

        def noted(transaction, path, expected, data):
            if data != expected:
                order.append(path)
            return write(transaction, path, expected, data)

        monkeypatch.setattr(transaction.Transaction, "write", noted)
        run("registry_mirrors", mirrors=GCR, migrate=True)
        run("registry_mirrors", mirrors=GCR, migrate=True, source="options_file")
        assert order == [str(systemd.options), str(daemon_json), str(daemon_json), str(systemd.options)]

    def test_a_write_that_fails_takes_the_others_back(self, engine, run, daemon_json, systemd, monkeypatch):
        before = f'DOCKER_OPTS="{self.FLAG}"\n'
        systemd.options.write_text(before)
        replace = transaction.Transaction._replace

        def full(transaction, path, data, create):
            if path == str(daemon_json):
                raise files.FileError("No space left on device")
            return replace(transaction, path, data, create)

        monkeypatch.setattr(transaction.Transaction, "_replace", full)
        result = run("registry_mirrors", mirrors=GCR, migrate=True)
        assert result["failed"] and not result["changed"] and systemd.options.read_text() == before

    @pytest.mark.parametrize("state", ["running", "stopped"])
    @pytest.mark.parametrize(
        ("source", "killed_at"),
        [("daemon_json", 0), ("daemon_json", 1), ("options_file", 0), ("options_file", 1), ("systemd_drop_in", 1)],
    )
    def test_a_run_that_was_killed_between_two_files(
        self, engine, run, daemon_json, systemd, monkeypatch, source, killed_at, state
    ):
        """What was not declared, but was there, is not lost."""
        engine.state = state
        if source == "daemon_json":
            systemd.options.write_text(f'DOCKER_OPTS="--registry-mirror={OWN}"\n')
            engine.argv += (f"--registry-mirror={OWN}",)
        else:
            given(daemon_json, f'{{"registry-mirrors": ["{OWN}"]}}')
        engine.mirrors = [OWN + "/"]
        write, writes = transaction.Transaction.write, []

        class KilledError(BaseException):
            pass

        def killed(transaction, path, expected, data):
            if data != expected:
                if len(writes) == killed_at:
                    raise KilledError
                writes.append(path)
            return write(transaction, path, expected, data)

        with monkeypatch.context() as patch:
            patch.setattr(transaction.Transaction, "write", killed)
            with pytest.raises(KilledError):
                run("registry_mirrors", mirrors=GCR, migrate=True, source=source)
        result = run("registry_mirrors", mirrors=GCR, migrate=True, source=source)
        assert result["mirrors"] == [OWN + "/", GCR + "/"]
        for folder in (daemon_json.parent, systemd.options.parent, systemd.drop_ins):
            assert (
                not [name for name in os.listdir(folder) if name.startswith(".pullthrough")]
                if folder.exists()
                else True
            )
        texts = [
            path.read_text()
            for path in (daemon_json, systemd.options, *systemd.drop_ins.glob("*.conf"))
            if path.exists()
        ]
        assert "".join(texts).count(OWN) == 1, "nor is it there twice"
        self.restart(engine, systemd)
        assert engine.mirrors == [OWN + "/", GCR + "/"]

    def test_leftovers_are_removed_where_there_is_nothing_else_to_do(self, engine, run, daemon_json):
        given(daemon_json, WITH_GCR)
        engine.mirrors = [GCR + "/"]
        for name in (".pullthrough-docker-abc", ".pullthrough-docker-moving-daemon.json"):
            (daemon_json.parent / name).write_text(WITH_GCR)
        assert not run("registry_mirrors", mirrors=GCR)["changed"]
        assert os.listdir(daemon_json.parent) == ["daemon.json"]

    REFUSED: ClassVar = {
        # name: (unit's command, options file, options, words)
        "a unit that reads no options file": (
            "/usr/bin/dockerd -H fd://",
            "",
            {"source": "options_file"},
            ["reads none", "source: daemon_json"],
        ),
        "a file that is not read": (
            None,
            "",
            {"source": "options_file", "options_file": "/etc/x"},
            ["does not read /etc/x", "it reads"],
        ),
        "a variable that is not used": (
            None,
            "",
            {"source": "options_file", "options_variable": "OPTIONS"},
            ["does not use OPTIONS", "DOCKER_OPTS"],
        ),
        "a self-reference": (
            None,
            'DOCKER_OPTS="$DOCKER_OPTS -D"\n',
            {"source": "options_file"},
            ["line 1", "does not expand"],
        ),
        "an escape": (
            None,
            '\nDOCKER_OPTS="--label a=\\"b\\""\n',
            {"source": "options_file"},
            ["line 2", "more than plain words"],
        ),
        "a URL with a meaning for a shell": (
            None,
            "",
            {"source": "options_file", "mirrors": ["https://a.example/$x"]},
            ["source: daemon_json"],
        ),
        "a flag in a file of a package": (
            "/usr/bin/dockerd --registry-mirror=https://a.example",
            "",
            {"migrate": True},
            ["is in a file of a package"],
        ),
    }

    @pytest.mark.parametrize(("command", "text", "options", "words"), REFUSED.values(), ids=REFUSED)
    def test_refused(self, engine, run, daemon_json, systemd, monkeypatch, command, text, options, words):
        monkeypatch.setattr(places, "PACKAGED", (str(systemd.unit.parent),))
        systemd.options.write_text(text)
        if command:
            systemd.start(command)
        result = run("registry_mirrors", **{"mirrors": GCR, **options})
        assert (
            result["failed"]
            and not result["changed"]
            and systemd.options.read_text() == text
            and not daemon_json.exists()
        )
        for word in words:
            assert word in result["msg"]

    def test_a_drop_in_that_applies_after_ours(self, engine, run, systemd):
        other = systemd.drop_ins / "zzz.conf"
        other.write_text("[Service]\nExecStart=\nExecStart=/usr/sbin/dockerd\n")
        result = run("registry_mirrors", mirrors=GCR, source="systemd_drop_in")
        assert result["failed"] and f"{other}, line 3" in result["msg"] and not systemd.own.exists()

    @pytest.mark.parametrize("source", ["options_file", "systemd_drop_in"])
    def test_no_service(self, engine, run, daemon_json, source):
        result = run("registry_mirrors", mirrors=GCR, source=source)
        assert result["failed"] and "Nothing was changed" in result["msg"]

    def test_a_flag_of_no_service(self, engine, run, daemon_json):
        engine.argv += (self.FLAG,)
        engine.mirrors = [GCR + "/"]
        result = run("registry_mirrors", mirrors=GCR, state="absent")
        assert result["failed"] and "no service that was found" in result["msg"]
        assert not run("registry_mirrors", mirrors=OWN, state="absent")["changed"]


class TestForeignEdits:
    """What someone else left in the file, half done."""

    TEXT = '{\n  "data-root": "/mnt/new",\n  "debug": true\n}\n'

    @pytest.fixture(autouse=True)
    def shown(self, engine):
        engine.settings = {"data-root": "/var/lib/docker", "debug": False}

    def test_a_reload_warns_of_what_it_brings_along(self, engine, run, daemon_json):
        given(daemon_json, self.TEXT)
        for check in (True, False):
            result = run("registry_mirrors", check=check, mirrors=GCR)
            (warning,) = [warning for warning in result["warnings"] if "someone changed" in warning]
            assert (
                f"{daemon_json}, line 3: debug is True, and the engine uses False" in warning
                and "data-root" not in warning
            )
            assert result["changed"]

    def test_a_restart_needs_consent(self, engine, run, daemon_json):
        engine.argv += ("--authorization-plugin=p",)
        given(daemon_json, self.TEXT)
        result = run("registry_mirrors", mirrors=GCR)
        assert (
            result["failed"]
            and f"{daemon_json}, line 2: data-root is /mnt/new, and the engine uses /var/lib/docker" in result["msg"]
        )
        assert held(daemon_json) == self.TEXT
        assert run("registry_mirrors", mirrors=GCR, keep_containers=False)["pending"] == "restart"


class TestCertificates:
    """CA certificates of mirrors, where the engine reads them."""

    PEM = (pathlib.Path(__file__).parent / "ca.crt").read_text()

    @pytest.mark.parametrize(
        ("store", "version", "name"),
        [
            ("graphdriver", "28.5.2", "cache.example:5000/pullthrough-docker.crt"),
            ("containerd", "26.1.5", "cache.example:5000/pullthrough-docker.crt"),
            ("containerd", "28.5.2", "docker.io/pullthrough-docker-cache.example:5000.crt"),
        ],
    )
    def test_they_come_with_the_mirrors_and_go_with_them(self, engine, run, daemon_json, certs, store, version, name):
        engine.store, engine.version = store, version
        options = {"mirrors": OWN, "ca_certificates": {"cache.example:5000": self.PEM}}
        assert run("registry_mirrors", check=True, **options)["changed"] and not certs.exists()
        result = run("registry_mirrors", **options)
        assert result["changed"] and result["reloaded"] and (certs / name).read_text() == self.PEM
        assert [entry["after_header"] for entry in result["diff"]] == [str(certs / name), str(daemon_json), "engine"]
        assert any("Docker Hub as well" in warning for warning in result["warnings"]) is name.startswith("docker.io")
        assert not run("registry_mirrors", **options)["changed"]
        engine.store, engine.version = "graphdriver", "28.5.2"
        assert run("registry_mirrors", **options)["changed"] is name.startswith("docker.io"), "they move with the store"
        assert run("registry_mirrors", mirrors=OWN, state="absent")["changed"] and os.listdir(certs) == []

    def test_one_that_is_broken_is_mended_and_one_that_is_not_ours_is_refused(self, engine, run, daemon_json, certs):
        options = {"mirrors": OWN, "ca_certificates": {"cache.example:5000": self.PEM}}
        ours = certs / "cache.example:5000/pullthrough-docker.crt"
        ours.parent.mkdir(parents=True)
        ours.write_text("broken")
        assert run("registry_mirrors", **options)["changed"] and ours.read_text() == self.PEM
        (ours.parent / "client.cert").write_text(self.PEM)
        result = run("registry_mirrors", mirrors=OWN)
        assert result["failed"] and str(ours.parent / "client.cert") in result["msg"] and "client.key" in result["msg"]

    @pytest.mark.parametrize(
        ("certificates", "words"),
        [
            ({"cache.example:5000": "x"}, "cache.example:5000"),
            ({"other.example": PEM}, "no declared mirror"),
            ({"cache.example:5000": 3}, "not text"),
        ],
    )
    def test_refused(self, engine, run, daemon_json, certs, certificates, words):
        result = run("registry_mirrors", mirrors=OWN, ca_certificates=certificates)
        assert result["failed"] and words in result["msg"] and not certs.exists() and not daemon_json.exists()


def test_an_engine_that_someone_restarts_meanwhile_counts_where_it_has_the_change(run, engine, daemon_json):
    """As a package's upgrade does. At its start an engine reads the file as well."""

    def ends_and_starts(looked_at, in_force, timeout, *, event=False):
        engine.mirrors, engine.has_ended = ["https://a.example/"], True
        return "its process has ended"

    engine.reload = ends_and_starts
    result = run("registry_mirrors", mirrors=["https://a.example"])
    assert not result.get("failed") and result["changed"] and result["in_force"] == ["https://a.example/"]
    assert "a.example" in daemon_json.read_text()


def test_an_engine_that_ends_meanwhile_and_is_not_started_again_is_said_to_be_down(run, engine, daemon_json):
    def ends(looked_at, in_force, timeout, *, event=False):
        engine.state, engine.has_ended = "stopped", True
        return "its process has ended"

    engine.reload = ends
    result = run("registry_mirrors", mirrors=["https://a.example"], timeout=0)
    assert result["failed"] and result["changed"]
    assert "The engine did not accept the change: its process has ended." in result["msg"]
    assert "is unknown, as it is stopped: it is stopped" in result["msg"]
    assert not daemon_json.exists()


def test_a_user_who_has_no_engine_is_told_whose_engine_is_meant(run, engine, monkeypatch):
    engine.state = "absent"
    assert run("registry_mirrors", mirrors=GCR)["warnings"] == []
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    assert run("registry_mirrors", mirrors=GCR)["warnings"] == [
        "This is about the rootless engine of the user who ran the task (uid 4711), who has none yet. "
        "For the root engine of the host, run the task as root (become: true)."
    ]


WITHOUT_BECOME = {
    "registry_mirrors": {"mirrors": GCR},
    "daemon_config": {"settings": {"debug": True}},
    "registry_mirrors_canary": {"images": ["alpine"]},
    "registry_mirrors_health_info": {},
}


@pytest.mark.parametrize("name", WITHOUT_BECOME)
def test_an_engine_of_root_is_not_mistaken_for_the_user_s(run, engine, daemon_json, name):
    engine.state, engine.is_roots = "absent", True
    result = run(name, **WITHOUT_BECOME[name])
    assert result["failed"] and not result.get("changed")
    changed = "Nothing was changed. " if name in ("registry_mirrors", "daemon_config") else ""
    assert result["msg"] == (
        f"The task does not run as root: it is absent. {changed}"
        "If this user needs a rootless engine, install it first (dockerd-rootless-setuptool.sh install)."
    )
    assert not daemon_json.exists()


def test_a_file_that_is_named_is_written_where_the_engine_is_root_s(run, engine, tmp_path):
    engine.state, engine.is_roots = "absent", True
    assert run("registry_mirrors", mirrors=GCR, path=str(tmp_path / "named.json"))["changed"]
    assert (tmp_path / "named.json").exists()


def test_a_look_at_an_engine_of_root_warns(run, engine):
    engine.state, engine.is_roots = "absent", True
    result = run("registry_mirrors_info")
    assert result["warnings"] == ["The task does not run as root: it is absent."] and result["cautions"] == []
