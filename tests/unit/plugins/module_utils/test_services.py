# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the init system starts the engine with."""

from __future__ import annotations

import json
import os

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._host import (
    files,
    programs,
    scope,
    services,
)

NO_SERVICE = services.Start("docker", None, (), [], [], [], None)


@pytest.fixture
def shown():
    """What systemd shows of the unit, besides where it lies."""
    return {"DropInPaths": ""}


@pytest.fixture
def unit(tmp_path, monkeypatch, shown):
    """A unit in a folder of its own."""
    path = tmp_path / "lib/docker.service"
    path.parent.mkdir()
    shown["FragmentPath"] = str(path)
    monkeypatch.setattr(services, "has_systemd", lambda: True)
    monkeypatch.setattr(services, "unit", lambda name: {"docker": shown}[name])
    monkeypatch.setattr(scope, "unit_folders", lambda: [str(tmp_path / "[etc]"), str(tmp_path / "run")])
    return path


def test_the_unit_with_its_variables(unit, tmp_path):
    options = tmp_path / "docker"
    text = (
        f'[Service]\nEnvironment="DOCKER_OPTS=--ipv6" ROOT=/data A=b=c\n'
        f"EnvironmentFile=-/nowhere\nEnvironmentFile=-{options}\n"
        "ExecStart=/usr/sbin/dockerd --data-root=${ROOT} --label=${A} \\\n  -H fd:// $DOCKER_OPTS $MORE\n"
    )
    unit.write_text(text)
    argv = ("/usr/sbin/dockerd", "--data-root=/data", "--label=b=c", "-H", "fd://")
    files, variables = ["/nowhere", str(options)], ["DOCKER_OPTS", "MORE"]
    expected = services.Start("docker", "systemd", (*argv, "--ipv6"), [(str(unit), text)], files, variables, None)
    assert services.next_start("docker.service") == expected
    options.write_text('DOCKER_OPTS="--debug"\nMORE=--tls --icc\n')
    start = services.next_start("docker")
    assert start == expected._replace(argv=(*argv, "--debug", "--tls", "--icc"))
    assert start.files == [str(unit), "/nowhere", str(options)]


@pytest.mark.parametrize(("said", "is_due"), [("yes", True), ("no", False)])
def test_a_daemon_reload_that_is_due(unit, shown, said, is_due):
    unit.write_text("[Service]\nExecStart=/d\n")
    shown["NeedDaemonReload"] = said
    assert services.next_start("docker").needs_daemon_reload is is_due


def test_a_unit_whose_command_line_only_systemd_knows(unit, shown):
    unit.write_text("[Service]\n")
    shown["ExecStart"] = "{ path=/d ; argv[]=/d --debug $A ; ignore_errors=no ; start_time=[n/a] ; pid=0 }"
    assert services.next_start("docker").argv == ("/d", "--debug")
    del shown["ExecStart"]
    assert services.next_start("docker").argv == ()


FAULTS = {
    # name: (Environment= of the unit, options file, file and line of the fault, variable)
    "in the options file": ("A=1", '# note\nA="--debug ${A}"\n', "{options}, line 2", "A"),
    "at the beginning": ("A=1", "B=x\nA=$B\n", "{options}, line 2", "A"),
    "in the unit": ('"A=$B"', "", "{unit}, line 2", "A"),
    "within a word": ("A=x$B", "", None, None),
    "taken back in the options file": ('"A=$B"', "A=x\n", None, None),
    "not on the command line": ('"B=$C"', "C=$D\n", None, None),
}


@pytest.mark.parametrize(("environment", "options", "place", "variable"), FAULTS.values(), ids=FAULTS)
def test_a_variable_that_refers_to_another(unit, tmp_path, environment, options, place, variable):
    path = tmp_path / "docker"
    path.write_text(options)
    unit.write_text(f"[Service]\nEnvironment={environment}\nEnvironmentFile={path}\nExecStart=/d $NONE $A ${{B}}\n")
    fault = place and (
        f"{place.format(options=path, unit=unit)}: {variable} refers to a variable, which systemd does not expand; "
        "the engine gets it as a word and does not start. Write the whole value there"
    )
    assert services.next_start("docker").fault == fault


ON_DISK = {
    # name: (lines of the section Service, words of the next command line)
    "quoted words": (
        'ExecStart=/d --label "role=build node" "--debug"',
        ("/d", "--label", "role=build node", "--debug"),
    ),
    "continued lines in Environment": (
        'Environment="OPTS= --ipv6 \\\n--label x \\\n"\nExecStart=/d $OPTS',
        ("/d", "--ipv6", "--label", "x"),
    ),
    "quotes in a variable": ("""Environment='OPTS=--label "a b"'\nExecStart=/d $OPTS""", ("/d", "--label", "a b")),
    "dollar signs": ("Environment=A=b\nExecStart=/d $$A --x=$${A} --y=${A}$$", ("/d", "$A", "--x=${A}", "--y=b$")),
}


@pytest.mark.parametrize(("lines", "argv"), ON_DISK.values(), ids=ON_DISK)
def test_words_are_split_as_systemd_does(unit, lines, argv):
    unit.write_text(f"[Service]\n{lines}\n")
    assert services.next_start("docker").argv == argv


def test_what_systemd_has_loaded_counts_for_more_than_the_texts(unit, shown, tmp_path):
    """Specifiers are resolved there. A drop-in that was written since counts once systemd has read it."""
    options = tmp_path / "a.env"
    options.write_text("B=--icc\n")
    unit.write_text("[Service]\nEnvironment=A=%H\nEnvironmentFile=-/x\nExecStart=/d --label=%H $A\n")
    shown.update(
        Argv=["/d", "--label=host", "$A", "${B}"], Environment=["A=--ipv6"], EnvironmentFiles=[f"{tmp_path}/*.env"]
    )
    start = services.next_start("docker")
    assert (start.argv, start.options_files) == (("/d", "--label=host", "--ipv6", "--icc"), [str(options)])
    shown["NeedDaemonReload"] = "yes"
    assert services.next_start("docker").argv == ("/d", "--label=%H", "%H")


SECOND = (
    "line {}: a second ExecStart=, which systemd refuses in a service. Put an empty ExecStart= in the line before it"
)


@pytest.mark.parametrize(("shown_id", "alias_of"), [("docker.service", None), ("moby.service", "moby"), (None, None)])
def test_a_name_that_is_only_an_alias(unit, shown, shown_id, alias_of):
    unit.write_text("[Service]\nExecStart=/d\n")
    if shown_id:
        shown["Id"] = shown_id
    assert services.next_start("docker.service").alias_of == alias_of


GOOD_NAMES = ["docker", "docker.service", "snap.docker.dockerd", "docker@1", "a-b_c:d", r"a\x2db", "_x", "x" * 247]
BAD_NAMES = [
    "",
    ".service",
    "*",
    "doc?er",
    "[a]",
    "a b",
    "a\n",
    "a\n.service",
    "../x",
    "a/b",
    "..",
    "-a",
    "é",
    "x" * 256,
]


@pytest.mark.parametrize(
    ("name", "is_good"), [*((name, True) for name in GOOD_NAMES), *((name, False) for name in BAD_NAMES)]
)
def test_the_names_of_services(name, is_good):
    assert services.is_name(name) is is_good


UNITS_THAT_FAIL = {
    # name: (lines of the section Service, what systemd says besides, the fault)
    "a second command": ("ExecStart=/d\nExecStart=/e", {}, SECOND.format(3)),
    "an empty one before it": ("ExecStart=/d\nExecStart=\nExecStart=/e", {"LoadState": "loaded"}, None),
    "oneshot": ("Type=oneshot\nExecStart=/d\nExecStart=/e", {}, None),
    "another fault": (
        "ExecStart=/d",
        {"LoadState": "bad-setting"},
        "systemd cannot load this unit (LoadState=bad-setting). ",
    ),
    "fixed since": ("ExecStart=/d", {"LoadState": "bad-setting", "NeedDaemonReload": "yes"}, None),
}


@pytest.mark.parametrize(("lines", "said", "fault"), UNITS_THAT_FAIL.values(), ids=UNITS_THAT_FAIL)
def test_a_unit_that_systemd_will_not_start(unit, shown, lines, said, fault):
    unit.write_text(f"[Service]\n{lines}\n")
    shown.update(said)
    found = services.next_start("docker").fault
    assert found is None if fault is None else found.startswith(str(unit)) and fault in found


SCRIPTED = {"a script": ("#!/bin/sh\n", True), "a program": ("\x7fELF", False), "nothing there": (None, False)}


@pytest.mark.parametrize(("text", "is_script"), SCRIPTED.values(), ids=SCRIPTED)
def test_a_script_that_starts_the_engine(unit, tmp_path, text, is_script):
    program = tmp_path / "start"
    if text is not None:
        program.write_text(text)
    unit.write_text(f"[Service]\nExecStart={program} --x\n")
    start = services.next_start("docker")
    assert start.script == (str(program) if is_script else None)
    assert start.files == [str(unit)] + [str(program)] * is_script


def test_drop_ins_in_the_order_of_their_names_and_of_one_name_the_first(unit, tmp_path, shown, monkeypatch):
    unit.write_text("[Service]\nExecStart=/d\n")
    for folder, name in (
        ("run", "20-a.conf"),
        ("[etc]", "10-b.conf"),
        ("[etc]", "30-c.conf"),
        ("run", "30-c.conf"),
        ("[etc]", "40.txt"),
        ("any", "25.conf"),
    ):
        path = tmp_path / folder / "docker.service.d" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"[Service]\nExecStart=\nExecStart=/d --{folder}-{name[:2]}\n")
    shown["DropInPaths"] = (
        f"{tmp_path}/gone/10.conf {tmp_path}/any/docker.service.d/25.conf {tmp_path}/run/docker.service.d/30-c.conf"
    )
    start = services.next_start("docker")
    names = [
        "[etc]/docker.service.d/10-b.conf",
        "run/docker.service.d/20-a.conf",
        "any/docker.service.d/25.conf",
        "[etc]/docker.service.d/30-c.conf",
    ]
    assert start.files == [str(unit), *(str(tmp_path / name) for name in names)] and start.argv == ("/d", "--[etc]-30")
    assert start.own_drop_in == str(tmp_path / "[etc]/docker.service.d/zz-pullthrough-docker.conf")
    del shown["DropInPaths"]
    monkeypatch.setattr(services, "unit", lambda name: shown)
    assert services.next_start("d*").files == [str(unit)]


def test_no_unit(monkeypatch):
    monkeypatch.setattr(services, "has_systemd", lambda: True)
    monkeypatch.setattr(services, "unit", lambda name: {"FragmentPath": ""})
    assert services.next_start("docker.service") == NO_SERVICE


SCRIPTS = {
    # name: (script, options file, variable)
    "Debian": ("#!/bin/sh\n. /etc/default/$BASE\n", "/etc/default/docker", "DOCKER_OPTS"),
    "Debian, with a word on OpenRC": ("#!/bin/sh\n# no openrc-run\n", "/etc/default/docker", "DOCKER_OPTS"),
    "OpenRC": ("#!/sbin/openrc-run\ncommand=x\n", "/etc/conf.d/docker", "DOCKER_OPTS"),
    "Red Hat": ("#!/bin/sh\n. /etc/sysconfig/$prog\n$exec -d $other_args\n", "/etc/sysconfig/docker", "other_args"),
    "Red Hat, newer": ("#!/bin/sh\n. /etc/sysconfig/docker\n$exec $OPTIONS\n", "/etc/sysconfig/docker", "OPTIONS"),
}


@pytest.mark.parametrize(("script", "path", "variable"), SCRIPTS.values(), ids=SCRIPTS)
def test_an_init_script(monkeypatch, script, path, variable):
    texts = {"/etc/init.d/docker": script}
    monkeypatch.setattr(services, "has_systemd", lambda: False)
    monkeypatch.setattr(files, "text_of", lambda name: texts.get(name, ""))
    expected = services.Start(
        "docker", "shell", ("dockerd",), [], [path], [variable], None, script="/etc/init.d/docker"
    )
    assert services.next_start("docker.service") == expected
    texts[path] = f'{variable}="${{{variable}}} --debug --icc"\n'
    assert services.next_start("docker") == expected._replace(argv=("dockerd", "--debug", "--icc"))
    texts["/etc/init.d/docker"] = ""
    assert services.next_start("docker.service") == NO_SERVICE


def test_whether_systemd_runs(monkeypatch):
    folders = ["/run/systemd/system"]
    monkeypatch.setattr(os.path, "isdir", lambda path: path in folders)
    assert services.has_systemd()
    folders.clear()
    assert not services.has_systemd()


@pytest.mark.parametrize(("user", "scope"), [(0, []), (1000, ["--user"])])
def test_systemctl_for_the_system_or_for_the_user(monkeypatch, user, scope):
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(programs, "run", lambda command, timeout: (command, timeout))
    assert services.systemctl("show", "x") == (["systemctl", *scope, "show", "x"], 30)


def test_what_systemd_says_of_a_unit(monkeypatch, tmp_path):
    program = tmp_path / "systemctl"
    monkeypatch.setattr(programs, "PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(services, "has_systemd", lambda: True)
    properties = "Id,LoadState,ActiveState,MainPID,FragmentPath,DropInPaths,ExecStart,NeedDaemonReload,KillMode"
    asked = f"show --property {properties} -- docker.service"
    for code, said in (0, {"Asked": asked, "ExecStart": "a=b"}), (1, {}):
        program.write_text(f'#!/bin/sh\necho "Asked=$*"\necho "a warning"\necho ExecStart=a=b\nexit {code}\n')
        program.chmod(0o755)
        assert services.unit("docker") == said
    program.write_text("#!/bin/sh\necho LoadState=loaded\n")
    monkeypatch.setattr(services, "has_systemd", lambda: False)
    assert services.unit("docker") == {}


def value(data):
    return {"type": "x", "data": data}


OVER_DBUS = {
    "Id": value("a-b.c.service"),
    "LoadState": value("loaded"),
    "ActiveState": value("active"),
    "MainPID": value(4711),
    "FragmentPath": value("/lib/docker.service"),
    "DropInPaths": value(["/etc/a.conf", "/etc/b.conf"]),
    "NeedDaemonReload": value(False),
    "KillMode": value("process"),
    "Environment": value(["A=b c"]),
    "EnvironmentFiles": value([["/etc/default/docker", True]]),
    "ExecStart": value([["/d", ["/d", "--label", "a b", "$OPTS"], False, 0, 0, 0, 0, 0, 0, 0]]),
}

SHOWN = {
    "Id": "a-b.c.service",
    "LoadState": "loaded",
    "ActiveState": "active",
    "MainPID": "4711",
    "FragmentPath": "/lib/docker.service",
    "DropInPaths": "/etc/a.conf /etc/b.conf",
    "NeedDaemonReload": "no",
    "KillMode": "process",
    "Environment": ["A=b c"],
    "EnvironmentFiles": ["/etc/default/docker"],
    "Argv": ["/d", "--label", "a b", "$OPTS"],
}

WITHOUT_ARGV = {key: said for key, said in SHOWN.items() if key != "Argv"}

ANSWERS = {
    # name: (exit code and answer of busctl, what systemd says)
    "all": (0, {"data": [OVER_DBUS]}, SHOWN),
    "a reload is due": (
        0,
        {"data": [{**OVER_DBUS, "NeedDaemonReload": value(True)}]},
        {**SHOWN, "NeedDaemonReload": "yes"},
    ),
    "two commands": (0, {"data": [{**OVER_DBUS, "ExecStart": value([["/d", ["/d"]], ["/e", ["/e"]]])}]}, WITHOUT_ARGV),
    "no command": (0, {"data": [{**OVER_DBUS, "ExecStart": value([])}]}, WITHOUT_ARGV),
    "not a service": (0, {"data": [{"LoadState": value("loaded")}]}, {"From": "systemctl"}),
    "no JSON": (0, "a{sv} 1", {"From": "systemctl"}),
    "another answer": (0, {"data": []}, {"From": "systemctl"}),
    "no bus": (1, {"data": [OVER_DBUS]}, {"From": "systemctl"}),
}


@pytest.mark.parametrize(("code", "answer", "said"), ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize(("user", "scope"), [(0, []), (1000, ["--user"])])
def test_what_systemd_says_over_dbus(monkeypatch, user, scope, code, answer, said):
    asked = []
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(services, "has_systemd", lambda: True)
    monkeypatch.setattr(services, "systemctl", lambda *words: (0, "From=systemctl\n"))
    monkeypatch.setattr(
        programs,
        "run",
        lambda command, timeout: (
            asked.append(command) or code,
            answer if isinstance(answer, str) else json.dumps(answer),
        ),
    )
    assert services.unit("a-b.c") == said
    path = "/org/freedesktop/systemd1/unit/a_2db_2ec_2eservice"
    call = ["call", "org.freedesktop.systemd1", path, "org.freedesktop.DBus.Properties", "GetAll", "s", ""]
    assert asked == [["busctl", *scope, "--json=short", *call]]
