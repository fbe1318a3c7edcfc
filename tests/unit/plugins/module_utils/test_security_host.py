# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes, sockets, programs and answers of those who must not be believed."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

import pytest

from deadline import ends_within
from fake_engines import GOOD, answering, http, sleeping

from ansible_collections.pullthrough.docker.plugins.module_utils._host import (
    engine_api,
    engine_log,
    engines,
    files,
    processes,
    programs,
    scope,
    services,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import setting_table


@pytest.fixture
def host(nobody, monkeypatch):
    """A folder for pid file and socket, in place of /var/run, and no systemd."""
    monkeypatch.setattr(scope, "runtime_dir", lambda: str(nobody.folder))
    monkeypatch.setattr(services, "unit", lambda name: {})
    shutil.copy(shutil.which("sleep"), nobody.folder / "dockerd")
    return nobody.folder


@pytest.fixture
def at_once():
    with ends_within(20):
        yield


@contextlib.contextmanager
def running(*command, **options):
    child = subprocess.Popen(command, **options)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def seen_as(child, name):
    deadline = time.monotonic() + 10
    while pathlib.Path(f"/proc/{child}/comm").read_text().strip() != name:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("whose", ["root's", "nobody's"])
def test_a_dockerd_of_another_user_is_not_believed(host, nobody, whose):
    with running(str(host / "dockerd"), "600", user=0 if whose == "root's" else nobody.id) as child:
        seen_as(child.pid, "dockerd")
        (host / "docker.pid").write_text(str(child.pid))
        process = engines.look("docker", 0).process
        assert (process.pid == child.pid) if whose == "root's" else (process is None)


@pytest.mark.parametrize("name", ["python", "systemd"])
def test_a_socket_of_another_user_is_not_believed_whatever_its_process_is_called(host, nobody, name):
    path = host / "docker.sock"
    host.chmod(0o777)

    def serve():
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        ctypes.CDLL(None).prctl(15, name.encode(), 0, 0, 0)  # PR_SET_NAME
        server.listen()
        while True:
            caller = server.accept()[0]
            caller.recv(65536)
            caller.sendall(b"".join(http(json.dumps(GOOD).encode())))
            caller.close()

    seen_as(nobody.start(serve), name)
    child = sleeping(host / "dockerd")
    try:
        (host / "docker.pid").write_text(str(child.pid))
        engine = engines.look("docker", 2)
    finally:
        child.kill()
        child.wait()
    assert engine.state == "unreachable" and f"of user {nobody.id}" in engine.reason


def test_a_program_that_another_user_could_swap_is_not_run(nobody):
    folder = nobody.folder / "bin"
    folder.mkdir()
    program = folder / "dockerd"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    link = nobody.folder / "link"
    link.symlink_to(program)
    assert programs.trusted(str(program)) and programs.trusted(str(link)) == str(program)
    os.chown(folder, nobody.id, -1)
    assert programs.trusted(str(program)) is None and programs.trusted(str(link)) is None
    os.chown(folder, 0, -1)
    folder.chmod(0o777)
    assert programs.trusted(str(program)) is None
    folder.chmod(0o1777)
    assert programs.trusted(str(program)), "as in /tmp: what is ours stays"


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path, at_once):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert files.text_of(str(pipe)) == ""
    with pytest.raises(files.FileError, match="not a regular file"):
        files.read(str(pipe))


def test_a_file_without_end_is_read_to_the_limit(tmp_path, monkeypatch, at_once):
    assert files.text_of("/dev/zero") == ""
    with pytest.raises(files.FileError, match="not a regular file"):
        files.read("/dev/zero")
    with pytest.raises(files.FileError, match="cannot be read"):
        files.read("/proc/self/mem")
    monkeypatch.setattr(files, "SIZE_LIMIT", 10)
    with pytest.raises(files.FileError, match="larger than 10"):
        files.read("/proc/self/status")  # Whose size is 0 until it is read.


def test_a_head_that_trickles_in_does_not_hold_a_run_up(tmp_path, monkeypatch):
    """Within the time of each read, and far beyond that of the task."""
    process = processes.Process(os.getpid(), "1", ("dockerd",), None)
    monkeypatch.setattr(processes, "find", lambda pid: process)
    engine = engines.Engine("docker", "starting", None, process, None, (), None, "/x", str(tmp_path / "docker.sock"))
    began = time.monotonic()
    with answering(tmp_path / "docker.sock", [b"HTTP/1.1 200 OK\r\nX: "] + [b"x"] * 3000), pytest.raises(
        engine_api.Unreachable, match="timed out"
    ):
        engine_api.ask_info(engine, began + 1)
    assert time.monotonic() - began < 10


def test_what_is_no_http_is_quoted_short_and_harmless(tmp_path, monkeypatch):
    process = processes.Process(os.getpid(), "1", ("dockerd",), None)
    monkeypatch.setattr(processes, "find", lambda pid: process)
    engine = engines.Engine("docker", "starting", None, process, None, (), None, "/x", str(tmp_path / "docker.sock"))
    line = b"\x1b[31m http://me:hush@x" + b"x" * 60000 + b"\r\n\r\n"
    with answering(tmp_path / "docker.sock", [line]), pytest.raises(engine_api.Unreachable) as error:
        engine_api.ask_info(engine, time.monotonic() + 5)
    assert len(str(error.value)) < 1000 and "\x1b" not in str(error.value) and "hush" not in str(error.value)


WRONG = [5, -1, 1.5, True, None, "x", "\ud800", [1], [[]], [None], {"a": 1}, {"a": {"Secure": False}}, "9" * 5000]
KEYS = [
    "ContainersRunning",
    "DockerRootDir",
    "Driver",
    "DriverStatus",
    "IndexConfigs",
    "InsecureRegistryCIDRs",
    "Labels",
    "Mirrors",
]
KEYS += ["RegistryConfig", "SecurityOptions", "ServerVersion", "Swarm"]


@pytest.mark.parametrize("key", KEYS)
def test_an_answer_with_a_value_of_another_type_is_data(key):
    for value in WRONG:
        answer = dict(GOOD, **{key: value})
        answer["RegistryConfig"] = value if key == "RegistryConfig" else {"Mirrors": [], key: value}
        with contextlib.suppress(engine_api.Unreachable):
            info = engine_api._parse_info(json.dumps(answer).encode(), "/x")
            assert isinstance(info.containers_running, int) and isinstance(info.mirrors, list)
            for setting, used in info.settings.items():
                for configured in WRONG:
                    assert setting_table.is_same(setting, configured, used) in (True, False)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 100_000,
        b"\xff\xfe",
        b"\x00" * 100,
        b'{"ServerVersion": ' + b"9" * 100_000,
    ],
)
def test_an_answer_that_is_no_object_is_refused(body):
    with pytest.raises(engine_api.Unreachable, match="not a Docker Engine's"):
        engine_api._parse_info(body, "/x")


@pytest.mark.parametrize("version", ["9" * 5000, "1.2." + "9" * 5000, "\u0661.\u0662.\u0663", "..", "1.2.3" * 1000])
def test_a_version_without_end_is_a_version_or_none(version):
    info = engine_api._parse_info(json.dumps(dict(GOOD, ServerVersion=version)).encode(), "/x")
    engine = engines.Engine("docker", "running", None, None, info, (), None, "/x", "/x")
    assert engine.version is None or len(engine.version) == 3


@pytest.mark.parametrize(
    ("number", "shown"),
    [(9 * 10**18, 10**6), (-(10**18), 0), ("9" * 5000, 0), (2.5, 0), ([], 0), (7, 7)],
    ids=["huge", "below zero", "text", "fraction", "list", "number"],
)
def test_a_number_of_containers_can_be_shown(number, shown):
    body = json.dumps(dict(GOOD, ContainersRunning=number)).encode()
    assert engine_api._parse_info(body, "/x").containers_running == shown


def test_a_number_without_end_is_not_an_engine_s():
    body = json.dumps(dict(GOOD, ContainersRunning=int("9" * 4000))).encode()
    with pytest.raises(engine_api.Unreachable, match="is not a Docker Engine's"):
        engine_api._parse_info(body, "/x")


@pytest.mark.parametrize("value", ["a\0b", ["a"], {"a": 1}, True, None])
def test_a_data_root_that_is_no_path_is_compared(value):
    assert setting_table.is_same("data-root", value, "/var/lib/docker") is False


def test_of_the_journal_only_what_the_engine_printed_is_read(monkeypatch):
    """With the log driver journald, a container's lines come from the engine's process and unit as well."""
    asked = []
    monkeypatch.setattr(programs, "run", lambda command, timeout, limit: asked.append(command) or (0, ""))
    monkeypatch.setattr(services, "has_systemd", lambda: True)
    log = engine_log.Log(processes.Process(os.getpid(), "1", ("dockerd",), None))
    log._start = None
    assert log.refusal() is None and engine_log.last_words("docker") == ""
    assert len(asked) == 2 and all(command[0] == "journalctl" and "_TRANSPORT=stdout" in command for command in asked)
