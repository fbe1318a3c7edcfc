# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The values of a change: what the user wants, what the host has, what will be done, and how it ended.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from ansible_collections.pullthrough.docker.plugins.module_utils._change.daemon_file import DaemonJson
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._host.files import NEW_MODE, FileError
from ansible_collections.pullthrough.docker.plugins.module_utils._rules.activation import Activation

if TYPE_CHECKING:
    from ansible_collections.pullthrough.docker.plugins.module_utils._change.snapshots import Snapshot
    from ansible_collections.pullthrough.docker.plugins.module_utils._host.engines import Engine

FILE_SPEC: Dict[str, Dict[str, Any]] = {
    "backup": {"type": "bool", "default": False},
    "unsafe_writes": {"type": "bool", "default": False},
}
"""The options of every module that writes files."""

SPEC: Dict[str, Dict[str, Any]] = {
    "path": {"type": "path"},
    "service": {"type": "str", "default": "docker"},
    "reload": {"type": "bool", "default": True},
    "keep_containers": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 10},
    **FILE_SPEC,
}
"""The options of every module that changes an engine."""


Refusal = Union[Refused, FileError]
"""Why a change is not made: ``what`` is wrong, and an ``advice``."""


class Options(NamedTuple):
    """The options that all changes have; see the documentation of the modules."""

    path: Optional[str]
    service: str
    reload: bool
    keep_containers: bool
    timeout: int
    backup: bool

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Options:
        """Return the options among a module's parameters."""
        return cls(*(params[name] for name in cls._fields))


class Edit(NamedTuple):
    """A file, what it holds, and what it must hold; None where it does not exist, or must not."""

    path: str
    """The file itself, behind all symlinks."""
    before: Optional[bytes]
    after: Optional[bytes]
    mode: int = NEW_MODE
    """The mode of a file that does not exist yet."""
    made_folders: Optional[Sequence[str]] = None
    """The folders that go with the file if they are empty then, outermost first; None for only its own."""

    @property
    def changes(self) -> bool:
        return self.before != self.after


class Plan(NamedTuple):
    """What one snapshot of the host makes of a wish."""

    snapshot: Snapshot
    edits: Sequence[Edit]
    """In the order of writing, ``daemon.json`` among them: where a setting moves, it is never in two places at once."""
    argv: Sequence[str]
    """The command line of the next start, after the change."""
    wanted: Mapping[str, Any]
    """The settings that are not in force, as ``/info`` must show them afterwards."""
    activation: Activation
    keys: Sequence[str]
    """The settings that the change is about."""
    result: Mapping[str, Any]
    """The return values of this module, besides those that all modules have."""
    target: Optional[Edit] = None
    """The file that gets what the others lose, where a setting moves."""
    needs_event: bool = False
    """Whether the engine must also report a reload event, because ``/info`` does not show every setting."""
    warnings: Sequence[str] = ()

    @property
    def engine(self) -> Optional[Engine]:
        """The engine as it was read."""
        return self.snapshot.engine

    @property
    def writes(self) -> bool:
        return any(edit.changes for edit in self.edits)

    @property
    def config_edit(self) -> Edit:
        """The edit of ``daemon.json``."""
        return next(edit for edit in self.edits if edit.path == self.snapshot.config.path)

    @property
    def after(self) -> DaemonJson:
        """``daemon.json`` after the change."""
        return self.snapshot.config.with_data(self.config_edit.after)

    @property
    def settings_before(self) -> Dict[str, Any]:
        """What was in force of the settings that change."""
        info = self.snapshot.engine.info
        return {key: info.settings[key] for key in self.wanted if info and key in info.settings}

    @property
    def needs_restart(self) -> bool:
        return self.activation.pending == "restart"

    def reloads(self, options: Options) -> bool:
        """Whether this run reloads the engine."""
        return self.activation.pending == "reload" and options.reload

    @property
    def has_work(self) -> bool:
        """Whether anything is left to do, besides a restart, which no module does."""
        stale_units = self.needs_restart and self.snapshot.start.needs_daemon_reload
        return self.writes or self.activation.pending == "reload" or stale_units


class FileOptions(NamedTuple):
    """The options of a change of files that no engine reads at a reload."""

    backup: bool
    timeout: int = 10
    """Seconds to wait for another run of the same user to end."""


class FilePlan(NamedTuple):
    """What a wish makes of files that no engine reads at a reload: those of the other clients of a host."""

    edits: Sequence[Edit]
    result: Mapping[str, Any]
    """The return values of this module, besides those that all modules have."""
    warnings: Sequence[str] = ()
    engine: None = None

    @property
    def writes(self) -> bool:
        return any(edit.changes for edit in self.edits)

    @property
    def has_work(self) -> bool:
        return self.writes


AnyPlan = Union[Plan, FilePlan]
AnyOptions = Union[Options, FileOptions]


class Decision(NamedTuple):
    """A plan, or why there is none."""

    plan: Optional[AnyPlan]
    refusal: Optional[Refusal] = None


class Outcome(NamedTuple):
    """How a change ended."""

    state: str
    """``untouched``: nothing was written and no signal sent. ``done``. ``undone``: files and engine are as before.
    ``stuck``: something differs from before, and ``states`` says what."""
    plan: Optional[AnyPlan]
    """None only where there is a refusal."""
    engine: Optional[Engine] = None
    """The engine as it answered last."""
    refusal: Optional[Refusal] = None
    """Why the change was not made, or did not succeed."""
    problems: Sequence[str] = ()
    """Why the host did not go back to what it was."""
    states: Sequence[Tuple[str, str]] = ()
    """Each file, and the engine: as before, as wanted, or neither."""
    backups: Sequence[Dict[str, Optional[str]]] = ()
    warnings: Sequence[str] = ()

    @property
    def copies(self) -> List[str]:
        """The backup files."""
        return [backup["backup_file"] for backup in self.backups if backup["backup_file"]]
