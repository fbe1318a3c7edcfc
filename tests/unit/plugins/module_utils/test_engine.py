# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What real engines cannot be made to show: processes that only look like engines, and answers that no engine gives."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils import _engine, _host, _service

GOOD = {"ServerVersion": "28.5.2", "RegistryConfig": {"Mirrors": ["https://mirror.gcr.io/"]}, "ContainersRunning": 2}


@pytest.mark.parametrize(
    ("argv", "names", "values"),
    [
        (["dockerd"], ["--x"], []),
        (["dockerd", "--x", "1"], ["--x"], ["1"]),
        (["dockerd", "--x=1", "--x", "2"], ["--x"], ["1", "2"]),
        (["dockerd", "-H", "fd://", "-Hunix:///a", "--host=tcp://b"], ["--host", "-H"], ["fd://", "unix:///a", "tcp://b"]),
        (["dockerd", "--x-y=1"], ["--x"], []),
        (["dockerd", "--x"], ["--x"], [""]),
        (["--x=1"], ["--x"], []),
    ],
)
def test_flag_values(argv, names, values):
    assert _engine.flag_values(argv, *names) == values


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A folder for pid file and socket, in place of /var/run, and no systemd."""
    monkeypatch.setattr(_engine, "_runtime_dir", lambda: str(tmp_path))
    monkeypatch.setattr(_service, "unit", lambda name: {})
    return tmp_path


def sleeping(program):
    """Start the program, and wait until the kernel shows it under its own name."""
    child = subprocess.Popen([program, "600"])
    deadline = time.monotonic() + 10
    while _engine._process(str(child.pid)) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return child


@pytest.fixture
def process(host):
    """A process called dockerd that sleeps, named by the pid file."""
    program = host / "dockerd"
    shutil.copy(shutil.which("sleep"), program)
    child = sleeping(program)
    (host / "docker.pid").write_text(f"{child.pid}\n")
    yield child
    child.kill()
    child.wait()


@contextlib.contextmanager
def answering(path, answer):
    """Something that listens on the engine's socket, and gives each caller these bytes, or none."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def serve():
        with contextlib.suppress(OSError):
            while True:
                caller = server.accept()[0]
                with contextlib.suppress(OSError):
                    caller.recv(65536)
                    for part in answer:
                        caller.sendall(part)
                        time.sleep(0.01)
                    if answer:
                        caller.close()
                    else:
                        held.append(caller)

    held = []
    threading.Thread(target=serve, daemon=True).start()
    yield
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def http(body, status="200 OK"):
    return [f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body]


def test_no_process_no_connection(host):
    with answering(host / "docker.sock", http(json.dumps(GOOD).encode())):
        engine = _engine.look("docker", 1)
    assert engine.state in ("stopped", "absent") and engine.info is None


def test_a_good_answer_of_the_process(host, process, monkeypatch):
    monkeypatch.setattr(_engine, "_maker_of", lambda sock: process.pid)
    with answering(host / "docker.sock", http(json.dumps(GOOD).encode())):
        engine = _engine.look("docker", 1)
    assert (engine.state, engine.info.mirrors, engine.info.containers_running) == ("running", ["https://mirror.gcr.io/"], 2)
    assert engine.facts()["pid"] == process.pid


def test_an_answer_of_another_process_is_not_believed(host, process):
    with answering(host / "docker.sock", http(json.dumps(GOOD).encode())):
        engine = _engine.look("docker", 1)
    assert engine.state == "unreachable" and f"belongs to process {os.getpid()}" in engine.reason


ANSWERS = {
    "silence": ([], "timed out"),
    "garbage": ([b"\x00\xff" * 40 + b"\r\n\r\n"], "no answer"),
    "html": (http(b"<html>"), "not a Docker Engine's"),
    "a list": (http(b"[]"), "no ServerVersion"),
    "zero values": (http(b'{"ServerVersion": ""}'), "no ServerVersion"),
    "mirrors of a wrong type": (http(b'{"ServerVersion": "1", "RegistryConfig": {"Mirrors": "x"}}'), "not a list of strings"),
    "an error": (http(b'{"message": "http://u:pw@x"}', "500 Oops"), "HTTP 500"),
    "too large": ([http(b"x")[0].replace(b"Content-Length: 1\r\n", b"")] + [b"x" * (1024 * 1024)] * 6, "too large"),
    "a trickle": ([b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"] + [b"x"] * 900, "too slow|timed out"),
}


@pytest.mark.parametrize("case", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_no_engine_gives(host, process, monkeypatch, case):
    answer, words = case
    monkeypatch.setattr(_engine, "_maker_of", lambda sock: process.pid)
    began = time.monotonic()
    with answering(host / "docker.sock", answer):
        engine = _engine.look("docker", 1)
    assert engine.state == "unreachable" and re.search(words, engine.reason), engine.reason
    assert "pw" not in engine.reason
    assert time.monotonic() - began < 5, "the time limit holds"


def test_null_mirrors_are_none(host, process, monkeypatch):
    monkeypatch.setattr(_engine, "_maker_of", lambda sock: process.pid)
    with answering(host / "docker.sock", http(b'{"ServerVersion": "28.5.2", "RegistryConfig": {"Mirrors": null}}')):
        assert _engine.look("docker", 1).info.mirrors == []


def test_a_process_without_a_socket_is_starting(host, process):
    engine = _engine.look("docker", 0.2)
    assert engine.state == "starting" and "docker.sock" in engine.reason


@pytest.mark.parametrize("pid", ["", "0", "x", "-1", "99999999", "1", "self"])
def test_a_pid_file_that_names_no_engine(host, pid):
    (host / "docker.pid").write_text(str(os.getpid()) if pid == "self" else pid)
    assert _engine.look("docker", 1).process is None


def test_a_process_of_another_user_is_not_believed(host, process, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    assert _engine.look("docker", 1).process is None


def test_a_process_of_a_container_is_not_ours(host, process, monkeypatch):
    """The kernel shows the pid of an inner pid namespace as well."""
    real = _host.text_of
    monkeypatch.setattr(_host, "text_of", lambda path, limit: re.sub(r"(NSpid:\t\d+)", r"\1\t7", real(path, limit)))
    assert _engine._process(str(process.pid)) is None


def test_two_engines_are_ambiguous(host, process, monkeypatch):
    other = sleeping(host / "dockerd")
    try:
        both = [_engine._process(str(one.pid)) for one in (process, other)]
        monkeypatch.setattr(_engine, "_processes_of_pid_files", lambda name: both)
        engine = _engine.look("docker", 1)
    finally:
        other.kill()
        other.wait()
    assert engine.state == "ambiguous" and str(process.pid) in engine.reason and str(other.pid) in engine.reason


@pytest.mark.parametrize(
    ("argv", "path"),
    [
        (["dockerd"], "/etc/docker/daemon.json"),
        (["dockerd", "--config-file", "/a.json"], "/a.json"),
        (["dockerd", "--config-file=/b.json"], "/b.json"),
        (["dockerd", "--config-file=$X"], "/etc/docker/daemon.json"),
    ],
)
def test_config_path(monkeypatch, argv, path):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert _engine._config_path(None, argv) == path


def test_config_path_of_a_rootless_engine(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    assert _engine._config_path(None, ["dockerd"]) == "/home/me/.config/docker/daemon.json"
    monkeypatch.setenv("XDG_CONFIG_HOME", "/xdg")
    assert _engine._config_path(None, ["dockerd"]) == "/xdg/docker/daemon.json"


@pytest.mark.parametrize(
    ("argv", "text", "path"),
    [
        (["dockerd"], "", "/run/x/docker.sock"),
        (["dockerd", "-H", "fd://"], '{"hosts": ["unix:///file.sock"]}', "/run/x/docker.sock"),
        (["dockerd", "-H", "tcp://0.0.0.0:1", "-H", "unix:///flag.sock"], "", "/flag.sock"),
        (["dockerd"], '{"hosts": ["tcp://0.0.0.0:1", "unix:///file.sock"]}', "/file.sock"),
        (["dockerd"], '{"hosts": 3', "/run/x/docker.sock"),
    ],
)
def test_socket_path(monkeypatch, tmp_path, argv, text, path):
    monkeypatch.setattr(_engine, "_runtime_dir", lambda: "/run/x")
    file = tmp_path / "daemon.json"
    file.write_text(text)
    assert _engine._socket_path(argv, str(file)) == path


def test_the_words_of_a_unit():
    shown = "{ path=/usr/sbin/dockerd ; argv[]=/usr/sbin/dockerd -H fd:// --config-file=/x.json $DOCKER_OPTS ; ignore_errors=no ; pid=0 }"
    assert _service.unit_argv({"ExecStart": shown}) == ("/usr/sbin/dockerd", "-H", "fd://", "--config-file=/x.json", "$DOCKER_OPTS")


def test_a_signal_only_to_the_process_that_answered(host, process):
    seen = _engine._process(str(process.pid))
    engine = _engine.look("docker", 0)._replace(process=seen._replace(started="1"))
    assert _engine.reload(engine, lambda info: True, 1) == "its process has ended"
    assert process.poll() is None, "SIGHUP would have ended it"


@pytest.mark.parametrize("mode", [0o775, 0o757])
def test_a_program_that_others_can_replace_is_not_run(tmp_path, mode):
    program = tmp_path / "dockerd"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert _host.trusted(str(program)) == str(program)
    program.chmod(mode)
    assert _host.trusted(str(program)) is None


@pytest.mark.parametrize(
    ("line", "is_refusal"),
    [
        ('time="x" level=error msg="Error reconfiguring the daemon: invalid mirror: x"', True),
        ('time="x" level=error msg="unable to configure the Docker daemon with file /etc/docker/daemon.json: x"', True),
        ('time="x" level=error msg="Error reloading configuration" error="file configuration validation failed"', True),
        ('time="x" level=error msg="Handler for POST /v1.41/images/create returned error: x"', False),
        ('time="x" level=info msg="Reloaded configuration: {}"', False),
    ],
)
def test_the_log_line_of_a_refusal(process, tmp_path, line, is_refusal):
    log = _engine.Log(_engine._process(str(process.pid)))
    log._file = str(tmp_path / "log")
    (tmp_path / "log").write_text(f"old\n{line} https://u:pw@x\n")
    found = log.refusal()
    assert (found is not None) is is_refusal
    assert "pw@" not in (found or "")


@pytest.mark.parametrize(("version", "objection"), [("20.10.24", None), ("23.0.0", "unknown flag"), ("28.5.2", "unknown flag")])
def test_validate_is_asked_where_it_exists(host, process, tmp_path, version, objection):
    """A program that says a version, and refuses all else; an older engine knows no --validate, and is not asked."""
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\ncase "$*" in --version) echo "Docker version {version}, build x" ;; *) echo "unknown flag"; exit 1 ;; esac\n')
    program.chmod(0o755)
    engine = _engine.look("docker", 0)._replace(binary=str(program))
    assert _engine.validate(engine, ["dockerd"], b"{}", 5) == objection


@pytest.mark.parametrize(
    ("systemd", "user", "asked"),
    [(True, 0, "_SYSTEMD_UNIT=docker.service"), (True, 1000, "_SYSTEMD_USER_UNIT=docker.service"), (False, 0, "/var/log/docker.log")],
)
def test_why_it_did_not_start_is_read_where_its_log_goes(monkeypatch, systemd, user, asked):
    said = 'level=info msg=x\nfailed to start daemon: https://u:pw@x is bad\n'
    found = []
    monkeypatch.setattr(_service, "has_systemd", lambda: systemd)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(_host, "run", lambda command, timeout: found.append(command[-1]) or (0, said))
    assert _engine._last_failure("docker") == "failed to start daemon: https://***@x is bad" and found == [asked]
