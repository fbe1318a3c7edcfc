# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""HTTP over the engine's socket, within limits of size and time: /info, /events, pulls, registries.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import http.client
import json
import socket
import struct
import time

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, NamedTuple, NoReturn, Optional, Tuple
from urllib.parse import quote, urlencode

from ansible_collections.pullthrough.docker.plugins.module_utils._host import files, http_body, processes, scope
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import setting_table
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

if TYPE_CHECKING:
    from ansible_collections.pullthrough.docker.plugins.module_utils._host import engines

ANSWER_LIMIT = 4 * 1024 * 1024
"""The most bytes that are read of one answer; ``/info`` has a few thousand."""

PULL_LIMIT = 64 * 1024 * 1024
"""The most bytes that are read during one pull: the engine sends a line for each step of each layer."""

_NO_SOCKET = (
    "it listens on no unix socket, only on TCP, where it cannot be asked safely; "
    "add unix:///var/run/docker.sock to its hosts (-H or the key hosts)"
)

_COUNT_LIMIT = 10**6
"""The largest number of containers that is believed."""

_CREDENTIALS = struct.Struct("3i")
"""Pid, user and group of the other end of a socket (``SO_PEERCRED`` in socket(7))."""


class Unreachable(Exception):
    """The engine gave no answer that can be trusted. The text says why."""

    def __init__(self, text: str) -> None:
        super().__init__(masking.mask(text))


class Info(NamedTuple):
    """The parts of ``GET /info`` that this collection uses."""

    version: str
    mirrors: List[str]
    rootless: bool
    live_restore: bool
    containers_running: int
    swarm_active: bool
    image_store: str
    settings: Mapping[str, Any] = MappingProxyType({})
    """The values in force of the settings that ``/info`` shows, by their keys in daemon.json."""
    proxies: Mapping[str, str] = MappingProxyType({})
    """The proxies that are set: ``http``, ``https`` and the ``no`` list, with users masked."""


# -- asking ----------------------------------------------------------------------------------------------------------


class _Socket(socket.socket):
    """A unix socket that stops reading at a deadline (of ``time.monotonic``), however slowly the answer arrives."""

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


def ask_info(engine: engines.Engine, deadline: float) -> Info:
    """Ask the engine's own process for ``/info`` once, until ``deadline`` (of ``time.monotonic``).

    :raises Unreachable: when the process has ended or gives no answer that can be trusted.
    """
    return _parse_info(_ask(engine, "/info", deadline), str(engine.socket_path))


def has_reloaded(engine: engines.Engine, since: float, deadline: float) -> bool:
    """Return whether the engine reported a reload since a time (of ``time.time``).

    It reports each reload that it accepts and none that it refuses (seen on 20.10.24, 26.1.5, 28.5.2).

    :raises Unreachable: like ``ask_info``.
    """
    return bool(_events(engine, "daemon", "reload", since, deadline))


def _events(engine: engines.Engine, kind: str, event: str, since: float, deadline: float) -> List[bytes]:
    """Return the engine's events since a time (of ``time.time``), one line of JSON each."""
    filters = quote(json.dumps({"type": [kind], "event": [event]}))
    until = time.time() + 1e-3
    return _ask(engine, f"/events?since={since:.9f}&until={until:.9f}&filters={filters}", deadline).strip().splitlines()


def _ask(engine: engines.Engine, target: str, deadline: float) -> bytes:
    """Return the whole answer to a ``GET``."""
    return b"".join(_parts(engine, "GET", target, deadline, ANSWER_LIMIT))


def pull(engine: engines.Engine, name: str, reference: str, deadline: float) -> Tuple[bool, Optional[str]]:
    """Let the engine pull an image, as ``docker pull`` does.

    :param name: the image, with its registry unless that is Docker Hub.
    :param reference: a tag or a digest.
    :returns: whether it downloaded anything new, and the masked error or None.
    :raises Unreachable: like ``ask_info``.
    """
    target = f"/images/create?{urlencode({'fromImage': name, 'tag': reference})}"
    rest, new, problem = b"", False, None
    try:
        for part in _parts(engine, "POST", target, deadline, PULL_LIMIT):
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                step = http_body.json_object(line)
                new = new or str(step.get("status")).startswith("Status: Downloaded newer image")
                problem = str(step["error"]) if "error" in step else problem
    except _Answered as exc:  # An error that the engine finds before the pull begins is the answer itself.
        problem = str(http_body.json_object(exc.body).get("message") or exc)
    return new, None if problem is None else masking.mask(problem, 500)


def describe(engine: engines.Engine, name: str, deadline: float) -> Tuple[Optional[str], Optional[str]]:
    """Let the engine ask a registry for the manifest of an image, over its own network, TLS, proxies and tokens.

    Nothing is pulled, and no other registry is asked (``GET /distribution/NAME/json``; tried on 26.1.5 and 29.7.2).

    :param name: the image with its registry and tag.
    :returns: the digest, or None and the masked error.
    :raises Unreachable: like ``ask_info``.
    """
    try:
        answer = http_body.json_object(_ask(engine, f"/distribution/{quote(name, safe='/:@')}/json", deadline))
    except _Answered as exc:
        return None, masking.mask(str(http_body.json_object(exc.body).get("message") or exc), 500)
    descriptor = answer.get("Descriptor")
    digest = descriptor.get("digest") if isinstance(descriptor, dict) else None
    return (masking.mask(digest, 100), None) if isinstance(digest, str) else (None, "its answer names no digest")


def pulls(engine: engines.Engine, since: float, deadline: float) -> int:
    """Return how many pulls the engine reported since a time (of ``time.time``).

    :raises Unreachable: like ``ask_info``.
    """
    return len(_events(engine, "image", "pull", since, deadline))


class _Answered(Unreachable):
    """An answer with an HTTP error status."""

    def __init__(self, path: str, status: int, body: bytes) -> None:
        super().__init__(f"the answer on {path} is HTTP {status}: {masking.mask(repr(body[:8192]), 200)}")
        self.body = body


def _parts(engine: engines.Engine, method: str, target: str, deadline: float, limit: int) -> Iterator[bytes]:
    """The answer of the engine's own process, as it comes."""
    process = engine.process
    if process is None or processes.has_ended(process):
        raise Unreachable("its process has ended")
    path = engine.socket_path
    if path is None:
        raise Unreachable(_NO_SOCKET)
    connection = _Connection(path, deadline)
    try:
        connection.request(method, target)
        peer, user = _maker_of(connection.sock), _user_of(connection.sock)
        is_trusted = scope.is_trusted(user)
        if not is_trusted or (
            peer not in (process.pid, 0, 1) and files.text_of(f"/proc/{peer}/comm").strip() != "systemd"
        ):
            raise Unreachable(
                f"the socket {path} belongs to process {peer} of user {user}, not to the engine's process {process.pid}"
            )
        yield from _body(connection.getresponse(), path, deadline, limit)
    except PermissionError as exc:
        raise Unreachable(
            f"no right to connect to {path}; run the task as the engine's own user (become: true)"
        ) from exc
    except (OSError, http.client.HTTPException) as exc:
        raise Unreachable(f"no answer on {path}: {masking.mask(str(exc), 200)}") from exc
    finally:
        connection.close()


def listener(path: str) -> Optional[int]:
    """Return the pid of the process that listens on a unix socket, or None."""
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.settimeout(1)
            sock.connect(path)
        except OSError:
            return None
        return _maker_of(sock)


def _maker_of(sock: socket.socket) -> int:
    """Return the pid of the process that made the socket: the engine, or the init system that passes it on."""
    return _credentials(sock)[0]


def _user_of(sock: socket.socket) -> int:
    """Return the user of the process that made the socket. A process can choose its own name, but not its user."""
    return _credentials(sock)[1]


def _credentials(sock: socket.socket) -> Tuple[int, ...]:
    return _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))


def _body(response: http.client.HTTPResponse, path: str, deadline: float, limit: int) -> Iterator[bytes]:
    """Yield the body of a good answer in parts, within limits of size and time.

    :raises _Answered: for an answer that is an error.
    """
    error: List[bytes] = []
    try:
        for part in http_body.parts(response, deadline=deadline, limit=limit):
            if response.status == 200:
                yield part
            else:
                error.append(part)
    except http_body.TooSlow as exc:
        raise Unreachable(f"the answer on {path} is too slow") from exc
    except http_body.TooLarge as exc:
        raise Unreachable(f"the answer on {path} is too large") from exc
    if response.status != 200:
        raise _Answered(path, response.status, b"".join(error))


_PROXIES = {"http": "HttpProxy", "https": "HttpsProxy", "no": "NoProxy"}


def _parse_info(body: bytes, path: str) -> Info:
    """Return the parts of an ``/info`` answer that this collection uses.

    :raises Unreachable: when it is not the answer of a Docker Engine.
    """
    answer, registries, mirrors = _checked(body, path)
    swarm = answer.get("Swarm")
    return Info(
        version=answer["ServerVersion"],
        mirrors=mirrors,
        rootless="name=rootless" in _list(answer.get("SecurityOptions")),
        live_restore=answer.get("LiveRestoreEnabled") is True,
        containers_running=_count(answer.get("ContainersRunning")),
        swarm_active=isinstance(swarm, dict) and swarm.get("LocalNodeState") == "active",
        image_store=(
            "containerd"
            if ["driver-type", "io.containerd.snapshotter.v1"] in _list(answer.get("DriverStatus"))
            else "graphdriver"
        ),
        settings={
            **setting_table.shown_by(answer),
            setting_table.MIRRORS: mirrors,
            setting_table.INSECURE: _insecure(registries),
        },
        proxies={
            name: answer[key] for name, key in _PROXIES.items() if isinstance(answer.get(key), str) and answer[key]
        },
    )


def _checked(body: bytes, path: str) -> Tuple[Dict[str, Any], Dict[str, Any], List[str]]:
    """Return the answer, its ``RegistryConfig`` and its mirrors, with the types that an engine gives them."""

    def refuse(reason: str) -> NoReturn:
        raise Unreachable(f"the answer on {path} is not a Docker Engine's: {reason}")

    answer = http_body.json_object(body)
    if not isinstance(answer.get("ServerVersion"), str) or not answer["ServerVersion"]:
        refuse("it has no ServerVersion")
    registries = answer.get("RegistryConfig") or {}
    if not isinstance(registries, dict):
        refuse("its RegistryConfig is not an object")
    # An empty list is null on 23.0 to 28.x (moby registry/config.go copy()).
    mirrors = registries.get("Mirrors") or []
    if not isinstance(mirrors, list) or not all(isinstance(mirror, str) for mirror in mirrors):
        refuse("its mirrors are not a list of strings")
    return answer, registries, mirrors


def _insecure(registries: Dict[str, Any]) -> List[str]:
    """Return the configured insecure registries. The loopback networks are built in (moby registry/config.go)."""
    networks, indexes = _list(registries.get("InsecureRegistryCIDRs")), registries.get("IndexConfigs")
    found = [str(network) for network in networks if network not in ("127.0.0.0/8", "::1/128")]
    for host, index in indexes.items() if isinstance(indexes, dict) else ():
        if isinstance(index, dict) and index.get("Secure") is False:
            found.append(str(host))
    return found


def _count(value: Any) -> int:
    """Return a number of containers that can be shown; a value that is not a number counts as 0."""
    return min(max(value, 0), _COUNT_LIMIT) if isinstance(value, int) else 0


def _list(value: Any) -> List[Any]:
    """Return a value that must be a list; any other value, such as null, counts as an empty one."""
    return value if isinstance(value, list) else []
