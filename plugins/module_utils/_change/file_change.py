# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Write the files of a plan, or put all of them back where that fails.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import contextlib
import hashlib
import os

from typing import Dict, Generic, List, Optional, Sequence, Tuple, TypeVar

from ansible_collections.pullthrough.docker.plugins.module_utils._change import checks
from ansible_collections.pullthrough.docker.plugins.module_utils._change.model import (
    AnyPlan,
    Edit,
    Outcome,
    Refusal,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._host.files import FileError
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import Host
from ansible_collections.pullthrough.docker.plugins.module_utils._host.transaction import FileChanged

AS_BEFORE, AS_WANTED, NEITHER = "as before", "as wanted", "neither as before nor as wanted"

PlanT = TypeVar("PlanT", bound=AnyPlan)


class FileChange(Generic[PlanT]):
    """One try to carry out a plan, under the lock. A plan with an engine goes on where the files are written."""

    def __init__(self, host: Host, plan: PlanT, warnings: Sequence[str], *, keeps_copies: bool) -> None:
        """Begin, with nothing written.

        :param keeps_copies: whether to keep a copy of each file that changes.
        """
        self._host = host
        self._plan = plan
        self._warnings = list(warnings)
        self._keeps_copies = keeps_copies
        self._writes = host.transaction({edit.path: edit.mode for edit in plan.edits})
        self._backups: List[Dict[str, Optional[str]]] = []

    def run(self) -> Outcome:
        """Do all that the plan says, or go back."""
        if not self._plan.has_work:
            self._remove_staged()
            return self._outcome("untouched")
        try:
            self._go_forward()
        except FileChanged as exc:
            if self._has_signalled() or self._writes.undo():
                return self._go_back(exc)
            self._remove_backups()
            return checks.untouched(self._plan, exc, self._warnings)
        except Exception as exc:  # noqa: BLE001 # Whatever it is, the host must not be left half changed.
            return self._go_back(exc)
        self._remove_staged()
        self._writes.tidy({edit.path: edit.made_folders for edit in self._plan.edits})
        return self._outcome("done")

    def _outcome(self, state: str) -> Outcome:
        return Outcome(state, self._plan, self._plan.engine, backups=self._backups, warnings=self._warnings)

    # -- forward -------------------------------------------------------------------------------------------------------

    def _go_forward(self) -> None:
        self._back_up_all()
        for edit in self._plan.edits:
            self._writes.write(edit.path, edit.before, edit.after)

    def _has_signalled(self) -> bool:
        """Return whether a process was told to read the files, so that more than files must go back."""
        return False

    def _back_up_all(self) -> None:
        for edit in self._plan.edits:
            if edit.changes and self._keeps_copies:
                self._backups.append(self._back_up(edit))

    def _back_up(self, edit: Edit) -> Dict[str, Optional[str]]:
        copy = None if edit.before is None else self._writes.backup(edit.path, edit.before)
        checksum = "" if edit.after is None else hashlib.sha256(edit.after).hexdigest()
        return {"path": edit.path, "backup_file": copy, "checksum": checksum}

    def _remove_staged(self) -> None:
        for edit in self._plan.edits:
            try:
                self._writes.unstage(edit.path)
            except FileError as exc:
                self._warnings.append(f"{exc} It is a leftover of this collection. The next run removes it.")

    # -- back ----------------------------------------------------------------------------------------------------------

    def _go_back(self, cause: Exception) -> Outcome:
        """Bring everything back to what it was, as far as possible, and report each part of it."""
        problems = self._put_back()
        states = self._states()
        is_back = not problems and all(state == AS_BEFORE for _name, state in states)
        if is_back:
            self._remove_backups()
        undone = "undone" if self._has_signalled() else "untouched"
        return self._outcome(undone if is_back else "stuck")._replace(
            refusal=self._refusal_of(cause), problems=problems, states=states
        )

    def _put_back(self) -> List[str]:
        """Put everything back, and return why something did not go back."""
        return self._writes.undo()

    def _remove_backups(self) -> None:
        """Remove the copies of files that did not change after all."""
        for backup in self._backups:
            with contextlib.suppress(OSError):  # A copy too many is no reason for another message.
                if backup["backup_file"]:
                    os.unlink(backup["backup_file"])
        self._backups = []

    # -- what became of it ---------------------------------------------------------------------------------------------

    def _states(self) -> List[Tuple[str, str]]:
        """Return each part that the plan changes, and how it is."""
        return [(edit.path, self._state_of(edit)) for edit in self._plan.edits if edit.changes]

    def _state_of(self, edit: Edit) -> str:
        file = self._host.file(edit.path)
        if file.unreadable:
            return f"not known ({str(file.unreadable).rstrip('.')})"
        if file.data == edit.before:
            return AS_BEFORE
        return AS_WANTED if file.data == edit.after else NEITHER

    def _refusal_of(self, cause: Exception) -> Refusal:
        """Return why the change did not succeed."""
        if isinstance(cause, (Refused, FileError)):
            return cause
        return Refused(str(cause) or type(cause).__name__)
