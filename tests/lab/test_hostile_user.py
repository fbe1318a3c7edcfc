# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A local user without rights attacks what root reads and writes. So do processes that call themselves dockerd.

Each attack is tried on one engine, and the next one on the next. WHOLE=yes tries each attack on each engine.
"""

from __future__ import annotations

import contextlib
import json
import pathlib

import hostile_user
import pytest

import conftest

from conftest import ENGINES, GCR, each, wait_until

USER = "mallory"
HOME = f"/home/{USER}"
PROGRAM = pathlib.Path(hostile_user.__file__)
HOSTILE = f"/opt/lab/{PROGRAM.name}"
NEW = "https://new.example"
LOCK = "/var/run/pullthrough-docker.lock"
STAGED = ".pullthrough-docker-moving-daemon.json"
PLANTED = json.dumps({"registry-mirrors": [f"https://{USER}.example"]})
SHADOWED = "systemctl busctl journalctl tail docker dockerd sh cat env".split()
"""Programs that root might look for in the path of the user who calls it, or in its working folder."""


def pytest_generate_tests(metafunc):
    if "host" in metafunc.fixturenames:
        tests = [name for name in metafunc.module.__dict__ if name.startswith("test_")]
        one = [ENGINES[tests.index(metafunc.function.__name__) % len(ENGINES)]]
        metafunc.parametrize("host", ENGINES if conftest.WHOLE else one, indirect=True)


@pytest.fixture(scope="module")
def engines(lab, tmp_path_factory):
    """Yield one host of each engine, with the modules and the user."""
    hosts = conftest.with_modules(lab, tmp_path_factory)

    def prepare(host):
        host.write(HOSTILE, PROGRAM.read_bytes())
        host.run("useradd", "--create-home", "--shell", "/bin/sh", USER)
        host.run("chmod", "755", HOME)

    each(prepare, hosts)
    yield hosts
    each(lambda host: host.run("userdel", "--force", "--remove", USER), hosts)


@pytest.fixture
def host(request, engines):
    """Yield a host, and restore its file at the end. The mirrors in force must then be as before."""
    (host,) = [host for host in engines if host.name == request.param]
    data, mirrors = host.daemon_json(), host.mirrors()
    yield host
    host.write_daemon_json(data)
    assert host.mirrors() == mirrors


@pytest.fixture
def undisturbed(host):
    """Check that the engine and its container keep their processes."""
    before = (host.engine_pid(), host.witness())
    yield
    assert (host.engine_pid(), host.witness()) == before


def module(host, name="registry_mirrors", under=(), **options):
    """Run a module as root, and return its result. A module that waits without end fails the test."""
    return host.execute(name, under=["timeout", "60", *under], **options)


def as_user(*command):
    return ["runuser", "-u", USER, "--", *command]


def plant(host, path, text, mode="644"):
    """Write a file as the user."""
    host.run(*as_user("sh", "-c", 'mkdir -p "${0%/*}" && cat >"$0" && chmod "$1" "$0"', path, mode), data=text.encode())


def text_of(host, path):
    return host.run("sh", "-c", 'cat "$0" 2>/dev/null || true', path).decode()


def add_and_remove(host, **arguments):
    """Add a mirror and remove it again, each with a reload, and return both results."""
    results = [module(host, mirrors=[NEW], state=state, **arguments) for state in ("present", "absent")]
    for result in results:
        assert not result.get("failed") and result["changed"] and result["reloaded"], result
    assert f"{NEW}/" in results[0]["in_force"] and f"{NEW}/" not in results[1]["in_force"]
    return results


def check_refused(result, path):
    assert result.get("failed") and not result["changed"], result
    assert path in result["msg"] and "Nothing was changed" in result["msg"], result


# -- the lock ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("undisturbed")
def test_the_user_cannot_lock_root_out(host):
    """The user holds a lock on the folder all the time, and cannot take the lock of root's runs."""
    with conftest.running(host, *as_user("flock", "/etc/docker", "cat")):
        wait_until(lambda: b"taken" in host.run("sh", "-c", "flock -n /etc/docker true || echo taken"))
        add_and_remove(host, timeout=3)
    assert host.run("stat", "-c", "%a %U %F", LOCK).decode().split(maxsplit=2)[:2] == ["600", "root"]
    attempt = as_user("sh", "-c", 'flock -n "$0" true 2>/dev/null && echo locked || true', LOCK)
    assert host.run(*attempt) == b""


@pytest.mark.usefixtures("undisturbed")
def test_a_run_waits_for_the_lock_of_another_run(host):
    """This shows that the lock above is the one that runs take."""
    add_and_remove(host)  # It creates the file with its mode.
    with conftest.running(host, "flock", LOCK, "cat"):
        wait_until(lambda: b"taken" in host.run("sh", "-c", 'flock -n "$0" true || echo taken', LOCK))
        result = module(host, mirrors=[NEW], timeout=2)
    check_refused(result, LOCK.rpartition("/")[2])


# -- processes that call themselves dockerd ----------------------------------------------------------------------------


@contextlib.contextmanager
def named_by_pid_file(host, pid):
    """Write a pid into the pid file of the engine, and restore the file at the end."""
    saved = text_of(host, host.pid_file)
    host.write(host.pid_file, pid.encode())
    try:
        yield
    finally:
        host.write(host.pid_file, saved.encode() if saved else None)


@contextlib.contextmanager
def impostor(host, path, *prefix):
    """Run a process that calls itself dockerd, and yield its pid.

    :param prefix: a command that runs the process as another user.
    """
    with conftest.running(host, *prefix, "python3", HOSTILE, "process", path):
        wait_until(lambda: text_of(host, path))
        (pid,) = text_of(host, path).split()
        assert text_of(host, f"/proc/{pid}/comm") == "dockerd\n"
        yield pid
        assert text_of(host, f"/proc/{pid}/comm") == "dockerd\n", "it got no signal"
        assert text_of(host, path).split() == [pid], "its program was not run with its arguments"
    host.run("rm", path)


IMPOSTORS = {
    "of the user": (f"{HOME}/ran", as_user()),
    # Its program is one that root trusts, but it is not dockerd.
    "of root": ("/root/ran", []),
}


@pytest.mark.parametrize("name", IMPOSTORS)
def test_an_impostor_is_not_taken_for_a_stopped_engine(host, name):
    path, prefix = IMPOSTORS[name]
    before = host.daemon_json()
    with conftest.stopped(host):
        try:
            with impostor(host, path, *prefix) as pid, named_by_pid_file(host, pid):
                info = module(host, "registry_mirrors_info", timeout=2)
                result = module(host, mirrors=[NEW], timeout=2)
        finally:
            host.write_daemon_json(before)
    assert (info["engine"]["state"], info["engine"]["pid"], info["in_force"]) == ("stopped", None, None), info
    assert not result.get("failed") and result["changed"] and not result["reloaded"], result
    assert result["engine"]["state"] == "stopped" and result["in_force"] is None, result


@pytest.mark.parametrize("name", IMPOSTORS)
@pytest.mark.usefixtures("undisturbed")
def test_an_impostor_does_not_hide_the_engine(host, name):
    path, prefix = IMPOSTORS[name]
    engine = host.engine_pid()
    with impostor(host, path, *prefix) as pid, named_by_pid_file(host, pid):
        info = module(host, "registry_mirrors_info", timeout=2)
        results = add_and_remove(host)
    for result in (info, *results):
        assert (result["engine"]["state"], result["engine"]["pid"]) == ("running", engine), result


RAN = "/impostor-ran"
INSIDE = f"echo ran >>{RAN}; printf dockerd >/proc/$$/comm; while :; do /usr/bin/busybox sleep 1000; done"


@pytest.fixture
def container(host):
    """Run a container in the host's pid namespace, whose program has the path of a program that the host trusts.

    Yield its pid. If a module runs that program with its arguments, the host has a new file.
    """
    host.run("test", "-x", "/usr/bin/busybox")
    prepare = "/busybox mkdir -p /usr/bin && /busybox cp /busybox /usr/bin/busybox"
    script = f"{prepare} && exec /usr/bin/busybox sh -c '{INSIDE}'"
    run = ["docker", "run", "--detach", "--pid=host", "--network=none", "--stop-signal=KILL", "--name=impostor"]
    host.run(*run, "lab/busybox", "/busybox", "sh", "-c", script)
    try:
        pid = host.run("docker", "inspect", "--format", "{{.State.Pid}}", "impostor").decode().strip()
        wait_until(lambda: text_of(host, f"/proc/{pid}/comm") == "dockerd\n")
        assert host.run("readlink", f"/proc/{pid}/exe") == b"/usr/bin/busybox\n"
        assert f"NSpid:\t{pid}\n" in text_of(host, f"/proc/{pid}/status")
        yield pid
    finally:
        host.run("docker", "rm", "--force", "impostor")


@pytest.mark.usefixtures("undisturbed")
def test_a_container_in_the_pid_namespace_of_the_host_runs_nothing_as_root(host, container):
    engine = host.engine_pid()
    with named_by_pid_file(host, container):
        info = module(host, "registry_mirrors_info", timeout=2)
        results = add_and_remove(host)
    assert host.run("sh", "-c", 'test ! -e "$0" || echo ran', RAN) == b""
    for result in (info, *results):
        assert (result["engine"]["state"], result["engine"]["pid"]) == ("running", engine), result
    assert text_of(host, f"/proc/{container}/comm") == "dockerd\n", "it got no signal"


# -- files in folders of the user --------------------------------------------------------------------------------------

PLANT = {
    # name: a command of the user that plants something at $0
    "file": 'printf %s "$1" >"$0"',
    "link": 'ln -s /etc/shadow "$0"',
    "fifo": 'mkfifo "$0"',
    "folder": 'mkdir "$0"',
}
FOLDERS = {"sticky": "/tmp", "of the user": f"{HOME}/etc"}  # noqa: S108


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.usefixtures("undisturbed")
def test_a_file_of_root_in_a_folder_that_the_user_can_write_is_refused(host, folder):
    """Whatever the user planted beside it. The engine never sees the planted mirror."""
    path, staged = (f"{FOLDERS[folder]}/{name}" for name in ("daemon.json", STAGED))
    host.run(*as_user("mkdir", "-p", f"{HOME}/etc"))
    for kind, command in PLANT.items():
        host.run(*as_user("sh", "-c", command, staged, PLANTED))
        host.run("sh", "-c", 'echo "{}" >"$0"', path)
        before = text_of(host, "/etc/shadow")
        try:
            result = module(host, mirrors=[NEW], path=path, timeout=3)
            assert text_of(host, path) == "{}\n", kind
            assert host.run("sh", "-c", 'test -L "$0" || test -e "$0" && echo kept', staged) == b"kept\n", kind
        finally:
            host.run("rm", "-rf", path, staged)
        check_refused(result, FOLDERS[folder])
        assert text_of(host, "/etc/shadow") == before


@pytest.mark.usefixtures("undisturbed")
def test_a_file_that_is_the_users_fifo_or_link_is_refused(host):
    path = f"{HOME}/daemon.json"
    for kind in ("link", "fifo", "folder"):
        host.run(*as_user("sh", "-c", PLANT[kind], path))
        try:
            for name, options in (
                ("registry_mirrors", {"mirrors": [NEW]}),
                ("daemon_config", {"settings": {"debug": True}}),
            ):
                check_refused(module(host, name, path=path, timeout=3, **options), path)
        finally:
            host.run("rm", "-rf", path)


@pytest.mark.usefixtures("undisturbed")
def test_a_socket_that_the_users_file_names_is_not_asked(host):
    """The engine that runs says where its socket is. A file that only the task names does not."""
    path, socket = f"{HOME}/daemon.json", f"{HOME}/docker.sock"
    engine = host.engine_pid()
    plant(host, path, json.dumps({"hosts": [f"unix://{socket}"]}))
    with conftest.running(host, *as_user("python3", HOSTILE, "socket", socket)):
        wait_until(lambda: host.run("sh", "-c", 'test ! -S "$0" || echo yes', socket))
        info = module(host, "registry_mirrors_info", path=path, timeout=3)
        result = module(host, mirrors=[NEW], path=path, timeout=3)
        assert text_of(host, f"{socket}.asked") == ""
        host.run("curl", "-sS", "--max-time", "5", "--unix-socket", socket, "http://localhost/info")
        assert text_of(host, f"{socket}.asked") != "", "the socket would have noticed"
    assert (info["engine"]["state"], info["engine"]["pid"]) == ("running", engine), info
    assert info["engine"]["version"] != hostile_user.INFO["ServerVersion"]
    check_refused(result, path)


# -- programs and certificates -----------------------------------------------------------------------------------------


def test_no_program_of_the_user_runs(host):
    """The path and the working folder of the caller are the user's."""
    for name in SHADOWED:
        for folder in (HOME, f"{HOME}/bin"):
            plant(host, f"{folder}/{name}", f"#!/bin/sh\necho $0 >>{HOME}/ran\n", "755")
    host.run("sh", "-c", f"cd {HOME}; PATH={HOME}/bin:$PATH; busctl; systemctl", check=False)
    assert len(text_of(host, f"{HOME}/ran").split()) == 2, "a program of the user would have noticed"
    host.run("rm", f"{HOME}/ran")
    # An empty word and a point in the path mean the working folder.
    under = ["env", f"--chdir={HOME}", f"PATH={HOME}/bin:.::/usr/sbin:/usr/bin:/sbin:/bin"]
    info = module(host, "registry_mirrors_info", under=under)
    assert info["engine"]["state"] == "running", info
    add_and_remove(host, under=under)
    module(host, "registry_mirrors_canary", under=under, images=["alpine"])
    with conftest.stopped(host):
        info = module(host, "registry_mirrors_info", under=under)
        assert info["engine"]["state"] == "stopped", info
    assert text_of(host, f"{HOME}/ran") == ""


@pytest.fixture
def open_folder(host):
    """Yield a folder of certificates that everyone can write, as an administrator can leave it by mistake."""
    folder = "/etc/docker/certs.d/mirror.gcr.io"
    host.run("mkdir", "-p", folder)
    host.run("chmod", "777", "/etc/docker/certs.d", folder)
    yield folder
    host.run("rm", "-r", "/etc/docker/certs.d")


@pytest.mark.usefixtures("undisturbed")
def test_nothing_is_written_to_an_open_folder_of_certificates(host, open_folder):
    """The user could redirect the file of root to any other file."""
    pem = host.run("cat", "/usr/local/share/ca-certificates/lab.crt").decode()
    target = f"{open_folder}/pullthrough-docker.crt"
    shadow = text_of(host, "/etc/shadow")
    for command in ("true", 'ln -s /etc/shadow "$0"'):
        host.run(*as_user("sh", "-c", command, target))
        result = module(host, mirrors=[GCR], ca_certificates={"mirror.gcr.io": pem})
        check_refused(result, open_folder)
    assert text_of(host, "/etc/shadow") == shadow


@pytest.mark.usefixtures("undisturbed")
def test_a_fifo_in_an_open_folder_of_certificates_delays_nothing(host, open_folder):
    """An engine would wait for it at each pull."""
    host.run(*as_user("mkfifo", f"{open_folder}/ca.crt"))
    health = module(host, "registry_mirrors_health_info", mirrors=[GCR], timeout=3)
    assert not health["mirrors"][0]["usable"] and health["mirrors"][0]["failed_at"] in ("tls", "http"), health
    check_refused(module(host, mirrors=[GCR], timeout=3), f"{open_folder}/ca.crt")
