# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the scenario ways share: which hosts there are, and how each init system is spoken to."""

from __future__ import annotations

import concurrent.futures
import contextlib
import subprocess

import docker

import conftest

from conftest import HOSTS, Host, wait_until

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
"""The hosts whose service is not one of the system's systemd."""

USER_UNITS = "/home/rl/.config/systemd/user"
OPTIONS = "/etc/default/docker"


def hosts_of(lab, names=tuple(DECLARED)):
    return [Host(lab, name) for name in names]


def as_user(host, *words):
    return host.run("runuser", "-u", host.user, "--", "env", "XDG_RUNTIME_DIR=/run/user/1000", *words)


def service(host, verb):
    """Give a command to the init system that runs the engine."""
    if host.name == SYSVINIT:
        host.run("service", "docker", verb)
    elif host.name == OPENRC:
        host.run("rc-service", "docker", verb)
    elif host.name == ROOTLESS:
        as_user(host, "systemctl", "--user", verb, "docker.service")
    else:
        host.run("systemctl", verb, "docker.service")


def runs(host):
    """Whether the user of this host has an engine process."""
    return host.run("pgrep", "-x", "-u", host.user, "dockerd", check=False) != b""


def answers(host):
    try:
        with host.sdk() as client:
            return client.ping()
    except docker.errors.DockerException:
        return False


def each(function, hosts):
    """What it returns, by host; the hosts at once."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return dict(zip((host.name for host in hosts), pool.map(function, hosts)))


def restart(host):
    """Restart the engine, clear of systemd's limit on starts."""
    if host.name == ROOTLESS:
        as_user(host, "systemctl", "--user", "daemon-reload")
        as_user(host, "systemctl", "--user", "reset-failed", "docker.service")
    # Not restart: where no pid file is, the init script of Debian ends without a word, and without a start.
    stop(host)
    start(host)


def start(host):
    service(host, "start")
    wait_until(lambda: answers(host))


def stop(host):
    service(host, "stop")
    wait_until(lambda: not runs(host))


def seen(host):
    """All of an engine that a change of something else must leave alone."""
    return {
        "in force": host.mirrors(),
        "file": conftest.sha256(host.daemon_json()),
        "files": host.files(),
        "engine": host.engine_pid(),
    }


@contextlib.contextmanager
def kept(hosts, *paths):
    """Whatever a test does to these files and to the configuration, the engines end as they began."""
    before = [(host, path, content(host, path)) for host in hosts for path in (host.file, *paths)]
    try:
        yield
    finally:
        for host, path, data in before:
            host.write(path, data)
        each(restart, hosts)


def content(host, path):
    """The bytes of a file, or None."""
    return host.run("cat", path) if host.run("sh", "-c", 'test -e "$0" && echo yes || true', path) else None


def options_of(host):
    """The file in which an administrator gives this engine a flag."""
    return f"{USER_UNITS}/docker.service.d/lab.conf" if host.name == ROOTLESS else OPTIONS


def give_flag(host, flag, unless=None):
    """Give the engine a flag at its next start; it will not start at all when C(unless) stands in its configuration file."""
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
    """An authorization plugin for each engine, which has to run as long as the engine has its flag."""
    started = []
    for host in hosts:
        host.write("/usr/local/lib/plugin.py", conftest.PLUGIN.read_bytes())
        socket = "/run/docker/plugins/lab.sock"
        if host.name == ROOTLESS:
            # A rootless engine has a /run of its own, and learns of the socket from a file. The documented folder, in
            # ~/.config, is not read (26.1.5, moby pkg/plugins/discovery_unix.go).
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
    """Use the role on these hosts at once: exit code, counts by host, output."""
    names = [host.name for host in hosts]
    variables = {f"docker_mirror_{name}": value for name, value in variables.items()}
    return conftest.playbook(
        path / "play.yml", [{"hosts": names, "gather_facts": False, "vars": variables, "roles": [ROLE]}], *arguments
    )


def forget(host, image):
    """Remove an image with all its content, so that a pull fetches every object: the containerd store keeps content otherwise."""
    with host.sdk() as client, contextlib.suppress(docker.errors.ImageNotFound):
        client.images.remove(image, force=True)
    if host.name in CONTAINERD:
        host.run(
            "sh", "-c", f"ctr -n moby images ls -q | grep -E '{image}|dangling' | xargs -r ctr -n moby images rm --sync"
        )
        host.run("sh", "-c", "ctr -n moby content ls -q | xargs -r ctr -n moby content rm")


def said(result):
    """What check mode must predict to the letter."""
    names = (
        "changed",
        "source",
        "path",
        "mirrors",
        "previous_mirrors",
        "in_force",
        "reloaded",
        "pending",
        "engine",
        "diff",
    )
    return {name: result[name] for name in names}
