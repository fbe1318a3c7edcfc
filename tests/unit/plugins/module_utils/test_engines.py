# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The look at an engine, a reload, and the check of a file by dockerd."""

from __future__ import annotations

import json
import os
import pathlib
import socket
import subprocess
import threading
import time

import pytest

from fake_engines import (
    GOOD,
    MASKED,
    REFUSAL,
    USER,
    answering,
    as_user,
    http,
    running_dockerd,
    until,
    write_program,
)
from test_engine_api import GOOD_INFO

from ansible_collections.pullthrough.docker.plugins.module_utils._host import (
    engine_api,
    engine_environment,
    engines,
    processes,
    programs,
    scope,
    services,
)

pytestmark = pytest.mark.usefixtures("in_time")


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
    info = engine_api.Info(
        "29.1.0",
        [],
        rootless=True,
        live_restore=True,
        containers_running=3,
        swarm_active=True,
        image_store="containerd",
    )
    facts = engines.look("docker", 10)._replace(info=info).facts()
    expected = {
        "version": "29.1.0",
        "rootless": True,
        "live_restore": True,
        "containers_running": 3,
        "swarm_active": True,
        "image_store": "containerd",
    }
    assert {name: facts[name] for name in expected} == expected


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
    else:
        assert engine.reason != whose


def test_a_unit_that_systemd_knows_is_the_user_s_engine(host, systemd, monkeypatch):
    systemd(FragmentPath="/somewhere/docker.service", ActiveState="inactive", MainPID="0")
    write_program(host / "root.sock", "")
    as_user(monkeypatch, USER)
    assert not engines.look("docker", 10).is_roots


def test_no_process_no_connection(host, systemd):
    """systemd would start a stopped engine."""
    systemd(MainPID="0", ActiveState="inactive")
    with answering(host / "docker.sock", http(json.dumps(GOOD).encode())) as asked:
        engine = engines.look("docker", 1)
    assert engine.state in ("stopped", "absent") and engine.info is None
    assert asked == []


def test_a_stopped_engine_with_the_words_of_its_unit(host, systemd):
    command = "/usr/sbin/dockerd -H unix:///flag.sock --config-file=/x.json $DOCKER_OPTS"
    exec_start = f"{{ path=/usr/sbin/dockerd ; argv[]={command} ; ignore_errors=no ; pid=0 }}"
    systemd(
        ActiveState="inactive", MainPID="0", FragmentPath="/lib/systemd/system/docker.service", ExecStart=exec_start
    )
    argv = ("/usr/sbin/dockerd", "-H", "unix:///flag.sock", "--config-file=/x.json", "$DOCKER_OPTS")
    stopped = engines.Engine(
        "docker", "stopped", "the service docker is not running", None, None, argv, None, "/x.json", "/flag.sock"
    )
    assert engines.look("docker", 10) == stopped
    assert engines.look("docker.service", 10) == stopped._replace(
        service="docker.service", reason="the service docker.service is not running"
    )
    assert not (host / "asked").exists(), "a good end needs no reason from the journal"


OTHER_SERVICES = {
    "a mistyped name": (
        "dokcer",
        {"LoadState": "not-found", "ActiveState": "inactive", "MainPID": "0"},
        "there is no service dokcer, and an engine is installed ({host}/bin/dockerd)",
    ),
    "the service of another program": (
        "containerd.service",
        {"LoadState": "loaded", "ActiveState": "active", "MainPID": "1", "FragmentPath": "/containerd.service"},
        "the service containerd.service runs, and its process 1 is not dockerd",
    ),
}


@pytest.mark.parametrize(("service", "shown", "reason"), OTHER_SERVICES.values(), ids=OTHER_SERVICES)
def test_a_service_that_is_no_engine_is_not_a_stopped_one(host, systemd, monkeypatch, service, shown, reason):
    monkeypatch.setattr(programs, "trusted", lambda path: path if os.path.exists(path) else None)
    write_program(host / "bin/dockerd", "")
    systemd(f"{services.name_of(service)}.service", **shown)
    engine = engines.look(service, 10)
    assert (engine.state, engine.reason) == ("ambiguous", reason.format(host=host))


STOPPED_SERVICES = {
    "the usual name without a unit": ("docker", {"LoadState": "not-found", "ActiveState": "inactive"}, True, "stopped"),
    "no engine is installed": ("dokcer", {"LoadState": "not-found", "ActiveState": "inactive"}, False, "absent"),
    "a service that does not run": ("one", {"LoadState": "loaded", "ActiveState": "inactive"}, True, "stopped"),
    "a service without a process": ("one", {"LoadState": "loaded", "ActiveState": "active"}, True, "stopped"),
}


@pytest.mark.parametrize(("service", "shown", "installed", "state"), STOPPED_SERVICES.values(), ids=STOPPED_SERVICES)
def test_a_service_whose_engine_does_not_run(host, systemd, monkeypatch, service, shown, installed, state):
    monkeypatch.setattr(programs, "trusted", lambda path: path if os.path.exists(path) else None)
    if installed:
        write_program(host / "bin/dockerd", "")
    systemd(f"{service}.service", MainPID="0", **shown)
    assert engines.look(service, 10).state == state


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


def test_two_engines_are_ambiguous(host, systemd, snap, process, other):
    systemd(ActiveState="active", MainPID=process.pid)
    argv = processes.find(str(process.pid)).argv
    snap.write_text(f"{other.pid}\n")
    engine = engines.look("docker", 10)
    assert (engine.state, engine.process, engine.argv) == ("ambiguous", None, ())
    assert engine.reason == (
        f"two engines are running: process {process.pid} ({' '.join(argv)}) and "
        f"process {other.pid} ({host}/dockerd 600)"
    )


@pytest.mark.parametrize(
    ("service", "state", "group", "expected"),
    [
        ("docker", "failed", "snap.docker.dockerd.service", "ambiguous"),
        ("docker", "activating", "snap.docker.dockerd.service", "ambiguous"),
        ("docker", "inactive", "snap.docker.dockerd.service", "starting"),
        ("docker", "failed", "docker.service", "starting"),
    ],
)
def test_the_engine_of_a_snap_beside_a_unit_that_failed(
    host, systemd, snap, sleeper, texts, service, state, group, expected
):
    systemd(ActiveState=state, MainPID="0", FragmentPath="/lib/systemd/system/docker.service")
    snap.write_text(f"{sleeper.pid}\n")
    texts[f"/proc/{sleeper.pid}/cgroup"] = f"0::/system.slice/{group}\n"
    engine = engines.look(service, 0)
    assert engine.state == expected
    if expected == "ambiguous":
        assert engine.process is None
        for words in (f"process {sleeper.pid}", "docker.service", "set the option service to snap.docker.dockerd"):
            assert words in engine.reason


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
    assert engines._config_path(None, argv, "/") == path


def test_a_relative_config_path_counts_from_the_folder_of_the_process(tmp_path):
    with subprocess.Popen(["sleep", "600"], cwd=tmp_path) as child:
        until(lambda: os.path.realpath(f"/proc/{child.pid}/cwd") == str(tmp_path))
        process = processes.Process(child.pid, "1", (), None)
        try:
            folder = engines._working_folder(process)
            assert engines._config_path(process, ["dockerd", "--config-file", "a.json"], folder) == f"{tmp_path}/a.json"
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
    path = engines._config_path(process, ["dockerd"], "/")
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
    assert (engine.config_path, engine.socket_path) == (
        "/home/me/.config/docker/daemon.json",
        f"/run/user/{USER}/docker.sock",
    )
    assert scope.certs_folder() == "/home/me/.config/docker/certs.d"
    monkeypatch.setenv("XDG_CONFIG_HOME", "/xdg")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/xdg-run")
    engine = engines.look("no-such-service", 0)
    assert (engine.config_path, engine.socket_path) == ("/xdg/docker/daemon.json", "/xdg-run/docker.sock")
    assert scope.certs_folder() == "/xdg/docker/certs.d"


@pytest.mark.parametrize(
    ("systemd", "service", "state"),
    [(False, "docker", "running"), (True, "docker", "absent"), (False, "other", "absent")],
)
def test_an_engine_whose_pid_file_is_elsewhere(monkeypatch, host, dockerd, systemd, service, state):
    """Without systemd, the socket shows whose it is. With systemd, a connection could start an engine."""
    (host / "docker.pid").unlink()
    monkeypatch.setattr(services, "has_systemd", lambda: systemd)
    monkeypatch.setattr(services, "unit", lambda name: {})
    monkeypatch.setattr(processes, "installed_binary", lambda: None)
    engine = engines.look(service, 10)
    assert (engine.state, engine.process.pid if engine.process else None) == (
        state,
        dockerd.pid if state == "running" else None,
    )


def test_a_socket_on_which_nothing_listens(tmp_path):
    socket.socket(socket.AF_UNIX).bind(str(tmp_path / "docker.sock"))
    assert engine_api.listener(str(tmp_path / "docker.sock")) is None


def test_an_engine_on_tcp_only(monkeypatch, host, dockerd):
    monkeypatch.setattr(engines, "_socket_path", lambda *_: None)
    engine = engines.look("docker", 1)
    assert (engine.state, engine.info) == ("unreachable", None)
    assert engine.reason.startswith("it listens on no unix socket, only on TCP")


@pytest.mark.parametrize("kind", ["closed", "bound only", "no socket"])
def test_a_socket_that_a_removed_engine_left_behind(monkeypatch, host, kind):
    as_user(monkeypatch, 0)
    monkeypatch.setattr(processes, "installed_binary", lambda: None)
    left = socket.socket(socket.AF_UNIX)
    if kind != "no socket":
        left.bind(str(host / "docker.sock"))
    if kind == "closed":
        left.close()
    engine = engines.look("docker", 0)
    assert (engine.state, engine.reason, engine.is_others) == ("absent", "no Docker Engine is installed", False)


@pytest.mark.parametrize("link", [False, True])
def test_a_socket_without_an_engine(monkeypatch, tmp_path, link):
    as_user(monkeypatch, 0)
    monkeypatch.setattr(scope, "runtime_dir", lambda: str(tmp_path))
    monkeypatch.setattr(processes, "installed_binary", lambda: None)
    other = tmp_path / ("podman.sock" if link else "docker.sock")
    if link:
        (tmp_path / "docker.sock").symlink_to(other)
    with answering(other, []) as asked:
        engine = engines.look("no-such-service", 0)
    assert engine.is_others and asked == []
    leads = f", which leads to {other}," if link else ""
    assert engine.state == "absent"
    assert engine.reason == (
        f"no Docker Engine is installed, but another program has the socket {tmp_path}/docker.sock{leads} as Podman "
        "or Docker Desktop do; it reads no daemon.json"
    )


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
        (["dockerd", "-H", "unix://", "-H", "tcp://127.0.0.1:2375"], "", "/run/x/docker.sock"),
        (["dockerd"], '{"hosts": ["unix://"]}', "/run/x/docker.sock"),
        (["dockerd", "-H", ""], "", "/run/x/docker.sock"),
        (["dockerd"], '{"hosts": ["127.0.0.1:2375", "unix://var/run/docker.sock"]}', "/cwd/var/run/docker.sock"),
        (["dockerd", "-H", "tcp://127.0.0.1:2375"], "", None),
        (["dockerd"], '{"hosts": ["127.0.0.1:2375"]}', None),
        (["dockerd"], '{"hosts": 3', "/run/x/docker.sock"),
    ],
)
def test_socket_path(monkeypatch, tmp_path, argv, text, path):
    monkeypatch.setattr(scope, "runtime_dir", lambda: "/run/x")
    file = tmp_path / "daemon.json"
    file.write_text(text)
    assert engines._socket_path(argv, str(file), "/cwd") == path


SHOWN_PROXY = "http://xxxxx:xxxxx@proxy.example:3128"

PROXY = "http://proxy.example:3128"
WITH_USER = "http://a:b@proxy.example:3128"
PROXIES = {
    # name: (what /info shows, the environment, what is used)
    "none": ({}, [f"HTTP_PROXY={WITH_USER}"], {}),
    "without a user": ({"http": "http://a"}, ["HTTP_PROXY=http://a:b@other.example"], {"http": "http://a"}),
    "with users": (
        {"http": SHOWN_PROXY, "https": SHOWN_PROXY, "no": "a=b"},
        ["PATH=/bin", "HTTP_PROXY=http://a:b=c@proxy.example:3128"],
        {"http": "http://a:b=c@proxy.example:3128", "https": "http://a:b=c@proxy.example:3128", "no": "a=b"},
    ),
    "in lower case": ({"https": SHOWN_PROXY}, [f"http_proxy={WITH_USER}"], {"https": WITH_USER}),
    "https": ({"http": SHOWN_PROXY}, [f"HTTPS_PROXY={WITH_USER}"], {"http": WITH_USER}),
    "of another variable": ({"http": SHOWN_PROXY}, [f"ALL_PROXY={WITH_USER}"], {"http": PROXY}),
    "a user that this engine does not name": ({"http": PROXY}, [f"HTTP_PROXY={WITH_USER}"], {"http": PROXY}),
    "another host": ({"http": SHOWN_PROXY}, ["HTTP_PROXY=http://a:b@other.example:3128"], {"http": PROXY}),
}


@pytest.mark.parametrize(("shown", "environment", "used"), PROXIES.values(), ids=PROXIES)
def test_proxies_with_their_users(host, answer, texts, shown, environment, used):
    engine = answer(http(json.dumps(GOOD).encode()))
    texts[f"/proc/{engine.process.pid}/environ"] = "\0".join([*environment, ""])
    assert engine_environment.proxies(engine._replace(info=engine.info._replace(proxies=shown))) == used


def test_no_proxies_without_an_engine(host):
    engine = engines.look("docker", 10)
    assert engine.info is None and engine_environment.proxies(engine) == {}
    info = GOOD_INFO._replace(proxies={"http": SHOWN_PROXY})
    assert engine_environment.proxies(engine._replace(info=info)) == {}


def test_a_reload_in_force(host, dockerd):
    (host / "next").write_text(json.dumps({**GOOD, "RegistryConfig": {"Mirrors": ["https://b/"]}}))
    assert engines.reload(engines.look("docker", 10), lambda info: info.mirrors == ["https://b/"], 15) is None
    assert dockerd.poll() is None


@pytest.mark.parametrize(("event", "in_force"), [(False, False), (True, False), (True, True)])
def test_a_reload_that_comes_to_nothing(host, dockerd, clock, event, in_force):
    """The wait ends when there is no time left for another answer."""
    for name in ("info", "next"):
        (host / name).write_text(json.dumps(GOOD))
    (host / "events").write_text("")

    def at_the_end(info):
        clock[0] = 1600.0 - engines.POLL_SECONDS
        return in_force

    found = engines.reload(engines.look("docker", 10), at_the_end, 600, event=event)
    assert found == "it still shows the old state, 600 s after the reload"


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
        f"no answer on {host}/docker.sock: [Errno 2] No such file or directory, 0.0625 s after the reload"
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
    assert found.startswith("it still shows the old state")
    asked = (host / "asked").read_text().splitlines()
    assert set(asked) == {f"--no-pager -q -o cat -n 200 _TRANSPORT=stdout _PID={child.pid} --since=@1000.500000"}
    assert 2 <= len(asked) <= 3


@pytest.fixture
def checked(host):
    """checked(version, script): the engine with a program that says the version, and else runs the script."""

    def engine(version, script):
        program = write_program(
            host / "program", f'[ "$*" = --version ] && {{ echo "Docker version {version}, build x"; exit; }}\n{script}'
        )
        return engines.look("docker", 0)._replace(binary=program, config_path="/a.json")

    return engine


@pytest.mark.parametrize(
    ("version", "objection"), [("20.10.24", None), ("23.0.0", "unknown flag"), ("28.5.2", "unknown flag"), ("x", None)]
)
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
    assert engines.validate(hanging, ["dockerd"], b"{}", 0.5).endswith("did not end within 0.5 s and was stopped")
    write_program(host / "program", "exec /bin/sleep 600")
    assert engines.validate(hanging, ["dockerd"], b"{}", 0.1) is None, "its version is unknown"


def test_the_version_of_the_installed_program(host):
    assert engines.binary_version(None, 10) is None
    assert engines.binary_version(
        write_program(host / "program", '[ "$*" = --version ] && echo "Docker version 29.1.0, build x"'), 10
    ) == (29, 1, 0)
    assert (
        engines.binary_version(write_program(host / "program", 'echo "Docker version 29.1.0, build x"; exit 1'), 10)
        is None
    )


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
    assert (
        found.reason
        == "its process ended while it was asked, it said: failed to start metrics server: address already in use"
    )
