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
import time

from types import MappingProxyType
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, NoReturn, Optional, Sequence, Tuple
from urllib.parse import quote, urlencode

from ansible_collections.pullthrough.docker.plugins.module_utils import _host, _json_text, _mirror_url, _service
from ansible_collections.pullthrough.docker.plugins.module_utils._version import Version, parse_version

ANSWER_LIMIT = 4 * 1024 * 1024
"""Bytes of one answer of the engine that are read at the most; an C(/info) has a few thousand."""

PULL_LIMIT = 64 * 1024 * 1024
"""Bytes of what an engine tells during one pull at the most: a line for each step of each layer."""

POLL_SECONDS = 0.05
"""Between two questions while waiting. A reload is in force 8 to 125 ms after the signal (20.10.24, 26.1.5, 28.5.2)."""

LOG_POLL_SECONDS = 4 * POLL_SECONDS
"""Between two looks into the log while waiting: where that is the journal, each is a program to start."""

LOG_SECONDS = 5
"""For reading a log at the most."""

VALIDATE_SINCE: Version = (23, 0, 0)
"""C(dockerd --validate) exists since this version (moby cmd/dockerd/daemon.go)."""

LINE_LIMIT = 65536
"""Characters of a line of a log that are read."""

_REFUSAL = re.compile(
    r'(?:time="[^"]*" )?level=(?:error|fatal) '
    r'msg="(?:[Ee]rror reconfiguring the daemon|[Ee]rror reloading configuration|unable to configure the Docker daemon)'
)
"""The engine's own line, from its beginning: what a mirror said of itself is quoted in lines too."""

_OWN_WORDS = "_TRANSPORT=stdout"
"""Of the journal, what the engine itself printed: with the log driver journald it sends there, in its name, what containers print."""

_ROOT_SOCKET = "/var/run/docker.sock"
"""Where root's engine listens, or systemd in its place."""

_START_FAILURE = re.compile(r"^\s*failed to |unable to configure the Docker daemon|invalid argument")

_MASKED_USER = "xxxxx:xxxxx@"

_CREDENTIALS = struct.Struct("3i")
"""Pid, user and group of the other side of a socket (SO_PEERCRED of socket(7))."""


class Unreachable(Exception):
    """The engine gave no answer that can be believed; the text says why."""

    def __init__(self, text: str) -> None:
        super().__init__(_mirror_url.mask(text))


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
    proxies: Mapping[str, str] = MappingProxyType({})
    """The engine's C(http) and C(https) proxy and its C(no) list, where it has them, users masked."""


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
    is_roots: bool = False
    """Whether the user who runs this has no engine, and root has one. The state is then ``absent``."""

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
            "reason": None if self.reason is None else _mirror_url.mask(self.reason),
            "version": _mirror_url.mask(info.version, 100) if info else None,
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
    name = _service.name_of(service)
    processes = _processes_of_pid_files(name)
    unit = {} if processes else _service.unit(name)
    process = processes[0] if len(processes) == 1 else _process(unit.get("MainPID", ""))
    argv = process.argv if process else _service.unit_argv(unit)
    binary = process.binary if process else _installed_binary()
    config_path = _config_path(process, argv)

    def engine(state: str, reason: Optional[str]) -> Engine:
        return Engine(service, state, reason, process, None, argv, binary, config_path, _socket_path(argv, config_path))

    if len(processes) > 1:
        named = " and ".join(f"process {p.pid} ({shlex.join(p.argv)})" for p in processes)
        return engine("ambiguous", f"two engines are running: {_mirror_url.mask(named)}; name one with the option service")
    if process is None:
        if _is_roots(name, unit):
            whose = f"user {os.geteuid()} has no Docker Engine of their own, and this host's engine is root's: add become: true"
            return engine("absent", whose)._replace(is_roots=True)
        if binary is None and not unit.get("FragmentPath"):
            return engine("absent", "no Docker Engine is installed")
        failed = unit.get("ActiveState") in ("failed", "activating") if _service.has_systemd() else True
        return engine("stopped", f"the service {service} is not running{_last_words(name) if failed else ''}")
    running = engine("running", None)
    try:
        return running._replace(info=_wait_for_info(running, timeout))
    except Unreachable as exc:
        if _process(str(process.pid)) != process:
            return engine("unreachable", f"its process ended while it was asked{_last_words(name)}")
        # A starting engine behind an activated socket accepts and does not answer, just as a hung one does.
        if not unit:
            unit = _service.unit(name)
        starting = unit.get("ActiveState") == "activating" or isinstance(exc.__cause__, (ConnectionRefusedError, FileNotFoundError))
        return engine("starting" if starting else "unreachable", str(exc))


def refuse_roots(engine: Engine) -> None:
    """Refuse a task about a user's own engine where only root has one.

    :raises Unreachable: with the message for the user.
    """
    if engine.is_roots:
        raise Unreachable(
            f"The task does not run as root: {engine.reason}. Nothing was changed. "
            "If this user needs a rootless engine, install it first (dockerd-rootless-setuptool.sh install)."
        )


def _is_roots(name: str, unit: Mapping[str, str]) -> bool:
    """Whether the user who runs this has no engine, not even a stopped one, and root's engine is installed or runs."""
    if os.geteuid() == 0:
        return False
    own = [os.path.join(folder, f"{name}.service") for folder in _service.unit_folders()]
    if not _service.has_systemd():  # No unit tells of a stopped engine there, but its data does.
        own.append(os.path.join(os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share"), "docker"))
    if unit.get("FragmentPath") or any(map(os.path.exists, own)):
        return False
    return _installed_binary() is not None or os.path.exists(_ROOT_SOCKET)


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
        process = _process(_host.text_of(path).strip())
        if process:
            found[process.pid] = process
    return list(found.values())


def _process(pid: str) -> Optional[Process]:
    """The process when it is an engine of ours, else None.

    A rootless engine lives in a user namespace of its own but in our pid namespace, where it has our user's id.
    """
    if not pid.isdigit():
        return None
    status = dict(re.findall(r"^(\w+):\t(.*)$", _host.text_of(f"/proc/{pid}/status"), re.MULTILINE))
    # NSpid has one more pid for every pid namespace below ours.
    if status.get("Name") != "dockerd" or status.get("NSpid") != pid or set(status["Uid"].split()) != {str(os.geteuid())}:
        return None
    stat_fields = _host.text_of(f"/proc/{pid}/stat").split()
    words = _host.text_of(f"/proc/{pid}/cmdline").split("\0")
    if not stat_fields:
        return None
    return Process(int(pid), stat_fields[21], tuple(words[:-1]), _binary_of(pid))


def _binary_of(pid: str) -> Optional[str]:
    """The file that the process runs; after an upgrade, the new file at the same place."""
    try:
        path = os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return _installed_binary()
    deleted = " (deleted)"
    return _host.trusted(path[: -len(deleted)] if path.endswith(deleted) else path)


def _installed_binary() -> Optional[str]:
    for folder in _host.PATH.split(":"):
        path = _host.trusted(os.path.join(folder, "dockerd"))
        if path:
            return path
    return None


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


def has_flag(argv: Sequence[str], name: str) -> bool:
    """Whether a flag stands on a command line, with a value or without."""
    return any(word == name or word.startswith(f"{name}=") or (len(name) == 2 and word.startswith(name)) for word in argv[1:])


def without_flag(argv: Sequence[str], name: str) -> List[str]:
    """The words of a command line without a flag and its values."""
    left: List[str] = []
    words = iter(argv)
    for word in words:
        if word == name:
            next(words, None)
        elif not word.startswith(f"{name}="):
            left.append(word)
    return left


def flags_besides(argv: Sequence[str], names: Sequence[str]) -> List[str]:
    """The flags of a command line but for those of these names, each with the words that follow it."""
    flags: List[List[str]] = []
    for word in argv[1:]:
        if word.startswith("-") or not flags:
            flags.append([])
        flags[-1].append(word)
    return [" ".join(flag) for flag in flags if not any(has_flag(("", flag[0]), name) for name in names)]


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


def proxies(engine: Engine) -> Dict[str, str]:
    """The proxies that the running engine uses, as C(/info) shows them: C(http), C(https) and the C(no) list, where it has them. It masks users and
    passwords (moby daemon/info.go), which come from the engine's environment where they stand there."""
    if engine.info is None or engine.process is None:
        return {}
    found = dict(engine.info.proxies)
    lines = _host.text_of(f"/proc/{engine.process.pid}/environ").split("\0")
    values = [line.partition("=")[2] for line in lines if line.partition("=")[0].lower() in ("http_proxy", "https_proxy")]
    for name in ("http", "https"):
        without = found.get(name, "").replace(_MASKED_USER, "")
        if without != found.get(name, ""):
            found[name] = next((value for value in values if re.sub(r"//[^/]*@", "//", value) == without), without)
    return found


def certs_folder() -> str:
    """Where the engine of the user who runs this looks for certificates and hosts of registries."""
    return "/etc/docker/certs.d" if os.geteuid() == 0 else os.path.join(_user_folder(), "certs.d")


def _user_folder() -> str:
    return os.path.join(_service.user_config(), "docker")


def _socket_path(argv: Sequence[str], config_path: str) -> str:
    """The unix socket on which the engine listens; C(fd://) is the socket that the init system made, at the usual place."""
    hosts = flag_values(argv, "--host", "-H")
    if not hosts:
        try:
            listed = _json_text.parse(_host.text_of(config_path)).root.value.get("hosts")
        except _json_text.JsonTextError:
            listed = None
        hosts = [host for host in listed if isinstance(host, str)] if isinstance(listed, list) else []
    for host in hosts:
        if host.startswith("unix://"):
            return host[len("unix://") :]
    return os.path.join(_runtime_dir(), "docker.sock")


# -- asking ----------------------------------------------------------------------------------------------------------


class _Socket(socket.socket):
    """A unix socket that answers until a deadline (of time.monotonic), however slowly the answer trickles in."""

    deadline = 0.0

    def recv_into(self, *args: Any) -> int:
        self.settimeout(max(self.deadline - time.monotonic(), 0.001))
        return super().recv_into(*args)


class _Connection(http.client.HTTPConnection):
    """HTTP over the engine's unix socket."""

    def __init__(self, path: str, deadline: float) -> None:
        super().__init__("localhost")
        self._path = path
        self._deadline = deadline

    def connect(self) -> None:
        sock = _Socket(socket.AF_UNIX)
        self.sock, sock.deadline = sock, self._deadline
        sock.settimeout(max(self._deadline - time.monotonic(), 0.001))
        sock.connect(self._path)


def ask_info(engine: Engine, deadline: float) -> Info:
    """Ask C(GET /info), once, of the engine's own process, until C(deadline) (of time.monotonic).

    :raises Unreachable: with the reason, when the process is gone or no answer came that can be believed.
    """
    return _parse_info(_ask(engine, "/info", deadline), engine.socket_path)


def has_ended(engine: Engine) -> bool:
    """Whether the process of this look is no longer there; another that got its pid has another start time."""
    return engine.process is None or _process(str(engine.process.pid)) != engine.process


def has_reloaded(engine: Engine, since: float, deadline: float) -> bool:
    """Whether the engine says that it reloaded since a time (of time.time): it does so for every reload that it takes, and for
    none that it refuses (seen on 20.10.24, 26.1.5, 28.5.2).

    :raises Unreachable: as L(ask_info).
    """
    return bool(_events(engine, "daemon", "reload", since, deadline))


def _events(engine: Engine, kind: str, event: str, since: float, deadline: float) -> List[bytes]:
    """What happened at the engine since a time (of time.time), a line of JSON each."""
    filters = quote(json.dumps({"type": [kind], "event": [event]}))
    until = time.time() + 1e-3
    return _ask(engine, f"/events?since={since:.9f}&until={until:.9f}&filters={filters}", deadline).strip().splitlines()


def _ask(engine: Engine, target: str, deadline: float) -> bytes:
    return b"".join(_parts(engine, "GET", target, deadline, ANSWER_LIMIT))


def pull(engine: Engine, name: str, reference: str, deadline: float) -> Tuple[bool, Optional[str]]:
    """Let the engine pull an image, as C(docker pull) does.

    :param name: with its registry, where that is not Docker Hub.
    :param reference: a tag or a digest.
    :returns: whether it got anything new, and why it could not pull it, masked, or None.
    :raises Unreachable: as L(ask_info).
    """
    target = f"/images/create?{urlencode({'fromImage': name, 'tag': reference})}"
    rest, new, problem = b"", False, None
    try:
        for part in _parts(engine, "POST", target, deadline, PULL_LIMIT):
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                said = json_object(line)
                new = new or str(said.get("status")).startswith("Status: Downloaded newer image")
                problem = str(said["error"]) if "error" in said else problem
    except _Answered as exc:  # With HTTP/1.1 an engine says at once what it knows at once.
        problem = str(json_object(exc.body).get("message") or exc)
    return new, None if problem is None else _mirror_url.mask(problem, 500)


def pulls(engine: Engine, since: float, deadline: float) -> int:
    """How many images the engine says were pulled since a time (of time.time).

    :raises Unreachable: as L(ask_info).
    """
    return len(_events(engine, "image", "pull", since, deadline))


def json_object(text: bytes) -> Dict[str, Any]:
    """The object of an answer or of its line, empty where there is none."""
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return held if isinstance(held, dict) else {}


class _Answered(Unreachable):
    """An answer that is an error."""

    def __init__(self, path: str, status: int, body: bytes) -> None:
        super().__init__(f"the answer on {path} is HTTP {status}: {_mirror_url.mask(repr(body[:8192]), 200)}")
        self.body = body


def _parts(engine: Engine, method: str, target: str, deadline: float, limit: int) -> Iterator[bytes]:
    """The answer of the engine's own process, as it comes."""
    process = engine.process
    if process is None or has_ended(engine):
        raise Unreachable("its process has ended")
    path = engine.socket_path
    connection = _Connection(path, deadline)
    try:
        connection.request(method, target)
        peer, user = _maker_of(connection.sock), _user_of(connection.sock)
        ours = user in (0, os.geteuid())
        if not ours or (peer not in (process.pid, 0, 1) and _host.text_of(f"/proc/{peer}/comm").strip() != "systemd"):
            raise Unreachable(f"the socket {path} belongs to process {peer} of user {user}, not to the engine's process {process.pid}")
        yield from _body(connection.getresponse(), path, deadline, limit)
    except PermissionError as exc:
        raise Unreachable(f"no right to connect to {path}; run the task as the engine's own user (become: true)") from exc
    except (OSError, http.client.HTTPException) as exc:
        raise Unreachable(f"no answer on {path}: {_mirror_url.mask(str(exc), 200)}") from exc
    finally:
        connection.close()


def _maker_of(sock: socket.socket) -> int:
    """The pid of the process that made the socket: the engine, or the init system that hands it over."""
    return _credentials(sock)[0]


def _user_of(sock: socket.socket) -> int:
    """The user of that process, whose name anyone could give their own."""
    return _credentials(sock)[1]


def _credentials(sock: socket.socket) -> Tuple[int, ...]:
    return _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))


def _body(response: http.client.HTTPResponse, path: str, deadline: float, limit: int) -> Iterator[bytes]:
    """The answer, within size and time."""
    refused: List[bytes] = []
    size = 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise Unreachable(f"the answer on {path} is too slow")
        if size > limit:
            raise Unreachable(f"the answer on {path} is too large")
        part = response.read1(65536)
        if not part:
            break
        size += len(part)
        if response.status == 200:
            yield part
        else:
            refused.append(part)
    if response.status != 200:
        raise _Answered(path, response.status, b"".join(refused))


_SHOWN = {
    "data-root": "DockerRootDir",
    "storage-driver": "Driver",
    "log-driver": "LoggingDriver",
    "live-restore": "LiveRestoreEnabled",
    "debug": "Debug",
    "labels": "Labels",
    "default-runtime": "DefaultRuntime",
}
"""Settings that C(/info) shows as the file has them."""

_PROXIES = {"http": "HttpProxy", "https": "HttpsProxy", "no": "NoProxy"}


def _parse_info(body: bytes, path: str) -> Info:
    def wrong(what: str) -> NoReturn:
        raise Unreachable(f"the answer on {path} is not a Docker Engine's: {what}")

    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as exc:
        wrong(str(exc))
    if not isinstance(answer, dict) or not isinstance(answer.get("ServerVersion"), str) or not answer["ServerVersion"]:
        wrong("it has no ServerVersion")
    registries = answer.get("RegistryConfig") or {}
    if not isinstance(registries, dict):
        wrong("its RegistryConfig is not an object")
    # An empty list is null on 23.0 to 28.x (moby registry/config.go copy()).
    mirrors = registries.get("Mirrors") or []
    if not isinstance(mirrors, list) or not all(isinstance(mirror, str) for mirror in mirrors):
        wrong("its mirrors are not a list of strings")
    swarm = answer.get("Swarm")
    running = answer.get("ContainersRunning")
    return Info(
        version=answer["ServerVersion"],
        mirrors=mirrors,
        rootless="name=rootless" in _list(answer.get("SecurityOptions")),
        live_restore=answer.get("LiveRestoreEnabled") is True,
        containers_running=running if isinstance(running, int) else 0,
        swarm_active=isinstance(swarm, dict) and swarm.get("LocalNodeState") == "active",
        image_store=(
            "containerd"
            if ["driver-type", "io.containerd.snapshotter.v1"] in _list(answer.get("DriverStatus"))
            else "graphdriver"
        ),
        settings={
            **{key: answer[name] for key, name in _SHOWN.items() if name in answer},
            "registry-mirrors": mirrors,
            "insecure-registries": _insecure(registries),
        },
        proxies={name: answer[key] for name, key in _PROXIES.items() if isinstance(answer.get(key), str) and answer[key]},
    )


def _insecure(registries: Dict[str, Any]) -> List[str]:
    """The insecure registries that were configured: the loopback networks are always there (moby registry/config.go)."""
    networks, hosts = _list(registries.get("InsecureRegistryCIDRs")), registries.get("IndexConfigs")
    found = [str(network) for network in networks if network not in ("127.0.0.0/8", "::1/128")]
    return found + [str(host) for host, index in (hosts.items() if isinstance(hosts, dict) else ()) if isinstance(index, dict) and index.get("Secure") is False]


def _list(value: Any) -> List[Any]:
    """What is to be a list; null is an empty one."""
    return value if isinstance(value, list) else []


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


def _last_words(name: str) -> str:
    """The line in which an engine that would not start said why, masked, as the end of a sentence; nothing where its log has none."""
    if _service.has_systemd():
        unit = "_SYSTEMD_UNIT" if os.geteuid() == 0 else "_SYSTEMD_USER_UNIT"
        command = ["journalctl", "--no-pager", "-q", "-o", "cat", "-n", "100", _OWN_WORDS, f"{unit}={name}.service"]
    else:
        # Where Debian's init script, for sysvinit and OpenRC, sends what the engine says. Of a good end, its last lines tell nothing.
        command = ["tail", "-n", "3", f"/var/log/{name}.log"]
    _code, out = _host.run(command, LOG_SECONDS)
    lines = [line for line in _lines(out) if _START_FAILURE.search(line)]
    return f", it said: {_mirror_url.mask(lines[-1].strip())}" if lines else ""


class Log:
    """The engine's own log from now on: where its standard error goes, a file or the journal."""

    def __init__(self, process: Process, most: int = 200) -> None:
        """:param most: lines of the journal that are read."""
        self._pid = process.pid
        self._most = most
        self._since = time.time()
        self._file = f"/proc/{process.pid}/fd/2"
        self._start: Optional[int] = None
        try:
            target = os.stat(self._file)
            if stat.S_ISREG(target.st_mode):
                self._start = target.st_size
        except OSError:
            pass  # A log that cannot be found is no reason to leave a host as it is: the proof is /info.

    def refusal(self) -> Optional[str]:
        """The engine's line that says why it refused a reload, masked, or None when there is none (yet)."""
        for line in self.lines():
            if _REFUSAL.match(line.strip()):
                return _mirror_url.mask(line.strip())
        return None

    def lines(self) -> List[str]:
        """What it says since then, as far as it can be read."""
        if self._start is not None:
            return _lines(_host.text_of(self._file, start=self._start))
        command = ["journalctl", "--no-pager", "-q", "-o", "cat", "-n", str(self._most), _OWN_WORDS, f"_PID={self._pid}", f"--since=@{self._since:.6f}"]
        code, out = _host.run(command, LOG_SECONDS)
        return _lines(out) if code == 0 else []


def _lines(text: str) -> List[str]:
    return [line[:LINE_LIMIT] for line in text.splitlines()]


def reload(engine: Engine, in_force: Callable[[Info], bool], timeout: float, *, event: bool = False) -> Optional[str]:
    """Make the engine read its configuration again, and wait until the change is in force.

    SIGHUP to the engine's own pid is what the unit's C(ExecReload) does, and works under every init system. The engine reports
    success even when it refuses the file, so the proof is what it shows; the first answers after the signal may still show the
    old state (20 of 20 on 26.1.5 and 28.5.2).

    :param in_force: whether an answer shows the change.
    :param event: whether the engine must also say that it reloaded, for settings that C(/info) does not show.
    :returns: None when it is in force, else why not: the engine's own error line where it can be found.
    """
    process = engine.process
    if process is None or has_ended(engine):
        return "its process has ended"
    log, since = Log(process), time.time()
    os.kill(process.pid, signal.SIGHUP)
    deadline = time.monotonic() + timeout
    next_log = time.monotonic() + LOG_POLL_SECONDS
    while True:
        try:
            info = ask_info(engine, deadline)
            if in_force(info) and (not event or has_reloaded(engine, since, deadline)):
                return None
            problem = f"its mirrors are {' '.join(info.mirrors) or 'none'}"
        except Unreachable as exc:
            problem = str(exc)
        if time.monotonic() >= next_log:
            refusal = log.refusal()
            if refusal:
                return refusal
            next_log = time.monotonic() + LOG_POLL_SECONDS
        # The next answer would have no time left; that is no news of the engine.
        if time.monotonic() + POLL_SECONDS >= deadline or has_ended(engine):
            if has_ended(engine):
                return log.refusal() or "its process has ended"
            return log.refusal() or f"it shows the old state, {timeout:g} s after the reload ({problem})"
        time.sleep(POLL_SECONDS)


# -- checking --------------------------------------------------------------------------------------------------------


def binary_version(binary: Optional[str], timeout: float) -> Optional[Version]:
    """The version of the installed C(dockerd): after an upgrade it is not the running one's."""
    if binary is None:
        return None
    code, out = _host.run([binary, "--version"], timeout)
    return parse_version(out) if code == 0 else None


def validate(engine: Engine, argv: Sequence[str], text: bytes, timeout: float) -> Optional[str]:
    """Let the installed C(dockerd) check a configuration text with the flags of the real engine.

    The text goes through a pipe: no copy of it ever lies on the disk.

    :param argv: the command line that will read the text: without its flags, a conflict goes unseen.
    :returns: what C(dockerd) has against it, masked; None when it has nothing, or knows no C(--validate) (before 23.0).
    """
    version = binary_version(engine.binary, timeout)
    if engine.binary is None or version is None or version < VALIDATE_SINCE:
        return None
    flags = [word for word in without_flag(argv[1:], "--config-file") if not word.startswith("$")]
    code, out = _host.run([engine.binary, *flags, "--config-file=/dev/stdin", "--validate"], timeout, text)
    if code == 0:
        return None
    return _mirror_url.mask("; ".join(out.strip().replace("/dev/stdin", engine.config_path).splitlines())) or f"dockerd --validate ended with {code}"
