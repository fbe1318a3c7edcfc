# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The host that a module works on, as one object that is passed in: its engine, its service and its files.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import contextlib
import os
import time

from typing import TYPE_CHECKING, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._host import (
    engine_api,
    engines,
    files,
    leftovers,
    processes,
    programs,
    scope,
    services,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import versions

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.pullthrough.docker.plugins.module_utils._host.transaction import Transaction


class File(NamedTuple):
    """A file of the host as it was read."""

    path: str
    """The file itself, behind all symlinks; the path as it was given where that cannot be followed."""
    data: Optional[bytes] = None
    """None where it does not exist."""
    staged: Optional[bytes] = None
    """What a run that was killed meant it to hold, or None."""
    problem: Optional[files.FileError] = None
    """Why it must not be written."""
    unreadable: Optional[files.FileError] = None
    mode: int = files.NEW_MODE
    """The mode of a new file that repeats this one: no wider than this one's."""
    is_generated: bool = False
    """Whether the system's own configuration makes it, so that it must not be written."""


class Folder(NamedTuple):
    """The files of a folder that were asked for."""

    path: str
    texts: Mapping[str, Tuple[Optional[str], Optional[str]]]
    """By name: the text where it was read, and why it could not be read."""
    problem: Optional[str] = None


class Host:
    """The machine on which a module runs."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._made_folders: Sequence[str] = ()

    # -- engine and service --------------------------------------------------------------------------------------------

    def engine(self, service: str, timeout: float) -> engines.Engine:
        """Return the engine of the user who runs the module; it is never started."""
        return engines.look(service, timeout)

    def ask_registry(self, engine: engines.Engine, name: str, deadline: float) -> Tuple[Optional[str], Optional[str]]:
        """Let the engine ask a registry for an image, and return its digest, or None and the error.

        An engine that gives no answer gives no error either: then nobody knows what it would say of the registry.
        """
        try:
            return engine_api.describe(engine, name, deadline)
        except engine_api.Unreachable:
            return None, None

    def next_start(self, service: str) -> services.Start:
        """Return what the init system will start the engine with."""
        return services.next_start(service)

    def reload(
        self, engine: engines.Engine, is_done: Callable[[engine_api.Info], bool], timeout: float, *, needs_event: bool
    ) -> Optional[str]:
        """Make the engine read its configuration again; return None when it is in force, or why it is not."""
        return engines.reload(engine, is_done, timeout, event=needs_event)

    def successor(self, engine: engines.Engine, timeout: float) -> Optional[engines.Engine]:
        """Return the engine that was started in place of one that ended, as the upgrade of a package does, or None."""
        deadline = time.monotonic() + timeout
        while self.has_ended(engine):
            started = self.engine(engine.service, timeout)
            if started.info is not None or time.monotonic() >= deadline:
                return started if started.info is not None else None
            time.sleep(engines.POLL_SECONDS)
        return None

    def has_ended(self, engine: engines.Engine) -> bool:
        """Return whether the process of this engine has ended."""
        return processes.has_ended(engine.process)

    def stop_kills_containers(self, engine: engines.Engine, start: services.Start) -> bool:
        """Return whether a stop of the service kills the containers that ``live-restore`` would keep."""
        kills_all = start.kill_mode not in (None, "process", "none")
        return kills_all and engine.process is not None and processes.has_shims(engine.process)

    def systemctl(self, *words: str) -> Tuple[int, str]:
        """Run ``systemctl``, and return its exit code and output."""
        return services.systemctl(*words)

    def load_units(self) -> None:
        """Make systemd read units that changed. That starts and stops nothing.

        :raises files.FileError: when systemd does not do it.
        """
        code, out = self.systemctl("daemon-reload")
        if code != 0:
            raise files.FileError(f"systemctl daemon-reload failed: {out.strip()}")

    def installed_version(self, engine: engines.Engine, timeout: float) -> Optional[versions.Version]:
        """Return the version of the installed ``dockerd``, which can be newer than the running one."""
        return engines.binary_version(engine.binary, timeout)

    def objection(self, engine: engines.Engine, argv: Sequence[str], text: bytes, timeout: float) -> Optional[str]:
        """Return what the installed ``dockerd`` has against a configuration, or None."""
        return engines.validate(engine, argv, text, timeout)

    # -- files ---------------------------------------------------------------------------------------------------------

    def user(self) -> int:
        """Return the id of the user who runs the module."""
        return scope.user_id()

    def docker_config(self) -> str:
        """Return the path of the configuration of this user's docker command."""
        return scope.docker_config()

    def certs_folder(self) -> str:
        """Return the folder in which the engine looks for certificates of registries."""
        return scope.certs_folder()

    def containers_folders(self) -> Tuple[str, str, str, str]:
        """Return where Podman looks: folders of the distribution, the administrator, the user and root's engine."""
        return scope.containers_folders()

    def has_program(self, names: Sequence[str]) -> bool:
        """Return whether one of these programs is installed."""
        return any(programs.find(name) for name in names)

    def files_in(self, folder: str, suffix: str) -> List[str]:
        """Return the paths of the files in a folder whose names end like this, in the order of their names.

        :raises files.FileError: when the folder cannot be listed.
        """
        try:
            names = sorted(name for name in os.listdir(folder) if name.endswith(suffix))
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise files.FileError(f"{folder}: cannot be listed: {exc.strerror}") from exc
        paths = [os.path.join(folder, name) for name in names]
        return [path for path in paths if os.path.islink(path) or not os.path.isdir(path)]

    def is_link(self, path: str) -> bool:
        return os.path.islink(path)

    def file(self, path: str) -> File:
        """Read a configuration file."""
        real, problem = path, None
        try:
            real = files.resolve(path)
        except files.FileError as exc:
            problem = exc
        try:
            data = files.read(real)
            mode = files.NEW_MODE if data is None else files.mode_like(real)
            generated = files.is_generated(path, real)
            return File(real, data, leftovers.staged(real), problem, mode=mode, is_generated=generated)
        except files.FileError as exc:
            return File(real, problem=problem or exc, unreadable=exc)

    def text(self, path: str) -> str:
        """Return the text of a file, empty where it cannot be read."""
        return files.text_of(path)

    def folder(self, path: str, extensions: Sequence[str]) -> Folder:
        """Read the files of a folder that have one of these extensions; other files are only named."""
        try:
            names = sorted(os.listdir(path))
        except FileNotFoundError:
            return Folder(path, {})
        except OSError as exc:
            return Folder(path, {}, exc.strerror)
        texts: Dict[str, Tuple[Optional[str], Optional[str]]] = {}
        for name in names:
            wanted = os.path.splitext(name)[1] in extensions
            texts[name] = _text_or_problem(os.path.join(path, name)) if wanted else (None, None)
        return Folder(path, texts)

    def exists(self, path: str) -> bool:
        return os.path.exists(path)

    def new_folders(self, path: str) -> List[str]:
        """Return the folders of a file that do not exist, or did not exist before this run, outermost first."""
        found: List[str] = []
        folder = os.path.dirname(path)
        while folder and (folder in self._made_folders or not os.path.exists(folder)):
            found.insert(0, folder)
            folder = os.path.dirname(folder)
        return found

    def modified(self, path: str) -> Optional[str]:
        """Return when a file was last written, in UTC as ISO 8601, or None."""
        return files.modified(path)

    def real_path(self, path: str) -> str:
        return os.path.realpath(path)

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return time.time()

    # -- writing -------------------------------------------------------------------------------------------------------

    def has_leftovers(self, path: str) -> bool:
        """Return whether a run that was killed left something beside this file."""
        return leftovers.has_leftovers(path)

    @contextlib.contextmanager
    def lock(self, folders: Sequence[str], timeout: float) -> Iterator[None]:
        """Keep other runs of the collection away, and prepare the folders in which files will be written."""
        from ansible_collections.pullthrough.docker.plugins.module_utils._host import transaction

        with transaction.lock(folders, timeout) as self._made_folders:
            yield

    def transaction(self, new_modes: Mapping[str, int]) -> Transaction:
        """Begin writes that can be undone."""
        from ansible_collections.pullthrough.docker.plugins.module_utils._host import transaction

        return transaction.Transaction(self._module, new_modes)


def _text_or_problem(path: str) -> Tuple[Optional[str], Optional[str]]:
    try:
        return files.read_up_to(path, files.SIZE_LIMIT).decode(errors="replace"), None
    except OSError as exc:
        return None, exc.strerror or str(exc)
