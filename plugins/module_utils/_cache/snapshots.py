# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What a host has of the caches, as one object that tests can replace, and a snapshot of it.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import base64
import json
import os
import time

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._cache import certificate, keeper, model, proof, texts
from ansible_collections.pullthrough.docker.plugins.module_utils._host import files, listeners, programs, services

_PROGRAM_SECONDS = 10


class Unit(NamedTuple):
    """The unit of a cache."""

    state: str = "inactive"
    """``active``, ``activating`` (it does not start, and systemd tries again), ``failed``, ``inactive`` or such."""
    pid: int = 0
    is_enabled: bool = False
    is_outdated: bool = False
    """Whether its program was replaced since it started, as an upgrade does."""
    staged: Mapping[str, bytes] = {}
    """What it started with, by the names of the copies."""
    environment: Mapping[str, str] = {}
    """The variables that it sets."""

    @property
    def is_wanted(self) -> bool:
        """Whether it runs, or systemd tries to start it."""
        return self.state not in ("inactive", "failed")


class Previous(NamedTuple):
    """The files and the caches before a change that is not proved yet."""

    files: Mapping[str, Optional[bytes]]
    running: List[str]
    """The registries whose caches ran."""


class Snapshot(NamedTuple):
    files: Mapping[str, Optional[bytes]]
    """By path: those that are declared, and those of caches that are not declared any more."""
    sources: Mapping[str, Optional[bytes]]
    """What the certificate and the key hold, by path."""
    units: Mapping[str, Unit]
    """By registry."""
    is_timer_active: bool
    listeners: List[listeners.Listener]
    version: Optional[str]
    """Of the installed program; None if it is not installed."""
    previous: Optional[Previous]

    @property
    def registries(self) -> List[str]:
        """The registries that have a configuration of this collection."""
        paths = [path for path, data in self.files.items() if data and os.path.dirname(path) == model.CONFIGURATIONS]
        return [os.path.basename(path)[: -len(".yml")] for path in paths]


class CacheHost:
    """The machine on which the module runs."""

    def now(self) -> float:
        return time.time()

    def read(self, path: str) -> Optional[bytes]:
        """Return the bytes of a file, or None if there is none.

        :raises files.FileError: if it cannot be read.
        """
        return files.read(path)

    def exists(self, path: str) -> bool:
        return os.path.exists(path)

    def silence(self, url: str, proxies: Mapping[str, str]) -> Optional[str]:
        """Return why a cache could not start with this upstream, or None."""
        return proof.silence(url, proxies)

    def names(self, folder: str) -> List[str]:
        """Return the sorted names in a folder; empty if there is none."""
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def keeper(self) -> str:
        """Return the text of the program that keeps the caches."""
        loader: Any = keeper.__loader__
        source: str = loader.get_source(keeper.__name__)
        return source

    def unit(self, registry: str) -> Unit:
        """Return the unit of a cache, with what it started with."""
        name = model.unit_of(registry)
        shown = services.unit(services.name_of(name))
        pid = int(shown.get("MainPID", "0"))
        folder = f"{model.STAGED}/{registry}"
        data = {staged: self.read(f"{folder}/{staged}") for staged in self.names(folder)}
        pairs = [word.partition("=") for word in shown.get("Environment", [])]
        return Unit(
            shown.get("ActiveState", "inactive"),
            pid,
            services.systemctl("is-enabled", name)[0] == 0,
            _program_of(pid).endswith(" (deleted)"),
            {staged: content for staged, content in data.items() if content is not None},
            {name: value for name, _equals, value in pairs},
        )

    def is_active(self, unit: str) -> bool:
        return services.systemctl("is-active", unit)[0] == 0

    def listeners(self) -> List[listeners.Listener]:
        return listeners.find()

    def version(self) -> Optional[str]:
        """Return the version of the installed program, or None."""
        if not os.path.exists(model.PROGRAM):
            return None
        code, out = programs.run([model.PROGRAM, "--version"], timeout=_PROGRAM_SECONDS)
        words = out.split()
        return words[-1] if code == 0 and words else "unknown"

    def certificate(self, path: str, key: str, name: str) -> certificate.Certificate:
        """Return the validity of a certificate.

        :raises certificate.CertificateError: if no client would accept it.
        """
        return certificate.read(path, key, name)


def take(host: CacheHost, wish: Optional[model.Wish]) -> Snapshot:
    """Read the host.

    :param wish: what is declared; None if no cache is.
    :raises files.FileError: if a file cannot be read.
    """
    declared = list(wish.ports) if wish else []
    ours = [name[: -len(".yml")] for name in host.names(model.CONFIGURATIONS) if _is_ours(host, name)]
    registries = list(dict.fromkeys([*declared, *ours]))
    shared = (model.UNIT, model.TRIM_SERVICE, model.TRIM_TIMER, model.KEEPER)
    paths = [*map(model.configuration_of, registries), *shared]
    sources = [path for path in (wish.certificate, wish.key) if path] if wish else []
    return Snapshot(
        files={path: host.read(path) for path in paths},
        sources={path: host.read(path) for path in sources},
        units={registry: host.unit(registry) for registry in registries},
        is_timer_active=host.is_active(model.TIMER),
        listeners=host.listeners(),
        version=host.version(),
        previous=_previous(host.read(model.PREVIOUS)),
    )


def _is_ours(host: CacheHost, name: str) -> bool:
    data = host.read(f"{model.CONFIGURATIONS}/{name}") if name.endswith(".yml") else None
    return data is not None and data.startswith(texts.HEADER.encode())


def _program_of(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/exe") if pid else ""
    except OSError:  # It has just ended.
        return ""


def _previous(data: Optional[bytes]) -> Optional[Previous]:
    """Return what was there before a change that is not proved.

    :raises files.FileError: if this collection did not write this.
    """
    if data is None:
        return None
    try:
        saved = json.loads(data.decode())
        decoded = {path: None if text is None else base64.b64decode(text) for path, text in saved["files"].items()}
        return Previous(decoded, list(saved["running"]))
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        what = f"{model.PREVIOUS} is damaged, so the files from before the last change are not known"
        raise files.FileError(what, "Delete it to keep the files as they are now.") from exc


def previous_text(previous: Previous) -> bytes:
    """Return the text of the file that keeps what was there before a change."""
    encoded = {path: None if data is None else base64.b64encode(data).decode() for path, data in previous.files.items()}
    return json.dumps({"files": encoded, "running": previous.running}).encode()


def proxies_of(environment: Mapping[str, str]) -> Dict[str, str]:
    """Return the proxies that a cache uses for its upstream, as ``_registry.connection.Route`` has them."""
    names: List[Tuple[str, str]] = [("http", "http_proxy"), ("https", "https_proxy"), ("no", "no_proxy")]
    found = {key: environment.get(name.upper()) or environment.get(name) for key, name in names}
    return {key: value for key, value in found.items() if value}
