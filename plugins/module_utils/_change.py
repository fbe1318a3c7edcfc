# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""One change of an engine's mirrors: look, plan, check, write, reload, compare, settle, say; and back where it is refused.

Private to the collection C(pullthrough.docker): it may change at any time, without notice.
"""

from __future__ import annotations

import hashlib

from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, NoReturn, Optional

from ansible_collections.pullthrough.docker.plugins.module_utils import (
    _apply,
    _engine,
    _file,
    _json_text,
    _mirror_url,
    _sources,
    _survey,
)

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


class Refused(Exception):
    """A change that must not be made, or that the engine did not take; the text is the whole message for the user.

    C(changed) says whether file or engine are other than they were found.
    """

    def __init__(self, message: str, changed: bool = False) -> None:
        super().__init__(message)
        self.changed = changed


class Plan(NamedTuple):
    """What one look at the host makes of the task."""

    engine: _engine.Engine
    source: _sources.DaemonJson
    mirrors: List[str]
    """The list that is to stand in the file, as it is spelled there."""
    text: Optional[bytes]
    """The text that the file is to hold in the end; None where there is none and none is needed."""
    way: _apply.Way

    @property
    def wanted(self) -> List[str]:
        return _mirror_url.engine_list(self.mirrors)

    @property
    def in_force(self) -> Optional[List[str]]:
        return self.engine.info.mirrors if self.engine.info else None

    @property
    def writes(self) -> bool:
        return self.text != self.source.data


class MirrorChange:
    """The task of the module C(registry_mirrors), from its options to its returns."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._options: Dict[str, Any] = module.params
        self._backups: List[Dict[str, Optional[str]]] = []

    def run(self) -> Dict[str, Any]:
        """Do the task, or in check mode predict it, and return what the module returns.

        :raises Refused: with the message for the user; the host is as it was, unless the message says otherwise.
        """
        try:
            self._declared = self._declare()
            plan = self._look_and_plan()
            if not self._to_do(plan) or self._module.check_mode:
                self._check(plan)
                return self._say(plan)
            with _file.lock(plan.source.path, self._options["timeout"]):
                try:
                    return self._carry_out()
                except _file.FileChanged:
                    return self._carry_out()  # One more plan, for what the file holds now; then it fails.
        except (_sources.SourceError, _file.FileError) as exc:
            raise Refused(str(exc)) from exc

    # -- look and plan -----------------------------------------------------------------------------------------------

    def _declare(self) -> List[str]:
        declared = self._options["mirrors"]
        if not declared and not (self._options["exclusive"] and self._options["state"] == "present"):
            raise Refused("mirrors is an empty list. Name at least one; to have none at all, say mirrors: [] with exclusive: true.")
        try:
            return [_mirror_url.declare(mirror) for mirror in declared]
        except _mirror_url.MirrorUrlError as exc:
            raise Refused(f"{exc} Nothing was changed.") from exc

    def _look_and_plan(self) -> Plan:
        engine = _engine.look(self._options["service"], self._options["timeout"])
        path = _file.resolve(self._options["path"] or engine.config_path)
        if engine.state in ("unreachable", "ambiguous", "starting"):
            raise Refused(
                f"The Docker Engine is {engine.state}: {engine.reason}. "
                f"Nothing was changed, in {path} or in the engine. See that `docker system info` answers, then run this again."
            )
        source = _sources.DaemonJson(path, _file.read(path))
        mirrors = self._wanted(source.listed)
        way = _apply.way_to_mirrors(
            wanted=_mirror_url.engine_list(mirrors),
            in_force=engine.info.mirrors if engine.info else None,
            version=engine.version,
            flags=engine.argv,
            file_keys=source.keys,
            file_insecure=bool(source.insecure),
        )
        plan = Plan(engine, source, mirrors, source.text(mirrors), way)
        self._refuse_flags(plan)
        return plan

    def _wanted(self, listed: List[str]) -> List[str]:
        """The list for the file, made from what it lists and what is declared, with the file's own spelling kept."""
        spelling = {_mirror_url.engine_spelling(mirror): mirror for mirror in reversed(listed)}
        declared = {_mirror_url.engine_spelling(mirror): mirror for mirror in reversed(self._declared)}
        ordered = {_mirror_url.engine_spelling(mirror): None for mirror in self._declared}
        if self._options["state"] == "absent":
            return [mirror for mirror in listed if _mirror_url.engine_spelling(mirror) not in ordered]
        if self._options["exclusive"]:
            if _mirror_url.engine_list(listed) == list(ordered):
                return listed
            return [spelling.get(mirror, declared[mirror]) for mirror in ordered]
        return listed + [declared[mirror] for mirror in ordered if mirror not in spelling]

    def _refuse_flags(self, plan: Plan) -> None:
        """Refuse a setting that stands in the file and on the command line, now or at the next start: with both, no engine starts."""
        following = _engine.next_start(self._options["service"])
        for flag in _survey.set_by_flags(plan.engine, following):
            if self._meets(flag.setting, plan):
                process = plan.engine.process
                who = f"process {process.pid}" if flag.now and process else f"the service {self._options['service']}, at its next start"
                shown = " ".join(f"{flag.names[0]}={_mirror_url.mask(value)}" for value in flag.now or flag.later)
                places = [mention.place for mention in flag.mentions()]
                raise Refused(
                    f"The engine ({who}) has {shown} on its command line"
                    f"{', which stands in ' + ' and in '.join(places) if places else ''}. An engine with this setting there and as "
                    f"{flag.setting} in {plan.source.place(flag.setting)} does not start. Nothing was changed. Take it out of one of both, "
                    "and where it is the flag, restart the engine; then run this again."
                )
        if following.fault and plan.way.pending == "restart":
            raise Refused(f"{following.fault}. Nothing was changed.")
        if following.fault:
            self._module.warn(f"The engine will fail at its next start. {following.fault}.")

    def _meets(self, setting: str, plan: Plan) -> bool:
        """Whether the file has the setting, or this task would bring its mirrors there."""
        declares = self._options["state"] == "present" or plan.writes or plan.way.pending != "none"
        return setting in plan.source.keys or (setting == _sources.KEY and declares)

    # -- check -------------------------------------------------------------------------------------------------------

    @staticmethod
    def _to_do(plan: Plan) -> bool:
        return plan.writes or plan.way.pending == "reload"

    def _reloads(self, plan: Plan) -> bool:
        return plan.way.pending == "reload" and bool(self._options["reload"])

    def _check(self, plan: Plan) -> None:
        """Refuse, before anything is written, what the engine would refuse or what needs consent."""
        if self._to_do(plan):
            timeout = self._options["timeout"]
            installed = _engine.binary_version(plan.engine.binary, timeout)
            plan.source.check(plan.mirrors, [None, plan.engine.version, installed])
            objection = _engine.validate(plan.engine, plan.text, timeout) if plan.text else None
            if objection:
                raise Refused(f"{plan.source.locate(objection)}. Nothing was changed.")
        self._consent(plan)

    def _consent(self, plan: Plan) -> None:
        info = plan.engine.info
        if plan.way.pending == "none" or info is None:
            return
        edits = _apply.pending_edits(
            plan.way.pending,
            settings=plan.source.settings,
            shown=info.settings,
            flags=plan.engine.argv,
            containerd=info.image_store == "containerd",
        )
        told = "; ".join(
            _mirror_url.mask(f"{plan.source.place(edit.key)}: {edit.key} is {edit.file}, and the engine uses {edit.engine}") for edit in edits
        )
        if plan.way.pending == "reload":
            if told and self._reloads(plan):
                self._module.warn(f"The reload also brings into force what someone changed in the file since the engine read it: {told}.")
            return
        if not self._options["keep_containers"]:
            return
        if told:
            raise Refused(
                f"Only a restart brings this into force ({'; '.join(plan.way.reasons)}), and it would also apply what someone changed in the "
                f"file since the engine read it: {told}. Nothing was changed. Take that back or let it come into force first, "
                "or allow it with keep_containers: false."
            )
        if _apply.restart_stops_containers(containers_running=info.containers_running, live_restore=info.live_restore):
            raise Refused(
                f"Only a restart brings this into force ({'; '.join(plan.way.reasons)}), and it would stop "
                f"{info.containers_running} running container(s). Nothing was changed. Allow it with keep_containers: false, "
                "or keep them through it by setting live-restore to true in the engine's configuration."
            )

    # -- write, reload, compare, settle ------------------------------------------------------------------------------

    def _carry_out(self) -> Dict[str, Any]:
        """Under the lock: look again, since another run may have done it all meanwhile, and do what is left."""
        plan = self._look_and_plan()
        self._check(plan)
        if not self._to_do(plan):
            return self._say(plan)
        files = _file.Transaction(self._module)
        path, data = plan.source.path, plan.source.data
        reloads = self._reloads(plan)
        # A reload keeps the list of a key that is not there, so the engine is brought to "none" by naming it.
        named = plan.source.text(plan.mirrors, keep_empty=True) if reloads and not plan.wanted else plan.text
        if plan.text is not None and plan.writes and (self._options["backup"] or plan.way.pending == "restart"):
            copy = None if data is None else files.backup(path)
            self._backups = [{"path": path, "backup_file": copy, "checksum": hashlib.sha256(plan.text).hexdigest()}]
        if named is not None and named != data:
            files.write(path, data, named)
        if reloads:
            refusal = _engine.reload(plan.engine, plan.wanted, self._options["timeout"])
            if refusal:
                self._go_back(plan, files, named, refusal)
            if plan.text is None:
                files.undo()
            elif named != plan.text:
                files.write(path, named, plan.text)
        return self._say(plan)

    def _go_back(self, plan: Plan, files: _file.Transaction, named: Optional[bytes], refusal: str) -> NoReturn:
        """Bring engine and file to what they were. Going back is a change like any other: name the list, reload, ask."""
        path, before = plan.source.path, plan.in_force or []
        shown = " ".join(before) or "none"
        engine = _engine.look(self._options["service"], self._options["timeout"])
        problems = []
        if engine.info is None:
            problems.append(f"whether the mirrors in force are still as they were ({shown}) is unknown, as the engine is {engine.state}: {engine.reason}")
        elif engine.info.mirrors != before and _file.read(path) == named:
            back = _sources.DaemonJson(path, plan.source.data).text(before, keep_empty=True)
            if back is not None and back != named:
                files.write(path, named, back)
            problem = _engine.reload(engine, before, self._options["timeout"])
            if problem:
                problems.append(f"the engine did not go back to the mirrors it had ({shown}): {problem}")
        problems += files.undo()
        start = f"The engine did not take the mirrors: {refusal}."
        if problems:
            raise Refused(f"{start} Going back did not succeed: {'; '.join(problems)}. See what the engine's log says.", changed=True)
        raise Refused(
            f"{start} {path} and the mirrors in force are as they were ({shown}); no container was touched. "
            "Mend what the engine complains of and run this again."
        )

    # -- say ---------------------------------------------------------------------------------------------------------

    def _say(self, plan: Plan) -> Dict[str, Any]:
        """What the module returns: after the work, or in check mode what it would be."""
        for caution in _survey.cautions(plan.engine, plan.wanted, plan.source):
            self._module.warn(caution)
        reloaded = self._reloads(plan)
        pending, reasons = plan.way.pending, plan.way.reasons
        if reloaded:
            for warning in plan.way.warnings:
                self._module.warn(warning)
            pending = "none"
            reasons = ["Only the engine can say whether it takes the file when it reloads."] if self._module.check_mode else []
        diff = []
        if plan.writes:
            before, after = (_json_text.masked(text.decode("utf-8")) for text in (plan.source.data or b"", plan.text or b""))
            diff.append({"before_header": plan.source.path, "after_header": plan.source.path, "before": before, "after": after})
        if reloaded:
            before, after = ("".join(f"{mirror}\n" for mirror in mirrors) for mirrors in (plan.in_force or [], plan.wanted))
            diff.append({"before_header": "engine", "after_header": "engine", "before": before, "after": after})
        return {
            "changed": plan.writes or reloaded,
            "source": plan.source.name,
            "path": plan.source.path,
            "mirrors": plan.wanted,
            "previous_mirrors": _mirror_url.engine_list(plan.source.listed),
            "in_force": plan.wanted if reloaded else plan.in_force,
            "reloaded": reloaded,
            "pending": pending,
            "pending_reasons": reasons,
            "backups": self._backups,
            "engine": plan.engine.facts(),
            "diff": diff,
        }
