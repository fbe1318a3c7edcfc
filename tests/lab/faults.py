# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults around a run, on a host with a real engine.

Each fault is a generator. It breaks something and yields, then a run is made, and then it fixes the host as an operator
would.

A fault declares how the run must end (``ends``):

- ``refused``: the run failed, and the file and the engine process are unchanged;
- ``overtaken``: the run failed, and the file is as someone else wrote it during the run;
- ``put back``: like ``refused``, but the engine may have been restarted;
- ``done``: the new mirrors are in the file and in force, after a reload;
- ``written``: the new mirrors are in the file, and take effect at the next start;
- ``either``: the run failed or not. The old or the new mirrors are in the file, and the old or the new ones in force;
- ``unknown``: the run failed and says so, and the file is unchanged. It is not known which mirrors are in force.

In all cases the engine runs when the fault is over, the container was not stopped, no byte of the user's file is lost,
there is no traceback, and a failure says what to do (``says``). The next run puts the new mirrors in force, leaves no
temporary file, and has nothing to do when it is repeated.
"""

from __future__ import annotations

import base64
import contextlib
import threading

from typing import Any, Callable, Dict, Generator, List, NamedTuple, Union

import conftest

from conftest import ROOT, playbook, wait_until

OLD, NEW = "https://old.example", "https://new.example"
FILE = "/etc/docker/daemon.json"
OPTIONS = "/etc/default/docker"
# The odd style is on purpose: all bytes except those of the mirrors must stay.
BASE = (
    b'{\r\n\t"labels": ["site=\\u0041msterdam"],\r\n\t"live-restore" : true,\r\n'
    b'\t"registry-mirrors": ["https:\\/\\/old.example"]\r\n}'
)
WRITTEN = BASE.replace(b"https:\\/\\/old.example", b"https://new.example")
DOCKERD = "/usr/sbin/dockerd"
ROLE = "pullthrough.docker.docker_mirror"


class Fault(NamedTuple):
    """A row of the table. ``says`` is text that the message must contain, by engine version if it differs."""

    name: str
    ends: str
    says: Union[str, Dict[str, str]]
    breaks: Callable[[Any], Generator]
    options: Dict[str, Any]
    run: Callable[..., Dict[str, Any]]


FAULTS: List[Fault] = []


def run_module(host, **options):
    return host.execute(**{"mirrors": [NEW], "exclusive": True, "timeout": 4, **options})


def fault(name, ends, says="", run=run_module, **options):
    """Declare a fault. ``options`` are options of the run that differ from the usual ones."""

    def declare(breaks):
        FAULTS.append(Fault(name, ends, says, breaks, options, run))
        return breaks

    return declare


def run_role(host, **variables):
    """Run the role on this host only, with its current mirrors and a setting that needs a restart.

    Returns a result like a module's, with the message of the task that failed last.
    """
    variables = {f"docker_mirror_{name}": value for name, value in {"urls": [OLD], **variables}.items()}
    path = conftest.FOLDER / f"{host.name}.yml"
    plays = [{"hosts": host.name, "gather_facts": False, "vars": variables, "roles": [ROLE]}]
    code, counts, out = playbook(path, plays)
    failed = [line for line in out.splitlines() if '"msg":' in line]
    return {
        "failed": code != 0,
        "changed": bool(counts[host.name]["changed"]),
        "msg": failed[-1].strip() if code else "",
        "output": out,
    }


# -- the file --------------------------------------------------------------------------------------------------------


def file_holds(text):
    def breaks(host):
        host.write_daemon_json(text)
        yield
        host.write_daemon_json(BASE)

    return breaks


for _name, _text, _says in (
    ("invalid JSON in the file", b'{\n  "debug": true,\n}\n', "line 2, column 16"),
    ("a comment in the file", b'{\n  // the cache\n  "debug": true\n}\n', "line 2, column 3"),
    ("duplicate keys in the file", b'{"debug": true,\n "debug": false}\n', "line 2, column 2"),
    ("a key that the engine refuses", b'{\n  "log-levle": "info"\n}\n', "line 2, column 3"),
    ("binary junk in place of the file", b"\x00\xff\xfe{}", "daemon.json"),
):
    fault(_name, "refused", _says)(file_holds(_text))


@fault(
    "a value that the engine refuses, left by someone",
    "refused",
    "max-concurrent-downloads",
)
def bad_value(host):
    """20.10 has no ``dockerd --validate``, so the type is checked by the collection itself."""
    host.write_daemon_json(BASE.replace(b'"labels"', b'"max-concurrent-downloads": "three",\r\n\t"labels"'))
    yield
    host.write_daemon_json(BASE)


@fault("an immutable file", "refused", "chattr -i")
def immutable(host):
    """Not every host has ``chattr``, so this uses the ioctl FS_IOC_SETFLAGS with FS_IMMUTABLE_FL."""
    code = (
        f"import fcntl, os, struct, sys; fcntl.ioctl(os.open('{FILE}', os.O_RDONLY), 0x40086602, "
        "struct.pack('i', int(sys.argv[1])))"
    )
    host.run("python3", "-c", code, "16")
    yield
    host.run("python3", "-c", code, "0")


@fault("a read-only mount", "refused", "mounted read-only")
def read_only(host):
    host.run("mount", "--bind", "/etc/docker", "/etc/docker")
    host.run("mount", "-o", "remount,bind,ro", "/etc/docker")
    yield
    host.run("umount", "/etc/docker")


@fault("a full disk", "refused", "Make room there")
def full(host):
    host.run(
        "sh", "-c", "cp -p /etc/docker/daemon.json /run/kept && mount -t tmpfs -o size=8k,mode=755 lab /etc/docker"
    )
    host.run("sh", "-c", "cp -p /run/kept /etc/docker/daemon.json && head -c 4096 /dev/zero >/etc/docker/filler")
    yield
    host.run("umount", "/etc/docker")


@fault("a file that is mounted by itself", "refused", "unsafe_writes: true")
def mounted(host):
    host.run(
        "sh",
        "-c",
        "cp -p /etc/docker/daemon.json /root/mounted.json && mount --bind /root/mounted.json /etc/docker/daemon.json",
    )
    yield
    host.run("umount", FILE)


@fault("a file that is mounted by itself, with unsafe_writes", "done", unsafe_writes=True)
def mounted_and_written(host):
    yield from mounted(host)
    host.run("cp", "-p", "/root/mounted.json", FILE)


@fault("a directory in place of the file", "refused", "not a regular file")
def directory(host):
    host.run("sh", "-c", "rm /etc/docker/daemon.json && mkdir /etc/docker/daemon.json")
    yield
    host.run("rmdir", FILE)
    host.write_daemon_json(BASE)


@fault("a dangling symlink in place of the file", "refused", "Remove the symlink or create the file it points to")
def dangling(host):
    host.run("ln", "-sf", "/srv/nowhere.json", FILE)
    yield
    host.run("rm", FILE)
    host.write_daemon_json(BASE)


@fault("a symlink that another user could have put there", "refused", "another user can write")
def planted(host):
    host.run(
        "sh", "-c", "mkdir -p /srv/shared && chmod 777 /srv/shared && cp -p /etc/docker/daemon.json /srv/mine.json"
    )
    host.run(
        "sh",
        "-c",
        "ln -sf /srv/mine.json /srv/shared/daemon.json && ln -sf /srv/shared/daemon.json /etc/docker/daemon.json",
    )
    yield
    host.run("rm", "-r", "/srv/shared", FILE)
    host.write_daemon_json(BASE)


@contextlib.contextmanager
def program(host, path, script):
    """Replace a program of the host. The real one stays beside it as NAME.real."""
    host.run("cp", "-p", path, f"{path}.real")
    host.write(f"{path}.other", script.encode())
    host.run("sh", "-c", 'chmod 755 "$0.other" && mv "$0.other" "$0"', path)
    try:
        yield
    finally:
        host.run("mv", f"{path}.real", path)


def change_while_it_is_checked(times):
    # The module asks for the engine's version between reading and writing.
    return f"""#!/bin/sh
if [ "$1" = --version ]; then
  echo . >>/run/asked
  [ "$(wc -l </run/asked)" -gt {times} ] || printf ' ' >>{FILE}
fi
exec {DOCKERD}.real "$@"
"""


@fault("a file that someone changes between reading and writing", "done")
def changes_once(host):
    with program(host, DOCKERD, change_while_it_is_checked(1)):
        yield
    host.run("rm", "/run/asked")
    host.write_daemon_json(host.daemon_json().rstrip(b" "))


@fault("a file that someone changes all the time", "overtaken", "someone else changed it during this run")
def changes_always(host):
    with program(host, DOCKERD, change_while_it_is_checked(99)):
        yield
    host.run("rm", "/run/asked")
    host.write_daemon_json(host.daemon_json().rstrip(b" "))


# -- what others left half-done --------------------------------------------------------------------------------------


@fault("another data-root, left half-done, before a reload", "done")
def half_done(host):
    host.write_daemon_json(BASE.replace(b'"labels"', b'"data-root": "/mnt/new",\r\n\t"labels"'))
    yield
    host.write_daemon_json(host.daemon_json().replace(b'"data-root": "/mnt/new",\r\n\t', b""))


fault(
    "another data-root, left half-done, before a restart",
    "refused",
    "data-root is /mnt/new",
    run=run_role,
    daemon_settings={"log-level": "debug"},
)(half_done)


@fault(
    "a flag, left half-done, before a restart",
    "refused",
    "the command line gains --mtu=1400",
    run=run_role,
    daemon_settings={"log-level": "warn"},
)
def half_done_flag(host):
    saved = host.run("cat", OPTIONS)
    host.write(OPTIONS, b'DOCKER_OPTS="--mtu=1400"\n')
    yield
    host.write(OPTIONS, saved)


# -- the engine ------------------------------------------------------------------------------------------------------


def nothing(host):
    yield


fault("a mirror that the engine refuses", "refused", "ftp", mirrors=["ftp://new.example"])(nothing)
fault(
    "a mirror that the engine refuses, with all our checks taken out",
    "put back",
    "invalid mirror",
    mirrors=["ftp://new.example"],
    folder="/opt/unchecked",
)(nothing)


@fault("a stopped engine", "written")
def stopped(host):
    host.run("systemctl", "stop", "docker.service", "docker.socket")
    yield
    assert not host.run("pgrep", "-x", "dockerd", check=False), "it stays stopped"
    host.run("systemctl", "start", "docker.socket", "docker.service")


@fault("a hung engine", "refused", "unreachable")
def hung(host):
    host.run("kill", "-STOP", str(host.engine_pid()))
    yield
    host.run("kill", "-CONT", str(host.engine_pid()))


@fault("an engine without its socket", "refused", "Run this again in a minute.")
def no_socket(host):
    host.run("mv", "/run/docker.sock", "/run/docker.sock.away")
    yield
    host.run("mv", "/run/docker.sock.away", "/run/docker.sock")


@contextlib.contextmanager
def once_written(host, *command):
    """Run a command on the host as soon as the new mirror is in the file."""
    code = (
        "import subprocess, sys, time\n"
        "end = time.monotonic() + 60\n"
        f"while b'new.example' not in open('{FILE}', 'rb').read():\n"
        "    assert time.monotonic() < end\n"
        "    time.sleep(0.0005)\n"
        "subprocess.run(sys.argv[1:], check=True)\n"
    )
    watch = threading.Thread(target=host.run, args=("python3", "-c", code, *command))
    watch.start()
    try:
        yield
    finally:
        watch.join()


@fault("an engine that is killed in the middle of the run", "either")
def killed(host):
    with once_written(host, "kill", "-KILL", str(host.engine_pid())):
        yield


@fault("an engine that hangs in the middle of the run", "unknown", "Going back did not succeed")
def hangs_in_the_middle(host):
    pid = str(host.engine_pid())
    with once_written(host, "kill", "-STOP", pid):
        yield
    host.run("kill", "-CONT", pid)


@fault("an engine that a package's upgrade restarts in the middle of the run", "either")
def restarted(host):
    with once_written(host, "systemctl", "restart", "docker.service"):
        yield


def installed_version(version):
    # This stand-in prints another version and accepts every file. A program of another release does not run with the
    # libraries of this one.
    return (
        f'#!/bin/sh\ncase $* in --version) echo "Docker version {version}, build 0";; *--validate*) ;; '
        f'*) exec {DOCKERD}.real "$@";; esac\n'
    )


@fault("an installed engine that is newer than the running one", "done")
def newer(host):
    with program(host, DOCKERD, installed_version("29.7.2")):
        yield


@fault(
    "an installed engine that is older, and refuses what the running one takes",
    "refused",
    "24.0.8",
    mirrors=[f"{NEW}/path"],
)
def older(host):
    with program(host, DOCKERD, installed_version("23.0.1")):
        yield


for _name, _script in (
    ("a docker command that is missing", None),
    ("a docker command that hangs", "#!/bin/sh\nexec sleep 60\n"),
    ("a docker command that prints garbage", "#!/bin/sh\nhead -c 4096 /dev/urandom\n"),
    ("a docker command that ends with 0 and says nothing", "#!/bin/sh\n"),
):

    def docker_command(host, script=_script):
        with program(host, "/usr/bin/docker", script or ""):
            if script is None:
                host.run("rm", "/usr/bin/docker")
            yield

    fault(_name, "done")(docker_command)


# -- rights and other runs -------------------------------------------------------------------------------------------


def run_as_guest(host):
    return run_module(host, user="guest")


@fault("a user without rights (become forgotten)", "refused", "add become: true", run=run_as_guest)
def without_rights(host):
    host.run("sh", "-c", "id guest 2>/dev/null || useradd --create-home guest")
    yield


@fault("another run that holds the lock", "refused", "another run has held its lock")
def locked(host):
    lock = (
        "import fcntl, os, sys; "
        "fcntl.flock(os.open('/run/pullthrough-docker.lock', os.O_RDWR | os.O_CREAT, 0o600), 2); "
        "open('/run/locked', 'w'); sys.stdin.read()"
    )
    with conftest.running(host, "python3", "-c", lock):
        wait_until(lambda: host.run("ls", "/run").count(b"locked"))
        yield
    host.run("rm", "/run/locked")


def two_at_once(host, **options):
    """Make two runs at once that add a mirror each, then the usual run, and return its result."""
    results = []
    other = threading.Thread(target=lambda: results.append(host.execute(mirrors=["https://other.example"])))
    other.start()
    mine = host.execute(mirrors=[NEW])
    other.join()
    assert not mine.get("failed") and not results[0].get("failed"), (mine, results)
    shown = host.info()["RegistryConfig"]["Mirrors"]
    assert sorted(shown) == [f"{NEW}/", f"{OLD}/", "https://other.example/"], shown
    assert shown[0] == f"{OLD}/"
    return run_module(host, **options)


fault("two runs at once", "done", run=two_at_once)(nothing)


# -- restarts --------------------------------------------------------------------------------------------------------

METRICS = {"metrics-addr": "127.0.0.1:9323", "experimental": True}
LISTEN = (
    "import socket, sys; s = socket.create_server(('127.0.0.1', 9323)); open('/run/listens', 'w'); sys.stdin.read()"
)


@fault(
    "an engine that will not restart: a port that is taken",
    "put back",
    "address already in use",
    run=run_role,
    daemon_settings=METRICS,
)
def port_taken(host):
    with conftest.running(host, "python3", "-c", LISTEN):
        wait_until(lambda: host.run("ls", "/run").count(b"listens"))
        yield
    host.run("rm", "/run/listens")


fault(
    "an engine that will not restart: another storage driver",
    "put back",
    "error initializing graphdriver",
    run=run_role,
    daemon_settings={"storage-driver": "zfs"},
)(nothing)


@fault(
    "systemd's start limit, reached before the restart",
    "put back",
    "too often",
    run=run_role,
    daemon_settings={"log-level": "warn"},
)
def start_limit(host):
    for _count in range(3):
        host.run("systemctl", "restart", "docker.service")
    wait_until(host.answers)
    yield


# -- mirrors ---------------------------------------------------------------------------------------------------------


def pulls(host, **options):
    """Run the module, and pull an image from Docker Hub although the mirror in force serves nothing."""
    mirrors = [url.format(address=host.address) for url in options.pop("mirrors")]
    result = run_module(host, mirrors=mirrors, **options)
    assert result["in_force"] == [f"{mirror}/" for mirror in mirrors], result
    seconds = host.pull_by_command("alpine")
    result["pulled"] = f"from Docker Hub in {seconds} s"
    return result


SERVER = (ROOT / "tests/lab/mirrors.py").read_bytes()


def served(host):
    """Run mirrors of each bad kind on this host."""
    host.write("/opt/lab/mirrors.py", SERVER)
    with conftest.running(host, "python3", "/opt/lab/mirrors.py"):
        wait_until(lambda: host.run("sh", "-c", "test ! -e /run/mirrors || echo yes"))
        yield
    host.run("rm", "/run/mirrors")


def black_holed(host):
    host.run("iptables", "-I", "INPUT", "-p", "tcp", "--dport", "8666", "-j", "DROP")
    yield
    host.run("iptables", "-D", "INPUT", "-p", "tcp", "--dport", "8666", "-j", "DROP")


fault("a mirror that is dead", "done", run=pulls, mirrors=["http://{address}:8600"])(nothing)
fault("a mirror that is black-holed", "done", run=pulls, mirrors=["http://{address}:8666"])(black_holed)
fault("a mirror that answers 500", "done", run=pulls, mirrors=["http://{address}:8500"])(served)
fault("a mirror that answers 401", "done", run=pulls, mirrors=["http://{address}:8401"])(served)
fault("a mirror that answers with a page of HTML", "done", run=pulls, mirrors=["http://{address}:8200"])(served)
fault("a mirror with a certificate that nobody trusts", "done", run=pulls, mirrors=["https://{address}:8443"])(served)

_JUNK = base64.b64encode(b"no certificate").decode()
fault(
    "a CA file that is malformed",
    "refused",
    "new.example",
    ca_certificates={"new.example": f"-----BEGIN CERTIFICATE-----\n{_JUNK}\n-----END CERTIFICATE-----\n"},
)(nothing)


@fault("a client certificate without its key in certs.d", "refused", "client.cert")
def cert_without_key(host):
    host.write("/etc/docker/certs.d/new.example/client.cert", b"")
    yield
    host.run("rm", "-r", "/etc/docker/certs.d")
