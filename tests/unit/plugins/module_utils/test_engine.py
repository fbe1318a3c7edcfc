# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What real engines cannot be made to show: processes that only look like engines, and answers that no engine gives."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._host import engine_api, engine_log, engines, files, processes, programs, scope, services
from ansible_collections.pullthrough.docker.plugins.module_utils._text import command_line

GCR = "https://mirror.gcr.io/"
GOOD = {"ServerVersion": "28.5.2", "RegistryConfig": {"Mirrors": [GCR]}, "ContainersRunning": 2}
GOOD_INFO = engine_api.Info("28.5.2", [GCR], False, False, 2, False, "graphdriver", {"registry-mirrors": [GCR], "insecure-registries": []})
USER = 4711
"""A user who is not root, and not the one who runs the tests."""

DOCKERD = """
import os, signal, socket, sys
folder = sys.argv[1]
signal.signal(signal.SIGHUP, lambda *_: os.replace(f"{folder}/next", f"{folder}/info"))
server = socket.socket(socket.AF_UNIX)
server.bind(f"{folder}/docker.sock")
server.listen()
open("/proc/self/comm", "w").write("dockerd")
while True:
    caller = server.accept()[0]
    path = caller.recv(65536).split()[1].decode().partition("?")[0]
    caller.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n" + open(folder + path, "rb").read())
    caller.close()
"""
"""An engine as small as can be: it gives what lies in files of its folder, at SIGHUP has the next one, and dies where there is none."""


@pytest.fixture(autouse=True)
def in_time():
    """A wait that has no end fails the test that began it."""

    def late(_signal, _frame):
        pytest.fail("this does not end")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(
    ("argv", "names", "values"),
    [
        (["dockerd"], ["--x"], []),
        (["dockerd", "--x", "1"], ["--x"], ["1"]),
        (["dockerd", "--x=1", "--x", "2"], ["--x"], ["1", "2"]),
        (["dockerd", "-H", "fd://", "-Hunix:///a", "--host=tcp://b", "-H=c"], ["--host", "-H"], ["fd://", "unix:///a", "tcp://b", "c"]),
        (["dockerd", "--x-y=1"], ["--x"], []),
        (["dockerd", "--x=y=z"], ["--x"], ["y=z"]),
        (["dockerd", "--x"], ["--x"], [""]),
        (["--x=1"], ["--x"], []),
    ],
)
def test_flag_values(argv, names, values):
    assert command_line.flag_values(argv, *names) == values


@pytest.mark.parametrize(
    ("argv", "name", "has"),
    [
        (["dockerd", "--x"], "--x", True),
        (["dockerd", "--y", "--x=1"], "--x", True),
        (["dockerd", "-H", "a"], "-H", True),
        (["dockerd", "-Ha"], "-H", True),
        (["dockerd", "--x-y", "--xy=1"], "--x", False),
        (["dockerd", "-Da"], "-H", False),
        (["--x", "--y"], "--x", False),
        (["dockerd"], "--x", False),
    ],
)
def test_has_flag(argv, name, has):
    assert command_line.has_flag(argv, name) is has


@pytest.mark.parametrize(
    ("argv", "left"),
    [
        (["dockerd", "--x", "1", "--y"], ["dockerd", "--y"]),
        (["dockerd", "--x=1", "--y", "2"], ["dockerd", "--y", "2"]),
        (["dockerd", "--x-y", "--xy=1"], ["dockerd", "--x-y", "--xy=1"]),
        (["dockerd", "--y", "--x"], ["dockerd", "--y"]),
    ],
)
def test_without_flag(argv, left):
    assert command_line.without_flag(argv, "--x") == left


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A folder for pid file, socket and programs, in place of the host's, and no systemd."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(scope, "runtime_dir", lambda: str(tmp_path))
    monkeypatch.setattr(programs, "PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(engines, "_ROOT_SOCKET", str(tmp_path / "root.sock"))
    monkeypatch.setattr(services, "has_systemd", lambda: False)
    return tmp_path


def write_program(path, script):
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def systemd(host, monkeypatch):
    """systemd(unit, journal, **properties): it runs, shows these properties of the unit, and the journal holds the text."""
    monkeypatch.setattr(services, "has_systemd", lambda: True)

    def show(unit="docker.service", journal="", **properties):
        lines = "".join(f"{name}={value}\n" for name, value in properties.items())
        write_program(host / "bin/systemctl", f"case \"$*\" in *' -- {unit}') printf '%s' '{lines}' ;; esac")
        (host / "journal").write_text(journal)
        write_program(host / "bin/journalctl", f'echo "$*" >>{host}/asked\nexec /bin/cat {host}/journal')

    show()
    return show


def until(condition):
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def sleeping(program):
    """Start the program, and wait until the kernel shows it under its own name."""
    child = subprocess.Popen([program, "600"])
    until(lambda: pathlib.Path(f"/proc/{child.pid}/comm").read_text() == f"{program.name}\n")
    return child


@pytest.fixture(scope="module")
def sleeper(tmp_path_factory):
    program = tmp_path_factory.mktemp("engine") / "dockerd"
    shutil.copy(shutil.which("sleep"), program)
    child = sleeping(program)
    yield child
    child.kill()
    child.wait()


@pytest.fixture
def process(host, sleeper):
    """A process called dockerd that sleeps, named by the pid file."""
    (host / "docker.pid").write_text(f"{sleeper.pid}\n")
    return sleeper


@pytest.fixture
def other(host):
    """A second one, named by nothing."""
    program = host / "dockerd"
    shutil.copy(shutil.which("sleep"), program)
    child = sleeping(program)
    yield child
    child.kill()
    child.wait()


@contextlib.contextmanager
def running_dockerd(host, log):
    """A process called dockerd that answers, named by the pid file."""
    (host / "info").write_text(json.dumps(GOOD))
    child = subprocess.Popen([sys.executable, "-IS", "-c", DOCKERD, str(host), "--config-file", str(host / "daemon.json")], stderr=log)
    (host / "docker.pid").write_text(str(child.pid))
    try:
        until(lambda: pathlib.Path(f"/proc/{child.pid}/comm").read_text() == "dockerd\n")
        yield child
    finally:
        child.kill()
        child.wait()


@pytest.fixture
def dockerd(host):
    """One whose log is a file."""
    with (host / "log").open("ab") as log, running_dockerd(host, log) as child:
        yield child


@contextlib.contextmanager
def answering(path, answer):
    """Something that listens on the engine's socket, and gives each caller these bytes, or none; what they asked is kept."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def serve():
        with contextlib.suppress(OSError):
            while True:
                caller = server.accept()[0]
                with contextlib.suppress(OSError):
                    asked.append(caller.recv(65536))
                    for part in answer:
                        caller.sendall(part)
                        time.sleep(0.01)
                    if answer and answer[-1]:
                        caller.close()
                    else:
                        held.append(caller)

    asked = []
    held = []
    threading.Thread(target=serve, daemon=True).start()
    yield asked
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def http(body, status="200 OK"):
    return [f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body]


@pytest.fixture
def answer(host, process, monkeypatch):
    """answer(parts): what a look finds while the engine's socket gives these."""
    monkeypatch.setattr(engine_api, "_maker_of", lambda sock: process.pid)

    def look(parts, timeout=10.0):
        with answering(host / "docker.sock", parts):
            return engines.look("docker", timeout)

    return look


@pytest.fixture
def texts(monkeypatch):
    """Texts of files that a test cannot write, by their paths."""
    real = files.text_of
    texts = {}
    monkeypatch.setattr(files, "text_of", lambda path, **limits: texts[path] if path in texts else real(path, **limits))
    return texts


def as_user(monkeypatch, user):
    monkeypatch.setattr(os, "geteuid", lambda: user)


# -- looking ---------------------------------------------------------------------------------------------------------


def test_a_running_engine(host, dockerd):
    (host / "daemon.json").write_text("{}")
    argv = tuple(dockerd.args)
    binary = os.path.realpath(f"/proc/{dockerd.pid}/exe")
    started = pathlib.Path(f"/proc/{dockerd.pid}/stat").read_text().rpartition(")")[2].split()[19]
    engine = engines.look("docker.service", 10)
    assert engine == engines.Engine(
        "docker.service",
        "running",
        None,
        processes.Process(dockerd.pid, started, argv, binary),
        GOOD_INFO,
        argv,
        binary,
        str(host / "daemon.json"),
        str(host / "docker.sock"),
    )
    assert engine.version == (28, 5, 2)
    assert engine.facts() == {
        "service": "docker.service",
        "state": "running",
        "reason": None,
        "version": "28.5.2",
        "pid": dockerd.pid,
        "rootless": False,
        "live_restore": False,
        "containers_running": 2,
        "swarm_active": False,
        "image_store": "graphdriver",
    }


def test_facts_are_what_the_engine_says(host):
    info = engine_api.Info("29.1.0", [], rootless=True, live_restore=True, containers_running=3, swarm_active=True, image_store="containerd")
    facts = engines.look("docker", 10)._replace(info=info).facts()
    said = {"version": "29.1.0", "rootless": True, "live_restore": True, "containers_running": 3, "swarm_active": True, "image_store": "containerd"}
    assert {name: facts[name] for name in said} == said


@pytest.mark.parametrize(("user", "rootless"), [(0, False), (USER, True)])
def test_an_absent_engine(host, monkeypatch, user, rootless):
    as_user(monkeypatch, user)
    engine = engines.look("docker", 10)
    assert engine.version is None
    assert engine.facts() == {
        "service": "docker",
        "state": "absent",
        "reason": "no Docker Engine is installed",
        "version": None,
        "pid": None,
        "rootless": rootless,
        "live_restore": None,
        "containers_running": None,
        "swarm_active": None,
        "image_store": None,
    }


ROOTS = {
    # name: (user, what lies there, whether systemd runs, whether the engine is root's)
    "dockerd is installed": (USER, ["bin/dockerd"], True, True),
    "root's engine runs": (USER, ["root.sock"], True, True),
    "without systemd": (USER, ["bin/dockerd"], False, True),
    "nothing": (USER, [], True, False),
    "a unit of the user": (USER, ["bin/dockerd", "config/systemd/user/docker.service"], True, False),
    "a unit of another service": (USER, ["bin/dockerd", "config/systemd/user/other.service"], True, True),
    "data of a stopped engine, without systemd": (USER, ["bin/dockerd", "data/docker/x"], False, False),
    "data of a removed engine, with systemd": (USER, ["bin/dockerd", "data/docker/x"], True, True),
    "root": (0, ["bin/dockerd", "root.sock"], True, False),
}


@pytest.mark.parametrize(("user", "files", "systemd_runs", "is_roots"), ROOTS.values(), ids=ROOTS)
def test_a_user_without_an_engine_where_root_has_one(host, monkeypatch, user, files, systemd_runs, is_roots):
    for name in files:
        (host / name).parent.mkdir(parents=True, exist_ok=True)
        write_program(host / name, "")
    monkeypatch.setattr(services, "has_systemd", lambda: systemd_runs)
    monkeypatch.setattr(programs, "trusted", lambda path: path if os.path.exists(path) else None)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(host / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(host / "data"))
    as_user(monkeypatch, user)
    engine = engines.look("docker", 10)
    assert engine.is_roots is is_roots
    whose = "user 4711 has no Docker Engine of their own, and this host's engine is root's: add become: true"
    if is_roots:
        assert (engine.state, engine.reason) == ("absent", whose)
        with pytest.raises(engine_api.Unreachable, match=f"^The task does not run as root: {whose}[.] Nothing was changed[.]"):
            engines.refuse_roots(engine)
    else:
        assert engine.reason != whose
        engines.refuse_roots(engine)


def test_a_unit_that_systemd_knows_is_the_user_s_engine(host, systemd, monkeypatch):
    systemd(FragmentPath="/somewhere/docker.service", ActiveState="inactive", MainPID="0")
    write_program(host / "root.sock", "")
    as_user(monkeypatch, USER)
    assert not engines.look("docker", 10).is_roots


def chunked(body, status="200 OK"):
    """As a real engine sends what is long."""
    chunks = [body[:5], body[5:]]
    return [f"HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()] + [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""]]


def test_no_process_no_connection(host):
    with answering(host / "docker.sock", http(json.dumps(GOOD).encode())) as asked:
        engine = engines.look("docker", 1)
    assert engine.state in ("stopped", "absent") and engine.info is None
    assert asked == []


def test_a_stopped_engine_with_the_words_of_its_unit(host, systemd):
    exec_start = "{ path=/usr/sbin/dockerd ; argv[]=/usr/sbin/dockerd -H unix:///flag.sock --config-file=/x.json $DOCKER_OPTS ; ignore_errors=no ; pid=0 }"
    systemd(ActiveState="inactive", MainPID="0", FragmentPath="/lib/systemd/system/docker.service", ExecStart=exec_start)
    argv = ("/usr/sbin/dockerd", "-H", "unix:///flag.sock", "--config-file=/x.json", "$DOCKER_OPTS")
    stopped = engines.Engine("docker", "stopped", "the service docker is not running", None, None, argv, None, "/x.json", "/flag.sock")
    assert engines.look("docker", 10) == stopped
    assert engines.look("docker.service", 10) == stopped._replace(
        service="docker.service", reason="the service docker.service is not running"
    )
    assert not (host / "asked").exists(), "a good end needs no reason from the journal"


def test_the_installed_program_is_the_first_that_can_be_trusted(host, monkeypatch):
    folders = [host / name for name in ("a", "b", "c")]
    for folder in folders:
        folder.mkdir()
        write_program(folder / "dockerd", "")
    (folders[0] / "dockerd").chmod(0o777)
    monkeypatch.setattr(programs, "PATH", ":".join(map(str, folders)))
    engine = engines.look("docker", 10)
    assert (engine.state, engine.binary) == ("stopped", str(folders[1] / "dockerd"))


LOGS = {
    # name: (what the log holds, what is quoted of it)
    "empty": ("", None),
    "without a failure": ("level=info msg=x\n", None),
    "with failures": (
        "failed to start daemon: a\nfailed to start daemon: b\nlevel=info msg=x\n  failed to start daemon: https://u:pw@x is bad  \nend\n",
        "failed to start daemon: https://***@x is bad",
    ),
}


@pytest.mark.parametrize(("journal", "said"), LOGS.values(), ids=LOGS)
@pytest.mark.parametrize(
    ("state", "user", "unit"),
    [("failed", 0, "_SYSTEMD_UNIT"), ("activating", 0, "_SYSTEMD_UNIT"), ("failed", USER, "_SYSTEMD_USER_UNIT")],
)
def test_why_it_did_not_start_in_the_journal(host, systemd, monkeypatch, journal, said, state, user, unit):
    as_user(monkeypatch, user)
    systemd("one.service", journal, ActiveState=state, FragmentPath="/x")
    reason = "the service one is not running" + (f", it said: {said}" if said else "")
    assert engines.look("one", 10).reason == reason
    assert (host / "asked").read_text() == f"--no-pager -q -o cat -n 100 _TRANSPORT=stdout {unit}=one.service\n"


@pytest.mark.parametrize(("log", "said"), LOGS.values(), ids=LOGS)
def test_why_it_did_not_start_in_the_log_of_an_init_script(host, log, said):
    write_program(host / "bin/dockerd", "")
    (host / "text").write_text(log)
    write_program(host / "bin/tail", f'echo "$*" >>{host}/asked\nexec /bin/cat {host}/text')
    reason = "the service one is not running" + (f", it said: {said}" if said else "")
    assert engines.look("one", 10).reason == reason
    assert (host / "asked").read_text() == "-n 3 /var/log/one.log\n", "the last lines of a good end tell nothing"


def test_a_journal_that_hangs(host, systemd, monkeypatch):
    monkeypatch.setattr(engine_log, "LOG_SECONDS", 0.1)
    systemd(ActiveState="failed", FragmentPath="/x")
    write_program(host / "bin/journalctl", f"/bin/sleep 2\necho failed to start daemon: x\necho '{REFUSAL}'")
    assert engines.look("docker", 10).reason == "the service docker is not running"
    assert engine_log.Log(processes.Process(99999999, "1", (), None)).refusal() is None


def test_the_process_of_the_unit(host, systemd, sleeper):
    systemd(ActiveState="active", MainPID=sleeper.pid)
    assert engines.look("docker", 0).process.pid == sleeper.pid
    (host / "docker.pid").write_text("99999999")
    assert engines.look("docker", 0).process.pid == sleeper.pid


@pytest.mark.parametrize("named", ["by the pid file", "by the unit"])
@pytest.mark.parametrize(("active", "state"), [("activating", "starting"), ("active", "unreachable")])
def test_an_engine_that_does_not_answer(host, systemd, sleeper, monkeypatch, named, active, state):
    monkeypatch.setattr(engine_api, "_maker_of", lambda sock: sleeper.pid)
    systemd(ActiveState=active, **({"MainPID": sleeper.pid} if named == "by the unit" else {}))
    if named == "by the pid file":
        (host / "docker.pid").write_text(str(sleeper.pid))
    with answering(host / "docker.sock", []):
        engine = engines.look("docker.service", 0.1)
    assert (engine.state, engine.reason) == (state, f"no answer on {host}/docker.sock: timed out")


@pytest.mark.parametrize(
    ("left_behind", "error"),
    [(False, "[Errno 2] No such file or directory"), (True, "[Errno 111] Connection refused")],
    ids=["no socket", "a dead one"],
)
def test_a_process_without_a_socket_is_starting(host, process, monkeypatch, left_behind, error):
    """With time standing still, no time is left at the first refusal."""
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    if left_behind:
        socket.socket(socket.AF_UNIX).bind(str(host / "docker.sock"))
    engine = engines.look("docker", 0)
    assert (engine.state, engine.reason) == ("starting", f"no answer on {host}/docker.sock: {error}")


def test_a_starting_engine_is_waited_for(host, process, monkeypatch):
    monkeypatch.setattr(engine_api, "_maker_of", lambda sock: process.pid)
    path = host / "docker.sock"
    with answering(host / "later", http(json.dumps(GOOD).encode())):
        timer = threading.Timer(0.2, lambda: (host / "later").rename(path))
        timer.start()
        assert engines.look("docker", 10).info == GOOD_INFO
        timer.join()


def test_two_engines_are_ambiguous(host, systemd, texts, process, other):
    systemd(ActiveState="active", MainPID=process.pid)
    argv = processes.find(str(process.pid)).argv
    texts["/run/snap.docker/docker.pid"] = f"{other.pid}\n"
    (host / "dockerd").rename(host / "moved")
    engine = engines.look("docker", 10)
    assert (engine.state, engine.process, engine.argv) == ("ambiguous", None, ())
    assert engine.reason == (
        f"two engines are running: process {process.pid} ({' '.join(argv)}) and process {other.pid} ({host}/dockerd 600); "
        "choose one with the option service"
    )


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
    "that can become another user": ("status", r"^Uid:.*", f"Uid:\t{os.geteuid()}\t{USER}\t{os.geteuid()}\t{os.geteuid()}"),
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


@pytest.mark.parametrize(
    ("argv", "path"),
    [
        (["dockerd"], "/etc/docker/daemon.json"),
        (["dockerd", "--config-file", "/a.json"], "/a.json"),
        (["dockerd", "--config-file=/b.json"], "/b.json"),
        (["dockerd", "--config-file=/a.json", "--config-file=/b.json", "--debug"], "/b.json"),
        (["dockerd", "--config-file=$X"], "/etc/docker/daemon.json"),
        (["dockerd", "--config-file=$X", "--config-file=c.json"], "/c.json"),
    ],
)
def test_config_path(monkeypatch, argv, path):
    as_user(monkeypatch, 0)
    monkeypatch.setattr(os.path, "exists", lambda path: False)
    assert engines._config_path(None, argv) == path


def test_a_relative_config_path_counts_from_the_folder_of_the_process(tmp_path):
    with subprocess.Popen(["sleep", "600"], cwd=tmp_path) as child:
        until(lambda: os.path.realpath(f"/proc/{child.pid}/cwd") == str(tmp_path))
        process = processes.Process(child.pid, "1", (), None)
        try:
            assert engines._config_path(process, ["dockerd", "--config-file", "a.json"]) == str(tmp_path / "a.json")
        finally:
            child.kill()


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("usual", [True, False])
@pytest.mark.parametrize("snap", [True, False])
def test_the_config_path_of_the_snap_without_another(monkeypatch, running, usual, snap):
    files = {"/etc/docker/daemon.json": usual, "/var/snap/docker/current/config/daemon.json": snap}
    as_user(monkeypatch, 0)
    monkeypatch.setattr(os.path, "exists", files.get)
    process = processes.Process(1, "1", (), None) if running else None
    path = engines._config_path(process, ["dockerd"])
    assert path == list(files)[1 if snap and not usual and not running else 0]


def test_the_places_of_an_engine_of_root(monkeypatch):
    as_user(monkeypatch, 0)
    engine = engines.look("no-such-service", 0)
    assert engine.socket_path == "/var/run/docker.sock"
    assert scope.certs_folder() == "/etc/docker/certs.d"


def test_the_places_of_a_rootless_engine(monkeypatch):
    as_user(monkeypatch, USER)
    monkeypatch.setenv("HOME", "/home/me")
    for name in ("XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    engine = engines.look("no-such-service", 0)
    assert (engine.config_path, engine.socket_path) == ("/home/me/.config/docker/daemon.json", f"/run/user/{USER}/docker.sock")
    assert scope.certs_folder() == "/home/me/.config/docker/certs.d"
    monkeypatch.setenv("XDG_CONFIG_HOME", "/xdg")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/xdg-run")
    engine = engines.look("no-such-service", 0)
    assert (engine.config_path, engine.socket_path) == ("/xdg/docker/daemon.json", "/xdg-run/docker.sock")
    assert scope.certs_folder() == "/xdg/docker/certs.d"


@pytest.mark.parametrize(
    ("argv", "text", "path"),
    [
        (["dockerd"], "", "/run/x/docker.sock"),
        (["dockerd", "-H", "fd://"], '{"hosts": ["unix:///file.sock"]}', "/run/x/docker.sock"),
        (["dockerd", "-H", "tcp://0.0.0.0:1", "-H", "unix:///flag.sock"], "", "/flag.sock"),
        (["dockerd", "--host", "unix:///flag.sock", "-H", "unix:///second.sock"], "", "/flag.sock"),
        (["dockerd"], '{"hosts": ["tcp://0.0.0.0:1", "unix:///file.sock"]}', "/file.sock"),
        (["dockerd"], '{"hosts": [3, "unix:///file.sock"]}', "/file.sock"),
        (["dockerd"], '{"hosts": "unix:///file.sock"}', "/run/x/docker.sock"),
        (["dockerd"], '{"hosts": 3', "/run/x/docker.sock"),
    ],
)
def test_socket_path(monkeypatch, tmp_path, argv, text, path):
    monkeypatch.setattr(scope, "runtime_dir", lambda: "/run/x")
    file = tmp_path / "daemon.json"
    file.write_text(text)
    assert engines._socket_path(argv, str(file)) == path


# -- asking ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is set; POLL_SECONDS are such that a sum with them is exact."""
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(engines, "POLL_SECONDS", 0.0625)
    return clock


def test_what_is_asked(host, answer):
    engine = answer(http(json.dumps(GOOD).encode()))
    (host / "docker.sock").unlink()
    with answering(host / "docker.sock", http(json.dumps(GOOD).encode())) as asked:
        assert engine_api.ask_info(engine, time.monotonic() + 10) == GOOD_INFO
    assert asked == [b"GET /info HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: identity\r\n\r\n"]


@pytest.mark.parametrize(
    ("answer", "proxies"),
    [
        ({}, {}),
        ({"HttpProxy": "", "HttpsProxy": None, "NoProxy": 7}, {}),
        ({"HttpProxy": "http://a", "HttpsProxy": "http://b", "NoProxy": "c"}, {"http": "http://a", "https": "http://b", "no": "c"}),
    ],
)
def test_proxies_that_the_engine_shows(answer, proxies):
    info = engine_api._parse_info(json.dumps({"ServerVersion": "28.5.2", **answer}).encode(), "/nowhere")
    assert info.proxies == proxies


SHOWN_PROXY = "http://xxxxx:xxxxx@proxy.example:3128"
PROXIES = {
    # name: (what /info shows, the environment, what is used)
    "none": ({}, ["HTTP_PROXY=http://a:b@proxy.example:3128"], {}),
    "without a user": ({"http": "http://proxy.example"}, ["HTTP_PROXY=http://a:b@other.example"], {"http": "http://proxy.example"}),
    "with users": (
        {"http": SHOWN_PROXY, "https": SHOWN_PROXY, "no": "a=b"},
        ["PATH=/bin", "HTTP_PROXY=http://a:b=c@proxy.example:3128"],
        {"http": "http://a:b=c@proxy.example:3128", "https": "http://a:b=c@proxy.example:3128", "no": "a=b"},
    ),
    "in lower case": ({"https": SHOWN_PROXY}, ["http_proxy=http://a:b@proxy.example:3128"], {"https": "http://a:b@proxy.example:3128"}),
    "https": ({"http": SHOWN_PROXY}, ["HTTPS_PROXY=http://a:b@proxy.example:3128"], {"http": "http://a:b@proxy.example:3128"}),
    "of another variable": ({"http": SHOWN_PROXY}, ["ALL_PROXY=http://a:b@proxy.example:3128"], {"http": "http://proxy.example:3128"}),
    "a user that this engine does not name": (
        {"http": "http://proxy.example:3128"}, ["HTTP_PROXY=http://a:b@proxy.example:3128"], {"http": "http://proxy.example:3128"},
    ),
    "another host": ({"http": SHOWN_PROXY}, ["HTTP_PROXY=http://a:b@other.example:3128"], {"http": "http://proxy.example:3128"}),
}  # fmt: skip


@pytest.mark.parametrize(("shown", "environment", "used"), PROXIES.values(), ids=PROXIES)
def test_proxies_with_their_users(host, answer, texts, shown, environment, used):
    engine = answer(http(json.dumps(GOOD).encode()))
    texts[f"/proc/{engine.process.pid}/environ"] = "\0".join([*environment, ""])
    assert engines.proxies(engine._replace(info=engine.info._replace(proxies=shown))) == used


def test_no_proxies_without_an_engine(host):
    engine = engines.look("docker", 10)
    assert engine.info is None and engines.proxies(engine) == {}
    info = GOOD_INFO._replace(proxies={"http": SHOWN_PROXY})
    assert engines.proxies(engine._replace(info=info)) == {}


def stream(*lines):
    return chunked(b"".join(json.dumps(line).encode() + b"\r\n" if isinstance(line, dict) else line for line in lines))


PULLS = {
    # name: (the engine's answer, whether something is new, the problem)
    "new": (stream({"status": "Pulling from library/alpine", "id": "latest"}, {"status": "Status: Downloaded newer image for alpine:latest"}), True, None),
    "there": (stream({"status": "Status: Image is up to date for alpine:latest"}), False, None),
    "failed on the way": (
        stream({"status": "x"}, {"errorDetail": {"message": "no"}, "error": "no, see https://a:b@c.example"}), False, "no, see https://***@c.example",
    ),
    "failed at once, at length": (stream({"error": "y" * 600}), False, f"{'y' * 499}…"),
    "odd lines": (stream(b"[]\n", b"{\n", {"status": 7}), False, None),
    "refused": (http(b'{"message":"no such image"}', "404 Not Found"), False, "no such image"),
    "refused oddly": (http(b"no", "500 x"), False, "the answer on {0}/docker.sock is HTTP 500: b'no'"),
}  # fmt: skip


@pytest.mark.parametrize(("said", "new", "problem"), PULLS.values(), ids=PULLS)
def test_a_pull(host, answer, said, new, problem):
    engine = answer(http(json.dumps(GOOD).encode()))
    (host / "docker.sock").unlink()
    with answering(host / "docker.sock", said) as asked:
        found = engine_api.pull(engine, "library/alpine", "sha256:1", time.monotonic() + 10)
    assert found == (new, problem and problem.format(host))
    assert asked[0].split(b"\r\n")[0] == b"POST /images/create?fromImage=library%2Falpine&tag=sha256%3A1 HTTP/1.1"


def test_a_pull_that_says_too_much_or_nothing(host, answer, monkeypatch):
    engine = answer(http(json.dumps(GOOD).encode()))
    (host / "docker.sock").unlink()
    monkeypatch.setattr(engine_api, "PULL_LIMIT", 10)
    with answering(host / "docker.sock", stream({"status": "x" * 20}, {"status": "y"})), pytest.raises(engine_api.Unreachable, match="too large"):
        engine_api.pull(engine, "a/b", "latest", time.monotonic() + 10)
    (host / "docker.sock").unlink()
    with answering(host / "docker.sock", []), pytest.raises(engine_api.Unreachable, match="timed out"):
        engine_api.pull(engine, "a/b", "latest", time.monotonic() + 0.2)


def test_how_many_pulls(host, answer, monkeypatch):
    engine = answer(http(json.dumps(GOOD).encode()))
    monkeypatch.setattr(time, "time", lambda: 1000.5)
    (host / "docker.sock").unlink()
    with answering(host / "docker.sock", http(b'{"Type":"image"}\n{"Type":"image"}\n')) as asked:
        assert engine_api.pulls(engine, 999.25, time.monotonic() + 10) == 2
    filters = "%7B%22type%22%3A%20%5B%22image%22%5D%2C%20%22event%22%3A%20%5B%22pull%22%5D%7D"
    assert asked[0].split()[1].decode() == f"/events?since=999.250000000&until=1000.501000000&filters={filters}"


@pytest.mark.parametrize(("events", "has_reloaded"), [(b'{"Type":"daemon"}\n', True), (b"", False)])
def test_whether_it_has_reloaded(host, answer, monkeypatch, events, has_reloaded):
    engine = answer(http(json.dumps(GOOD).encode()))
    monkeypatch.setattr(time, "time", lambda: 1000.5)
    (host / "docker.sock").unlink()
    with answering(host / "docker.sock", http(events)) as asked:
        assert engine_api.has_reloaded(engine, 999.25, time.monotonic() + 10) is has_reloaded
    filters = "%7B%22type%22%3A%20%5B%22daemon%22%5D%2C%20%22event%22%3A%20%5B%22reload%22%5D%7D"
    assert asked[0].split()[1].decode() == f"/events?since=999.250000000&until=1000.501000000&filters={filters}"


@pytest.mark.parametrize(("maker", "is_believed"), [("engine", True), (0, True), (1, True), (2, False), ("other", False), ("systemd", True)])
def test_only_the_engine_and_the_init_system_are_believed(host, process, other, texts, monkeypatch, maker, is_believed):
    pids = {"engine": process.pid, "other": other.pid, "systemd": other.pid}
    if maker == "systemd":
        texts[f"/proc/{other.pid}/comm"] = "systemd\n"
    monkeypatch.setattr(engine_api, "_maker_of", lambda sock: pids.get(maker, maker))
    with answering(host / "docker.sock", http(json.dumps(GOOD).encode())):
        engine = engines.look("docker", 10)
    assert engine.info == (GOOD_INFO if is_believed else None)


@pytest.mark.parametrize(
    ("user", "group", "is_believed"),
    [(0, USER, True), (os.geteuid(), USER, True), (1, 0, False), (USER, 0, False)],
    ids=["root", "the one who asks", "daemon", "of the group of root"],
)
def test_only_root_and_the_user_are_believed(host, process, monkeypatch, user, group, is_believed):
    monkeypatch.setattr(engine_api, "_credentials", lambda sock: (process.pid, user, group))
    with answering(host / "docker.sock", http(json.dumps(GOOD).encode())):
        assert engines.look("docker", 10).info == (GOOD_INFO if is_believed else None)


def test_an_answer_of_another_process_is_not_believed(host, process):
    with answering(host / "docker.sock", http(json.dumps(GOOD).encode())):
        engine = engines.look("docker", 10)
    assert engine.state == "unreachable"
    assert engine.reason == f"the socket {host}/docker.sock belongs to process {os.getpid()} of user {os.geteuid()}, not to the engine's process {process.pid}"


def test_a_socket_of_others(host, process, monkeypatch):
    def refuse(_connection):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(engine_api._Connection, "connect", refuse)
    engine = engines.look("docker", 10)
    assert engine.state == "unreachable"
    assert engine.reason == f"no right to connect to {host}/docker.sock; run the task as the engine's own user (become: true)"


NOT_AN_ENGINE = "the answer on SOCKET is not a Docker Engine's: "
NOT_STRINGS = NOT_AN_ENGINE + "its mirrors are not a list of strings"
ANSWERS = {
    "silence": ([], "no answer on SOCKET: timed out"),
    "an end": ([b"H"], "no answer on SOCKET: H"),
    "a long word": ([b"H" * 300], f"no answer on SOCKET: {'H' * 199}…"),
    "half an answer, and silence": ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", b""], "no answer on SOCKET: timed out"),
    "no JSON": (http(b"<html>"), NOT_AN_ENGINE + "Expecting value: line 1 column 1 (char 0)"),
    "a list": (http(b"[]"), NOT_AN_ENGINE + "it has no ServerVersion"),
    "another object": (http(b"{}"), NOT_AN_ENGINE + "it has no ServerVersion"),
    "zero values": (http(b'{"ServerVersion": ""}'), NOT_AN_ENGINE + "it has no ServerVersion"),
    "a version of a wrong type": (http(b'{"ServerVersion": 28}'), NOT_AN_ENGINE + "it has no ServerVersion"),
    "registries of a wrong type": (http(b'{"ServerVersion": "1", "RegistryConfig": ["x"]}'), NOT_AN_ENGINE + "its RegistryConfig is not an object"),
    "mirrors of a wrong type": (http(b'{"ServerVersion": "1", "RegistryConfig": {"Mirrors": "x"}}'), NOT_STRINGS),
    "a mirror of a wrong type": (http(b'{"ServerVersion": "1", "RegistryConfig": {"Mirrors": ["x", 1]}}'), NOT_STRINGS),
    "an error": (http(b'{"message": "http://u:pw@x"}', "500 Oops"), "the answer on SOCKET is HTTP 500: b'{\"message\": \"http://***@x\"}'"),
    "a long error": (http(b"y" * 300, "500 Oops"), f"the answer on SOCKET is HTTP 500: b'{'y' * 197}…"),
    "an error in chunks": (chunked(b'{"message": "http://u:pw@x"}', "500 Oops"), "the answer on SOCKET is HTTP 500: b'{\"message\": \"http://***@x\"}'"),
    "too large": ([b"HTTP/1.1 200 OK\r\n\r\n"] + [b"x" * (1024 * 1024)] * 6, "the answer on SOCKET is too large"),
}


@pytest.mark.parametrize(("parts", "reason"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_no_engine_gives(host, answer, parts, reason):
    engine = answer(parts, 0.3 if "timed out" in reason else 10)
    assert (engine.state, engine.reason) == ("unreachable", reason.replace("SOCKET", f"{host}/docker.sock"))


def test_garbage(host, answer):
    engine = answer([b"\x00\xff" * 40 + b"\r\n\r\n"])
    assert engine.state == "unreachable" and engine.reason.startswith(f"no answer on {host}/docker.sock: ")


def test_an_answer_in_chunks(answer):
    assert answer(chunked(json.dumps(GOOD).encode())).info == GOOD_INFO


def test_a_trickle(answer):
    began = time.monotonic()
    engine = answer([b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"] + [b"x"] * 900, 0.5)
    assert engine.state == "unreachable" and re.search("too slow|timed out", engine.reason), engine.reason
    assert time.monotonic() - began < 5, "the time limit holds"


@pytest.mark.parametrize(("limit", "is_taken"), [(0, True), (-1, False)])
def test_an_answer_as_large_as_the_limit(answer, monkeypatch, limit, is_taken):
    body = json.dumps(GOOD).encode()
    monkeypatch.setattr(engine_api, "ANSWER_LIMIT", len(body) + limit)
    assert (answer(http(body)).info is not None) is is_taken


@pytest.mark.parametrize(
    ("parts", "left", "reason"),
    [
        (http(json.dumps(GOOD).encode()), 0.5, None),
        # Where not even the first part comes within the least of times, it is the socket that says so.
        (http(json.dumps(GOOD).encode()), 0, "(the answer on SOCKET is too slow|no answer on SOCKET: timed out)"),
        (ANSWERS["half an answer, and silence"][0], 0.1, "no answer on SOCKET: timed out"),
    ],
    ids=["in time", "too slow", "half"],
)
def test_an_answer_within_the_time_left(host, answer, monkeypatch, parts, left, reason):
    """By a clock that stands still, but for the time that the first part of the answer takes."""
    engine = answer(http(json.dumps(GOOD).encode()))
    (host / "docker.sock").unlink()
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock.pop() if len(clock) > 1 else clock[0])
    clock[:] = [700 - left, 100.0]
    with answering(host / "docker.sock", parts):
        if reason is None:
            assert engine_api.ask_info(engine, 700.0) == GOOD_INFO
        else:
            with pytest.raises(engine_api.Unreachable, match=f"^{reason.replace('SOCKET', engine.socket_path)}$"):
                engine_api.ask_info(engine, 700.0)


@pytest.mark.parametrize(("left", "timeout"), [(7, 7), (-1, 0.001)])
def test_the_connection_has_the_time_left(host, process, clock, monkeypatch, left, timeout):
    def fail(sock, path):
        raise OSError(f"after {sock.gettimeout():g} s")

    monkeypatch.setattr(engine_api._Socket, "connect", fail)
    with pytest.raises(engine_api.Unreachable, match=rf"docker\.sock: after {timeout:g} s$"):
        engine_api.ask_info(engines.look("docker", 0), clock[0] + left)


def test_a_stopped_engine_is_not_asked(host):
    with pytest.raises(engine_api.Unreachable, match=r"^its process has ended$"):
        engine_api.ask_info(engines.look("docker", 0), time.monotonic() + 10)


def test_an_engine_that_has_ended_is_not_asked(host, answer):
    """Whatever listens there then could be another, or could start one."""
    engine = answer(http(json.dumps(GOOD).encode()))
    (host / "docker.sock").unlink()
    with answering(host / "docker.sock", http(json.dumps(GOOD).encode())) as asked, pytest.raises(engine_api.Unreachable, match=r"^its process has ended$"):
        engine_api.ask_info(engine._replace(process=engine.process._replace(started="1")), time.monotonic() + 10)
    assert asked == []


def settings(**more):
    return {"registry-mirrors": [], "insecure-registries": [], **more}


BARE = engine_api.Info("1", [], False, False, 0, False, "graphdriver", settings())
INFOS = {
    # name: (what /info says besides a version, what is made of it)
    "nothing": ({}, BARE),
    "nulls": (
        dict.fromkeys(("RegistryConfig", "SecurityOptions", "LiveRestoreEnabled", "ContainersRunning", "Swarm", "DriverStatus")),
        BARE._replace(settings=settings(**{"live-restore": None})),
    ),
    "null registries": ({"RegistryConfig": dict.fromkeys(("Mirrors", "InsecureRegistryCIDRs", "IndexConfigs"))}, BARE),
    "mirrors": ({"RegistryConfig": {"Mirrors": ["a", "b"]}}, BARE._replace(mirrors=["a", "b"], settings=settings(**{"registry-mirrors": ["a", "b"]}))),
    "insecure networks": (
        {"RegistryConfig": {"InsecureRegistryCIDRs": ["::1/128", "10.0.0.0/8", "127.0.0.0/8"]}},
        BARE._replace(settings=settings(**{"insecure-registries": ["10.0.0.0/8"]})),
    ),
    "insecure networks and hosts": (
        {"RegistryConfig": {"InsecureRegistryCIDRs": ["10.0.0.0/8"], "IndexConfigs": {"a:1": {"Secure": False}}}},
        BARE._replace(settings=settings(**{"insecure-registries": ["10.0.0.0/8", "a:1"]})),
    ),
    "insecure hosts": (
        {"RegistryConfig": {"IndexConfigs": {"docker.io": {"Secure": True}, "a:1": {"Secure": False}, "b": None, "c": {}}}},
        BARE._replace(settings=settings(**{"insecure-registries": ["a:1"]})),
    ),
    "rootless": ({"SecurityOptions": ["name=seccomp", "name=rootless"]}, BARE._replace(rootless=True)),
    "not rootless": ({"SecurityOptions": ["name=seccomp"]}, BARE),
    "live restore": ({"LiveRestoreEnabled": True}, BARE._replace(live_restore=True, settings=settings(**{"live-restore": True}))),
    "containers": ({"ContainersRunning": 3}, BARE._replace(containers_running=3)),
    "containers of a wrong type": ({"ContainersRunning": "3"}, BARE),
    "a swarm": ({"Swarm": {"LocalNodeState": "active"}}, BARE._replace(swarm_active=True)),
    "no swarm": ({"Swarm": {"LocalNodeState": "inactive"}}, BARE),
    "a swarm of a wrong type": ({"Swarm": "active"}, BARE),
    "containerd": ({"DriverStatus": [["x", "y"], ["driver-type", "io.containerd.snapshotter.v1"]]}, BARE._replace(image_store="containerd")),
    "another driver": ({"DriverStatus": [["driver-type", "overlay2"]]}, BARE),
    "settings": (
        {"DockerRootDir": "/d", "Driver": "overlay2", "LoggingDriver": "local", "Debug": False, "Labels": ["a=b"], "DefaultRuntime": "runc"},
        BARE._replace(
            settings=settings(
                **{"data-root": "/d", "storage-driver": "overlay2", "log-driver": "local", "debug": False, "labels": ["a=b"], "default-runtime": "runc"}
            )
        ),
    ),
}


@pytest.mark.parametrize(("said", "info"), INFOS.values(), ids=INFOS)
def test_what_the_engine_says_of_itself(answer, said, info):
    assert answer(http(json.dumps({"ServerVersion": "1", **said}).encode())).info == info


# -- reloading -------------------------------------------------------------------------------------------------------

REFUSAL = 'time="x" level=error msg="Error reconfiguring the daemon: http://u:pw@x"'
MASKED = REFUSAL.replace("u:pw", "***")


def test_a_reload_in_force(host, dockerd):
    (host / "next").write_text(json.dumps({**GOOD, "RegistryConfig": {"Mirrors": ["https://b/"]}}))
    assert engines.reload(engines.look("docker", 10), lambda info: info.mirrors == ["https://b/"], 15) is None
    assert dockerd.poll() is None


@pytest.mark.parametrize(("event", "in_force"), [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize(("mirrors", "shown"), [([GCR, "https://b/"], f"{GCR} https://b/"), ([], "none")])
def test_a_reload_that_comes_to_nothing(host, dockerd, clock, mirrors, shown, event, in_force):
    """The wait ends when there is no time left for another answer."""
    for name in ("info", "next"):
        (host / name).write_text(json.dumps({**GOOD, "RegistryConfig": {"Mirrors": mirrors}}))
    (host / "events").write_text("")

    def at_the_end(info):
        clock[0] = 1600.0 - engines.POLL_SECONDS
        return in_force

    found = engines.reload(engines.look("docker", 10), at_the_end, 600, event=event)
    assert found == f"it shows the old state, 600 s after the reload (its mirrors are {shown})"


def saying(log, line, at, result=False):
    """Say of the answers that they do not show the change; at one of them, the engine writes a line."""
    answers = []

    def in_force(info):
        answers.append(info)
        if len(answers) == at:
            with log.open("a") as file:
                file.write(line)
        return result

    in_force.answers = answers
    return in_force


def test_the_line_of_a_refusal_ends_the_wait(host, dockerd):
    (host / "next").write_text(json.dumps(GOOD))
    (host / "log").write_text(REFUSAL.replace("x", "old") + "\n")
    in_force = saying(host / "log", f"level=info msg=x\n {REFUSAL} \nmore\n", at=8)
    assert engines.reload(engines.look("docker", 10), in_force, 600) == MASKED


def test_a_refusal_at_the_last_moment(host, dockerd, monkeypatch):
    monkeypatch.setattr(engines, "LOG_POLL_SECONDS", 600)
    (host / "next").write_text(json.dumps(GOOD))
    assert engines.reload(engines.look("docker", 10), saying(host / "log", REFUSAL, at=1), 0.3) == MASKED


def test_the_log_is_read_when_the_clock_shows_it(host, dockerd, clock, monkeypatch):
    (host / "next").write_text(json.dumps(GOOD))
    monkeypatch.setattr(engines, "LOG_POLL_SECONDS", 0)
    assert engines.reload(engines.look("docker", 10), saying(host / "log", REFUSAL, at=1), 600) == MASKED


def test_an_engine_that_does_not_answer_after_the_reload(host, dockerd, clock):
    (host / "next").write_text(json.dumps(GOOD))
    engine = engines.look("docker", 10)
    (host / "docker.sock").unlink()
    assert engines.reload(engine, lambda info: True, engines.POLL_SECONDS) == (
        f"it shows the old state, 0.0625 s after the reload (no answer on {host}/docker.sock: [Errno 2] No such file or directory)"
    )


def test_an_engine_that_dies_of_the_reload(host, dockerd):
    assert engines.reload(engines.look("docker", 10), lambda info: False, 600) == "its process has ended"


def test_a_reload_needs_its_event_where_the_answer_does_not_show_it(host, dockerd):
    (host / "next").write_text(json.dumps(GOOD))
    (host / "events").write_text("")
    engine = engines.look("docker", 10)
    assert engines.reload(engine, lambda info: True, 15) is None
    (host / "next").write_text(json.dumps(GOOD))
    in_force = saying(host / "events", "{}\n", at=3, result=True)
    assert engines.reload(engine, in_force, 15, event=True) is None
    assert in_force.answers == [GOOD_INFO] * 3


def test_a_signal_only_to_the_process_that_answered(process, host):
    engine = engines.look("docker", 0)
    for one in (engine.process._replace(started="1"), None):
        assert engines.reload(engine._replace(process=one), lambda info: True, 1) == "its process has ended"
    assert process.poll() is None, "SIGHUP would have ended it"


def test_a_process_that_ends_just_before_the_signal(process, host, monkeypatch):
    def fail(pid, number):
        raise ProcessLookupError(3, "No such process")

    monkeypatch.setattr(os, "kill", fail)
    engine = engines.look("docker", 0)
    assert engines.reload(engine, lambda info: True, 1) == "its process has ended"


def test_the_journal_is_read_where_the_log_goes_there(host, systemd, monkeypatch):
    """Each look into it starts a program: one every LOG_POLL_SECONDS, and one at the end."""
    monkeypatch.setattr(engines, "LOG_POLL_SECONDS", 0.4)
    monkeypatch.setattr(time, "time", lambda: 1000.5)
    (host / "next").write_text(json.dumps(GOOD))
    with running_dockerd(host, subprocess.DEVNULL) as child:
        found = engines.reload(engines.look("docker", 10), lambda info: False, 1)
    assert found.startswith("it shows the old state")
    asked = (host / "asked").read_text().splitlines()
    assert set(asked) == {f"--no-pager -q -o cat -n 200 _TRANSPORT=stdout _PID={child.pid} --since=@1000.500000"}
    assert 2 <= len(asked) <= 3


LINES = {
    # name: (line of the engine, whether it is a refusal)
    "the mirrors": ('time="x" level=error msg="Error reconfiguring the daemon: invalid mirror: x"', True),
    "a mirror's reason in another line": (
        'time="x" level=error msg="Handler for POST /images/create: 500 level=error msg=\\"Error reloading configuration\\""', False
    ),
    "a mirror's reason in a warning": ('time="x" level=warning msg="500 level=error msg="Error reconfiguring the daemon""', False),
    "the file": ('time="x" level=fatal msg="unable to configure the Docker daemon with file /etc/docker/daemon.json: x"', True),
    "its syntax": ('time="x" level=error msg="Error reloading configuration" error="file configuration validation failed"', True),
    "something else": ('time="x" level=error msg="Handler for POST /v1.41/images/create returned error: x"', False),
    "success": ('time="x" level=info msg="Reloaded configuration: {}"', False),
}


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize(("line", "is_refusal"), LINES.values(), ids=LINES)
def test_the_line_of_a_refusal_in_the_journal(host, systemd, line, is_refusal, code):
    systemd(journal=f"level=info\n{line} https://u:pw@x \nlevel=info\n")
    write_program(host / "bin/journalctl", f"/bin/cat {host}/journal\nexit {code}")
    log = engine_log.Log(processes.Process(99999999, "1", (), None))
    assert log.refusal() == (f"{line} https://***@x" if is_refusal and code == 0 else None)


# -- checking --------------------------------------------------------------------------------------------------------


@pytest.fixture
def checked(host):
    """checked(version, script): the engine with a program that says the version, and else runs the script."""

    def engine(version, script):
        program = write_program(host / "program", f'[ "$*" = --version ] && {{ echo "Docker version {version}, build x"; exit; }}\n{script}')
        return engines.look("docker", 0)._replace(binary=program, config_path="/a.json")

    return engine


@pytest.mark.parametrize(("version", "objection"), [("20.10.24", None), ("23.0.0", "unknown flag"), ("28.5.2", "unknown flag"), ("x", None)])
def test_validate_is_asked_where_it_exists(checked, version, objection):
    """An older engine knows no --validate, and is not asked."""
    assert engines.validate(checked(version, 'echo "unknown flag"; exit 1'), ["dockerd"], b"{}", 10) == objection


SAID = {
    # name: (what the program does, what validate returns)
    "nothing": ("exit 0", None),
    "good": ("echo configuration OK", None),
    "bad": ("echo ' /dev/stdin: http://u:pw@x is bad '; exit 1", "/a.json: http://***@x is bad"),
    "no reason": ("exit 3", "dockerd --validate ended with 3"),
}


@pytest.mark.parametrize(("script", "objection"), SAID.values(), ids=SAID)
def test_what_validate_says(checked, script, objection):
    assert engines.validate(checked("28.5.2", script), ["dockerd"], b"{}", 10) == objection


def test_validate_sees_the_flags_and_the_text(checked):
    argv = ["dockerd", "-H", "fd://", "--config-file", "/a", "--config-file=/b", "$DOCKER_OPTS", "--debug"]
    objection = engines.validate(checked("28.5.2", 'echo "$*"; /bin/cat; exit 1'), argv, b"the text", 10)
    assert objection == "-H fd:// --debug --config-file=/a.json --validate; the text"


def test_validate_without_a_program(checked):
    assert engines.validate(checked("28.5.2", "")._replace(binary=None), ["dockerd"], b"{}", 10) is None


def test_a_program_that_hangs(checked, host):
    hanging = checked("28.5.2", "exec /bin/sleep 600")
    assert engines.validate(hanging, ["dockerd"], b"{}", 0.5).endswith("timed out after 0.5 seconds")
    write_program(host / "program", "exec /bin/sleep 600")
    assert engines.validate(hanging, ["dockerd"], b"{}", 0.1) is None, "its version is unknown"


def test_the_version_of_the_installed_program(host):
    assert engines.binary_version(None, 10) is None
    assert engines.binary_version(write_program(host / "program", '[ "$*" = --version ] && echo "Docker version 29.1.0, build x"'), 10) == (29, 1, 0)
    assert engines.binary_version(write_program(host / "program", 'echo "Docker version 29.1.0, build x"; exit 1'), 10) is None


def test_an_engine_that_ends_while_it_is_asked(host, process, systemd, monkeypatch):
    """As one does that systemd starts again and again."""
    systemd(journal="failed to start metrics server: address already in use\n", ActiveState="activating")

    def end(engine, timeout):
        process.kill()
        process.wait()
        raise engine_api.Unreachable("no answer")

    monkeypatch.setattr(engines, "_wait_for_info", end)
    found = engines.look("docker", 10)
    assert found.state == "unreachable"
    assert found.reason == "its process ended while it was asked, it said: failed to start metrics server: address already in use"
