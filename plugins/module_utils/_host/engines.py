# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The running Docker Engine: process, command line, configuration path, version, state; reload and validate.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.

The process comes before the socket, because systemd starts a stopped engine as soon as anything connects to
``docker.socket`` (seen on 20.10.24 and 26.1.5).
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import time

from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._host import engine_api, engine_log, files, processes, programs, scope, services
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import versions
from ansible_collections.pullthrough.docker.plugins.module_utils._text import command_line, json_reader, masking

POLL_SECONDS = 0.05
"""Between two questions while waiting. A reload is in force 8 to 125 ms after the signal (20.10.24, 26.1.5, 28.5.2)."""

LOG_POLL_SECONDS = 4 * POLL_SECONDS
"""Between two looks into the log while waiting: where that is the journal, each is a program to start."""

VALIDATE_SINCE: versions.Version = (23, 0, 0)
"""C(dockerd --validate) exists since this version (moby cmd/dockerd/daemon.go)."""

_ROOT_SOCKET = "/var/run/docker.sock"
"""Where root's engine listens, or systemd in its place."""

_MASKED_USER = "xxxxx:xxxxx@"


class Engine(NamedTuple):
    """One look at the engine.

    C(service) is the unit or init script that was asked for.
    C(state) is C(running), C(starting), C(stopped), C(absent), C(unreachable) or C(ambiguous); C(reason) says why it is not
    C(running); C(argv) are the words of its real command line, or of the unit's when it is stopped.
    """

    service: str
    state: str
    reason: Optional[str]
    process: Optional[processes.Process]
    info: Optional[engine_api.Info]
    argv: Tuple[str, ...]
    binary: Optional[str]
    config_path: str
    socket_path: str
    is_roots: bool = False
    """Whether the user who runs this has no engine, and root has one. The state is then ``absent``."""

    @property
    def version(self) -> Optional[versions.Version]:
        """The version of the running engine, or None when none is running or it cannot be read."""
        return versions.parse(self.info.version) if self.info else None

    def facts(self) -> Dict[str, Any]:
        """The C(engine) value that the modules return."""
        info = self.info
        return {
            "service": self.service,
            "state": self.state,
            "reason": None if self.reason is None else masking.mask(self.reason),
            "version": masking.mask(info.version, 100) if info else None,
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
    name = services.name_of(service)
    found = processes.of_pid_files(name)
    unit = {} if found else services.unit(name)
    process = found[0] if len(found) == 1 else processes.find(unit.get("MainPID", ""))
    argv = process.argv if process else services.unit_argv(unit)
    binary = process.binary if process else processes.installed_binary()
    config_path = _config_path(process, argv)

    def engine(state: str, reason: Optional[str]) -> Engine:
        return Engine(service, state, reason, process, None, argv, binary, config_path, _socket_path(argv, config_path))

    if len(found) > 1:
        named = " and ".join(f"process {p.pid} ({shlex.join(p.argv)})" for p in found)
        return engine("ambiguous", f"two engines are running: {masking.mask(named)}; name one with the option service")
    if process is None:
        if _is_roots(name, unit):
            whose = f"user {os.geteuid()} has no Docker Engine of their own, and this host's engine is root's: add become: true"
            return engine("absent", whose)._replace(is_roots=True)
        if binary is None and not unit.get("FragmentPath"):
            return engine("absent", "no Docker Engine is installed")
        failed = unit.get("ActiveState") in ("failed", "activating") if services.has_systemd() else True
        return engine("stopped", f"the service {service} is not running{engine_log.last_words(name) if failed else ''}")
    running = engine("running", None)
    try:
        return running._replace(info=_wait_for_info(running, timeout))
    except engine_api.Unreachable as exc:
        if processes.find(str(process.pid)) != process:
            return engine("unreachable", f"its process ended while it was asked{engine_log.last_words(name)}")
        # A starting engine behind an activated socket accepts and does not answer, just as a hung one does.
        if not unit:
            unit = services.unit(name)
        starting = unit.get("ActiveState") == "activating" or isinstance(exc.__cause__, (ConnectionRefusedError, FileNotFoundError))
        return engine("starting" if starting else "unreachable", str(exc))


def refuse_roots(engine: Engine) -> None:
    """Refuse a task about a user's own engine where only root has one.

    :raises Unreachable: with the message for the user.
    """
    if engine.is_roots:
        raise engine_api.Unreachable(
            f"The task does not run as root: {engine.reason}. Nothing was changed. "
            "If this user needs a rootless engine, install it first (dockerd-rootless-setuptool.sh install)."
        )


def _is_roots(name: str, unit: Mapping[str, str]) -> bool:
    """Whether the user who runs this has no engine, not even a stopped one, and root's engine is installed or runs."""
    if os.geteuid() == 0:
        return False
    own = [os.path.join(folder, f"{name}.service") for folder in scope.unit_folders()]
    if not services.has_systemd():  # No unit tells of a stopped engine there, but its data does.
        own.append(os.path.join(os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share"), "docker"))
    if unit.get("FragmentPath") or any(map(os.path.exists, own)):
        return False
    return processes.installed_binary() is not None or os.path.exists(_ROOT_SOCKET)


def _config_path(process: Optional[processes.Process], argv: Sequence[str]) -> str:
    named = command_line.flag_values(argv, "--config-file")
    if named and "$" not in named[-1]:
        # A relative path counts from the folder in which the engine was started.
        return os.path.join(os.path.realpath(f"/proc/{process.pid}/cwd") if process else "/", named[-1])
    if os.geteuid() != 0:
        return os.path.join(scope.user_folder(), "daemon.json")
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
    lines = files.text_of(f"/proc/{engine.process.pid}/environ").split("\0")
    values = [line.partition("=")[2] for line in lines if line.partition("=")[0].lower() in ("http_proxy", "https_proxy")]
    for name in ("http", "https"):
        without = found.get(name, "").replace(_MASKED_USER, "")
        if without != found.get(name, ""):
            found[name] = next((value for value in values if re.sub(r"//[^/]*@", "//", value) == without), without)
    return found


def _socket_path(argv: Sequence[str], config_path: str) -> str:
    """The unix socket on which the engine listens; C(fd://) is the socket that the init system made, at the usual place."""
    hosts = command_line.flag_values(argv, "--host", "-H")
    if not hosts:
        try:
            listed = json_reader.parse(files.text_of(config_path)).root.value.get("hosts")
        except json_reader.JsonTextError:
            listed = None
        hosts = [host for host in listed if isinstance(host, str)] if isinstance(listed, list) else []
    for host in hosts:
        if host.startswith("unix://"):
            return host[len("unix://") :]
    return os.path.join(scope.runtime_dir(), "docker.sock")


def _wait_for_info(engine: Engine, timeout: float) -> engine_api.Info:
    """Ask until the engine answers: one that is starting has no socket yet, or one that refuses."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return engine_api.ask_info(engine, deadline)
        except engine_api.Unreachable as exc:
            if not isinstance(exc.__cause__, (ConnectionRefusedError, FileNotFoundError)) or time.monotonic() >= deadline:
                raise
        time.sleep(POLL_SECONDS)


def reload(engine: Engine, in_force: Callable[[engine_api.Info], bool], timeout: float, *, event: bool = False) -> Optional[str]:
    """Make the engine read its configuration again, and wait until the change is in force.

    SIGHUP to the engine's own pid is what the unit's C(ExecReload) does, and works under every init system. The engine reports
    success even when it refuses the file, so the proof is what it shows; the first answers after the signal may still show the
    old state (20 of 20 on 26.1.5 and 28.5.2).

    :param in_force: whether an answer shows the change.
    :param event: whether the engine must also say that it reloaded, for settings that C(/info) does not show.
    :returns: None when it is in force, else why not: the engine's own error line where it can be found.
    """
    process = engine.process
    if process is None or processes.has_ended(engine.process):
        return "its process has ended"
    log, since = engine_log.Log(process), time.time()
    try:
        os.kill(process.pid, signal.SIGHUP)
    except OSError:  # It ended after the check above.
        return "its process has ended"
    deadline = time.monotonic() + timeout
    next_log = time.monotonic() + LOG_POLL_SECONDS
    while True:
        try:
            info = engine_api.ask_info(engine, deadline)
            if in_force(info) and (not event or engine_api.has_reloaded(engine, since, deadline)):
                return None
            problem = f"its mirrors are {' '.join(info.mirrors) or 'none'}"
        except engine_api.Unreachable as exc:
            problem = str(exc)
        if time.monotonic() >= next_log:
            refusal = log.refusal()
            if refusal:
                return refusal
            next_log = time.monotonic() + LOG_POLL_SECONDS
        # The next answer would have no time left; that is no news of the engine.
        if time.monotonic() + POLL_SECONDS >= deadline or processes.has_ended(engine.process):
            if processes.has_ended(engine.process):
                return log.refusal() or "its process has ended"
            return log.refusal() or f"it shows the old state, {timeout:g} s after the reload ({problem})"
        time.sleep(POLL_SECONDS)


# -- checking --------------------------------------------------------------------------------------------------------


def binary_version(binary: Optional[str], timeout: float) -> Optional[versions.Version]:
    """The version of the installed C(dockerd): after an upgrade it is not the running one's."""
    if binary is None:
        return None
    code, out = programs.run([binary, "--version"], timeout)
    return versions.parse(out) if code == 0 else None


def validate(engine: Engine, argv: Sequence[str], text: bytes, timeout: float) -> Optional[str]:
    """Let the installed C(dockerd) check a configuration text with the flags of the real engine.

    The text goes through a pipe: no copy of it ever lies on the disk.

    :param argv: the command line that will read the text: without its flags, a conflict goes unseen.
    :returns: what C(dockerd) has against it, masked; None when it has nothing, or knows no C(--validate) (before 23.0).
    """
    version = binary_version(engine.binary, timeout)
    if engine.binary is None or version is None or version < VALIDATE_SINCE:
        return None
    flags = [word for word in command_line.without_flag(argv[1:], "--config-file") if not word.startswith("$")]
    code, out = programs.run([engine.binary, *flags, "--config-file=/dev/stdin", "--validate"], timeout, text)
    if code == 0:
        return None
    return masking.mask("; ".join(out.strip().replace("/dev/stdin", engine.config_path).splitlines())) or f"dockerd --validate ended with {code}"
