# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Plan the change of the module registry_mirrors: which mirrors each place gets.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import os
import time

from typing import Any, Dict, List, Optional, Sequence

from ansible_collections.pullthrough.docker.plugins.module_utils._change import certificates, daemon_file, execute, places, snapshots
from ansible_collections.pullthrough.docker.plugins.module_utils._host import files, scope, services, transaction
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import activation, certs_d, mirror_url
from ansible_collections.pullthrough.docker.plugins.module_utils._text import command_line, masking, unit_text


class MirrorChange(execute.Change):
    """The task of the module C(registry_mirrors)."""

    def declare(self) -> None:
        declared = self._options["mirrors"]
        self._certificates: Dict[str, str] = self._options["ca_certificates"]
        if not declared and not (self._options["exclusive"] and self._options["state"] == "present"):
            raise execute.Refused("mirrors is an empty list. Name at least one; to have none at all, say mirrors: [] with exclusive: true.")
        try:
            self._declared = [mirror_url.declare(mirror) for mirror in declared]
            certs_d.check(self._certificates, self._declared)
        except mirror_url.MirrorUrlError as exc:
            raise execute.Refused(f"{exc} Nothing was changed.") from exc
        except certs_d.CertificateError as exc:
            raise execute.Refused(str(exc)) from exc

    def plan(self, seen: snapshots.Snapshot, source: daemon_file.DaemonJson) -> execute.Plan:
        chosen = self._chosen(seen, source)
        # Our drop-in repeats the command line of the unit that it overrules, without what that says of mirrors.
        overruled = places.UnitFile if isinstance(chosen, places.DropIn) else ()
        others: List[Any] = [
            place for place in [source, *seen.flags] if place.path != chosen.path and place.present and not isinstance(place, overruled)
        ]
        kept = self._lists(seen, chosen, others)
        flags_later = self._flags_later(seen, source, chosen, kept)
        wanted = mirror_url.engine_list([*kept.get(source.path, []), *flags_later])
        edits = self._edits(source, chosen, others, kept, alone=not flags_later)
        target = next(edit for edit in edits if edit.path == files.resolve(chosen.path))
        moves = target.changes and any(edit.changes for edit in edits if edit is not target)
        in_force = seen.in_force
        missing = {} if in_force is None or in_force == wanted else {daemon_file.KEY: activation.Wanted(wanted, bool(kept.get(source.path)))}
        after = daemon_file.DaemonJson(source.path, next(edit.after for edit in edits if edit.path == source.path))
        way = None if in_force is None else activation.way_to_flags(seen.flags_now, flags_later)
        if way is None:
            way = activation.way_to(missing, version=seen.engine.version, flags=seen.engine.argv, settings=after.settings)
        previous = [mirror for place in [chosen, *others] for mirror in place.listed]
        reloads = way.pending == "reload" and self._options["reload"]
        return execute.Plan(
            seen=seen,
            source=source,
            edits=[*self._edits_of_certificates(seen), *edits],
            argv=self._argv(seen, flags_later),
            wanted={key: setting.value for key, setting in missing.items()},
            way=way,
            result={
                "source": chosen.name,
                "path": chosen.path,
                "mirrors": mirror_url.shown_list(wanted),
                "previous_mirrors": mirror_url.shown_list(previous),
                "in_force": None if in_force is None else mirror_url.shown_list(wanted if reloads else in_force),
            },
            target=target if moves else None,
        )

    # -- places ------------------------------------------------------------------------------------------------------

    def _chosen(self, seen: snapshots.Snapshot, source: daemon_file.DaemonJson) -> Any:
        """The place where the mirrors are to be kept."""
        start, kind = seen.start, self._options["source"]
        if kind == "systemd_drop_in":
            if start.reader != "systemd":
                raise execute.Refused(f"source is systemd_drop_in, and systemd has no unit {self._options['service']} here. Nothing was changed.")
            for path, text in start.unit_files:
                sets = [setting for setting in unit_text.settings(path, text) if setting.key == "ExecStart"]
                if sets and path.endswith(".conf") and os.path.basename(path) > services.OWN_DROP_IN:
                    raise execute.Refused(
                        f"{path}, line {sets[-1].line}: this drop-in applies after {start.own_drop_in} and sets the command line as well. "
                        "Nothing was changed. Give it a name that sorts before."
                    )
            return snapshots.drop_in(start)
        if kind == "options_file":
            path, variable = self._options_place(seen)
            return snapshots.options_file(start, path, variable)
        return source

    def _options_place(self, seen: snapshots.Snapshot) -> Sequence[str]:
        """The options file that the service reads and the variable that it uses; those that are given must be among them."""
        start, given = seen.start, self._options["options_file"]
        variable: Optional[str] = self._options["options_variable"]
        service = self._options["service"]
        if start.reader is None:
            raise execute.Refused(f"source is options_file, and there is no service {service} here whose options file could be read. Nothing was changed.")
        if not start.options_files or not start.variables:
            raise execute.Refused(
                f"source is options_file, and the unit of {service} reads none: its ExecStart uses no variable of an EnvironmentFile, as with Docker's "
                "own packages. Nothing was changed. Keep the mirrors in daemon.json (source: daemon_json)."
            )
        if given and given not in start.options_files:
            raise execute.Refused(f"{service} does not read {given}: it reads {' and '.join(start.options_files)}. Nothing was changed.")
        if variable and variable not in start.variables:
            raise execute.Refused(f"{service} does not use {variable}: it uses {' and '.join(start.variables)}. Nothing was changed.")
        variable = variable or start.variables[-1]
        return given or start.options_files[-1], variable

    def _refuse_stray_mirrors(self, seen: snapshots.Snapshot, chosen: Any) -> None:
        """Refuse to add to, or take out of, a command line that we cannot edit."""
        stray = set(seen.stray_mirrors)
        if self._options["state"] == "absent":
            stray.intersection_update(mirror_url.engine_list(self._declared))
        if not stray:
            return
        start, process = seen.start, seen.engine.process
        who = f"process {process.pid}" if start.reader is None and process else f"the service {self._options['service']}, at its next start"
        origin, advice = "and no service was found that it comes from", "Start it without the flag"
        if start.reader is not None:
            mentions = [f"{path}, line {line}" for path, line in seen.stray_places] or [f"the unit of {start.service}"]
            origin = f"from {' and from '.join(mentions)}, which this module does not edit"
            advice = "Take the flag out there and restart the engine"
        fault = f" It will not start anyway: {start.fault}." if start.fault else ""
        raise execute.Refused(
            f"The engine ({who}) has {_as_flags(seen.stray_mirrors)} on its command line, {origin}. An engine with this setting there and in "
            f"{chosen.path} does not start. Nothing was changed. {advice}, then run this again.{fault}"
        )

    def _refuse_other_places(self, seen: snapshots.Snapshot, chosen: Any, others: List[Any]) -> None:
        """Refuse to name mirrors in a second place, unless they move."""
        unknown = [place.reason for place in [*others, chosen] if getattr(place, "reason", None)]
        if unknown:
            raise execute.Refused(f"{unknown[0]}. Nothing was changed. Write plain words there.")
        process, later, now = seen.engine.process, seen.flags_later, seen.flags_now
        others_named = " and in ".join(place.place() for place in others)
        if others and seen.start.fault:
            raise execute.Refused(
                f"The engine will not start again: {seen.start.fault}. It also has mirrors in another place, {others_named}. "
                "Nothing was changed. Fix that first, then run this again."
            )
        if others and not self._options["migrate"]:
            flags = _as_flags(later) or _as_flags([mirror for place in others for mirror in place.listed]) or f"an empty {daemon_file.KEY}"
            who = f"process {process.pid}" if now and process else f"the service {self._options['service']}, at its next start"
            raise execute.Refused(
                f"The engine ({who}) has mirrors in another place: {flags}, which stands in {others_named}. "
                f"An engine with this setting there and in {chosen.place()} does not start. Nothing was changed. "
                "Say migrate: true to move them in the same step, or take them out there and restart the engine."
            )

    def _on_the_way(self, seen: snapshots.Snapshot, chosen: Any, others: List[Any]) -> List[str]:
        """Mirrors that a run which was killed had taken out of other places and not yet brought to this one."""
        data = transaction.staged(files.resolve(chosen.path))
        if data is None:
            return []
        if isinstance(chosen, daemon_file.DaemonJson):
            listed = daemon_file.DaemonJson(chosen.path, data).listed
        elif isinstance(chosen, places.OptionsFile):
            listed = places.OptionsFile(chosen.path, data, chosen.variable, shell=seen.start.reader == "shell").listed
        else:
            listed = places.DropIn(chosen.path, data, None).listed
        here = {mirror_url.engine_spelling(mirror) for place in [chosen, *others, *seen.flags] for mirror in place.listed}
        return [mirror for mirror in listed if mirror_url.engine_spelling(mirror) not in here]

    # -- lists -------------------------------------------------------------------------------------------------------

    def _lists(self, seen: snapshots.Snapshot, chosen: Any, others: List[Any]) -> Dict[str, List[str]]:
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
            if mirror_url.engine_spelling(mirror) not in map(mirror_url.engine_spelling, listed):
                listed.append(mirror)
        return {**{place.path: [] for place in others}, chosen.path: self._with(listed)}

    def _flags_later(self, seen: snapshots.Snapshot, source: daemon_file.DaemonJson, chosen: Any, kept: Dict[str, List[str]]) -> List[str]:
        """The mirrors on the command line of the next start, after the change."""
        if seen.start.reader is None:  # Flags that no service gives stay.
            return seen.flags_now
        if self._options["state"] == "present":
            return [] if chosen is source else mirror_url.engine_list(kept[chosen.path])
        left = {mirror_url.engine_spelling(mirror) for path, mirrors in kept.items() if path != source.path for mirror in mirrors}
        left.update(seen.stray_mirrors)
        # Of what was on the way to the file, none stands in another place.
        brought = [mirror for mirror in kept[chosen.path] if mirror not in chosen.listed]
        return [mirror for mirror in [*seen.flags_later, *mirror_url.engine_list(brought)] if mirror in left]

    def _without(self, listed: List[str]) -> List[str]:
        gone = {mirror_url.engine_spelling(mirror) for mirror in self._declared}
        return [mirror for mirror in listed if mirror_url.engine_spelling(mirror) not in gone]

    def _with(self, listed: List[str]) -> List[str]:
        """The list made from what is listed and what is declared, with the spelling that is there."""
        spelling = {mirror_url.engine_spelling(mirror): mirror for mirror in reversed(listed)}
        declared = {mirror_url.engine_spelling(mirror): mirror for mirror in reversed(self._declared)}
        ordered = {mirror_url.engine_spelling(mirror): None for mirror in self._declared}
        if self._options["exclusive"]:
            if mirror_url.engine_list(listed) == list(ordered):
                return listed
            return [spelling.get(mirror, declared[mirror]) for mirror in ordered]
        return listed + [declared[mirror] for mirror in ordered if mirror not in spelling]

    # -- edits -------------------------------------------------------------------------------------------------------

    @staticmethod
    def _edits(source: daemon_file.DaemonJson, chosen: Any, others: List[Any], kept: Dict[str, List[str]], *, alone: bool) -> List[execute.Edit]:
        """The edits of all places, in the order of writing: what leaves a place leaves it before it reaches another.

        :param alone: whether no flag will stand beside the file, in which the key must not be there at all otherwise.
        """
        edits = [
            execute.Edit(files.resolve(place.path), place.data, place.text(kept[place.path]), _mode(place)) for place in [*others, chosen] if place is not source
        ]
        # An empty list may be that of a run which was killed before it could take it out again.
        ours = transaction.staged(source.path) == source.text([], keep_key=False)
        after = source.text(kept[source.path], keep_key=alone and not ours) if source.path in kept else source.data
        edits.insert(len(edits) if chosen is source else 0, execute.Edit(source.path, source.data, after))
        return edits

    def _argv(self, seen: snapshots.Snapshot, flags: List[str]) -> List[str]:
        argv = seen.start.argv if seen.start.reader else seen.engine.argv
        return [*command_line.without_flag(argv, daemon_file.FLAG), *(f"{daemon_file.FLAG}={mirror}" for mirror in flags)]

    def _edits_of_certificates(self, seen: snapshots.Snapshot) -> List[execute.Edit]:
        """Before the mirrors that need them. An engine reads them at every pull (seen on 20.10.24 to 28.5.2)."""
        folder, info = scope.certs_folder(), seen.engine.info
        hosts = [certs_d.host_of(mirror) for mirror in self._declared]
        if self._options["state"] == "absent":
            ours = [files.resolve(path) for host in hosts for path in certs_d.ours(host, folder)]
            return [execute.Edit(path, data, None) for path in ours for data in [files.read(path)] if data is not None]
        store, version = info.image_store if info else None, seen.engine.version
        shared = certs_d.is_shared(store, version)
        new = certs_d.files(self._certificates, image_store=store, version=version, folder=folder)
        ours = [path for host in self._certificates for path in certs_d.ours(host, folder)]
        faults = certificates.faults(folder, [certs_d.HUB] if shared else hosts, besides=ours)
        if faults:
            raise execute.Refused(f"{' '.join(faults)} Nothing was changed.")
        for warning in certs_d.warnings(self._certificates, time.time()):
            self._module.warn(warning)
        if shared and new:
            self._module.warn(
                f"With its containerd image store this engine reads CA certificates of mirrors in {folder}/docker.io, "
                "and trusts them for Docker Hub as well."
            )
        wanted: Dict[str, Optional[bytes]] = dict.fromkeys(ours)
        wanted.update(new)
        edits = [execute.Edit(path, files.read(path), data) for name, data in wanted.items() for path in [files.resolve(name)]]
        return [edit for edit in edits if edit.before is not None or edit.after is not None]


def _mode(place: Any) -> int:
    """The mode of a new file: our drop-in repeats a command line, which not everyone may have been able to read."""
    repeats = place.repeats if isinstance(place, places.DropIn) else None
    return files.mode_like(repeats) if repeats else files.NEW_MODE


def _as_flags(mirrors: Sequence[str]) -> str:
    return " ".join(f"{daemon_file.FLAG}={masking.mask(mirror[:-1])}" for mirror in mirror_url.engine_list(mirrors))
