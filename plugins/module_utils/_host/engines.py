# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The Docker Engine: its process, command line, configuration path, version and state; reload and validate.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.

The process is looked for before the socket is used, because systemd starts a stopped engine as soon as anything
connects to ``docker.socket`` (seen on 20.10.24 and 26.1.5).
"""

from __future__ import annotations

import os
import signal
import time

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._host import (
    engine_api,
    files,
    processes,
    programs,
    scope,
    services,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import versions
from ansible_collections.pullthrough.docker.plugins.module_utils._text import command_line, json_reader, masking

if TYPE_CHECKING:
    from ansible_collections.pullthrough.docker.plugins.module_utils._host.engine_log import Log

POLL_SECONDS = 0.05
"""The pause between two questions. A reload is in force 8 to 125 ms after the signal (20.10.24, 26.1.5, 28.5.2)."""

LOG_POLL_SECONDS = 4 * POLL_SECONDS
"""The pause between two looks at the log. If that is the journal, each look starts a program."""

_ROOT_SOCKET = "/var/run/docker.sock"
"""The socket of root's engine; systemd can listen there for it."""

_USUAL_NAME = "docker"

_ROOT_CONFIG = "/etc/docker/daemon.json"

_SNAP_CONFIG = "/var/snap/docker/current/config/daemon.json"

_ENDED = "its process has ended"

_SNAP_AND_PACKAGE = (
    "the engine of the snap runs, {}, and docker.service is the unit of another one, which has failed. For the snap's "
    "engine, set the option service to snap.docker.dockerd; for the other one, stop the snap and start docker.service"
)


class Engine(NamedTuple):
    """One look at the engine.

    ``service`` is the unit or init script that was asked for.
    ``state`` is ``running``, ``starting``, ``stopped``, ``absent``, ``unreachable`` or ``ambiguous``.
    ``reason`` says why it is not ``running``.
    ``argv`` is the real command line, or the unit's when the engine is stopped.
    """

    service: str
    state: str
    reason: Optional[str]
    process: Optional[processes.Process]
    info: Optional[engine_api.Info]
    argv: Tuple[str, ...]
    binary: Optional[str]
    config_path: str
    socket_path: Optional[str]
    """None where the engine listens only on other sockets than unix sockets."""
    is_roots: bool = False
    """Whether this user has no engine, and root has one. The state is then ``absent``."""
    is_others: bool = False
    """Whether no engine is installed, and another program has the socket. The state is then ``absent``."""

    @property
    def version(self) -> Optional[versions.Version]:
        """The version of the running engine, or None when none is running or its version cannot be read."""
        return versions.parse(self.info.version) if self.info else None

    def facts(self) -> Dict[str, Any]:
        """Return the ``engine`` value that the modules return."""
        info = self.info
        return {
            "service": self.service,
            "state": self.state,
            "reason": None if self.reason is None else masking.mask(self.reason),
            "version": masking.mask(info.version, 100) if info else None,
            "pid": self.process.pid if self.process else None,
            "rootless": info.rootless if info else not scope.is_root(),
            "live_restore": info.live_restore if info else None,
            "containers_running": info.containers_running if info else None,
            "swarm_active": info.swarm_active if info else None,
            "image_store": info.image_store if info else None,
        }


# -- looking ---------------------------------------------------------------------------------------------------------


def look(service: str, timeout: float) -> Engine:
    """Look at the engine of the user who runs this, and never start one.

    :param service: the unit or init script; usually ``docker``.
    :param timeout: seconds to wait for the engine's answer. A starting engine gets as long to answer.
    """
    name = services.name_of(service)
    found = processes.of_pid_files(name)
    unit = {} if found else services.unit(name)
    process = found[0] if len(found) == 1 else processes.find(unit.get("MainPID", ""))
    engine = _not_asked(service, process, unit)
    if not found and not services.has_systemd() and name == _USUAL_NAME and engine.socket_path:
        # Its pid file is elsewhere. Only systemd starts an engine for a connection, and it does not run here.
        process = processes.find(str(engine_api.listener(engine.socket_path)))
        engine = _not_asked(service, process, unit)
    if len(found) > 1:
        names = " and ".join(process.shown() for process in found)
        return _ambiguous(engine, f"two engines are running: {names}")
    if process is None:
        return _without_process(engine, name, unit)
    if name == _USUAL_NAME and processes.is_of_snap(process) and services.has_failed(services.unit(name)):
        return _ambiguous(engine, _SNAP_AND_PACKAGE.format(process.shown()))
    return _asked(engine, process, name, unit, timeout)


def _not_asked(service: str, process: Optional[processes.Process], unit: Mapping[str, Any]) -> Engine:
    """Return what is known of the engine before it is asked, with the state ``running``."""
    argv = process.argv if process else services.unit_argv(unit)
    binary = process.binary if process else processes.installed_binary()
    folder = _working_folder(process)
    config_path = _config_path(process, argv, folder)
    socket_path = _socket_path(argv, config_path, folder)
    return Engine(service, "running", None, process, None, argv, binary, config_path, socket_path)


def _working_folder(process: Optional[processes.Process]) -> str:
    """Return the folder from which relative paths count: the one in which the engine was started."""
    return os.path.realpath(f"/proc/{process.pid}/cwd") if process else "/"


def _ambiguous(engine: Engine, reason: str) -> Engine:
    """Return the engine of a user who has more than one."""
    return engine._replace(state="ambiguous", reason=masking.mask(reason), process=None)


def _without_process(engine: Engine, name: str, unit: Mapping[str, Any]) -> Engine:
    """Return the engine when no process runs: it is stopped or absent."""
    if _only_root_has_one(name, unit):
        user = f"user {scope.user_id()} has no Docker Engine of their own"
        reason = f"{user}, and this host's engine is root's: add become: true"
        return engine._replace(state="absent", reason=reason, is_roots=True)
    other = _other_service(engine, name, unit)
    if other:
        return _ambiguous(engine, other)
    if engine.binary is None and not unit.get("FragmentPath"):
        whose = _whose_socket(engine)
        return engine._replace(state="absent", reason=f"no Docker Engine is installed{whose}", is_others=bool(whose))
    # An init script does not say whether the engine failed, so its log is always read.
    cause = _last_words(name) if not services.has_systemd() or services.has_failed(unit) else ""
    return engine._replace(state="stopped", reason=f"the service {engine.service} is not running{cause}")


def _other_service(engine: Engine, name: str, unit: Mapping[str, Any]) -> str:
    """Return why the service that was named cannot be that of an engine, or ''. Only systemd knows its services.

    Without a process of the engine, a mistyped name would look like a stopped engine.
    """
    if name == _USUAL_NAME:
        return ""
    if unit.get("LoadState") == "not-found" and engine.binary:
        return f"there is no service {engine.service}, and an engine is installed ({engine.binary})"
    if unit.get("ActiveState") == "active" and unit.get("MainPID", "0") != "0":
        return f"the service {engine.service} runs, and its process {unit['MainPID']} is not dockerd"
    return ""


def _whose_socket(engine: Engine) -> str:
    """Return the end of a sentence that says who has the engine's socket where no engine is installed.

    It is not asked: a connection could start what listens there. An engine that was removed leaves its socket behind.
    """
    from ansible_collections.pullthrough.docker.plugins.module_utils._host import listeners

    path = engine.socket_path
    if path is None or not listeners.has_unix(path):
        return ""
    leads = f", which leads to {os.path.realpath(path)}," if os.path.islink(path) else ""
    return f", but another program has the socket {path}{leads} as Podman or Docker Desktop do; it reads no daemon.json"


def _asked(engine: Engine, process: processes.Process, name: str, unit: Mapping[str, Any], timeout: float) -> Engine:
    """Ask the process, and return the engine with its answer, or as starting or unreachable."""
    try:
        return engine._replace(info=_wait_for_info(engine, timeout))
    except engine_api.Unreachable as exc:
        if processes.has_ended(process):
            reason = f"its process ended while it was asked{_last_words(name)}"
            return engine._replace(state="unreachable", reason=reason)
        # A starting engine behind an activated socket accepts and does not answer, just as a hung one does.
        is_activating = (unit or services.unit(name)).get("ActiveState") == "activating"
        state = "starting" if is_activating or _has_no_listener(exc) else "unreachable"
        return engine._replace(state=state, reason=str(exc))


def _has_no_listener(exc: engine_api.Unreachable) -> bool:
    """Return whether nothing listens on the socket: a starting engine has no socket yet, or an old one that refuses."""
    return isinstance(exc.__cause__, (ConnectionRefusedError, FileNotFoundError))


def _only_root_has_one(name: str, unit: Mapping[str, Any]) -> bool:
    """Return whether this user has no engine, not even a stopped one, and root's engine is installed or runs."""
    if scope.is_root():
        return False
    traces = [os.path.join(folder, f"{name}.service") for folder in scope.unit_folders()]
    if not services.has_systemd():  # Without units, only its data shows that there is a stopped engine.
        traces.append(os.path.join(scope.user_data(), "docker"))
    if unit.get("FragmentPath") or any(map(os.path.exists, traces)):
        return False
    return processes.installed_binary() is not None or os.path.exists(_ROOT_SOCKET)


def _config_path(process: Optional[processes.Process], argv: Sequence[str], folder: str) -> str:
    """Return the path of the engine's daemon.json.

    :param folder: from which a relative path counts.
    """
    named = command_line.flag_values(argv, "--config-file")
    if named and "$" not in named[-1]:
        return os.path.join(folder, named[-1])
    if not scope.is_root():
        return os.path.join(scope.user_folder(), "daemon.json")
    if not process and os.path.exists(_SNAP_CONFIG) and not os.path.exists(_ROOT_CONFIG):
        return _SNAP_CONFIG
    return _ROOT_CONFIG


def _socket_path(argv: Sequence[str], config_path: str, folder: str) -> Optional[str]:
    """Return the unix socket on which the engine listens, or None if it listens only on TCP.

    ``fd://`` is the init system's socket, at the usual path. An address that is empty, or ``unix://`` without a path,
    is the usual socket too, and one without a scheme is TCP (docker/cli opts/hosts.go).

    :param folder: from which a relative path counts.
    """
    usual = os.path.join(scope.runtime_dir(), "docker.sock")
    hosts = command_line.flag_values(argv, "--host", "-H") or _strings(value_in(config_path, "hosts")) or [""]
    for host in hosts:
        scheme, _separator, address = host.strip().rpartition("://")
        if scheme == "unix":
            return os.path.join(folder, address) if address else usual
        if scheme == "fd" or not host.strip():
            return usual
    return None


def value_in(config_path: str, key: str) -> Any:
    """Return the value of a key in daemon.json, or None where it has none."""
    try:
        return json_reader.parse(files.text_of(config_path)).root.value.get(key)
    except json_reader.JsonTextError:
        return None


def _strings(value: Any) -> List[str]:
    return [element for element in value if isinstance(element, str)] if isinstance(value, list) else []


def _wait_for_info(engine: Engine, timeout: float) -> engine_api.Info:
    """Ask until the engine answers. While nothing listens on its socket, it may be starting."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return engine_api.ask_info(engine, deadline)
        except engine_api.Unreachable as exc:
            if not _has_no_listener(exc) or time.monotonic() >= deadline:
                raise
        time.sleep(POLL_SECONDS)


# -- reloading -------------------------------------------------------------------------------------------------------


def reload(
    engine: Engine, in_force: Callable[[engine_api.Info], bool], timeout: float, *, event: bool = False
) -> Optional[str]:
    """Make the engine read its configuration again, and wait until the change is in force.

    SIGHUP to the engine's pid is what the unit's ``ExecReload`` does, and works with every init system. The engine
    reports success even when it refuses the file, so the proof is what ``/info`` shows. The first answers after the
    signal can still show the old state (20 of 20 on 26.1.5 and 28.5.2).

    :param in_force: returns whether an answer shows the change.
    :param event: whether the engine must also report the reload, for settings that ``/info`` does not show.
    :returns: None when the change is in force, else the reason: the engine's own error line, if it can be found.
    """
    process = engine.process
    if process is None or processes.has_ended(process):
        return _ENDED
    log, since = _log_of(process), time.time()
    try:
        os.kill(process.pid, signal.SIGHUP)
    except OSError:  # It ended after the check above.
        return _ENDED
    return _wait_until_in_force(engine, in_force, timeout, since if event else None, log)


def _wait_until_in_force(
    engine: Engine,
    in_force: Callable[[engine_api.Info], bool],
    timeout: float,
    since: Optional[float],
    log: Log,
) -> Optional[str]:
    """Ask until the change is in force, the engine refuses it or ends, or no time is left; return as ``reload``."""
    deadline = time.monotonic() + timeout
    next_log = time.monotonic() + LOG_POLL_SECONDS
    while True:
        problem = _not_in_force(engine, in_force, since, deadline)
        if problem is None:
            return None
        if time.monotonic() >= next_log:
            refusal = log.refusal()
            if refusal:
                return refusal
            next_log = time.monotonic() + LOG_POLL_SECONDS
        if processes.has_ended(engine.process):
            return log.refusal() or _ENDED
        if time.monotonic() + POLL_SECONDS >= deadline:  # There is no time left for another answer.
            return log.refusal() or f"{problem}, {timeout:g} s after the reload"
        time.sleep(POLL_SECONDS)


def _not_in_force(
    engine: Engine, in_force: Callable[[engine_api.Info], bool], since: Optional[float], deadline: float
) -> Optional[str]:
    """Ask once, and return why the change is not in force yet, or None.

    :param since: the time of the signal when the engine must also report the reload, else None.
    """
    try:
        info = engine_api.ask_info(engine, deadline)
        if in_force(info) and (since is None or engine_api.has_reloaded(engine, since, deadline)):
            return None
    except engine_api.Unreachable as exc:
        return str(exc)
    return "it still shows the old state"


# -- checking --------------------------------------------------------------------------------------------------------


def binary_version(binary: Optional[str], timeout: float) -> Optional[versions.Version]:
    """Return the version of the installed ``dockerd``. After an upgrade, the running engine is older."""
    if binary is None:
        return None
    code, out = programs.run([binary, "--version"], timeout)
    return versions.parse(out) if code == 0 else None


def validate(engine: Engine, argv: Sequence[str], text: bytes, timeout: float) -> Optional[str]:
    """Let the installed ``dockerd`` check a configuration text with the flags of the real engine.

    The text goes through a pipe, so no copy of it is written to the disk.

    :param argv: the command line that will read the text. Without its flags, a conflict is not found.
    :returns: the masked objections of ``dockerd``, or None when it has none or no ``--validate`` (before 23.0).
    """
    version = binary_version(engine.binary, timeout)
    if engine.binary is None or version is None or version < versions.HAS_VALIDATE:
        return None
    flags = [word for word in command_line.without_flag(argv[1:], "--config-file") if not word.startswith("$")]
    command = [engine.binary, *flags, "--config-file=/dev/stdin", "--validate"]
    code, out = programs.run(command, timeout, text)
    if code == 0:
        return None
    objections = out.strip().replace("/dev/stdin", engine.config_path).splitlines()
    return masking.mask("; ".join(objections)) or f"dockerd --validate ended with {code}"


def _log_of(process: processes.Process) -> Log:
    # Only a reload and an engine that is down need the log: other runs do not compile its reader.
    from ansible_collections.pullthrough.docker.plugins.module_utils._host import engine_log

    return engine_log.Log(process)


def _last_words(name: str) -> str:
    from ansible_collections.pullthrough.docker.plugins.module_utils._host import engine_log

    return engine_log.last_words(name)
