# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which process is the engine of the user who runs this."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

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


def test_one_engine_in_two_pid_files_is_one(snap, process):
    snap.write_text(str(process.pid))
    assert engines.look("docker", 0).process.pid == process.pid


@pytest.mark.parametrize(("service", "is_found"), [("docker", True), ("other", False)])
def test_the_pid_file_of_the_snap(snap, sleeper, service, is_found):
    snap.write_text(str(sleeper.pid))
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

    write_program(host / "bin/dockerd", "")
    monkeypatch.setattr(os, "readlink", refuse)
    found = processes.find(str(process.pid))
    assert (found.pid, found.binary) == (process.pid, None), "nothing is run with the arguments of an unknown program"


def test_a_process_that_calls_itself_dockerd_runs_another_program(host, tmp_path):
    script = "import sys; open('/proc/self/comm', 'w').write('dockerd'); print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-IS", "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        assert pathlib.Path(f"/proc/{child.pid}/comm").read_text() == "dockerd\n"
        (host / "docker.pid").write_text(str(child.pid))
        assert engines.look("docker", 0).process is None
        child.stdin.close()


def test_a_process_whose_program_is_not_the_one_at_its_path(host, process, other, monkeypatch):
    """As in a container, which has its own file at the path of the host's program."""
    assert processes.find(str(process.pid)).binary == os.readlink(f"/proc/{process.pid}/exe")
    real, elsewhere = os.readlink, os.readlink(f"/proc/{other.pid}/exe")
    monkeypatch.setattr(os, "readlink", lambda path: elsewhere if path == f"/proc/{process.pid}/exe" else real(path))
    assert processes.find(str(process.pid)) is None
    monkeypatch.setattr(os, "readlink", lambda path: str(host / "none/dockerd"))
    assert processes.find(str(process.pid)) is None


def test_a_snap_that_is_mounted_where_only_itself_sees_it(host, other, monkeypatch):
    real_stat, real_link, program = os.stat, os.readlink, str(host / "dockerd")
    inside = "/snap/docker/1/bin/dockerd"

    def stat_of(path, **options):
        return real_stat(program if path == f"/var/lib/snapd{inside}" else path, **options)

    monkeypatch.setattr(os, "stat", stat_of)
    monkeypatch.setattr(os, "readlink", lambda path: inside if path == f"/proc/{other.pid}/exe" else real_link(path))
    assert processes.find(str(other.pid)).pid == other.pid


GROUPS = {
    # control group of the process: whether it is the service's
    "0::/system.slice/docker.service\n": True,
    "12:pids:/x\n1:name=systemd:/system.slice/docker.service\n": True,
    "0::/user.slice/user-1000.slice/user@1000.service/app.slice/docker.service\n": True,
    "0::/docker.service/init\n": True,
    "0::/system.slice/docker-0123.scope\n": False,
    "0::/system.slice/docker-0123.scope/system.slice/docker.service\n": False,
    "0::/docker/0123/system.slice/docker.service\n": False,
    "0::/system.slice/other-docker.service\n": False,
    "12:pids:/system.slice/docker.service\n1:name=systemd:/docker/0123\n": False,
    "": False,
}


@pytest.mark.parametrize(("group", "is_believed"), GROUPS.items())
def test_a_pid_file_that_is_older_than_its_process(texts, process, host, systemd, group, is_believed):
    texts[f"/proc/{process.pid}/cgroup"] = group
    started = pathlib.Path(f"/proc/{process.pid}").stat().st_mtime
    os.utime(host / "docker.pid", (0, started - 50))
    assert processes.of_pid_files("docker"), "the clock of a host is not exact"
    os.utime(host / "docker.pid", (0, started - 1000))
    assert bool(processes.of_pid_files("docker")) is is_believed
    systemd(ActiveState="active", MainPID=process.pid)
    assert engines.look("docker", 0).process.pid == process.pid, "systemd knows the process of its unit"


def test_an_old_pid_file_of_the_snap(texts, snap, process, host, systemd):
    (host / "docker.pid").unlink()
    snap.write_text(str(process.pid))
    os.utime(snap, (0, 0))
    texts[f"/proc/{process.pid}/cgroup"] = "0::/system.slice/docker.service\n"
    assert processes.of_pid_files("docker") == []
    texts[f"/proc/{process.pid}/cgroup"] = "0::/system.slice/snap.docker.dockerd.service\n"
    assert [found.pid for found in processes.of_pid_files("docker")] == [process.pid]


@pytest.mark.parametrize(("namespace", "is_believed"), [(None, True), ("mnt:[1]", False)])
def test_an_old_pid_file_without_systemd(process, host, monkeypatch, namespace, is_believed):
    os.utime(host / "docker.pid", (0, 0))
    real = os.readlink
    if namespace:
        path = f"/proc/{process.pid}/ns/mnt"
        monkeypatch.setattr(os, "readlink", lambda link: namespace if link == path else real(link))
    assert bool(processes.of_pid_files("docker")) is is_believed


def test_a_pid_file_that_is_removed_while_it_is_read(texts, process, host):
    path = host / "docker.pid"
    texts[str(path)] = path.read_text()
    path.unlink()
    assert processes.of_pid_files("docker") == []


@pytest.mark.parametrize(
    ("group", "below", "name", "has_shims"),
    [
        ("0::/system.slice/docker.service", "", "containerd-shim-runc-v2", True),
        ("0::/system.slice/docker.service", "/inner", "containerd-shim", True),
        ("0::/system.slice/docker.service", "", "containerd", False),
        ("3:name=systemd:/system.slice/docker.service", "", "containerd-shim", True),
        ("3:memory:/system.slice/docker.service", "", "containerd-shim", False),
        ("0::/", "", "containerd-shim", False),
    ],
)
def test_shims_in_the_group_of_the_engine(tmp_path, monkeypatch, group, below, name, has_shims):
    folder = tmp_path / "system.slice/docker.service"
    (folder / below.lstrip("/")).mkdir(parents=True)
    (folder / f".{below}/cgroup.procs").write_text("12\n13\n")
    monkeypatch.setattr(processes, "_GROUP_ROOTS", (str(tmp_path),))
    texts = {"/proc/7/cgroup": f"{group}\n", "/proc/12/comm": "dockerd\n", "/proc/13/comm": f"{name}\n"}
    read = files.text_of
    monkeypatch.setattr(files, "text_of", lambda path: texts[path] if path in texts else read(path))
    assert processes.has_shims(processes.Process(7, "1", (), None)) is has_shims


@pytest.mark.parametrize(
    ("words", "binary", "is_one"),
    [
        (["dockerd", "--config-file=/var/snap/docker/2932/config/daemon.json"], None, True),
        (["dockerd", "--config-file", "/var/snap/docker/current/config/daemon.json"], None, True),
        (["dockerd"], "/snap/docker/2932/bin/dockerd", True),
        (["dockerd"], "/var/lib/snapd/snap/docker/2932/bin/dockerd", True),
        (["dockerd", "--data-root=/mnt/snap/docker"], "/usr/bin/dockerd", False),
        (["dockerd", "--label=kind=snap"], "/usr/bin/dockerd", False),
    ],
)
def test_the_engine_of_a_snap(words, binary, is_one):
    assert processes.is_of_snap(processes.Process(99999999, "1", tuple(words), binary)) is is_one


@pytest.mark.parametrize(
    ("group", "is_outside"),
    [
        ("0::/system.slice/docker.service\n", True),
        ("4:name=systemd:/system.slice/snap.docker.dockerd.service\n", True),
        ("0::/system.slice/docker-0123.scope\n", False),
        ("0::/docker/0123\n", False),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/docker.service\n", True),
        ("0::/user.slice/user-1000.slice/user@1000.service/docker-0123.scope\n", False),
    ],
)
def test_a_process_with_other_mounts_is_outside_of_containers_if_it_is_a_service(monkeypatch, group, is_outside):
    monkeypatch.setattr(files, "text_of", lambda _path: group)
    monkeypatch.setattr(os, "readlink", lambda path: path)
    assert processes._is_outside_containers("7") is is_outside
