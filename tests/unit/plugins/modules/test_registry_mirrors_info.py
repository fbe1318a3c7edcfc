# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module registry_mirrors_info, against a model of the engine."""

from __future__ import annotations

import os

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._host import services

GCR, OWN = "https://mirror.gcr.io/", "https://cache.example:5000/"
FLAGGED, MASKED = "https://me:hush@flag.example/", "https://***@flag.example/"
WITH_GCR = '{\n  "registry-mirrors": ["https://mirror.gcr.io"]\n}\n'


def given(daemon_json, text):
    daemon_json.parent.mkdir()
    daemon_json.write_text(text)


@pytest.mark.parametrize(
    ("text", "in_force", "drift"),
    [
        (WITH_GCR, [GCR], False),
        (WITH_GCR, [], True),
        ("{}", [GCR], True),
        ("{}", [], False),
        ('{"registry-mirrors": null}', [], False),
    ],
)
def test_drift(engine, run, daemon_json, text, in_force, drift):
    given(daemon_json, text)
    engine.mirrors = in_force
    result = run("registry_mirrors_info")
    assert (result["changed"], result["in_force"], result["drift"]) == (False, in_force, drift)
    assert bool(result["drift_reasons"]) is drift
    assert daemon_json.read_text() == text and engine.texts == []


@pytest.mark.parametrize("state", ["stopped", "absent", "unreachable", "ambiguous", "starting"])
def test_an_engine_that_gives_no_answer_is_data(engine, run, daemon_json, state):
    given(daemon_json, WITH_GCR)
    engine.state = state
    result = run("registry_mirrors_info")
    assert (result["mirrors"], result["in_force"], result["drift"]) == ([GCR], None, None)
    assert result["engine"]["state"] == state and result["engine"]["reason"]
    assert result["sources"] == [
        {"source": "daemon_json", "path": str(daemon_json), "line": 2, "mirrors": [GCR], "reason": None}
    ]


def place(source, path, line, mirrors, reason=None):
    return {"source": source, "path": path and str(path), "line": line, "mirrors": mirrors, "reason": reason}


def conflict(setting, places):
    places = [str(one) for one in places]
    message = (
        f"An engine with {setting} in more than one of {'; '.join(places)} does not start. Remove it from all but one."
    )
    return {"setting": setting, "places": places, "message": message}


@pytest.fixture
def returned(engine, run, daemon_json):
    """Run the module: what it returns that is other than without any mirror."""

    def run_module(**options):
        result = run("registry_mirrors_info", **options)
        usual = {
            "changed": False,
            "path": str(daemon_json),
            "mirrors": [],
            "in_force": [],
            "drift": False,
            "drift_reasons": [],
            "sources": [place("daemon_json", daemon_json, None, [])],
            "conflicts": [],
            "engine": engine.look("docker", 0).facts(),
            "warnings": [],
        }
        return {key: result[key] for key, value in usual.items() if result[key] != value}

    return run_module


def test_no_file_means_no_mirror(returned, run):
    assert returned() == {}
    assert run("registry_mirrors_info")["last_change"] is None


def test_when_the_last_of_the_files_was_written(run, daemon_json, systemd):
    systemd.unit.write_text(systemd.unit.read_text().replace("dockerd", f"dockerd --registry-mirror={GCR}"))
    given(daemon_json, "{}")
    for when, path in ((1000000000, daemon_json), (1100000000, systemd.unit)):
        os.utime(path, (when, when))
    assert run("registry_mirrors_info")["last_change"] == "2004-11-09T11:33:20Z"


def test_another_file_another_service_and_a_timeout(engine, returned, daemon_json):
    other = daemon_json.parent.with_name("other.json")
    other.write_text(WITH_GCR)
    engine.mirrors = [GCR]
    told = {"path": str(other), "mirrors": [GCR], "in_force": [GCR], "sources": [place("daemon_json", other, 2, [GCR])]}
    assert returned(path=str(other), service="other", timeout=3) == {**told, "engine": engine.look("other", 0).facts()}
    assert engine.looks[0] == ("other", 3)


def test_a_symlink_is_followed(returned, daemon_json):
    given(daemon_json, "")
    daemon_json.rename(daemon_json.with_name("real.json")).write_text('{"registry-mirrors": ["ftp://x", 1]}')
    daemon_json.symlink_to("real.json")
    reason = (
        f"{daemon_json.with_name('real.json')}, line 1, column 34: registry-mirrors[1] is a number, and the "
        'engine accepts only a string. Write "1".'
    )
    assert returned() == {
        "mirrors": None,
        "drift": None,
        "sources": [place("daemon_json", daemon_json, None, None, reason)],
    }
    daemon_json.with_name("real.json").write_text(WITH_GCR)
    assert returned()["mirrors"] == [GCR]


@pytest.mark.parametrize(
    ("text", "in_force", "reason"),
    [
        (WITH_GCR, [], f"The engine uses no mirror, and {GCR} is configured."),
        ("{}", [GCR, OWN], f"The engine uses {GCR} {OWN}, and no mirror is configured."),
        (
            f'{{"registry-mirrors": ["{GCR}", "{OWN}"]}}',
            [OWN, GCR],
            f"The engine uses {OWN} {GCR}, and {GCR} {OWN} is configured.",
        ),
    ],
    ids=["not in force", "not configured", "another order"],
)
def test_reasons_of_drift(engine, returned, daemon_json, text, in_force, reason):
    given(daemon_json, text)
    engine.mirrors = in_force
    assert returned()["drift_reasons"] == [reason]


def test_a_file_that_cannot_be_read_is_data(engine, returned, daemon_json, systemd):
    given(daemon_json, '{"debug": tru}')
    systemd.options.write_text(f'DOCKER_OPTS="--registry-mirror={GCR}"\n')
    engine.mirrors = [OWN]
    told = returned()
    assert told["sources"][0].pop("reason").startswith(f"{daemon_json}, line 1, column 11: ")
    flag = place("options_file", systemd.options, 1, [GCR])
    assert told["sources"] == [{"source": "daemon_json", "path": str(daemon_json), "line": None, "mirrors": None}, flag]
    assert (told["mirrors"], told["drift"]) == ([GCR], True)


def test_a_file_that_is_none(returned, daemon_json):
    daemon_json.mkdir(parents=True)
    (told,) = returned()["sources"]
    assert "not a regular file" in told["reason"]


def test_a_flag_beside_the_key_is_a_conflict(engine, returned, daemon_json, systemd):
    systemd.start("/usr/sbin/dockerd --registry-mirror=https://me:hush@flag.example")
    engine.argv += ("--registry-mirror=https://me:hush@flag.example",)
    engine.mirrors = [FLAGGED]
    given(daemon_json, "{}")
    flag = place("systemd_drop_in", systemd.unit, 3, [MASKED])
    told = {"mirrors": [MASKED], "in_force": [MASKED], "sources": [place("daemon_json", daemon_json, None, []), flag]}
    assert returned() == told
    daemon_json.write_text(WITH_GCR)
    told["sources"][0] = place("daemon_json", daemon_json, 2, [GCR])
    places = [f"{daemon_json}, line 2", f"{systemd.unit}, line 3"]
    assert returned() == {**told, "mirrors": None, "drift": None, "conflicts": [conflict("registry-mirrors", places)]}


def test_conflicts_of_other_settings_leave_the_mirrors(engine, returned, daemon_json, systemd):
    systemd.options.write_text("DOCKER_OPTS='-D --log-level=info'\n")
    engine.argv += ("--log-level=warn",)
    engine.mirrors = [GCR]
    given(
        daemon_json,
        '{\n"debug": true,\n"log-level": "warn",\n"ipv6": true,\n"registry-mirrors": ["https://mirror.gcr.io"]\n}',
    )
    assert returned() == {
        "mirrors": [GCR],
        "in_force": [GCR],
        "sources": [place("daemon_json", daemon_json, 5, [GCR])],
        "conflicts": [
            conflict("debug", [f"{daemon_json}, line 2", f"{systemd.options}, line 1"]),
            conflict("log-level", [f"{daemon_json}, line 3", f"{systemd.options}, line 1"]),
        ],
    }


def test_a_flag_of_no_file(engine, returned, daemon_json):
    engine.argv += ("--registry-mirror", "https://me:hush@flag.example")
    engine.mirrors = [MASKED]
    sources = [place("daemon_json", daemon_json, None, []), place("command_line", None, None, [MASKED])]
    assert returned() == {"mirrors": [MASKED], "in_force": [MASKED], "sources": sources}
    given(daemon_json, WITH_GCR)
    conflicts = [
        conflict("registry-mirrors", [f"{daemon_json}, line 2", "the engine's command line (--registry-mirror)"])
    ]
    assert returned()["conflicts"] == conflicts


def test_of_several_options_files_the_last_that_assigns_counts(engine, returned, daemon_json, systemd):
    """A comment of systemd that ends with a backslash ends all the same."""
    second, third = systemd.options.with_name("second"), systemd.options.with_name("third")
    systemd.unit.write_text(
        f"[Service]\nEnvironmentFile={systemd.options}\nEnvironmentFile=-{second}\nEnvironmentFile={third}\n"
        "ExecStart=/usr/bin/dockerd $A $B $C\n"
    )
    systemd.options.write_text(
        f"A=--registry-mirror=https://no.example\nB='\n--registry-mirror={OWN}'\nB=--registry-mirror={OWN}\n"
    )
    second.write_text(f"; two\\\nA=--registry-mirror={GCR}\n")
    third.write_text("D=--registry-mirror=https://no.example\n")
    engine.mirrors = [GCR, OWN]
    flags = [place("options_file", second, 2, [GCR]), place("options_file", systemd.options, 4, [OWN])]
    assert returned() == {
        "mirrors": [GCR, OWN],
        "in_force": [GCR, OWN],
        "sources": [place("daemon_json", daemon_json, None, []), *flags],
    }


def test_a_fault_of_the_next_start_is_a_conflict(returned, systemd):
    systemd.options.write_text('DOCKER_OPTS="$DOCKER_OPTS: --debug"\n')
    place_of_fault = f"{systemd.options}, line 1"
    message = (
        f"{place_of_fault}: DOCKER_OPTS refers to a variable, which systemd does not expand; "
        "the engine gets it as a word and does not start. Write the whole value there."
    )
    assert returned() == {"conflicts": [{"setting": "command line", "places": [place_of_fault], "message": message}]}


def test_a_unit_that_changed_under_our_drop_in_is_drift(engine, run, returned, daemon_json, systemd):
    assert run("registry_mirrors", mirrors=GCR, source="systemd_drop_in")["changed"]
    engine.argv += (f"--registry-mirror={GCR[:-1]}",)
    engine.mirrors = [GCR]
    line = len(systemd.own.read_text().splitlines())
    sources = [place("daemon_json", daemon_json, None, []), place("systemd_drop_in", systemd.own, line, [GCR])]
    told = {"mirrors": [GCR], "in_force": [GCR], "sources": sources}
    assert returned() == told
    systemd.start("/usr/bin/dockerd --new")
    reason = (
        f"{systemd.own}, line {line}: the unit's own command line changed after this drop-in was written, "
        "and the engine starts with the old one."
    )
    assert returned() == {**told, "drift": True, "drift_reasons": [reason]}
    engine.state = "stopped"
    assert returned() == {**told, "in_force": None, "drift": None, "drift_reasons": [reason]}


def test_what_only_a_shell_knows_is_said(engine, run, returned, daemon_json, machine, tmp_path):
    options = tmp_path / "options"
    options.write_text('DOCKER_OPTS="$(cat /x) --registry-mirror=https://a.example"\n')
    start = services.Start("docker", "shell", ("dockerd",), [], [str(options)], ["DOCKER_OPTS"], None)
    machine.next_start = lambda service: start
    reason = f"{options}, line 1: only a shell knows the value of DOCKER_OPTS"
    assert returned() == {
        "sources": [place("daemon_json", daemon_json, None, []), place("options_file", options, 1, None, reason)]
    }
    result = run("registry_mirrors", mirrors=GCR)
    assert result["failed"] and result["msg"] == f"{reason}. Nothing was changed. Write plain words there."


def test_an_init_script_s_options_file(returned, daemon_json, machine, tmp_path):
    options = tmp_path / "options"
    options.write_text(f'DOCKER_OPTS="--registry-mirror={GCR}"\n')
    start = services.Start(
        "docker", "shell", ("dockerd", f"--registry-mirror={GCR}"), [], [str(options)], ["DOCKER_OPTS"], None
    )
    machine.next_start = lambda service: start
    assert returned()["sources"][1:] == [place("options_file", options, 1, [GCR])]


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_mirrors_that_are_not_used_are_warned_of(engine, run, daemon_json, certs, state):
    hosts = certs / "docker.io/hosts.toml"
    hosts.parent.mkdir(parents=True)
    hosts.write_text('# [host."x"]\nserver = "x"\n\t[host."https://a.example"]\n[host."https://b.example"]\n')
    given(daemon_json, '{"insecure-registries": ["mirror.gcr.io"]}')
    engine.state, engine.store, engine.mirrors = state, "containerd", [GCR]
    result = run("registry_mirrors_info")
    said = result["warnings"]
    assert result["cautions"] == said
    begins = [f"{hosts}, line 3: the host that is named there is asked", f"The mirror {GCR} is an insecure registry: "]
    assert [warning[: len(begin)] for warning, begin in zip(said, begins)] == (begins if state == "running" else [])
    engine.store = "graphdriver"
    said = run("registry_mirrors_info")["warnings"]
    assert [warning.partition(" asks ")[0] for warning in said] == (
        [f"{hosts}, line 3: docker build"] if state == "running" else []
    )


@pytest.mark.parametrize("store", ["graphdriver", "containerd"])
def test_a_login_for_docker_hub_is_a_caution_and_is_never_shown(engine, run, daemon_json, certs, store):
    (certs.parent / "config.json").write_text('{"auths": {"https://index.docker.io/v1/": {"auth": "bWU6aHVzaA=="}}}')
    given(daemon_json, "{}")
    engine.store, engine.mirrors = store, [GCR]
    result = run("registry_mirrors_info")
    assert [caution.partition(":")[0] for caution in result["cautions"]] == (
        [f"{certs.parent}/config.json has a login for Docker Hub"] if store == "graphdriver" else []
    )
    assert "bWU6" not in str(result)
