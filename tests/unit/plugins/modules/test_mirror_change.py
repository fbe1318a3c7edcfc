# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the module registry_mirrors puts mirrors, what it refuses in which words, and which certificates it writes."""

from __future__ import annotations

import json
import os
import pathlib

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._change import choice
from ansible_collections.pullthrough.docker.plugins.module_utils._host import services, transaction

GCR, OWN, THIRD = "https://mirror.gcr.io", "https://cache.example:5000", "https://third.example"
PEM = (pathlib.Path(__file__).parent / "ca.crt").read_text()


def flag(mirror):
    return f"--registry-mirror={mirror}"


def options_of(*mirrors, variable="DOCKER_OPTS"):
    return f'{variable}="{" ".join(map(flag, mirrors))}"\n'


def file_of(*mirrors):
    return json.dumps({"registry-mirrors": mirrors})


def shown(*mirrors):
    return [f"{mirror}/" for mirror in mirrors]


@pytest.fixture
def given(engine, daemon_json):
    """Write the file, and let the engine use these mirrors."""

    def write(text, *mirrors):
        daemon_json.parent.mkdir(exist_ok=True)
        daemon_json.write_text(text)
        engine.mirrors = shown(*mirrors)

    return write


def listed(daemon_json):
    return json.loads(daemon_json.read_text()).get("registry-mirrors")


# -- refused ---------------------------------------------------------------------------------------------------------

NEITHER = "An engine with this setting there and in {json} does not start. Nothing was changed. "
MIGRATE = (
    "Set migrate: true to move them in the same step, which needs a restart of the engine, or take them out there and "
    "restart it yourself."
)
EMPTY = (
    "mirrors is an empty list. Nothing was changed. Name at least one; to have none at all, set mirrors: [] "
    "with exclusive: true."
)

REFUSED = {
    # name: (file, options file, words that run besides, options, message)
    "no mirror": ("{}", "", "", {"mirrors": []}, EMPTY),
    "no mirror to be absent": ("{}", "", "", {"mirrors": [], "state": "absent"}, EMPTY),
    "no scheme": (
        "{}",
        "",
        "",
        {"mirrors": ["x.example"]},
        '"x.example" cannot be a registry mirror: it has no scheme; write https://x.example or http://x.example. '
        "Nothing was changed.",
    ),
    "a certificate that is none": (
        "{}",
        "",
        "",
        {"ca_certificates": {"mirror.gcr.io": 3}},
        'ca_certificates, "mirror.gcr.io": its value is not text; give the certificates themselves, in PEM. '
        "Nothing was changed.",
    ),
    "a file that is not read": (
        "{}",
        "",
        "",
        {"source": "options_file", "options_file": "/etc/x"},
        "docker does not read /etc/x: it reads {options} and {second}. Nothing was changed.",
    ),
    "a variable that is not used": (
        "{}",
        "",
        "",
        {"source": "options_file", "options_variable": "X"},
        "docker does not use X: it uses DOCKER_OPTS and MORE. Nothing was changed.",
    ),
    "flags of the next start": (
        "{}",
        options_of(OWN, GCR),
        "",
        {},
        f"The engine (the service docker, at its next start) has mirrors in another place: {flag(OWN)} {flag(GCR)} "
        f"in {{options}}, line 1. {NEITHER}{MIGRATE}",
    ),
    "flags that are used": (
        "{}",
        "\n" + options_of("https://me:hush@a.example"),
        flag("https://me:hush@a.example"),
        {},
        f"The engine (process 4711) has mirrors in another place: {flag('https://***@a.example')} "
        f"in {{options}}, line 2. {NEITHER}{MIGRATE}",
    ),
    "flags and a key": (
        '{\n"registry-mirrors": []}',
        options_of(OWN),
        flag(OWN),
        {"source": "systemd_drop_in"},
        f"The engine (process 4711) has mirrors in another place: {flag(OWN)} in {{json}}, line 2 and in "
        f"{{options}}, line 1. "
        f"An engine with this setting there and in {{own}} does not start. Nothing was changed. {MIGRATE}",
    ),
    "a key": (
        file_of(OWN),
        "",
        "",
        {"source": "options_file"},
        f"The engine (the service docker, at its next start) has mirrors in another place: {flag(OWN)} in "
        f"{{json}}, line 1. "
        f"An engine with this setting there and in {{options}} does not start. Nothing was changed. {MIGRATE}",
    ),
    "an empty key": (
        '{"registry-mirrors": []}',
        "",
        "",
        {"source": "options_file"},
        "The engine (the service docker, at its next start) has mirrors in another place: an empty "
        "registry-mirrors in {json}, line 1. "
        f"An engine with this setting there and in {{options}} does not start. Nothing was changed. {MIGRATE}",
    ),
    "certificates that are incomplete": (
        "{}",
        "",
        "",
        {"mirrors": [OWN]},
        "{certs}/cache.example:5000/a.key is a key without its client certificate a.cert, and a pull that looks "
        "here ends, without asking "
        "another mirror or Docker Hub. {certs}/cache.example:5000/b.key is a key without its client certificate "
        "b.cert, and a pull that looks here "
        "ends, without asking another mirror or Docker Hub. Nothing was changed.",
    ),
}


@pytest.fixture
def second(systemd):
    """A second options file; each of both may set one of two variables."""
    path = systemd.options.with_name("second")
    path.write_text("")
    systemd.unit.write_text(
        f"[Service]\nEnvironmentFile=-{systemd.options}\nEnvironmentFile={path}\nExecStart=/usr/sbin/dockerd -H "
        "fd:// $DOCKER_OPTS $MORE\n"
    )
    return path


@pytest.mark.parametrize("check", [False, True], ids=["real", "check"])
@pytest.mark.parametrize(("text", "options_text", "words", "options", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(
    engine, run, daemon_json, given, systemd, second, certs, check, text, options_text, words, options, message
):
    given(text)
    systemd.options.write_text(options_text)
    engine.argv += tuple(words.split())
    for name in ("a.key", "b.key"):
        (certs / "cache.example:5000").mkdir(parents=True, exist_ok=True)
        (certs / "cache.example:5000" / name).write_text("k")
    result = run("registry_mirrors", check=check, **{"mirrors": [GCR], **options})
    places = {"json": daemon_json, "options": systemd.options, "second": second, "own": systemd.own, "certs": certs}
    assert result["failed"] and result["msg"] == message.format(**places)
    assert (daemon_json.read_text(), systemd.options.read_text(), systemd.own.exists()) == (text, options_text, False)


NO_SERVICE = {
    "options_file": "source is options_file, and this host has no service podman that could read one. Nothing "
    "was changed. Keep the mirrors in daemon.json (source: daemon_json).",
    "systemd_drop_in": "source is systemd_drop_in, and systemd has no unit podman here. Nothing was changed. "
    "Keep the mirrors in daemon.json (source: daemon_json).",
}


@pytest.mark.parametrize(("source", "message"), NO_SERVICE.items(), ids=NO_SERVICE)
def test_no_service(engine, run, source, message):
    assert run("registry_mirrors", mirrors=GCR, source=source, service="podman")["msg"] == message


@pytest.mark.parametrize(
    "settings", ["EnvironmentFile=/x\nExecStart=dockerd ${X}", "ExecStart=dockerd $X"], ids=["no variable", "no file"]
)
def test_a_unit_that_reads_no_options_file(run, systemd, settings):
    systemd.unit.write_text(f"[Service]\n{settings}\n")
    message = (
        "source is options_file, and the unit of podman reads none: its ExecStart uses no variable of an "
        "EnvironmentFile, as with Docker's "
        "own packages. Nothing was changed. Keep the mirrors in daemon.json (source: daemon_json)."
    )
    assert run("registry_mirrors", mirrors=GCR, source="options_file", service="podman")["msg"] == message


@pytest.fixture
def script(machine, tmp_path):
    """The options file of an init script."""
    options = tmp_path / "options"
    options.write_text("")
    start = services.Start("docker", "shell", ("dockerd",), [], [str(options)], ["DOCKER_OPTS"], None)
    machine.next_start = lambda service: start
    return options


@pytest.mark.parametrize("source", ["daemon_json", "options_file"])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_what_only_a_shell_knows(run, script, source, state):
    text = 'DOCKER_OPTS="$(cat /x) --registry-mirror=https://a.example"\n'
    script.write_text(text)
    message = (
        f"{script}, line 1: only a shell knows the value of DOCKER_OPTS. Nothing was changed. Write plain words there."
    )
    options = {"migrate": True, "state": state, "exclusive": state == "absent"}
    assert run("registry_mirrors", mirrors=GCR, source=source, **options)["msg"] == message
    assert script.read_text() == text


NOWHERE = {
    # name: (state of the engine, mirrors, state, whether it is refused)
    "all absent": ("running", GCR, "absent, exclusive", True),
    "present": ("running", GCR, "present", True),
    "present, the same": ("running", OWN, "present", True),
    "absent": ("running", OWN + "/", "absent", True),
    "absent, another": ("running", GCR, "absent", False),
    "stopped": ("stopped", GCR, "present", False),
}


@pytest.mark.parametrize(("engine_state", "mirror", "state", "refused"), NOWHERE.values(), ids=NOWHERE)
def test_flags_of_no_service(engine, run, daemon_json, engine_state, mirror, state, refused):
    engine.argv += ("--registry-mirror", OWN, flag(THIRD))
    engine.mirrors = shown(OWN, THIRD)
    engine.state = engine_state
    state, *exclusive = state.split(", ")
    result = run("registry_mirrors", mirrors=mirror, state=state, exclusive=bool(exclusive))
    message = (
        f"The engine (process 4711) has {flag(OWN)} {flag(THIRD)} on its command line, which comes from no "
        "service that was found. "
        f"An engine with this setting there and in {daemon_json} does not start. Nothing was changed. Start it "
        "without the flag, then run this again."
    )
    assert result.get("msg") == (message if refused else None)
    if not refused and engine_state == "running":
        assert (result["mirrors"], result["pending"], result["changed"]) == (shown(OWN, THIRD), "none", False)


AFTER_OURS = {
    # name: (name of the drop-in, its text, the line that is refused)
    "before": ("10-x.conf", "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd -H fd://\n", None),
    "after": ("zzz.conf", "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd\n", 3),
    "after, with an empty one": ("zzz.conf", "[Service]\nExecStart=\n", 2),
    "after, with something else": ("zzz.conf", "[Service]\nRestart=always\n", None),
}


@pytest.mark.parametrize(("name", "text", "line"), AFTER_OURS.values(), ids=AFTER_OURS)
def test_drop_ins_that_apply_after_ours(run, systemd, name, text, line):
    other = systemd.drop_ins / name
    other.write_text(text)
    result = run("registry_mirrors", mirrors=GCR, source="systemd_drop_in")
    message = (
        f"{other}, line {line}: this drop-in applies after {systemd.own} and also sets the command line. "
        "Nothing was changed. Give it a name that sorts before."
    )
    assert result.get("msg") == (message if line else None)
    assert systemd.own.exists() is (line is None)


def test_a_unit_applies_before_its_drop_ins_whatever_its_name(run, systemd):
    systemd.unit = systemd.unit.rename(systemd.unit.with_name("zzz.service"))
    assert run("registry_mirrors", mirrors=GCR, source="systemd_drop_in")["changed"]


# -- places ----------------------------------------------------------------------------------------------------------

PLACES = {
    # name: (options, the file, its text)
    "the usual file and variable": ({}, "options", options_of(GCR)),
    "a file": ({"options_file": "second"}, "second", options_of(GCR)),
    "a variable": ({"options_variable": "MORE"}, "options", options_of(GCR, variable="MORE")),
    "both": ({"options_file": "second", "options_variable": "MORE"}, "second", options_of(GCR, variable="MORE")),
}


@pytest.mark.parametrize(("options", "name", "text"), PLACES.values(), ids=PLACES)
def test_which_options_file_and_variable(run, systemd, second, options, name, text):
    paths = {"options": systemd.options, "second": second}
    for path in paths.values():
        path.write_text("")
    if "options_file" in options:
        options = {**options, "options_file": str(paths[options["options_file"]])}
    result = run("registry_mirrors", mirrors=GCR, source="options_file", **options)
    assert (result["source"], result["path"]) == ("options_file", str(paths[name]))
    assert {key: path.read_text() for key, path in paths.items()} == {**dict.fromkeys(paths, ""), name: text}


def test_the_options_file_that_sets_the_variable(run, systemd, second):
    systemd.options.write_text("")
    second.write_text('DOCKER_OPTS="--debug"\n')
    result = run("registry_mirrors", mirrors=GCR, source="options_file", keep_containers=False)
    assert result["path"] == str(second)


class TestOptionsFilesThatDoNotLast:
    """Amazon Linux writes /run/docker/runtimes.env at each start."""

    @pytest.fixture(autouse=True)
    def volatile(self, monkeypatch, systemd, second):
        systemd.options.write_text("")
        second.write_text("")
        monkeypatch.setattr(choice, "_VOLATILE", (str(second),))

    def test_the_one_that_lasts_is_chosen(self, run, systemd):
        systemd.options = systemd.options.rename(systemd.options.with_name("other"))
        systemd.unit.write_text(systemd.unit.read_text().replace("default/docker", "default/other"))
        assert run("registry_mirrors", mirrors=GCR, source="options_file")["path"] == str(systemd.options)

    @pytest.mark.parametrize("way", ["named", "alone", "overwrites"])
    def test_one_that_does_not_last_is_refused(self, run, systemd, second, way):
        options = {"options_file": str(second)} if way == "named" else {}
        sets = ""
        if way == "alone":
            systemd.unit.write_text(systemd.unit.read_text().replace(f"EnvironmentFile=-{systemd.options}\n", ""))
        if way == "overwrites":
            second.write_text("DOCKER_OPTS=--debug\n")
            sets = ", and it sets DOCKER_OPTS"
        assert run("registry_mirrors", mirrors=GCR, source="options_file", **options)["msg"] == (
            f"{second} is written anew at each start of the host{sets}. Nothing was changed. "
            "Keep the mirrors in daemon.json (source: daemon_json)."
        )


MOVED = {
    # name: (source, state, mirrors, file after, options file after, mirrors in our drop-in, those that are returned)
    "to the file": ("daemon_json", "present", [THIRD], [OWN, GCR, THIRD], [], None, [OWN, GCR, THIRD]),
    "to the options file": ("options_file", "present", [THIRD], None, [GCR, OWN, THIRD], None, [GCR, OWN, THIRD]),
    "to a drop-in": ("systemd_drop_in", "present", [THIRD], None, [], [OWN, GCR, THIRD], [OWN, GCR, THIRD]),
    "absent from the file": ("daemon_json", "absent", [OWN, THIRD], None, [GCR], None, [GCR]),
    "absent from the options file": ("options_file", "absent", [GCR, THIRD], [OWN], [], None, [OWN]),
    "absent from all": ("systemd_drop_in", "absent", [OWN, GCR], None, [], None, []),
}


@pytest.mark.parametrize(
    ("source", "state", "mirrors", "in_file", "in_options", "in_drop_in", "after"), MOVED.values(), ids=MOVED
)
def test_places_that_both_have_mirrors(
    engine, run, given, daemon_json, systemd, source, state, mirrors, in_file, in_options, in_drop_in, after
):
    """No engine starts so; but files may be found so."""
    given(file_of(OWN), GCR)
    systemd.options.write_text(options_of(GCR))
    engine.argv += (flag(GCR),)
    result = run("registry_mirrors", mirrors=mirrors, state=state, source=source, migrate=True)
    assert listed(daemon_json) == in_file
    assert systemd.options.read_text() == (options_of(*in_options) if in_options else "")
    assert systemd.own.exists() is bool(in_drop_in)
    if in_drop_in:
        assert (
            systemd.own.read_text().splitlines()[-1]
            == f"ExecStart=/usr/sbin/dockerd -H fd:// $DOCKER_OPTS {' '.join(map(flag, in_drop_in))}"
        )
    assert result["mirrors"] == shown(*after)
    assert sorted(result["previous_mirrors"]) == sorted(shown(OWN, GCR))
    assert result["in_force"] == shown(GCR)


@pytest.mark.parametrize("check", [True, False], ids=["check", "real"])
@pytest.mark.parametrize("migrate", [True, False], ids=["migrate", "in place"])
@pytest.mark.parametrize("mirrors", [[], [GCR], [THIRD]], ids=["none named", "one named", "another named"])
@pytest.mark.parametrize("source", ["daemon_json", "options_file", "systemd_drop_in"])
def test_all_mirrors_go_from_all_places(engine, run, given, daemon_json, systemd, source, mirrors, migrate, check):
    given(file_of(OWN), GCR)
    systemd.options.write_text(options_of(GCR))
    engine.argv += (flag(GCR),)
    options = {"mirrors": mirrors, "source": source, "migrate": migrate, "state": "absent", "exclusive": True}
    result = run("registry_mirrors", check=check, **options)
    assert (result["changed"], result["mirrors"], result["pending"]) == (True, [], "restart"), result
    assert sorted(result["previous_mirrors"]) == sorted(shown(OWN, GCR))
    if not check:
        assert (listed(daemon_json), systemd.options.read_text(), systemd.own.exists()) == (None, "", False)
        assert not run("registry_mirrors", **options)["changed"]


def test_all_mirrors_go_from_the_file_by_a_reload(run, given, daemon_json, engine):
    given(file_of(OWN, GCR + "/"), OWN, GCR)
    result = run("registry_mirrors", mirrors=THIRD, state="absent", exclusive=True)
    assert (result["reloaded"], result["mirrors"], result["in_force"]) == (True, [], []) and engine.mirrors == []
    assert json.loads(daemon_json.read_text()) == {}


def test_a_mirror_in_two_places_moves_into_one(run, given, daemon_json, systemd):
    given(file_of(f"{OWN}/"), OWN, GCR)
    systemd.options.write_text(options_of(OWN, GCR))
    assert run("registry_mirrors", mirrors=GCR, migrate=True)["mirrors"] == shown(OWN, GCR)
    assert listed(daemon_json) == [f"{OWN}/", GCR]


@pytest.mark.parametrize("source", ["options_file", "systemd_drop_in"])
def test_flags_beside_a_key_that_stays_away(engine, run, daemon_json, given, systemd, source):
    """What is kept as flags leaves the rest of the file alone, and is in force once the flags run."""
    given('{"debug": true}', GCR)
    engine.argv += (flag(GCR),)
    result = run("registry_mirrors", mirrors=GCR, source=source)
    assert (result["changed"], result["pending"], result["mirrors"], result["previous_mirrors"]) == (
        True,
        "none",
        shown(GCR),
        [],
    )
    assert daemon_json.read_text() == '{"debug": true}'


def test_why_flags_need_a_restart(engine, run, systemd):
    result = run("registry_mirrors", mirrors=[GCR, OWN], source="options_file")
    names = f"the engine reads its command line only at its start: it has no mirror, and will have {GCR}/ {OWN}/"
    assert (result["pending"], result["pending_reasons"], result["in_force"]) == ("restart", [names], [])


def test_flags_of_an_engine_that_does_not_run_wait_for_nothing(engine, run, systemd):
    engine.state = "stopped"
    result = run("registry_mirrors", mirrors=GCR, source="options_file")
    assert (result["changed"], result["pending"], result["in_force"]) == (True, "none", None)


def test_a_unit_s_own_flag_stays_in_a_packaged_file_under_our_drop_in(engine, run, systemd):
    """Our drop-in overrules the unit, so that nothing is taken out there."""
    systemd.start(f"/usr/bin/dockerd {flag(OWN)}")
    before = systemd.unit.read_text()
    engine.argv = ("/usr/bin/dockerd", flag(OWN))
    engine.mirrors = shown(OWN)
    assert run("registry_mirrors", mirrors=GCR, source="systemd_drop_in")["mirrors"] == shown(OWN, GCR)
    assert systemd.unit.read_text() == before
    assert systemd.own.read_text().endswith(f"\nExecStart=/usr/bin/dockerd {flag(OWN)} {flag(GCR)}\n")


# -- lists -----------------------------------------------------------------------------------------------------------

LISTS = {
    # name: (in the file, declared, options, in the file afterwards)
    "the spelling that is there stays": ([GCR + "/", OWN], [GCR, THIRD], {}, [GCR + "/", OWN, THIRD]),
    "declared twice": ([], [GCR, GCR + "/", OWN], {}, [GCR, OWN]),
    "exclusive, declared twice": ([], [GCR, GCR + "/", OWN], {"exclusive": True}, [GCR, OWN]),
    "exclusive, in order": ([OWN, GCR + "/"], [GCR, OWN + "/"], {"exclusive": True}, [GCR + "/", OWN]),
    "exclusive, there twice": ([GCR, GCR + "/", OWN], [GCR, OWN], {"exclusive": True}, [GCR, GCR + "/", OWN]),
    "exclusive, the first spelling stays": ([GCR + "/", GCR, OWN], [OWN, GCR], {"exclusive": True}, [OWN, GCR + "/"]),
    "there twice": ([GCR, GCR + "/"], [OWN], {}, [GCR, GCR + "/", OWN]),
    "absent, there twice": ([GCR, OWN, GCR + "/"], [GCR], {"state": "absent"}, [OWN]),
}


@pytest.mark.parametrize(("before", "declared", "options", "after"), LISTS.values(), ids=LISTS)
def test_lists(run, daemon_json, given, before, declared, options, after):
    given(file_of(*before))
    result = run("registry_mirrors", mirrors=declared, **options)
    assert listed(daemon_json) == after
    spelled = [f"{mirror.rstrip('/')}/" for mirror in after]
    assert result["mirrors"] == result["in_force"] == list(dict.fromkeys(spelled))
    assert result["previous_mirrors"] == list(dict.fromkeys(f"{mirror.rstrip('/')}/" for mirror in before))


# -- the way ---------------------------------------------------------------------------------------------------------

LOST = "Docker Engine 23.0.0 to 23.0.6 and 24.0.0 lose insecure registries at a reload with mirrors"
PLUGIN = "the engine has --authorization-plugin on its command line, and a reload would drop that plugin"
BUILD = (
    "Docker Engine before 25.0 uses the new mirrors for docker pull immediately, and for docker build only "
    "after its next restart."
)
RESET = (
    "The engine has --max-concurrent-downloads on its command line and max-concurrent-downloads is not in its "
    "configuration file: "
    "a reload sets it to the default until the next restart."
)

WAYS = {
    # name: (version, file, words that run, options, pending, reasons, warnings)
    "a reload": ("28.5.2", "{}", [], {}, "none", [], []),
    "no reload": (
        "28.5.2",
        "{}",
        [],
        {"reload": False},
        "reload",
        ["registry-mirrors: not in force, and a reload brings it into force"],
        [],
    ),
    "an older engine": ("24.0.9", "{}", [], {}, "none", [], [BUILD]),
    "insecure registries that would be lost": (
        "23.0.3",
        '{"insecure-registries": ["x"]}',
        [],
        {},
        "restart",
        [LOST],
        [],
    ),
    "a plugin": ("28.5.2", "{}", ["--authorization-plugin=p"], {}, "restart", [PLUGIN], []),
    "a flag that a reload resets": ("28.5.2", "{}", ["--max-concurrent-downloads=9"], {}, "none", [], [RESET]),
}


@pytest.mark.parametrize(
    ("version", "text", "words", "options", "pending", "reasons", "warnings"), WAYS.values(), ids=WAYS
)
def test_ways(engine, run, given, version, text, words, options, pending, reasons, warnings):
    given(text)
    engine.version = version
    engine.argv += tuple(words)
    result = run("registry_mirrors", mirrors=GCR, **options)
    assert (result["pending"], result["pending_reasons"], result["warnings"]) == (pending, reasons, warnings)
    assert result["in_force"] == (shown(GCR) if pending == "none" else [])


@pytest.fixture
def checked_with(engine, tmp_path):
    """The words that the engine's own check of a configuration got."""
    program, noted = tmp_path / "dockerd", tmp_path / "noted"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo "Docker version 28.5.2, build x" || echo "$@" >>{noted}\n'
    )
    program.chmod(0o755)
    engine.binary = str(program)
    return lambda: noted.read_text().split()


CHECK = ["--config-file=/dev/stdin", "--validate"]

CHECKED = {
    # name: (words of the unit, options file, words that run, options, words of the next command line)
    "flags are added": ("-H fd:// $DOCKER_OPTS", "", "-H fd://", {"source": "options_file"}, f"-H fd:// {flag(GCR)}/"),
    "flags are replaced": (
        f"--debug --registry-mirror {OWN}",
        "",
        f"--debug {flag(OWN)}",
        {"source": "systemd_drop_in"},
        f"--debug {flag(OWN)}/ {flag(GCR)}/",
    ),
    "the unit changed": (
        "--debug $DOCKER_OPTS",
        "",
        "-H fd://",
        {"source": "options_file", "keep_containers": False},
        f"--debug {flag(GCR)}/",
    ),
    "flags are moved": (
        "-H fd:// $DOCKER_OPTS",
        options_of(OWN),
        f"-H fd:// {flag(OWN)}",
        {"migrate": True},
        "-H fd://",
    ),
}


@pytest.mark.parametrize(("unit", "options_text", "words", "options", "checked"), CHECKED.values(), ids=CHECKED)
def test_what_the_next_command_line_is_checked_with(
    engine, run, systemd, checked_with, unit, options_text, words, options, checked
):
    systemd.start(f"/usr/bin/dockerd {unit}")
    systemd.options.write_text(options_text)
    engine.argv = ("/usr/bin/dockerd", *words.split())
    assert run("registry_mirrors", mirrors=GCR, check=True, **options)["pending"] == "restart"
    assert checked_with() == [*checked.split(), *CHECK]


def test_without_a_service_the_next_command_line_is_that_which_runs(engine, run, checked_with):
    engine.argv += ("--authorization-plugin=p",)
    assert run("registry_mirrors", mirrors=GCR, check=True)["pending"] == "restart"
    assert checked_with() == ["-H", "fd://", "--authorization-plugin=p", *CHECK]


# -- moving ----------------------------------------------------------------------------------------------------------

STAGED = {
    # name: (in the file, in the options file, options, the file that is kept aside meanwhile)
    "moved": ([], [OWN], {"mirrors": GCR}, "daemon.json"),
    "moved to flags": ([OWN], [], {"mirrors": GCR, "source": "options_file"}, "docker"),
    "added where they are": ([OWN], [], {"mirrors": GCR}, None),
    "taken away where they are": ([OWN, GCR], [], {"mirrors": GCR, "state": "absent"}, None),
    "taken away elsewhere": ([OWN], [GCR], {"mirrors": OWN, "exclusive": True}, None),
}


@pytest.mark.parametrize(("in_file", "in_options", "options", "name"), STAGED.values(), ids=STAGED)
def test_what_moves_is_kept_aside_until_it_has_arrived(
    run, given, systemd, monkeypatch, in_file, in_options, options, name
):
    given(file_of(*in_file) if in_file else "{}", *in_file, *in_options)
    systemd.options.write_text(options_of(*in_options) if in_options else "")
    stage, noted = transaction.Transaction.stage, []

    def note(transaction, path, data):
        noted.append((os.path.basename(path), OWN in data.decode(), GCR in data.decode()))
        stage(transaction, path, data)

    monkeypatch.setattr(transaction.Transaction, "stage", note)
    assert run("registry_mirrors", migrate=True, **options)["changed"]
    assert noted == ([(name, True, True)] if name else [])


ON_THE_WAY = {
    # name: (source, state, what was kept aside, mirrors in the end)
    "to the file": ("daemon_json", "present", file_of(OWN, THIRD), [OWN, THIRD, GCR]),
    "to the options file": ("options_file", "present", options_of(OWN, THIRD), [OWN, THIRD, GCR]),
    "to a drop-in": (
        "systemd_drop_in",
        "present",
        f"[Service]\nExecStart=\nExecStart=dockerd {flag(OWN)} {flag(THIRD)}\n",
        [OWN, THIRD, GCR],
    ),
    "some are there already": ("daemon_json", "present", file_of(OWN, GCR + "/", THIRD), [GCR, OWN, THIRD]),
    "absent": ("daemon_json", "absent", file_of(OWN, THIRD + "/"), [OWN]),
    "absent from the options file": ("options_file", "absent", options_of(OWN, THIRD), [OWN]),
    "nothing": ("daemon_json", "present", None, [GCR]),
}


@pytest.mark.parametrize(("source", "state", "aside", "after"), ON_THE_WAY.values(), ids=ON_THE_WAY)
def test_what_a_killed_run_left_on_the_way(run, daemon_json, given, systemd, source, state, aside, after):
    given(file_of(GCR) if after[0] == GCR else "{}")
    target = {"daemon_json": daemon_json, "options_file": systemd.options, "systemd_drop_in": systemd.own}[source]
    if aside is not None:
        target.with_name(f".pullthrough-docker-moving-{target.name}").write_text(aside)
    mirrors = THIRD if state == "absent" else GCR
    result = run("registry_mirrors", mirrors=mirrors, state=state, source=source)
    assert result["mirrors"] == shown(*after)
    assert not [name for name in os.listdir(target.parent) if name.startswith(".")]


def test_what_a_killed_run_left_on_the_way_to_an_init_script(run, script):
    """A shell reads what systemd would not."""
    script.with_name(".pullthrough-docker-moving-options").write_text(
        f'MIRROR={OWN}\nDOCKER_OPTS="--registry-mirror=$MIRROR"\n'
    )
    assert run("registry_mirrors", mirrors=GCR, source="options_file")["mirrors"] == shown(OWN, GCR)
    assert script.read_text() == options_of(OWN, GCR)


# -- certificates ----------------------------------------------------------------------------------------------------

HOST = "cache.example:5000"
WITH_CERTIFICATE = {"mirrors": [OWN, GCR], "ca_certificates": {HOST: PEM}}


@pytest.fixture
def places(certs):
    return certs / HOST / "pullthrough-docker.crt", certs / "docker.io" / f"pullthrough-docker-{HOST}.crt"


def test_certificates_come_before_the_mirrors_that_need_them(run, daemon_json, places):
    own, _shared = places
    result = run("registry_mirrors", **WITH_CERTIFICATE)
    assert [entry["after_header"] for entry in result["diff"]] == [str(own), str(daemon_json), "engine"]
    assert result["warnings"] == []


def test_certificates_that_docker_hub_shares_are_warned_of(engine, run, certs, places):
    engine.store = "containerd"
    _own, shared = places
    said = (
        f"With its containerd image store this engine reads CA certificates of mirrors in {certs}/docker.io, "
        "and trusts them for Docker Hub as well."
    )
    assert run("registry_mirrors", **WITH_CERTIFICATE)["warnings"] == [said]
    assert shared.read_text() == PEM
    assert run("registry_mirrors", mirrors=[OWN])["warnings"] == []


def test_certificates_move_with_the_image_store(engine, run, places):
    own, shared = places
    for store, here, gone in (("containerd", shared, own), ("graphdriver", own, shared), ("containerd", shared, own)):
        engine.store = store
        assert run("registry_mirrors", **WITH_CERTIFICATE)["changed"]
        assert (here.read_text(), gone.exists()) == (PEM, False)
        assert not run("registry_mirrors", **WITH_CERTIFICATE)["changed"]


def test_certificates_of_an_engine_that_does_not_run(engine, run, places):
    engine.state, engine.store = "stopped", "containerd"
    own, shared = places
    run("registry_mirrors", **WITH_CERTIFICATE)
    assert (own.read_text(), shared.exists()) == (PEM, False)


def test_certificates_stay_where_they_are_not_declared_and_go_with_their_mirror(run, places):
    own, shared = places
    for path in places:
        path.parent.mkdir(parents=True)
        path.write_text(PEM)
    run("registry_mirrors", mirrors=[OWN])
    assert own.exists() and shared.exists()
    run("registry_mirrors", mirrors=[GCR], state="absent", ca_certificates={})
    assert own.exists() and shared.exists()
    assert run("registry_mirrors", mirrors=[OWN], state="absent")["changed"]
    assert not own.exists() and not shared.exists()


def test_certificates_that_expired_are_warned_of(run, certs, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 253402300799.0)  # The last second of the year 9999.
    (said,) = run("registry_mirrors", **WITH_CERTIFICATE)["warnings"]
    assert said.startswith(f"ca_certificates: certificate 1 of {HOST} expired on ")


FAULTY = {
    # name: (image store, folder of the fault, whether it is refused)
    "a mirror's": ("graphdriver", HOST, True),
    "another host's": ("graphdriver", "other.example", False),
    "Docker Hub's": ("graphdriver", "docker.io", False),
    "a mirror's, which is not read": ("containerd", HOST, False),
    "Docker Hub's, which is shared": ("containerd", "docker.io", True),
}


@pytest.mark.parametrize(("store", "folder", "refused"), FAULTY.values(), ids=FAULTY)
def test_what_would_end_pulls_is_refused_where_the_engine_reads(engine, run, certs, store, folder, refused):
    engine.store = store
    (certs / folder).mkdir(parents=True)
    (certs / folder / "a.cert").write_text("c")
    result = run("registry_mirrors", **WITH_CERTIFICATE)
    assert result.get("failed", False) is refused
    assert run("registry_mirrors", mirrors=[OWN], state="absent").get("failed", False) is False
