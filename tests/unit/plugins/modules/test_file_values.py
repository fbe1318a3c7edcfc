# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files and values of daemon.json as people have them, with the modules and a model of the engine."""

from __future__ import annotations

import json
import os

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._host import files

GCR = "https://mirror.gcr.io"
A, B = "https://a.example.com", "https://b.example.com/"
OLD = "20.10.24"


def given(daemon_json, text):
    daemon_json.parent.mkdir(exist_ok=True)
    daemon_json.write_text(text)


@pytest.fixture
def dockerd(engine, tmp_path):
    """Install a program of a version that accepts every file: dockerd(version)."""

    def install(version):
        program = tmp_path / "dockerd"
        program.write_text(f'#!/bin/sh\n[ "$1" != --version ] || echo "Docker version {version}, build 1"\n')
        program.chmod(0o755)
        engine.binary = str(program)

    return install


# -- types -----------------------------------------------------------------------------------------------------------

ULIMIT = '"nofile": {"Name": "nofile", "Hard": 64000, "Soft": 64000}'
ULIMITS = 'accepts only an object with "Name" and "Hard" and "Soft"'
WRONG = {
    # name: (settings, what is wrong, the right spelling)
    "a number in log-opts": (
        {"log-opts": {"max-file": 3}},
        "log-opts.max-file is a number, and the engine accepts only a string",
        '"max-file": "3"',
    ),
    "a list as log-opts": (
        {"log-opts": ["max-size=10m", "max-file=3"]},
        "log-opts is a list, and the engine accepts only an object whose values are strings",
        '"log-opts": {"max-size": "10m", "max-file": "3"}',
    ),
    "a limit as --default-ulimit has it": (
        {"default-ulimits": {"nofile": "64000:64000"}},
        f"default-ulimits.nofile is a string, and the engine {ULIMITS}",
        ULIMIT,
    ),
    "a limit as a number": (
        {"default-ulimits": {"nofile": 64000}},
        f"default-ulimits.nofile is a number, and the engine {ULIMITS}",
        ULIMIT,
    ),
    "a number as a string": (
        {"mtu": "1400"},
        "mtu is a string, and the engine accepts only a whole number",
        '"mtu": 1400',
    ),
    "a string for a list": (
        {"dns": "10.0.0.1"},
        "dns is a string, and the engine accepts only a list of strings",
        '"dns": ["10.0.0.1"]',
    ),
    "true as a string": (
        {"icc": "false"},
        "icc is a string, and the engine accepts only true or false",
        '"icc": false',
    ),
    "true in log-opts": (
        {"log-opts": {"compress": True}},
        "log-opts.compress is true or false, and the engine accepts only a string",
        '"compress": "true"',
    ),
}


@pytest.mark.parametrize("installed", [OLD, None])
@pytest.mark.parametrize(("settings", "wrong", "right"), WRONG.values(), ids=WRONG)
def test_a_wrong_type_is_refused_where_nothing_else_checks_it(
    engine, run, daemon_json, dockerd, settings, wrong, right, installed
):
    engine.version = OLD if installed else "26.1.5"
    if installed:
        dockerd(installed)
    result = run("daemon_config", settings=settings)
    assert result["msg"] == f"settings: {wrong}. Nothing was changed. Write {right}."
    assert not daemon_json.exists()


def test_a_value_without_an_obvious_spelling_is_only_refused(run, daemon_json):
    result = run("daemon_config", settings={"mtu": 1.5})
    assert result["msg"] == (
        "settings: mtu is a number, and the engine accepts only a whole number. Nothing was changed. Fix it first."
    )


def test_a_secret_in_the_right_spelling_is_masked(run):
    assert "Write " in (message := run("daemon_config", settings={"log-opts": {"splunk-token": 123456}})["msg"])
    assert "123456" not in message


@pytest.mark.parametrize("version", [OLD, "23.0.0"])
def test_dockerd_checks_the_types_itself_where_it_can(engine, run, daemon_json, dockerd, version):
    engine.version = version
    dockerd(version)
    result = run("daemon_config", settings={"mtu": "1400"})
    assert result["changed"] is (version != OLD)


@pytest.mark.parametrize("version", [OLD, "26.1.5"])
def test_an_engine_that_runs_is_asked_too(engine, run, dockerd, version):
    """After an upgrade, the old engine reads the file at a reload, and the new program at a start."""
    engine.version = version
    dockerd("28.5.2")
    assert run("daemon_config", settings={"mtu": "1400"}).get("failed", False) is (version == OLD)


HAS_WRONG = '{\n  "mtu": "1400",\n  "labels": []\n}'


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_a_wrong_type_in_the_file_has_its_line(engine, run, daemon_json, state):
    engine.state = state
    given(daemon_json, HAS_WRONG)
    wrong = f"{daemon_json}, line 2, column 10: mtu is a string, and the engine accepts only a whole number. "
    message = f'{wrong}Nothing was changed. Write "mtu": 1400.'
    assert run("registry_mirrors", mirrors=GCR)["msg"] == message
    assert run("daemon_config", settings={"debug": True})["msg"] == message
    assert run("daemon_config", settings={"mtu": "1400", "debug": True})["msg"] == message
    assert daemon_json.read_text() == HAS_WRONG
    assert run("daemon_config", settings={"mtu": 1400})["changed"]


def test_the_file_is_checked_before_a_restart_also_where_nothing_is_written(engine, run, daemon_json):
    """The module ends with ``pending: restart``, and the role restarts the engine."""
    engine.settings = {"log-driver": "json-file"}
    given(daemon_json, '{"log-driver": "local", "mtu": "1400"}')
    wish = {"settings": {"log-driver": "local"}}
    assert "line 1, column 32: mtu is a string" in run("daemon_config", **wish)["msg"]
    given(daemon_json, '{"log-driver": "local", "mtu": 1400}')
    result = run("daemon_config", **wish)
    assert (result["changed"], result["pending"]) == (False, "restart")


ACCEPTED = {
    # As people have them.
    "limits": '{"default-ulimits": {"nofile": {"name": "nofile", "hard": 64000, "soft": 64000}}}',
    "pools": '{"default-address-pools": [{"base": "172.80.0.0/16", "size": 24}]}',
    "runtimes": '{"runtimes": {"nvidia": {"path": "/usr/bin/nvidia-container-runtime", "runtimeArgs": []}}}',
    "builder": '{"builder": {"gc": {"enabled": true, "defaultKeepStorage": "10GB", "policy": '
    '[{"keepStorage": "1GB", "filter": ["unused-for=2200h"]}]}}}',
    "logs": '{"log-driver": "json-file", "log-opts": {"max-size": "10m", "labels": "a,b"}, "metrics-addr": "[::]:1"}',
    "null": '{"mtu": null, "dns": null, "log-opts": null, "labels": [null], "default-ulimits": {"nofile": null}}',
    "numbers": '{"max-concurrent-downloads": 10, "oom-score-adjust": -500, "shutdown-timeout": 0}',
    "features": '{"features": {"buildkit": true}, "experimental": true, "tlsverify": false}',
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_right_types_are_accepted(engine, run, daemon_json, text):
    engine.version = OLD
    given(daemon_json, text)
    assert run("registry_mirrors", mirrors=GCR)["changed"]


# -- blank entries ---------------------------------------------------------------------------------------------------

WITH_BLANK = f'{{\n  "registry-mirrors": ["{A}", "", "{B}"]\n}}'


@pytest.mark.parametrize(
    ("options", "after"),
    [
        ({"mirrors": A, "state": "absent"}, f'["{B}"]'),
        ({"mirrors": A}, f'["{A}", "{B}"]'),
        ({"mirrors": GCR}, f'["{A}", "{B}", "{GCR}"]'),
        ({"mirrors": GCR, "exclusive": True}, f'["{GCR}"]'),
    ],
    ids=["absent", "present already", "present", "exclusive"],
)
def test_an_empty_string_goes_with_a_warning_and_the_others_stay(engine, run, daemon_json, options, after):
    engine.mirrors = [f"{A}/", B]
    given(daemon_json, WITH_BLANK)
    result = run("registry_mirrors", **options)
    assert result["changed"] and result["warnings"] == [
        f"{daemon_json}, line 2, column 49: an entry of registry-mirrors is empty. No engine accepts it, "
        "so this task takes it out."
    ]
    assert daemon_json.read_text() == f'{{\n  "registry-mirrors": {after}\n}}'
    again = run("registry_mirrors", **options)
    assert not again["changed"] and not again["warnings"]


@pytest.mark.parametrize("in_file", [True, False])
def test_other_keys_are_not_set_beside_an_empty_string(run, daemon_json, in_file):
    given(daemon_json, WITH_BLANK if in_file else "{}")
    settings = {"debug": True} if in_file else {"registry-mirrors": [GCR, ""]}
    where = f"{daemon_json}, line 2, column 49" if in_file else "settings"
    assert run("daemon_config", settings=settings)["msg"] == (
        f"{where}: an entry of registry-mirrors is empty, and no engine accepts it. Nothing was changed. "
        "Take it out of the list."
    )


# -- null, [] and templates ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["null", " null\n", "\ufeffnull"])
def test_a_file_that_is_null_counts_as_an_empty_one(engine, run, daemon_json, text):
    given(daemon_json, text)
    assert run("registry_mirrors_info")["mirrors"] == []
    result = run("registry_mirrors", mirrors=GCR, state="absent")
    assert not result["changed"] and daemon_json.read_text() == text
    assert run("daemon_config", settings={"debug": True})["changed"]
    assert json.loads(daemon_json.read_text().lstrip("\ufeff")) == {"debug": True}
    given(daemon_json, text)
    assert run("registry_mirrors", mirrors=GCR)["in_force"] == [f"{GCR}/"]
    assert run("registry_mirrors_info")["mirrors"] == [f"{GCR}/"]


def test_an_empty_list_stays_until_it_gets_a_mirror(engine, run, daemon_json):
    """No file says what was there before an earlier run. So the key goes with its last mirror, as documented."""
    empty = '{"registry-mirrors": [], "icc": false}'
    given(daemon_json, empty)
    assert not run("registry_mirrors", mirrors=GCR, state="absent")["changed"]
    assert daemon_json.read_text() == empty
    run("registry_mirrors", mirrors=GCR)
    assert run("registry_mirrors", mirrors=GCR, state="absent")["in_force"] == []
    assert daemon_json.read_text() == '{"icc": false}'


def test_a_template_that_was_not_rendered(run, daemon_json):
    given(daemon_json, '{\n  "registry-mirrors" : {{ docker_registry_mirrors | to_json }}\n}')
    reason = (
        f'{daemon_json}, line 2, column 25: expected a key in double quotes, found "{{". '
        "It looks like a template that was not rendered. "
    )
    for name, options in (("registry_mirrors", {"mirrors": GCR}), ("daemon_config", {"settings": {"debug": True}})):
        assert run(name, **options)["msg"] == f"{reason}Nothing was changed. Fix the file first."
    assert run("registry_mirrors_info")["sources"][0]["reason"] == f"{reason}Fix the file first."


# -- files that the system makes -------------------------------------------------------------------------------------


@pytest.fixture(params=["in a store", "on a read-only file system"])
def generated(request, daemon_json, tmp_path, monkeypatch):
    """A link to a file that is in a store, or on a file system that is mounted read-only."""
    store = tmp_path / "store"
    store.mkdir()
    (store / "daemon.json").write_text(f'{{"registry-mirrors": ["{GCR}"]}}')
    daemon_json.parent.mkdir()
    daemon_json.symlink_to(store / "daemon.json")
    if request.param == "in a store":
        monkeypatch.setattr(files, "_STORES", (f"{store}/",))
    else:
        honest = os.statvfs

        class ReadOnly:
            f_flag = os.ST_RDONLY

        monkeypatch.setattr(os, "statvfs", lambda path: ReadOnly if path.startswith(str(store)) else honest(path))
    return store / "daemon.json"


def test_a_file_that_the_system_makes_is_read_and_not_written(engine, run, daemon_json, generated):
    engine.mirrors = [f"{GCR}/"]
    message = (
        f"{generated}: the system's own configuration makes this file, and its folder is read-only. "
        "Nothing was changed. Change that configuration (on NixOS: virtualisation.docker.daemon.settings) and build "
        "the system again."
    )
    for check in (True, False):
        assert run("registry_mirrors", check=check, mirrors=A)["msg"] == message
        assert run("daemon_config", check=check, settings={"debug": True})["msg"] == message
    assert not run("registry_mirrors", mirrors=GCR)["changed"]
    assert run("registry_mirrors_info")["mirrors"] == [f"{GCR}/"]


def test_a_link_to_a_file_that_can_be_written_is_followed(run, daemon_json, tmp_path):
    daemon_json.parent.mkdir()
    (tmp_path / "real.json").write_text("{}")
    daemon_json.symlink_to(tmp_path / "real.json")
    assert run("registry_mirrors", mirrors=GCR)["changed"]


# -- lines -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{"mirrors": GCR}, {"mirrors": A, "state": "absent"}, {"mirrors": [], "exclusive": True}]
)
def test_an_objection_of_dockerd_names_the_line_that_the_user_sees(engine, run, daemon_json, tmp_path, options):
    objection = "json: cannot unmarshal string into Go struct field Config.oom-score-adjust of type int"
    program = tmp_path / "dockerd"
    program.write_text(
        '#!/bin/sh\n[ "$1" != --version ] || { echo "Docker version 28.5.2, build 1"; exit; }\n'
        f'echo "{objection}" >&2; exit 1\n'
    )
    program.chmod(0o755)
    engine.binary = str(program)
    text = f'{{\n  "registry-mirrors": [\n    "{A}",\n    "{B}"\n  ],\n  "oom-score-adjust": "-500"\n}}\n'
    given(daemon_json, text)
    assert run("registry_mirrors", **options)["msg"] == (
        f"{daemon_json}, line 6, column 3: the installed Docker Engine would refuse this file: {objection}. "
        "Nothing was changed. Fix it there and run this again."
    )


def test_what_others_changed_has_the_line_that_the_user_sees(engine, run, daemon_json):
    """A restart is refused before anything is written."""
    engine.mirrors, engine.containers_running = [f"{A}/"], 1
    engine.settings = {"storage-driver": "overlay2"}
    given(daemon_json, '{\n  "labels": [\n    "a"\n  ],\n  "storage-driver": "btrfs"\n}\n')
    result = run("daemon_config", settings={"icc": False}, remove=["labels"])
    assert f"{daemon_json}, line 5: storage-driver is btrfs" in result["msg"]
