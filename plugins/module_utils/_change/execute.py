# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Carry out a plan: write, reload, settle; and go back where that fails. Only this module changes the host.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import os

from typing import Any, Callable, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._change import checks
from ansible_collections.pullthrough.docker.plugins.module_utils._change.file_change import (
    AS_BEFORE,
    AS_WANTED,
    NEITHER,
    FileChange,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._change.model import (
    AnyOptions,
    AnyPlan,
    Decision,
    Options,
    Outcome,
    Plan,
    Refusal,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._change.shown import shown
from ansible_collections.pullthrough.docker.plugins.module_utils._host.engine_api import Info
from ansible_collections.pullthrough.docker.plugins.module_utils._host.engines import Engine
from ansible_collections.pullthrough.docker.plugins.module_utils._host.files import FileError
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import Host
from ansible_collections.pullthrough.docker.plugins.module_utils._host.transaction import FileChanged
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import setting_table
from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_reader, json_text


def carry_out(host: Host, decide: Callable[[], Decision], options: AnyOptions, plan: AnyPlan) -> Outcome:
    """Do what must be done on the host.

    :param decide: reads the host and plans; it is called again under the lock, as another run may have done it all.
    :param plan: the first plan, which says where files will be written.
    :returns: the outcome, whatever happens.
    """
    folders = sorted({os.path.dirname(edit.path) for edit in plan.edits})
    try:
        with host.lock(folders, options.timeout):
            outcome = _decide_and_run(host, decide, options)
            if isinstance(outcome.refusal, FileChanged) and outcome.state == "untouched":
                # One more plan, for what the files hold now; then it fails.
                outcome = _decide_and_run(host, decide, options)
            return outcome
    except FileError as exc:  # No lock, so nothing was written.
        return Outcome("untouched", plan, plan.engine, exc)


def _decide_and_run(host: Host, decide: Callable[[], Decision], options: AnyOptions) -> Outcome:
    decision = decide()
    plan = decision.plan
    if plan is None:
        return Outcome("untouched", None, refusal=decision.refusal)
    refusal, warnings = checks.check(host, plan, options)
    if refusal:
        return checks.untouched(plan, refusal, warnings)
    if isinstance(plan, Plan) and isinstance(options, Options):
        return _EngineChange(host, plan, options, warnings).run()
    return FileChange(host, plan, warnings, keeps_copies=options.backup).run()


class _NotAccepted(Exception):
    """The engine did not accept the change; the text is why, in its own words where they were found."""


class _EngineChange(FileChange[Plan]):
    """One try to carry out a plan with an engine, under the lock: write, reload and settle."""

    def __init__(self, host: Host, plan: Plan, options: Options, warnings: Sequence[str]) -> None:
        super().__init__(host, plan, warnings, keeps_copies=options.backup or plan.needs_restart)
        self._options = options
        self._engine = plan.snapshot.engine
        self._is_signalled = False
        self._reloads = plan.reloads(options)
        # A reload keeps the value of a key that is missing, so the engine is brought to the default by naming it.
        self._named = plan.config_edit.after
        if self._reloads:
            self._named = _with_named(plan.config_edit.after, plan.wanted)

    def _outcome(self, state: str) -> Outcome:
        if self._is_signalled and state == "done":
            self._engine = self._host.engine(self._options.service, self._options.timeout)
        return super()._outcome(state)._replace(engine=self._engine)

    # -- forward -------------------------------------------------------------------------------------------------------

    def _go_forward(self) -> None:
        self._write()
        if self._reloads:
            self._reload()
        if self._named != self._plan.config_edit.after:
            self._settle()

    def _has_signalled(self) -> bool:
        return self._is_signalled

    def _write(self) -> None:
        """Write all files, ``daemon.json`` as the engine must read it first."""
        plan, config = self._plan, self._plan.config_edit
        self._back_up_all()
        if plan.target and plan.target.after is not None:
            self._writes.stage(plan.target.path, plan.target.after)
        elif self._named != config.after and config.after is not None and setting_table.MIRRORS in plan.wanted:
            # Or the empty list of a killed run would be taken for the user's.
            self._writes.stage(config.path, config.after)
        for edit in plan.edits:
            self._writes.write(edit.path, edit.before, self._named if edit is config else edit.after)
        units_change = any(edit.changes and edit.path.endswith((".conf", ".service")) for edit in plan.edits)
        start = plan.snapshot.start
        if start.reader == "systemd" and (units_change or start.needs_daemon_reload):
            self._host.load_units()

    def _reload(self) -> None:
        """Make the engine use what was written.

        :raises _NotAccepted: when it does not.
        """
        self._is_signalled = True
        needs_event, timeout = self._plan.needs_event, self._options.timeout
        refusal = self._host.reload(self._engine, self._has_wanted, timeout, needs_event=needs_event)
        if refusal:
            # At its start, an engine reads the file as well.
            successor = self._host.successor(self._engine, timeout)
            if successor is None or successor.info is None or not self._has_wanted(successor.info):
                raise _NotAccepted(refusal)

    def _settle(self) -> None:
        """Write the final text, or none where there was no file, after the engine has read what was named for it."""
        self._writes.write(self._plan.config_edit.path, self._named, self._plan.config_edit.after)

    # -- back ----------------------------------------------------------------------------------------------------------

    def _put_back(self) -> List[str]:
        return [*(self._engine_back() if self._is_signalled else []), *super()._put_back()]

    def _engine_back(self) -> List[str]:
        """Bring the engine back. That is a change like any other: name the settings, reload, ask.

        :returns: why it did not go back, as a list of one sentence, or nothing.
        """
        path, timeout = self._plan.config_edit.path, self._options.timeout
        before = self._plan.settings_before
        try:
            engine = self._host.engine(self._options.service, timeout)
            if engine.info is None:
                return [
                    f"whether the engine still uses what it used before ({shown(before)}) is unknown, "
                    f"as it is {engine.state}: {engine.reason}"
                ]
            held = self._host.file(path).data
            is_ours = held in (self._named, self._plan.config_edit.after)
            if not is_ours or (self._has_old(engine.info) and not self._plan.needs_event):
                return []
            self._writes.write(path, held, _with_named(self._plan.config_edit.before or b"{}", before))
            problem = self._host.reload(engine, self._has_old, timeout, needs_event=False)
        except Exception as exc:  # noqa: BLE001 # A failure on the way back is a state, not an exception.
            return [self._refusal_of(exc).what]
        return [f"the engine did not go back to what it had ({shown(before)}): {problem}"] if problem else []

    # -- what became of it ---------------------------------------------------------------------------------------------

    def _has_wanted(self, info: Info) -> bool:
        return _uses(info, self._plan.wanted)

    def _has_old(self, info: Info) -> bool:
        return _uses(info, self._plan.settings_before)

    def _states(self) -> List[Tuple[str, str]]:
        config = self._plan.config_edit
        states = [(edit.path, self._state_of(edit)) for edit in self._plan.edits if edit.changes or edit is config]
        if self._is_signalled:
            self._engine, state = self._state_of_engine()
            states.append(("the engine", state))
        return states

    def _refusal_of(self, cause: Exception) -> Refusal:
        if isinstance(cause, _NotAccepted):
            return Refused(
                f"The engine did not accept the change: {cause}", "Fix what the engine reports and run this again."
            )
        return super()._refusal_of(cause)

    def _state_of_engine(self) -> Tuple[Engine, str]:
        """Ask the engine again, and return it and its state."""
        engine = self._host.engine(self._options.service, self._options.timeout)
        if engine.info is None:
            return engine, f"{engine.state} ({engine.reason})"
        if self._has_old(engine.info):
            return engine, AS_BEFORE
        used = {key: value for key, value in engine.info.settings.items() if key in self._plan.settings_before}
        return engine, f"{AS_WANTED if self._has_wanted(engine.info) else NEITHER} ({shown(used)})"


def _uses(info: Info, settings: Mapping[str, Any]) -> bool:
    """Return whether an engine uses these settings, as far as it shows them."""
    used = info.settings
    return all(key not in used or setting_table.is_same(key, value, used[key]) for key, value in settings.items())


def _with_named(text: Optional[bytes], values: Mapping[str, Any]) -> bytes:
    """Return the text with those of these settings named whose old value a reload keeps when the key is missing."""
    named = json_reader.NEW_FILE if text is None else json_reader.decode(text)
    for key, value in values.items():
        if setting_table.is_kept(key) and json_reader.parse(named).find(key) is None:
            named = json_text.set_member(named, [key], value)
    return named.encode()
