# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The change of the module C(registry_mirrors): which mirrors stand where.

Private to the collection C(pullthrough.docker): it may change at any time, without notice.
"""

from __future__ import annotations

import os
import time

from typing import Any, Dict, List, Optional, Sequence

from ansible_collections.pullthrough.docker.plugins.module_utils import (
    _apply,
    _certs,
    _change,
    _engine,
    _file,
    _look,
    _mirror_url,
    _service,
    _sources,
    _unit_text,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._change import Edit, Plan, Refused


class MirrorChange(_change.Change):
    """The task of the module C(registry_mirrors)."""

    def declare(self) -> None:
        declared = self._options["mirrors"]
        self._certificates: Dict[str, str] = self._options["ca_certificates"]
        if not declared and not (self._options["exclusive"] and self._options["state"] == "present"):
            raise Refused("mirrors is an empty list. Name at least one; to have none at all, say mirrors: [] with exclusive: true.")
        try:
            self._declared = [_mirror_url.declare(mirror) for mirror in declared]
            _certs.check(self._certificates, self._declared)
        except _mirror_url.MirrorUrlError as exc:
            raise Refused(f"{exc} Nothing was changed.") from exc
        except _certs.CertificateError as exc:
            raise Refused(str(exc)) from exc

    def plan(self, seen: _look.Look, source: _sources.DaemonJson) -> Plan:
        chosen = self._chosen(seen, source)
        # Our drop-in repeats the command line of the unit that it overrules, without what that says of mirrors.
        overruled = _sources.UnitFile if isinstance(chosen, _sources.DropIn) else ()
        others: List[Any] = [
            place for place in [source, *seen.flags] if place.path != chosen.path and place.present and not isinstance(place, overruled)
        ]
        kept = self._lists(seen, chosen, others)
        flags_later = self._flags_later(seen, source, chosen, kept)
        wanted = _mirror_url.engine_list([*kept.get(source.path, []), *flags_later])
        edits = self._edits(source, chosen, others, kept, alone=not flags_later)
        target = next(edit for edit in edits if edit.path == _file.resolve(chosen.path))
        moves = target.changes and any(edit.changes for edit in edits if edit is not target)
        in_force = seen.in_force
        missing = {} if in_force is None or in_force == wanted else {_sources.KEY: _apply.Wanted(wanted, bool(kept.get(source.path)))}
        after = _sources.DaemonJson(source.path, next(edit.after for edit in edits if edit.path == source.path))
        way = None if in_force is None else _apply.way_to_flags(seen.flags_now, flags_later)
        if way is None:
            way = _apply.way_to(missing, version=seen.engine.version, flags=seen.engine.argv, settings=after.settings)
        previous = [mirror for place in [chosen, *others] for mirror in place.listed]
        reloads = way.pending == "reload" and self._options["reload"]
        return Plan(
            seen=seen,
            source=source,
            edits=[*self._edits_of_certificates(seen), *edits],
            argv=self._argv(seen, flags_later),
            wanted={key: setting.value for key, setting in missing.items()},
            way=way,
            result={
                "source": chosen.name,
                "path": chosen.path,
                "mirrors": _mirror_url.shown_list(wanted),
                "previous_mirrors": _mirror_url.shown_list(previous),
                "in_force": None if in_force is None else _mirror_url.shown_list(wanted if reloads else in_force),
            },
            target=target if moves else None,
        )

    # -- places ------------------------------------------------------------------------------------------------------

    def _chosen(self, seen: _look.Look, source: _sources.DaemonJson) -> Any:
        """The place where the mirrors are to be kept."""
        start, kind = seen.start, self._options["source"]
        if kind == "systemd_drop_in":
            if start.reader != "systemd":
                raise Refused(f"source is systemd_drop_in, and systemd has no unit {self._options['service']} here. Nothing was changed.")
            for path, text in start.unit_files:
                sets = [setting for setting in _unit_text.settings(path, text) if setting.key == "ExecStart"]
                if sets and path.endswith(".conf") and os.path.basename(path) > _service.OWN_DROP_IN:
                    raise Refused(
                        f"{path}, line {sets[-1].line}: this drop-in applies after {start.own_drop_in} and sets the command line as well. "
                        "Nothing was changed. Give it a name that sorts before."
                    )
            return _look.drop_in(start)
        if kind == "options_file":
            path, variable = self._options_place(seen)
            return _look.options_file(start, path, variable)
        return source

    def _options_place(self, seen: _look.Look) -> Sequence[str]:
        """The options file that the service reads and the variable that it uses; those that are given must be among them."""
        start, given = seen.start, self._options["options_file"]
        variable: Optional[str] = self._options["options_variable"]
        service = self._options["service"]
        if start.reader is None:
            raise Refused(f"source is options_file, and there is no service {service} here whose options file could be read. Nothing was changed.")
        if not start.options_files or not start.variables:
            raise Refused(
                f"source is options_file, and the unit of {service} reads none: its ExecStart uses no variable of an EnvironmentFile, as with Docker's "
                "own packages. Nothing was changed. Keep the mirrors in daemon.json (source: daemon_json)."
            )
        if given and given not in start.options_files:
            raise Refused(f"{service} does not read {given}: it reads {' and '.join(start.options_files)}. Nothing was changed.")
        if variable and variable not in start.variables:
            raise Refused(f"{service} does not use {variable}: it uses {' and '.join(start.variables)}. Nothing was changed.")
        variable = variable or start.variables[-1]
        return given or start.options_files[-1], variable

    def _refuse_stray_mirrors(self, seen: _look.Look, chosen: Any) -> None:
        """Refuse to add to, or take out of, a command line that we cannot edit."""
        stray = set(seen.stray_mirrors)
        if self._options["state"] == "absent":
            stray.intersection_update(_mirror_url.engine_list(self._declared))
        if not stray:
            return
        start, process = seen.start, seen.engine.process
        who = f"process {process.pid}" if start.reader is None and process else f"the service {self._options['service']}, at its next start"
        origin, advice = "and no service was found that it comes from", "Start it without the flag"
        if start.reader is not None:
            places = [f"{path}, line {line}" for path, line in seen.stray_places] or [f"the unit of {start.service}"]
            origin = f"from {' and from '.join(places)}, which this module does not edit"
            advice = "Take the flag out there and restart the engine"
        fault = f" It will not start anyway: {start.fault}." if start.fault else ""
        raise Refused(
            f"The engine ({who}) has {_as_flags(seen.stray_mirrors)} on its command line, {origin}. An engine with this setting there and in "
            f"{chosen.path} does not start. Nothing was changed. {advice}, then run this again.{fault}"
        )

    def _refuse_other_places(self, seen: _look.Look, chosen: Any, others: List[Any]) -> None:
        """Refuse to name mirrors in a second place, unless they move."""
        unknown = [place.reason for place in [*others, chosen] if getattr(place, "reason", None)]
        if unknown:
            raise Refused(f"{unknown[0]}. Nothing was changed. Write plain words there.")
        process, later, now = seen.engine.process, seen.flags_later, seen.flags_now
        places = [place.place() for place in others]
        if others and seen.start.fault:
            raise Refused(
                f"The engine will not start again: {seen.start.fault}. It also has mirrors in another place, {' and in '.join(places)}. "
                "Nothing was changed. Fix that first, then run this again."
            )
        if others and not self._options["migrate"]:
            flags = _as_flags(later) or _as_flags([mirror for place in others for mirror in place.listed]) or f"an empty {_sources.KEY}"
            who = f"process {process.pid}" if now and process else f"the service {self._options['service']}, at its next start"
            raise Refused(
                f"The engine ({who}) has mirrors in another place: {flags}, which stands in {' and in '.join(places)}. "
                f"An engine with this setting there and in {chosen.place()} does not start. Nothing was changed. "
                "Say migrate: true to move them in the same step, or take them out there and restart the engine."
            )

    def _on_the_way(self, seen: _look.Look, chosen: Any, others: List[Any]) -> List[str]:
        """Mirrors that a run which was killed had taken out of other places and not yet brought to this one."""
        data = _file.staged(_file.resolve(chosen.path))
        if data is None:
            return []
        if isinstance(chosen, _sources.DaemonJson):
            listed = _sources.DaemonJson(chosen.path, data).listed
        elif isinstance(chosen, _sources.OptionsFile):
            listed = _sources.OptionsFile(chosen.path, data, chosen.variable, shell=seen.start.reader == "shell").listed
        else:
            listed = _sources.DropIn(chosen.path, data, None).listed
        here = {_mirror_url.engine_spelling(mirror) for place in [chosen, *others, *seen.flags] for mirror in place.listed}
        return [mirror for mirror in listed if _mirror_url.engine_spelling(mirror) not in here]

    # -- lists -------------------------------------------------------------------------------------------------------

    def _lists(self, seen: _look.Look, chosen: Any, others: List[Any]) -> Dict[str, List[str]]:
        """The mirrors that each place is to have, by its path."""
        self._refuse_stray_mirrors(seen, chosen)
        on_the_way = self._on_the_way(seen, chosen, others)
        if self._options["state"] == "absent":
            kept = {place.path: self._without(place.listed) for place in [chosen, *others]}
            kept[chosen.path] += self._without(on_the_way)
            return kept
        self._refuse_other_places(seen, chosen, others)
        listed = list(chosen.listed)
        for mirror in [*(mirror for place in others for mirror in place.listed), *on_the_way]:
            if _mirror_url.engine_spelling(mirror) not in map(_mirror_url.engine_spelling, listed):
                listed.append(mirror)
        return {**{place.path: [] for place in others}, chosen.path: self._with(listed)}

    def _flags_later(self, seen: _look.Look, source: _sources.DaemonJson, chosen: Any, kept: Dict[str, List[str]]) -> List[str]:
        """The mirrors on the command line of the next start, after the change."""
        if seen.start.reader is None:  # Flags that no service gives stay.
            return seen.flags_now
        if self._options["state"] == "present":
            return [] if chosen is source else _mirror_url.engine_list(kept[chosen.path])
        left = {_mirror_url.engine_spelling(mirror) for path, mirrors in kept.items() if path != source.path for mirror in mirrors}
        left.update(seen.stray_mirrors)
        # Of what was on the way to the file, none stands in another place.
        brought = [mirror for mirror in kept[chosen.path] if mirror not in chosen.listed]
        return [mirror for mirror in [*seen.flags_later, *_mirror_url.engine_list(brought)] if mirror in left]

    def _without(self, listed: List[str]) -> List[str]:
        gone = {_mirror_url.engine_spelling(mirror) for mirror in self._declared}
        return [mirror for mirror in listed if _mirror_url.engine_spelling(mirror) not in gone]

    def _with(self, listed: List[str]) -> List[str]:
        """The list made from what is listed and what is declared, with the spelling that is there."""
        spelling = {_mirror_url.engine_spelling(mirror): mirror for mirror in reversed(listed)}
        declared = {_mirror_url.engine_spelling(mirror): mirror for mirror in reversed(self._declared)}
        ordered = {_mirror_url.engine_spelling(mirror): None for mirror in self._declared}
        if self._options["exclusive"]:
            if _mirror_url.engine_list(listed) == list(ordered):
                return listed
            return [spelling.get(mirror, declared[mirror]) for mirror in ordered]
        return listed + [declared[mirror] for mirror in ordered if mirror not in spelling]

    # -- edits -------------------------------------------------------------------------------------------------------

    @staticmethod
    def _edits(source: _sources.DaemonJson, chosen: Any, others: List[Any], kept: Dict[str, List[str]], *, alone: bool) -> List[Edit]:
        """The edits of all places, in the order of writing: what leaves a place leaves it before it reaches another.

        :param alone: whether no flag will stand beside the file, in which the key must not be there at all otherwise.
        """
        edits = [
            Edit(_file.resolve(place.path), place.data, place.text(kept[place.path]), _mode(place)) for place in [*others, chosen] if place is not source
        ]
        # An empty list may be that of a run which was killed before it could take it out again.
        ours = _file.staged(source.path) == source.text([], keep_key=False)
        after = source.text(kept[source.path], keep_key=alone and not ours) if source.path in kept else source.data
        edits.insert(len(edits) if chosen is source else 0, Edit(source.path, source.data, after))
        return edits

    def _argv(self, seen: _look.Look, flags: List[str]) -> List[str]:
        argv = seen.start.argv if seen.start.reader else seen.engine.argv
        return [*_engine.without_flag(argv, _sources.FLAG), *(f"{_sources.FLAG}={mirror}" for mirror in flags)]

    def _edits_of_certificates(self, seen: _look.Look) -> List[Edit]:
        """Before the mirrors that need them. An engine reads them at every pull (seen on 20.10.24 to 28.5.2)."""
        folder, info = _engine.certs_folder(), seen.engine.info
        hosts = [_certs.host_of(mirror) for mirror in self._declared]
        if self._options["state"] == "absent":
            ours = [_file.resolve(path) for host in hosts for path in _certs.ours(host, folder)]
            return [Edit(path, data, None) for path in ours for data in [_file.read(path)] if data is not None]
        store, version = info.image_store if info else None, seen.engine.version
        shared = _certs.is_shared(store, version)
        files = _certs.files(self._certificates, image_store=store, version=version, folder=folder)
        ours = [path for host in self._certificates for path in _certs.ours(host, folder)]
        faults = _certs.faults(folder, [_certs.HUB] if shared else hosts, besides=ours)
        if faults:
            raise Refused(f"{' '.join(faults)} Nothing was changed.")
        for warning in _certs.warnings(self._certificates, time.time()):
            self._module.warn(warning)
        if shared and files:
            self._module.warn(
                f"With its containerd image store this engine reads CA certificates of mirrors in {folder}/docker.io, "
                "and trusts them for Docker Hub as well."
            )
        wanted: Dict[str, Optional[bytes]] = dict.fromkeys(ours)
        wanted.update(files)
        edits = [Edit(path, _file.read(path), data) for name, data in wanted.items() for path in [_file.resolve(name)]]
        return [edit for edit in edits if edit.before is not None or edit.after is not None]


def _mode(place: Any) -> int:
    """The mode of a new file: our drop-in repeats a command line, which not everyone may have been able to read."""
    repeats = place.repeats if isinstance(place, _sources.DropIn) else None
    return _file.mode_like(repeats) if repeats else _file.NEW_MODE


def _as_flags(mirrors: Sequence[str]) -> str:
    return " ".join(f"{_sources.FLAG}={_mirror_url.mask(mirror[:-1])}" for mirror in _mirror_url.engine_list(mirrors))
