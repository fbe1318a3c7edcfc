# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the init system starts the engine with."""

from __future__ import annotations

import os

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils import _service


@pytest.fixture
def unit(tmp_path, monkeypatch):
    """A unit in a folder of its own, and what systemd shows of it."""
    path = tmp_path / "lib/docker.service"
    path.parent.mkdir()
    shown = {"FragmentPath": str(path), "DropInPaths": ""}
    monkeypatch.setattr(_service, "has_systemd", lambda: True)
    monkeypatch.setattr(_service, "unit", lambda name: shown)
    monkeypatch.setattr(_service, "unit_folders", lambda: [str(tmp_path / "etc"), str(tmp_path / "run")])
    return path


def test_the_unit_with_its_variables(unit, tmp_path):
    options = tmp_path / "docker"
    unit.write_text(
        f'[Service]\nEnvironment="DOCKER_OPTS=--ipv6" ROOT=/data\nEnvironmentFile=-/nowhere\nEnvironmentFile=-{options}\n'
        "ExecStart=/usr/sbin/dockerd --data-root=${ROOT} -H fd:// $DOCKER_OPTS\n"
    )
    start = _service.next_start("docker.service")
    assert (start.service, start.reader, start.variables) == ("docker", "systemd", ["DOCKER_OPTS"])
    assert start.argv == ("/usr/sbin/dockerd", "--data-root=/data", "-H", "fd://", "--ipv6")
    options.write_text('DOCKER_OPTS="--debug"\n')
    start = _service.next_start("docker")
    assert start.argv[-1] == "--debug" and start.fault is None
    assert start.files == [str(unit), "/nowhere", str(options)]
    options.write_text('# note\nDOCKER_OPTS="${DOCKER_OPTS} --debug"\n')
    assert f"{options}, line 2: DOCKER_OPTS refers to a variable" in _service.next_start("docker").fault


def test_drop_ins_in_the_order_of_their_names_and_of_one_name_the_first(unit, tmp_path):
    unit.write_text("[Service]\nExecStart=/d\n")
    for folder, name in (("run", "20-a.conf"), ("etc", "10-b.conf"), ("etc", "30-c.conf"), ("run", "30-c.conf"), ("etc", "40.txt")):
        path = tmp_path / folder / "docker.service.d" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"[Service]\nExecStart=\nExecStart=/d --{folder}-{name[:2]}\n")
    start = _service.next_start("docker")
    names = ["etc/docker.service.d/10-b.conf", "run/docker.service.d/20-a.conf", "etc/docker.service.d/30-c.conf"]
    assert start.files == [str(unit), *(str(tmp_path / name) for name in names)] and start.argv == ("/d", "--etc-30")
    assert start.own_drop_in == str(tmp_path / "etc/docker.service.d/zz-pullthrough-docker.conf")


def test_no_unit(monkeypatch):
    monkeypatch.setattr(_service, "has_systemd", lambda: True)
    monkeypatch.setattr(_service, "unit", lambda name: {"FragmentPath": ""})
    assert _service.next_start("docker").reader is None


SCRIPTS = {
    # name: (script, options file, variable)
    "Debian": ("#!/bin/sh\n. /etc/default/$BASE\n", "/etc/default/docker", "DOCKER_OPTS"),
    "OpenRC": ("#!/sbin/openrc-run\ncommand=x\n", "/etc/conf.d/docker", "DOCKER_OPTS"),
    "Red Hat": ("#!/bin/sh\n. /etc/sysconfig/$prog\n$exec -d $other_args\n", "/etc/sysconfig/docker", "other_args"),
    "Red Hat, newer": ("#!/bin/sh\n. /etc/sysconfig/docker\n$exec $OPTIONS\n", "/etc/sysconfig/docker", "OPTIONS"),
    "none": ("", None, None),
}


@pytest.mark.parametrize(("script", "path", "variable"), SCRIPTS.values(), ids=SCRIPTS)
def test_an_init_script(monkeypatch, script, path, variable):
    texts = {"/etc/init.d/docker": script, path: f'{variable}="${{{variable}}} --debug"\n'}
    monkeypatch.setattr(_service, "has_systemd", lambda: False)
    monkeypatch.setattr(_service._host, "text_of", lambda name, limit=0: texts.get(name, ""))
    start = _service.next_start("docker")
    if path is None:
        assert start.reader is None
    else:
        assert (start.reader, start.options_files, start.variables, start.argv) == ("shell", [path], [variable], ("dockerd", "--debug"))


@pytest.mark.parametrize(("user", "folder"), [(0, "/etc/systemd/system"), (1000, "/home/me/.config/systemd/user")])
def test_where_our_drop_in_lies(monkeypatch, user, folder):
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    start = _service.Start("docker", "systemd", (), [], [], [], None)
    assert start.own_drop_in == f"{folder}/docker.service.d/zz-pullthrough-docker.conf"
