# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The running Docker Engine as the host sees it: process, flags, configuration path, version, C(/info), reload.

Private to the collection C(pullthrough.docker): it may change at any time, without notice.

Two rules govern this file. The process comes before the socket, because systemd starts a stopped engine as soon as anything
connects to C(docker.socket) (seen on 20.10.24 and 26.1.5). And a process counts only when it is ours: same user, same pid
namespace, named by a pid file or by the unit, never found by its name.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shlex
import signal
import socket
import stat
import struct
import subprocess
import time

from types import MappingProxyType
from typing import Any, Dict, List, Mapping, NamedTuple, NoReturn, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils import _json_text, _mirror_url, _options_text
from ansible_collections.pullthrough.docker.plugins.module_utils._version import Version, parse_version

ANSWER_LIMIT = 4 * 1024 * 1024
"""Bytes of one answer of the engine that are read at the most; an C(/info) has a few thousand."""

POLL_SECONDS = 0.05
"""Between two questions while waiting. A reload is in force 8 to 125 ms after the signal (20.10.24, 26.1.5, 28.5.2)."""

VALIDATE_SINCE: Version = (23, 0, 0)
"""C(dockerd --validate) exists since this version (moby cmd/dockerd/daemon.go)."""

_REFUSAL = re.compile(
    r"level=(?:error|fatal)\b.*(?:reconfiguring the daemon|reloading configuration|unable to configure the Docker daemon)"
)
_START_FAILURE = re.compile(r"failed to start daemon|unable to configure the Docker daemon|invalid argument")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/docker/current/bin"


class Unreachable(Exception):
    """The engine gave no answer that can be believed; the text says why."""


class Process(NamedTuple):
    """An engine process of ours. C(started) is the kernel's start time in clock ticks: with the pid it names one process."""

    pid: int
    started: str
    argv: Tuple[str, ...]
    binary: Optional[str]


class Info(NamedTuple):
    """What C(GET /info) says of the engine, as far as this collection needs it."""

    version: str
    mirrors: List[str]
    rootless: bool
    live_restore: bool
    containers_running: int
    swarm_active: bool
    image_store: str
    settings: Mapping[str, Any] = MappingProxyType({})
    """What the engine uses of the settings that C(/info) shows, by their keys in the file."""


class Engine(NamedTuple):
    """One look at the engine.

    C(service) is the unit or init script that was asked for.
    C(state) is C(running), C(starting), C(stopped), C(absent), C(unreachable) or C(ambiguous); C(reason) says why it is not
    C(running); C(argv) are the words of its real command line, or of the unit's when it is stopped.
    """

    service: str
    state: str
    reason: Optional[str]
    process: Optional[Process]
    info: Optional[Info]
    argv: Tuple[str, ...]
    binary: Optional[str]
    config_path: str
    socket_path: str

    @property
    def version(self) -> Optional[Version]:
        """The version of the running engine, or None when none is running or it cannot be read."""
        return parse_version(self.info.version) if self.info else None

    def facts(self) -> Dict[str, Any]:
        """The C(engine) value that the modules return."""
        info = self.info
        return {
            "service": self.service,
            "state": self.state,
            "reason": self.reason,
            "version": info.version if info else None,
            "pid": self.process.pid if self.process else None,
            "rootless": info.rootless if info else (os.geteuid() != 0),
            "live_restore": info.live_restore if info else None,
            "containers_running": info.containers_running if info else None,
            "swarm_active": info.swarm_active if info else None,
            "image_store": info.image_store if info else None,
        }


# -- looking ---------------------------------------------------------------------------------------------------------


def look(service: str, timeout: float) -> Engine:
    """Look at the engine of the user who runs this, without ever starting one.

    :param service: the unit or init script, C(docker) for the usual one.
    :param timeout: seconds for the engine's answer; an engine that is starting is waited for as long.
    """
    name = _unit_name(service)
    processes = _processes_of_pid_files(name)
    unit: Dict[str, str] = {}
    if not processes:
        unit = _unit(name)
        unit_process = _process(unit.get("MainPID", "0"))
        processes = [unit_process] if unit_process else []
    process = processes[0] if len(processes) == 1 else None
    argv = process.argv if process else _unit_argv(unit)
    binary = process.binary if process else _installed_binary()
    config_path = _config_path(process, argv)

    def engine(state: str, reason: Optional[str], info: Optional[Info] = None) -> Engine:
        return Engine(service, state, reason, process, info, argv, binary, config_path, _socket_path(argv, config_path))

    if len(processes) > 1:
        named = " and ".join(f"process {p.pid} ({shlex.join(p.argv)})" for p in processes)
        return engine("ambiguous", f"two engines are running: {_mirror_url.mask(named)}; name one with the option service")
    if process is None:
        if binary is None and not unit.get("FragmentPath"):
            return engine("absent", "no Docker Engine is installed")
        failure = _last_failure(name) if unit.get("ActiveState") in ("failed", "activating") else None
        return engine("stopped", f"the service {service} is not running{f', it said: {failure}' if failure else ''}")
    try:
        return engine("running", None, _wait_for_info(engine("starting", None), timeout))
    except Unreachable as exc:
        # A starting engine behind an activated socket accepts and does not answer, just as a hung one does.
        if not unit:
            unit = _unit(name)
        starting = unit.get("ActiveState") == "activating" or isinstance(exc.__cause__, (ConnectionRefusedError, FileNotFoundError))
        return engine("starting" if starting else "unreachable", str(exc))


class NextStart(NamedTuple):
    """What the init system will start the engine with, which is not what runs where a file was changed since.

    C(argv) are the words of the command line; C(files) may name flags: the unit, its drop-ins, options files; C(fault) says,
    with file and line, why the engine will not start with them.
    """

    argv: Tuple[str, ...]
    files: List[str]
    fault: Optional[str]


_SHELL_OPTIONS = {"/etc/default/docker": "DOCKER_OPTS", "/etc/conf.d/docker": "DOCKER_OPTS"}
"""Options files that the init scripts of Debian (sysvinit, OpenRC) and Alpine (OpenRC) source, and the variable they use."""


def next_start(service: str) -> NextStart:
    """Read the unit and its environment files, or without systemd the options files of the init scripts."""
    if not _has_systemd():
        return _next_start_of_script()
    unit = _unit(_unit_name(service))
    if not unit.get("FragmentPath"):
        return NextStart((), [], None)
    # One line a file: EnvironmentFiles=/etc/default/docker (ignore_errors=yes)
    options_files = [line.rpartition(" (")[0] for line in unit.get("EnvironmentFiles", "").splitlines()]
    variables: Dict[str, _options_text.Value] = {}
    places: Dict[str, str] = {}
    for path in options_files:
        for name, value in _options_text.read_as_systemd(_text_of(path, ANSWER_LIMIT)).items():
            variables[name], places[name] = value, path
    argv = _unit_argv(unit)
    fault = None
    for name, value in variables.items():
        if f"${name}" in argv and re.search(r"(?:^|\s)\$", value.text or ""):
            fault = (
                f"{places[name]}, line {value.line}: {name} refers to a variable, which systemd does not expand; the engine gets it "
                "as a word and does not start. Write the whole value there"
            )
    files = [unit["FragmentPath"], *unit["DropInPaths"].split(), *options_files]
    return NextStart(tuple(_options_text.words_of_systemd(argv, variables)), files, fault)


def _next_start_of_script() -> NextStart:
    argv: List[str] = []
    for path, name in _SHELL_OPTIONS.items():
        value = _options_text.read_as_shell(_text_of(path, ANSWER_LIMIT)).get(name)
        if value:
            argv += _options_text.words_of_shell(value)
    return NextStart(("dockerd", *argv), list(_SHELL_OPTIONS), None)


def _has_systemd() -> bool:
    return os.path.isdir("/run/systemd/system")


def _unit_name(service: str) -> str:
    return service[: -len(".service")] if service.endswith(".service") else service


def _runtime_dir() -> str:
    """The folder of sockets and pid files of the user who runs this."""
    if os.geteuid() == 0:
        return "/var/run"
    return os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"


def _processes_of_pid_files(name: str) -> List[Process]:
    files = [os.path.join(_runtime_dir(), f"{name}.pid")]
    if name == "docker" and os.geteuid() == 0:
        files.append("/run/snap.docker/docker.pid")
    found: Dict[int, Process] = {}
    for path in files:
        process = _process(_text_of(path, 32).strip())
        if process:
            found[process.pid] = process
    return list(found.values())


def _process(pid: str) -> Optional[Process]:
    """The process when it is an engine of ours, else None.

    A rootless engine lives in a user namespace of its own but in our pid namespace, where it has our user's id.
    """
    if not pid.isdigit() or pid == "0":
        return None
    status = dict(line.split(":", 1) for line in _text_of(f"/proc/{pid}/status", 65536).splitlines() if ":" in line)
    if status.get("Name", "").strip() != "dockerd":
        return None
    if set(status.get("Uid", "").split()) != {str(os.geteuid())} or len(status.get("NSpid", "").split()) != 1:
        return None
    # Field 22 of stat; the second, the name in parentheses, may hold blanks.
    stat_fields = _text_of(f"/proc/{pid}/stat", 4096).rpartition(")")[2].split()
    words = _text_of(f"/proc/{pid}/cmdline", 1024 * 1024).split("\0")
    if len(stat_fields) < 20:
        return None
    return Process(int(pid), stat_fields[19], tuple(words[:-1]), _binary_of(pid))


def _binary_of(pid: str) -> Optional[str]:
    """The file that the process runs; after an upgrade, the new file at the same place."""
    try:
        path = os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return _installed_binary()
    deleted = " (deleted)"
    return _trusted(path[: -len(deleted)] if path.endswith(deleted) else path)


def _installed_binary() -> Optional[str]:
    for folder in _PATH.split(":"):
        path = _trusted(os.path.join(folder, "dockerd"))
        if path:
            return path
    return None


def _trusted(path: str) -> Optional[str]:
    """The path, when it is a program that no other user can have replaced, else None."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    ours = found.st_uid in (0, os.geteuid()) and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return path if ours and stat.S_ISREG(found.st_mode) and os.access(path, os.X_OK) else None


def _unit(name: str) -> Dict[str, str]:
    """What systemd says of the unit; empty where systemd does not run or does not answer."""
    if not _has_systemd():
        return {}
    scope = [] if os.geteuid() == 0 else ["--user"]
    properties = "LoadState,ActiveState,MainPID,FragmentPath,DropInPaths,ExecStart,EnvironmentFiles"
    code, out = _run(["systemctl", *scope, "show", "--property", properties, "--", f"{name}.service"], timeout=10)
    if code != 0:
        return {}
    unit: Dict[str, str] = {}
    for key, value in (line.split("=", 1) for line in out.splitlines() if "=" in line):
        unit[key] = f"{unit[key]}\n{value}" if key in unit else value
    return unit


def _unit_argv(unit: Dict[str, str]) -> Tuple[str, ...]:
    """The words of the unit's C(ExecStart), as systemd prints them, with variables unexpanded."""
    match = re.search(r"argv\[\]=(.*?) ; ignore_errors=", unit.get("ExecStart", ""))
    return tuple(match.group(1).split()) if match else ()


def flag_values(argv: Sequence[str], *names: str) -> List[str]:
    """Values of a flag on a command line, in order, written C(--name value), C(--name=value), C(-n value) or C(-nvalue)."""
    values: List[str] = []
    words = iter(argv[1:])
    for word in words:
        for name in names:
            if word == name:
                values.append(next(words, ""))
            elif word.startswith(name + "="):
                values.append(word[len(name) + 1 :])
            elif len(name) == 2 and word.startswith(name):
                values.append(word[2:])
    return values


def _config_path(process: Optional[Process], argv: Sequence[str]) -> str:
    named = flag_values(argv, "--config-file")
    if named and "$" not in named[-1]:
        # A relative path counts from the folder in which the engine was started.
        return os.path.join(os.path.realpath(f"/proc/{process.pid}/cwd") if process else "/", named[-1])
    if os.geteuid() != 0:
        return os.path.join(_user_folder(), "daemon.json")
    snap = "/var/snap/docker/current/config/daemon.json"
    if not process and os.path.exists(snap) and not os.path.exists("/etc/docker/daemon.json"):
        return snap
    return "/etc/docker/daemon.json"


def certs_folder() -> str:
    """Where the engine of the user who runs this looks for certificates and hosts of registries."""
    return "/etc/docker/certs.d" if os.geteuid() == 0 else os.path.join(_user_folder(), "certs.d")


def _user_folder() -> str:
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(home, "docker")


def _socket_path(argv: Sequence[str], config_path: str) -> str:
    """The unix socket on which the engine listens; C(fd://) is the socket that the init system made, at the usual place."""
    hosts = flag_values(argv, "--host", "-H")
    if not hosts:
        try:
            listed = _json_text.parse(_text_of(config_path, ANSWER_LIMIT)).root.value.get("hosts")
        except _json_text.JsonTextError:
            listed = None
        hosts = [host for host in listed if isinstance(host, str)] if isinstance(listed, list) else []
    for host in hosts:
        if host.startswith("unix://"):
            return host[len("unix://") :]
    return os.path.join(_runtime_dir(), "docker.sock")


def _text_of(path: str, limit: int) -> str:
    """The first bytes of a small file as text; empty when it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(limit).decode("utf-8", "replace")
    except OSError:
        return ""


def _run(command: List[str], timeout: float, data: bytes = b"") -> Tuple[int, str]:
    """Run a program without a shell, in the C locale: its exit code and what it printed. A missing or slow one is code -1."""
    environment = {"PATH": _PATH, "LC_ALL": "C"}
    for name in ("HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"):
        if name in os.environ:
            environment[name] = os.environ[name]
    try:
        done = subprocess.run(
            command, input=data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, env=environment, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        return -1, str(exc)
    return done.returncode, done.stdout.decode("utf-8", "replace")


# -- asking ----------------------------------------------------------------------------------------------------------


class _Connection(http.client.HTTPConnection):
    """HTTP over the engine's unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask_info(engine: Engine, deadline: float) -> Info:
    """Ask C(GET /info), once, of the engine's own process, until C(deadline) (of time.monotonic).

    :raises Unreachable: with the reason, when the process is gone or no answer came that can be believed.
    """
    process = engine.process
    if process is None or _process(str(process.pid)) != process:
        raise Unreachable("its process has ended")
    path = engine.socket_path
    connection = _Connection(path, max(deadline - time.monotonic(), 0.001))
    try:
        connection.request("GET", "/info")
        sock = connection.sock  # getresponse() takes it from the connection where the answer ends with it
        peer = _maker_of(sock)
        if peer not in (process.pid, 0, 1) and _text_of(f"/proc/{peer}/comm", 64).strip() != "systemd":
            raise Unreachable(f"the socket {path} belongs to process {peer}, not to the engine's process {process.pid}")
        body = _body(connection.getresponse(), sock, path, deadline)
    except PermissionError as exc:
        raise Unreachable(f"no right to connect to {path}; run the task as the engine's own user (become: true)") from exc
    except (OSError, http.client.HTTPException) as exc:
        raise Unreachable(f"no answer on {path}: {exc or type(exc).__name__}") from exc
    finally:
        connection.close()
    return _parse_info(body, path)


def _maker_of(sock: socket.socket) -> int:
    """The pid of the process that made the socket: the engine, or the init system that hands it over."""
    return int(struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0])


def _body(response: http.client.HTTPResponse, sock: socket.socket, path: str, deadline: float) -> bytes:
    """The answer, within size and time, however slowly it trickles in."""
    parts: List[bytes] = []
    size = 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or size > ANSWER_LIMIT:
            raise Unreachable(f"the answer on {path} is {'too slow' if left <= 0 else 'too large'}")
        if not response.isclosed():
            sock.settimeout(left)
        part = response.read1(65536)
        if not part:
            break
        parts.append(part)
        size += len(part)
    if response.status != 200:
        raise Unreachable(f"the answer on {path} is HTTP {response.status}: {_mirror_url.mask(repr(b''.join(parts)[:200]))}")
    return b"".join(parts)


_SHOWN = {
    "data-root": "DockerRootDir",
    "storage-driver": "Driver",
    "log-driver": "LoggingDriver",
    "live-restore": "LiveRestoreEnabled",
    "debug": "Debug",
    "labels": "Labels",
}
"""Settings that C(/info) shows as the file has them."""


def _parse_info(body: bytes, path: str) -> Info:
    def wrong(what: str) -> NoReturn:
        raise Unreachable(f"the answer on {path} is not a Docker Engine's: {what}")

    try:
        answer = json.loads(body)
    except ValueError as exc:
        wrong(str(exc))
    if not isinstance(answer, dict) or not isinstance(answer.get("ServerVersion"), str) or not answer["ServerVersion"]:
        wrong("it has no ServerVersion")
    registries = answer.get("RegistryConfig")
    # An empty list is null on 23.0 to 28.x (moby registry/config.go copy()).
    mirrors = (registries.get("Mirrors") if isinstance(registries, dict) else registries) or []
    if not isinstance(mirrors, list) or not all(isinstance(mirror, str) for mirror in mirrors):
        wrong("its mirrors are not a list of strings")
    swarm = answer.get("Swarm")
    running = answer.get("ContainersRunning")
    return Info(
        version=answer["ServerVersion"],
        mirrors=mirrors,
        rootless="name=rootless" in (answer.get("SecurityOptions") or []),
        live_restore=answer.get("LiveRestoreEnabled") is True,
        containers_running=running if isinstance(running, int) else 0,
        swarm_active=isinstance(swarm, dict) and swarm.get("LocalNodeState") == "active",
        image_store=(
            "containerd"
            if ["driver-type", "io.containerd.snapshotter.v1"] in (answer.get("DriverStatus") or [])
            else "graphdriver"
        ),
        settings={key: answer[name] for key, name in _SHOWN.items() if name in answer},
    )


def _wait_for_info(engine: Engine, timeout: float) -> Info:
    """Ask until the engine answers: one that is starting has no socket yet, or one that refuses."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return ask_info(engine, deadline)
        except Unreachable as exc:
            if not isinstance(exc.__cause__, (ConnectionRefusedError, FileNotFoundError)) or time.monotonic() >= deadline:
                raise
        time.sleep(POLL_SECONDS)


# -- reloading -------------------------------------------------------------------------------------------------------


def _last_failure(name: str) -> Optional[str]:
    """The line in which an engine that would not start said why, masked; None where the journal has none."""
    command = ["journalctl", "--no-pager", "-q", "-o", "cat", "-n", "100", f"_SYSTEMD_UNIT={name}.service"]
    code, out = _run(command, timeout=5)
    lines = [line for line in out.splitlines() if _START_FAILURE.search(line)] if code == 0 else []
    return _mirror_url.mask(lines[-1].strip()) if lines else None


class Log:
    """The engine's own log from now on: where its standard error goes, a file or the journal."""

    def __init__(self, process: Process) -> None:
        self._pid = process.pid
        self._since = time.time()
        self._file: Optional[str] = None
        self._offset = 0
        try:
            target = os.stat(f"/proc/{process.pid}/fd/2")
            if stat.S_ISREG(target.st_mode):
                self._file = f"/proc/{process.pid}/fd/2"
                self._offset = target.st_size
        except OSError:
            pass  # A log that cannot be found is no reason to leave a host as it is: the proof is /info.

    def refusal(self) -> Optional[str]:
        """The engine's line that says why it refused a reload, masked, or None when there is none (yet)."""
        for line in self._lines():
            if _REFUSAL.search(line):
                return _mirror_url.mask(line.strip())
        return None

    def _lines(self) -> List[str]:
        if self._file is None:
            command = ["journalctl", "--no-pager", "-q", "-o", "cat", "-n", "200", f"_PID={self._pid}"]
            code, out = _run([*command, f"--since=@{self._since:.6f}"], timeout=5)
            return out.splitlines() if code == 0 else []
        try:
            with open(self._file, "rb") as file:
                file.seek(self._offset)
                return file.read(1024 * 1024).decode("utf-8", "replace").splitlines()
        except OSError:
            return []


def reload(engine: Engine, mirrors: List[str], timeout: float) -> Optional[str]:
    """Make the engine read its configuration again, and wait until exactly C(mirrors) are in force.

    SIGHUP to the engine's own pid is what the unit's C(ExecReload) does, and works under every init system. The engine reports
    success even when it refuses the file, so the proof is its own list; the first answers after the signal may still show the
    old one (20 of 20 on 26.1.5 and 28.5.2).

    :returns: None when they are in force, else why not: the engine's own error line where it can be found.
    """
    process = engine.process
    if process is None or _process(str(process.pid)) != process:
        return "its process has ended"
    log = Log(process)
    os.kill(process.pid, signal.SIGHUP)
    deadline = time.monotonic() + timeout
    next_log = time.monotonic() + 4 * POLL_SECONDS
    problem = "it did not answer"
    while True:
        try:
            shown = ask_info(engine, deadline).mirrors
            if shown == mirrors:
                return None
            problem = "its mirrors are still " + (" ".join(shown) or "none")
        except Unreachable as exc:
            problem = str(exc)
        if time.monotonic() >= next_log:
            refusal = log.refusal()
            if refusal:
                return refusal
            next_log = time.monotonic() + 4 * POLL_SECONDS
        if time.monotonic() >= deadline or _process(str(process.pid)) != process:
            return log.refusal() or f"{problem}, {timeout:g} s after the reload"
        time.sleep(POLL_SECONDS)


# -- checking --------------------------------------------------------------------------------------------------------


def binary_version(binary: Optional[str], timeout: float) -> Optional[Version]:
    """The version of the installed C(dockerd): after an upgrade it is not the running one's."""
    if binary is None:
        return None
    code, out = _run([binary, "--version"], timeout)
    return parse_version(out) if code == 0 else None


def validate(engine: Engine, text: bytes, timeout: float) -> Optional[str]:
    """Let the installed C(dockerd) check a configuration text with the flags of the real engine.

    The text goes through a pipe: no copy of it ever lies on the disk.

    :returns: what C(dockerd) has against it, masked; None when it has nothing, or knows no C(--validate) (before 23.0).
    """
    version = binary_version(engine.binary, timeout)
    if engine.binary is None or version is None or version < VALIDATE_SINCE:
        return None
    flags: List[str] = []
    words = iter(engine.argv[1:] if engine.process else ())
    for word in words:
        if word == "--config-file":
            next(words, None)
        elif not word.startswith("--config-file="):
            flags.append(word)
    code, out = _run([engine.binary, *flags, "--config-file=/dev/stdin", "--validate"], timeout, text)
    if code == 0:
        return None
    return _mirror_url.mask(out.strip().replace("/dev/stdin", engine.config_path)) or f"dockerd --validate ended with {code}"
