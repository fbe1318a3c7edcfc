# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Carry out one change: write, reload, compare, and go back where the engine refuses.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time

from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, NamedTuple, NoReturn, Optional, Sequence

from ansible_collections.pullthrough.docker.plugins.module_utils._change import daemon_file, snapshots
from ansible_collections.pullthrough.docker.plugins.module_utils._host import engine_api, engines, files, processes, services, transaction
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import activation, mirror_url, setting_table
from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_reader, json_text, masking

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

SPEC: Dict[str, Dict[str, Any]] = {
    "path": {"type": "path"},
    "service": {"type": "str", "default": "docker"},
    "reload": {"type": "bool", "default": True},
    "keep_containers": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 10},
    "backup": {"type": "bool", "default": False},
    "unsafe_writes": {"type": "bool", "default": False},
}
"""The options that all modules have which change something."""


class Refused(Exception):
    """A change that must not be made, or that the engine did not take; the text is the whole message for the user.

    C(changed) says whether file or engine are other than they were found.
    """

    def __init__(self, message: str, changed: bool = False) -> None:
        super().__init__(masking.mask(message, masking.MESSAGE_LIMIT))
        self.changed = changed


class _NotTaken(Exception):
    """The engine did not take the change; the text is why, in its own words where they were found."""


class Edit(NamedTuple):
    """A file, what it holds, and what it is to hold; None where it does not exist, or is not to."""

    path: str
    before: Optional[bytes]
    after: Optional[bytes]
    mode: int = files.NEW_MODE
    """Of a file that is not there yet."""

    @property
    def changes(self) -> bool:
        return self.before != self.after


class Plan(NamedTuple):
    """What one look at the host makes of the task."""

    seen: snapshots.Snapshot
    source: daemon_file.DaemonJson
    edits: List[Edit]
    """In the order of writing, C(daemon.json) among them: where a setting moves, no instant has it in two places."""
    argv: Sequence[str]
    """The command line of the start after the change."""
    wanted: Mapping[str, Any]
    """The settings that are not in force, as C(/info) must show them afterwards."""
    way: activation.Way
    result: Dict[str, Any]
    """What the module returns besides what all return."""
    target: Optional[Edit] = None
    """The file that gets what the others lose, where a setting moves."""

    @property
    def writes(self) -> bool:
        return any(edit.changes for edit in self.edits)

    @property
    def text(self) -> Optional[bytes]:
        """What C(daemon.json) is to hold in the end."""
        return next(edit.after for edit in self.edits if edit.path == self.source.path)

    @property
    def after(self) -> daemon_file.DaemonJson:
        """C(daemon.json) as it is to be."""
        return daemon_file.DaemonJson(self.source.path, self.text)


class Change:
    """The task of a module, from its options to its returns. A kind of change says what is to be (C(plan)) and what it needs."""

    proof_is_event = False
    """Whether a reload must be proven by the engine's own event as well, since C(/info) does not show all that changes."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._options: Dict[str, Any] = module.params
        self._backups: List[Dict[str, Optional[str]]] = []

    def declare(self) -> None:
        """Read the options that need no look at the host.

        :raises Refused: when they cannot be meant.
        """

    def plan(self, seen: snapshots.Snapshot, source: daemon_file.DaemonJson) -> Plan:
        """What is to be done on this host.

        :raises Refused: when it must not be done.
        """
        raise NotImplementedError

    def check(self, plan: Plan, installed: Sequence[Any]) -> None:
        """Refuse what engines of these versions would refuse and C(dockerd --validate) does not find.

        :param installed: versions of the running engine and of the installed one, None for what holds for all.
        :raises _sources.SourceError: with file and line.
        """
        plan.after.check(plan.after.listed, installed)

    def run(self) -> Dict[str, Any]:
        """Do the task, or in check mode predict it, and return what the module returns.

        :raises Refused: with the message for the user; the host is as it was, unless the message says otherwise.
        """
        try:
            self.declare()
            plan = self._look_and_plan()
            leftovers = any(transaction.has_leftovers(edit.path) for edit in plan.edits)
            if self._module.check_mode or not (self._to_do(plan) or leftovers):
                self._check(plan)
                return self._say(plan)
            with self._locked(plan):
                try:
                    return self._carry_out()
                except transaction.FileChanged:
                    return self._carry_out()  # One more plan, for what the writes hold now; then it fails.
        except (daemon_file.PlaceError, files.FileError, json_reader.JsonTextError) as exc:
            raise Refused(str(exc)) from exc

    # -- look and plan -----------------------------------------------------------------------------------------------

    def _look_and_plan(self) -> Plan:
        seen = snapshots.take(self._options["service"], self._options["path"], self._options["timeout"])
        engine = seen.engine
        path = files.resolve(seen.path)
        if self._options["path"] is None:  # Whoever names the file does not mean an engine of their own.
            self._refuse_roots(engine)
        if engine.state in ("unreachable", "ambiguous", "starting"):
            raise Refused(
                f"The Docker Engine is {engine.state}: {engine.reason}. "
                f"Nothing was changed, in {path} or in the engine. See that `docker system info` answers, then run this again."
            )
        plan = self.plan(seen, daemon_file.DaemonJson(path, files.read(path)))
        self._refuse_flags(plan)
        return plan

    @staticmethod
    def _refuse_roots(engine: engines.Engine) -> None:
        try:
            engines.refuse_roots(engine)
        except engine_api.Unreachable as exc:
            raise Refused(str(exc)) from exc

    def _refuse_flags(self, plan: Plan) -> None:
        """Refuse settings that will stand in the file and on the command line, now or at the next start: with both, no engine starts."""
        seen = plan.seen._replace(start=plan.seen.start._replace(argv=tuple(plan.argv)))
        if plan.way.pending == "restart":
            seen = seen._replace(engine=seen.engine._replace(process=None))  # The command line that runs is on its way out.
        for flag in seen.beside_flags(plan.after.settings):
            self.refuse_flag(plan, flag)
        fault = plan.seen.start.fault
        if fault and plan.way.pending == "restart":
            raise Refused(f"{fault}. Nothing was changed.")
        if fault:
            self._module.warn(f"The engine will fail at its next start. {fault}.")

    def refuse_flag(self, plan: Plan, flag: snapshots.SetByFlag) -> None:
        """Say where a setting of the file stands on the command line too."""
        process = plan.seen.engine.process
        who = f"process {process.pid}" if flag.now and process else f"the service {self._options['service']}, at its next start"
        raise Refused(
            f"The engine ({who}) has {flag.flag} on its command line"
            f"{', which stands in ' + ' and in '.join(flag.places) if flag.places else ''}. An engine with this setting there and as "
            f"{flag.setting} in {plan.source.place(flag.setting)} does not start. Nothing was changed. Take it out of one of both, "
            "and where it is the flag, restart the engine; then run this again."
        )

    # -- check -------------------------------------------------------------------------------------------------------

    @staticmethod
    def _to_do(plan: Plan) -> bool:
        return plan.writes or plan.way.pending == "reload" or (plan.way.pending == "restart" and plan.seen.start.needs_daemon_reload)

    def _reloads(self, plan: Plan) -> bool:
        return plan.way.pending == "reload" and bool(self._options["reload"])

    def _check(self, plan: Plan) -> None:
        """Refuse, before anything is written, what the engine would refuse or what needs consent."""
        if self._to_do(plan):
            engine, timeout = plan.seen.engine, self._options["timeout"]
            installed = engines.binary_version(engine.binary, timeout)
            self.check(plan, [None, engine.version, installed])
            argv = plan.argv if plan.way.pending == "restart" or not engine.process else engine.argv
            objection = engines.validate(engine, argv, plan.text or b"{}", timeout)
            if objection:
                raise Refused(f"{plan.after.locate(objection)}. Nothing was changed. Mend it there and run this again.")
        self._consent(plan)

    def _consent(self, plan: Plan) -> None:
        info = plan.seen.engine.info
        if plan.way.pending == "none" or info is None:
            return
        ours = {*plan.wanted, daemon_file.KEY}
        edits = activation.pending_edits(
            plan.way.pending,
            settings=plan.after.settings,
            shown=info.settings,
            ours=ours,
            containerd=info.image_store == "containerd",
        )
        told = [f"{plan.source.place(edit.key)}: {edit.key} is {edit.file}, and the engine uses {edit.engine}" for edit in edits]
        if plan.way.pending == "reload":
            if told and self._reloads(plan):
                self._module.warn(
                    masking.mask(f"The reload also brings into force what someone changed in the file since the engine read it: {'; '.join(told)}.")
                )
            return
        if not self._options["keep_containers"]:
            return
        told += plan.seen.flags_edited(ours)
        if told:
            raise Refused(
                f"Only a restart brings this into force ({'; '.join(plan.way.reasons)}), and it would also apply what someone changed "
                f"since the engine read it: {'; '.join(told)}. Nothing was changed. "
                "Take that back or let it come into force first, or allow it with "
                "keep_containers: false (docker_mirror_keep_containers in the role)."
            )
        if activation.restart_stops_containers(containers_running=info.containers_running, live_restore=info.live_restore):
            raise Refused(
                f"Only a restart brings this into force ({'; '.join(plan.way.reasons)}), and it would stop "
                f"{info.containers_running} running container(s). Nothing was changed. "
                "Allow it with keep_containers: false (docker_mirror_keep_containers in the role), "
                "or keep them through it by setting live-restore to true in the engine's configuration."
            )

    # -- write, reload, compare, settle ------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _locked(self, plan: Plan) -> Iterator[None]:
        """Hold all the folders in which something changes, in one order for all runs."""
        with contextlib.ExitStack() as stack:
            for path in sorted({os.path.dirname(edit.path): edit.path for edit in plan.edits}.values()):
                stack.enter_context(transaction.lock(path, self._options["timeout"]))
            yield

    def _carry_out(self) -> Dict[str, Any]:
        """Under the lock: look again, since another run may have done it all meanwhile, and do what is left."""
        plan = self._look_and_plan()
        self._check(plan)
        writes = transaction.Transaction(self._module, {edit.path: edit.mode for edit in plan.edits})
        if not self._to_do(plan):
            self._unstage(plan, writes)
            return self._say(plan)
        reloads = self._reloads(plan)
        # A reload keeps what a key was that is not there, so the engine is brought to its default by naming it.
        named = self._named(plan.text, plan.wanted) if reloads else plan.text
        self._is_signalled = False
        try:
            self._write(plan, writes, named)
            if reloads:
                plan = self._reload(plan)
            if named != plan.text:
                self._settle(plan, writes, named)
        except _NotTaken as exc:
            self._go_back(plan, writes, named, f"The engine did not take the change: {exc}.", "Mend what the engine complains of and run this again.")
        except transaction.FileChanged as exc:
            if self._is_signalled or writes.undo():
                self._go_back(plan, writes, named, f"{exc}.", "")
            raise
        except transaction.WriteError as exc:
            self._go_back(plan, writes, named, f"{exc.what}.", exc.advice)
        except (files.FileError, Refused, OSError) as exc:
            self._go_back(plan, writes, named, f"{exc}".rstrip(".") + ".", "")
        self._unstage(plan, writes)
        writes.tidy()
        return self._say(plan)

    def _write(self, plan: Plan, writes: transaction.Transaction, named: Optional[bytes]) -> None:
        """Write all writes, C(daemon.json) as the engine is to read it first."""
        for edit in plan.edits:
            if edit.changes and (self._options["backup"] or plan.way.pending == "restart"):
                self._backups.append(self._back_up(writes, edit))
        if plan.target and plan.target.after is not None:
            writes.stage(plan.target.path, plan.target.after)
        elif named != plan.text and plan.text is not None and daemon_file.KEY in plan.wanted:
            writes.stage(plan.source.path, plan.text)  # Or a killed run's empty list would pass for the user's.
        for edit in plan.edits:
            writes.write(edit.path, edit.before, named if edit.path == plan.source.path else edit.after)
        self._load_units(plan)

    def _reload(self, plan: Plan) -> Plan:
        """Bring the change into force.

        :returns: the plan, with the engine that runs now.
        :raises _NotTaken: when the engine does not take it.
        """
        self._is_signalled = True
        refusal = engines.reload(
            plan.seen.engine, lambda info: self._is_in_force(plan, info), self._options["timeout"], event=self.proof_is_event
        )
        if not refusal:
            return plan
        started = self._new_engine(plan)
        if started is None:
            raise _NotTaken(refusal)
        return plan._replace(seen=plan.seen._replace(engine=started))

    @staticmethod
    def _settle(plan: Plan, writes: transaction.Transaction, named: Optional[bytes]) -> None:
        """Once the engine has read what was named for it, write the final text, or none where there was no file."""
        if plan.text is not None:
            writes.write(plan.source.path, named, plan.text)
            return
        left = writes.undo()
        if left:
            raise files.FileError("; ".join(left))

    def _new_engine(self, plan: Plan) -> Optional[engines.Engine]:
        """The engine that someone started meanwhile in place of the one that ended, as a package's upgrade does, if the change is in
        force in it: at its start an engine reads the file as well."""
        deadline = time.monotonic() + self._options["timeout"]
        while processes.has_ended(plan.seen.engine.process):
            engine = engines.look(self._options["service"], self._options["timeout"])
            if engine.info is not None or time.monotonic() >= deadline:
                return engine if engine.info is not None and self._is_in_force(plan, engine.info) else None
            time.sleep(engines.POLL_SECONDS)
        return None

    def _unstage(self, plan: Plan, writes: transaction.Transaction) -> None:
        for edit in plan.edits:
            try:
                writes.unstage(edit.path)
            except transaction.WriteError as exc:
                self._module.warn(f"{exc} It is a leftover of this collection. The next run removes it.")

    def _back_up(self, writes: transaction.Transaction, edit: Edit) -> Dict[str, Optional[str]]:
        copy = None if edit.before is None else writes.backup(edit.path, edit.before)
        checksum = "" if edit.after is None else hashlib.sha256(edit.after).hexdigest()
        return {"path": edit.path, "backup_file": copy, "checksum": checksum}

    def _load_units(self, plan: Plan) -> None:
        """Let systemd read drop-ins that changed. That starts and stops nothing."""
        start = plan.seen.start
        units_change = any(edit.changes and edit.path.endswith((".conf", ".service")) for edit in plan.edits)
        if start.reader != "systemd" or not (units_change or start.needs_daemon_reload):
            return
        code, out = services.systemctl("daemon-reload")
        if code != 0:
            raise Refused(f"systemctl daemon-reload failed: {out.strip()}")

    @staticmethod
    def _is_in_force(plan: Plan, info: engine_api.Info) -> bool:
        return all(key not in info.settings or setting_table.is_same(key, value, info.settings[key]) for key, value in plan.wanted.items())

    @staticmethod
    def _named(text: Optional[bytes], values: Mapping[str, Any]) -> bytes:
        """The text with those of these settings named that an engine keeps, at a reload, where their key is missing."""
        named = json_text.NEW_FILE if text is None else json_reader.decode(text)
        for key, value in values.items():
            if key in setting_table.KEPT and json_reader.parse(named).find(key) is None:
                named = json_text.set_member(named, [key], value)
        return named.encode()

    def _go_back(self, plan: Plan, writes: transaction.Transaction, named: Optional[bytes], cause: str, advice: str) -> NoReturn:
        """Bring engine and writes to what they were, as far as that can be done, and say how each of them is.

        :param cause: why the change did not succeed, as sentences.
        :param advice: what to do about it, as sentences.
        :raises Refused: always. It is C(changed) unless all is as it was.
        """
        problems = self._engine_back(plan, writes, named) if self._is_signalled else []
        problems += writes.undo()
        states = [(edit.path, _state_of(edit)) for edit in plan.edits if edit.changes or edit.path == plan.source.path]
        if self._is_signalled:
            states.append(("the engine", self._state_of_engine(plan)))
        if problems or any(state != "as before" for _what, state in states):
            copies = [backup["backup_file"] for backup in self._backups if backup["backup_file"]]
            sentences = [
                cause,
                f"Going back did not succeed: {'; '.join(problems) or 'something else changed it meanwhile'}.",
                f"Now {'; '.join(f'{what} is {state}' for what, state in states)}.",
                f"What they held before is in {' and '.join(copies)}." if copies else "",
                advice,
                "See what the engine's log says." if self._is_signalled else "",
            ]
            raise Refused(" ".join(filter(None, sentences)), changed=True)
        self._remove_backups()
        if self._is_signalled:
            raise Refused(
                f"{cause} {plan.source.path} and what is in force are as they were ({self._shown_before(plan)}); no container was touched. {advice}".strip()
            )
        raise Refused(f"{cause} Nothing was changed. {advice}".strip())

    def _remove_backups(self) -> None:
        """Remove the copies of writes that did not change after all."""
        for backup in self._backups:
            with contextlib.suppress(OSError):  # A copy too many is no reason for another message.
                if backup["backup_file"]:
                    os.unlink(backup["backup_file"])
        self._backups = []

    @staticmethod
    def _before(plan: Plan) -> Dict[str, Any]:
        """What was in force of the settings that were to change."""
        info = plan.seen.engine.info
        return {key: info.settings[key] for key in plan.wanted if info and key in info.settings}

    def _shown_before(self, plan: Plan) -> str:
        return masking.mask("; ".join(f"{key}: {_shown(value)}" for key, value in self._before(plan).items())) or "none shown"

    def _is_as_before(self, plan: Plan, info: engine_api.Info) -> bool:
        return all(_settings_are_same(key, value, info) for key, value in self._before(plan).items())

    def _state_of_engine(self, plan: Plan) -> str:
        """How the engine is, asked anew: as before, as wanted, neither, or not known."""
        engine = engines.look(self._options["service"], self._options["timeout"])
        if engine.info is None:
            return f"{engine.state} ({engine.reason})"
        if self._is_as_before(plan, engine.info):
            return "as before"
        shown = "; ".join(f"{key}: {_shown(engine.info.settings[key])}" for key in self._before(plan) if key in engine.info.settings)
        return f"{'as wanted' if self._is_in_force(plan, engine.info) else 'neither as before nor as wanted'} ({masking.mask(shown)})"

    def _engine_back(self, plan: Plan, writes: transaction.Transaction, named: Optional[bytes]) -> List[str]:
        """Bring the engine to what it was. Going back is a change like any other: name the settings, reload, ask.

        :returns: why it did not go back, as a list of one sentence, or nothing.
        """
        path, shown = plan.source.path, self._shown_before(plan)
        engine = engines.look(self._options["service"], self._options["timeout"])
        if engine.info is None:
            return [f"whether what is in force is still as it was ({shown}) is unknown, as the engine is {engine.state}: {engine.reason}"]
        try:
            held = files.read(path)
            if (self._is_as_before(plan, engine.info) and not self.proof_is_event) or held not in (named, plan.text):
                return []
            writes.write(path, held, self._named(plan.source.data or b"{}", self._before(plan)))
        except files.FileError as exc:
            return [str(exc).rstrip(".")]
        problem = engines.reload(engine, lambda info: self._is_as_before(plan, info), self._options["timeout"])
        return [f"the engine did not go back to what it had ({shown}): {problem}"] if problem else []

    # -- say ---------------------------------------------------------------------------------------------------------

    def _say(self, plan: Plan) -> Dict[str, Any]:
        """What the module returns: after the work, or in check mode what it would be."""
        engine = plan.seen.engine
        if os.geteuid() != 0 and engine.process is None and plan.seen.start.reader is None:
            self._module.warn(
                f"This is about the rootless engine of the user who ran it (uid {os.geteuid()}), and there is none yet. "
                "For the root engine of the host, run the task as root (become: true)."
            )
        for caution in snapshots.find_cautions(engine, mirror_url.engine_list(plan.after.listed), plan.after.insecure):
            self._module.warn(caution)
        reloaded = self._reloads(plan)
        pending, reasons = plan.way.pending, plan.way.reasons
        if reloaded:
            for warning in plan.way.warnings:
                self._module.warn(warning)
            pending = "none"
            reasons = ["Only the engine can say whether it takes the file when it reloads."] if self._module.check_mode else []
        diff = [
            {
                "before_header": edit.path,
                "after_header": edit.path,
                "before": _masked(edit.before),
                "after": _masked(edit.after),
            }
            for edit in plan.edits
            if edit.changes
        ]
        if reloaded and engine.info:
            shown = [(key, engine.info.settings[key], value) for key, value in plan.wanted.items() if key in engine.info.settings]
            lines = [
                "".join(f"{line}\n" for key, *values in shown for line in _lines(key, values[index]))
                for index in (0, 1)
            ]
            diff.append({"before_header": "engine", "after_header": "engine", "before": lines[0], "after": lines[1]})
        return {
            "changed": plan.writes or reloaded,
            "path": plan.source.path,
            "reloaded": reloaded,
            "pending": pending,
            "pending_reasons": [masking.mask(reason) for reason in reasons],
            "backups": self._backups,
            "engine": engine.facts(),
            "diff": diff,
            **plan.result,
        }


def _settings_are_same(key: str, value: Any, info: engine_api.Info) -> bool:
    return setting_table.is_same(key, value, info.settings.get(key))


def _state_of(edit: Edit) -> str:
    """How a file is: as before, as wanted, or neither."""
    try:
        held = files.read(edit.path)
    except files.FileError as exc:
        return f"not known ({str(exc).rstrip('.')})"
    if held == edit.before:
        return "as before"
    return "as wanted" if held == edit.after else "neither as before nor as wanted"


def _masked(data: Optional[bytes]) -> str:
    return masking.mask_json((data or b"").decode(errors="replace"))


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return value.text if isinstance(value, json_reader.Number) else str(value)


def _lines(key: str, value: Any) -> List[str]:
    """A setting as the diff of the engine shows it: mirrors a line each, as they are the common case."""
    if key == daemon_file.KEY:
        return mirror_url.shown_list(value)
    return [masking.mask(f"{key}: {_shown(value)}")]
