# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the scenario ways share: the hosts, and the commands of each init system."""

from __future__ import annotations

import contextlib
import subprocess

import docker

import conftest

from conftest import HOSTS, Host, each, wait_until

ROLE = "pullthrough.docker.docker_mirror"
NEW = "https://new.example"
SYSVINIT, OPENRC, ROOTLESS, BESIDE, MOVED = (
    "sysvinit-20.10",
    "openrc-26.1",
    "rootless-26.1",
    "beside-rootless-26.1",
    "moved-26.1",
)
CONTAINERD = [name for name in HOSTS if name.startswith("containerd-")]
DECLARED = [name for name in HOSTS if name != BESIDE]
"""The hosts on which the scenario uses the role."""
OTHER_INITS = [SYSVINIT, OPENRC, ROOTLESS]
"""The hosts whose engine is not a service of the system's systemd."""

USER_UNITS = "/home/rl/.config/systemd/user"
OPTIONS = "/etc/default/docker"


def hosts_of(lab, names=tuple(DECLARED)):
    return [Host(lab, name) for name in names]


def as_user(host, *words):
    return host.run("runuser", "-u", host.user, "--", "env", "XDG_RUNTIME_DIR=/run/user/1000", *words)


def service(host, verb):
    """Run a command of the init system that runs the engine."""
    if host.name == SYSVINIT:
        host.run("service", "docker", verb)
    elif host.name == OPENRC:
        host.run("rc-service", "docker", verb)
    elif host.name == ROOTLESS:
        as_user(host, "systemctl", "--user", verb, "docker.service")
    else:
        host.run("systemctl", verb, "docker.service")


def runs(host):
    """Return whether the user of this host has an engine process."""
    return host.run("pgrep", "-x", "-u", host.user, "dockerd", check=False) != b""


def answers(host):
    try:
        with host.sdk() as client:
            return client.ping()
    except docker.errors.DockerException:
        return False


def restart(host):
    """Restart the engine, without systemd's limit on starts."""
    if host.name == ROOTLESS:
        as_user(host, "systemctl", "--user", "daemon-reload")
        as_user(host, "systemctl", "--user", "reset-failed", "docker.service")
    # Not restart: without a pid file, Debian's init script ends silently and starts nothing.
    stop(host)
    start(host)


def start(host):
    service(host, "start")
    wait_until(lambda: answers(host))


def stop(host):
    service(host, "stop")
    wait_until(lambda: not runs(host))


def snapshot(host):
    """Return the state of an engine that a change elsewhere must not affect."""
    return {
        "in force": host.mirrors(),
        "file": conftest.sha256(host.daemon_json()),
        "files": host.files(),
        "engine": host.engine_pid(),
    }


@contextlib.contextmanager
def restored_afterwards(hosts, *paths):
    """Restore these files and the configuration file at the end, and restart the engines."""
    before = [(host, path, content(host, path)) for host in hosts for path in (host.file, *paths)]
    try:
        yield
    finally:
        for host, path, data in before:
            host.write(path, data)
        each(restart, hosts)


def content(host, path):
    """Return the bytes of a file, or None."""
    return host.run("cat", path) if host.run("sh", "-c", 'test -e "$0" && echo yes || true', path) else None


def options_of(host):
    """Return the file in which an administrator sets flags of this engine."""
    return f"{USER_UNITS}/docker.service.d/lab.conf" if host.name == ROOTLESS else OPTIONS


def give_flag(host, flag, unless=None):
    """Set a flag for the engine's next start. If ``unless`` is in its configuration file, the engine does not start."""
    if host.name == ROOTLESS:
        start = host.run("sed", "-n", "s/^ExecStart=//p", f"{USER_UNITS}/docker.service").decode().strip()
        refuse = [f"ExecStartPre=/bin/sh -c '! grep -q {unless} {host.file}'"] if unless else []
        lines = ["[Service]", *refuse, "ExecStart=", f"ExecStart={start} {flag}"]
    else:
        lines = [
            f'DOCKER_OPTS="{flag}"',
            *([f"! grep -qs {unless} {host.file} || DOCKER_OPTS=--no-such-flag"] if unless else []),
        ]
    host.write(options_of(host), "\n".join([*lines, ""]).encode())


@contextlib.contextmanager
def plugin(hosts):
    """Run an authorization plugin for each engine, and yield the engine's flag for it."""
    started = []
    for host in hosts:
        host.write("/usr/local/lib/plugin.py", conftest.PLUGIN.read_bytes())
        socket = "/run/docker/plugins/lab.sock"
        if host.name == ROOTLESS:
            # A rootless engine has its own /run, and finds the socket through a file. It does not read the documented
            # folder in ~/.config (26.1.5, moby pkg/plugins/discovery_unix.go).
            socket = "/run/user/1000/lab.sock"
            host.write("/home/rl/.local/lib/docker/plugins/lab.spec", f"unix://{socket}".encode())
        script = 'mkdir -p "${0%/*}" && echo $$ >"$0.pid" && exec python3 /usr/local/lib/plugin.py "$0"'
        words = ["docker", "exec", "--detach", "--user", host.user, host.container, "sh", "-c", script, socket]
        subprocess.run(words, check=True, capture_output=True)
        wait_until(lambda host=host, socket=socket: host.run("sh", "-c", 'test -S "$0" && echo yes || true', socket))
        started.append((host, socket))
    try:
        yield "--authorization-plugin=lab"
    finally:
        for host, socket in started:
            host.run("sh", "-c", 'kill "$(cat "$0.pid")" && rm "$0" "$0.pid"', socket)
            host.run("rm", "-rf", "/home/rl/.local/lib/docker/plugins")


def role(path, hosts, *arguments, **variables):
    """Run the role on all of these hosts, and return exit code, recap by host and output."""
    names = [host.name for host in hosts]
    variables = {f"docker_mirror_{name}": value for name, value in variables.items()}
    return conftest.playbook(
        path / "play.yml", [{"hosts": names, "gather_facts": False, "vars": variables, "roles": [ROLE]}], *arguments
    )


def forget(host, image):
    """Remove an image with all its content, so that a pull fetches every object.

    Otherwise the containerd store keeps the content.
    """
    with host.sdk() as client, contextlib.suppress(docker.errors.ImageNotFound):
        client.images.remove(image, force=True)
    if host.name in CONTAINERD:
        host.run(
            "sh", "-c", f"ctr -n moby images ls -q | grep -E '{image}|dangling' | xargs -r ctr -n moby images rm --sync"
        )
        host.run("sh", "-c", "ctr -n moby content ls -q | xargs -r ctr -n moby content rm")


def predictable(result):
    """Return the parts of a result that check mode must predict exactly."""
    names = (
        "changed",
        "source",
        "path",
        "mirrors",
        "previous_mirrors",
        "reloaded",
        "pending",
        "engine",
        "diff",
    )
    return {name: result[name] for name in names}
