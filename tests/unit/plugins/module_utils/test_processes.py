# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which process is the engine of the user who runs this."""

from __future__ import annotations

import os
import re

import pytest

from fake_engines import USER, write_program

from ansible_collections.pullthrough.docker.plugins.module_utils._host import (
    engines,
    files,
    processes,
    programs,
)

pytestmark = pytest.mark.usefixtures("in_time")


def test_the_installed_program_is_the_first_that_can_be_trusted(host, monkeypatch):
    folders = [host / name for name in ("a", "b", "c")]
    for folder in folders:
        folder.mkdir()
        write_program(folder / "dockerd", "")
    (folders[0] / "dockerd").chmod(0o777)
    monkeypatch.setattr(programs, "PATH", ":".join(map(str, folders)))
    engine = engines.look("docker", 10)
    assert (engine.state, engine.binary) == ("stopped", str(folders[1] / "dockerd"))


def test_the_process_of_the_unit(host, systemd, sleeper):
    systemd(ActiveState="active", MainPID=sleeper.pid)
    assert engines.look("docker", 0).process.pid == sleeper.pid
    (host / "docker.pid").write_text("99999999")
    assert engines.look("docker", 0).process.pid == sleeper.pid


def test_one_engine_in_two_pid_files_is_one(texts, process):
    texts["/run/snap.docker/docker.pid"] = str(process.pid)
    assert engines.look("docker", 0).process.pid == process.pid


@pytest.mark.parametrize(("service", "is_found"), [("docker", True), ("other", False)])
def test_the_pid_file_of_the_snap(host, texts, sleeper, service, is_found):
    texts["/run/snap.docker/docker.pid"] = str(sleeper.pid)
    assert (engines.look(service, 0).process is not None) is is_found


@pytest.mark.parametrize("pid", ["", "0", "x", "-1", "99999999", "1", "self"])
def test_a_pid_file_that_names_no_engine(host, pid):
    (host / "docker.pid").write_text(str(os.getpid()) if pid == "self" else pid)
    assert engines.look("docker", 1).process is None


STRANGERS = {
    # name: (file of the process, what stands there instead)
    "of another name": ("status", r"^Name:.*", "Name:\tdockerd2"),
    "of another user": ("status", r"^Uid:.*", f"Uid:\t{USER}\t{USER}\t{USER}\t{USER}"),
    "that can become another user": (
        "status",
        r"^Uid:.*",
        f"Uid:\t{os.geteuid()}\t{USER}\t{os.geteuid()}\t{os.geteuid()}",
    ),
    "of a container": ("status", r"^NSpid:.*", r"\g<0>\t7"),
    "of an unknown pid namespace": ("status", r"^NSpid:.*\n", ""),
    "that ended meanwhile": ("stat", r"(?s).*", ""),
}


@pytest.mark.parametrize(("file", "pattern", "instead"), STRANGERS.values(), ids=STRANGERS)
def test_a_process_that_is_not_ours(texts, process, file, pattern, instead):
    assert engines.look("docker", 0).process.pid == process.pid
    path = f"/proc/{process.pid}/{file}"
    texts[path] = re.sub(pattern, instead, files.text_of(path), flags=re.MULTILINE)
    assert engines.look("docker", 0).process is None


def test_the_program_of_a_process_after_an_upgrade(host, other, monkeypatch):
    (host / "docker.pid").write_text(str(other.pid))
    path = host / "dockerd"
    assert engines.look("docker", 0).binary == str(path)
    path.unlink()
    assert engines.look("docker", 0).binary is None
    write_program(path, "")
    assert engines.look("docker", 0).binary == str(path)
    path.chmod(0o777)
    assert engines.look("docker", 0).binary is None


def test_a_process_whose_program_the_kernel_does_not_show(host, process, monkeypatch):
    def refuse(path):
        raise PermissionError(path)

    installed = write_program(host / "bin/dockerd", "")
    monkeypatch.setattr(os, "readlink", refuse)
    assert processes.find(str(process.pid)).binary == installed
