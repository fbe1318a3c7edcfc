# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The change of the module ``registry_mirrors``: which mirrors each place gets.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._change import certificates, choice, guards, snapshots
from ansible_collections.pullthrough.docker.plugins.module_utils._change.choice import Place
from ansible_collections.pullthrough.docker.plugins.module_utils._change.daemon_file import DaemonJson
from ansible_collections.pullthrough.docker.plugins.module_utils._change.model import Edit, Options, Plan
from ansible_collections.pullthrough.docker.plugins.module_utils._change.places import (
    FLAG,
    DropIn,
    FlagPlace,
    OptionsFile,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._change.snapshots import Snapshot
from ansible_collections.pullthrough.docker.plugins.module_utils._host.engines import Engine
from ansible_collections.pullthrough.docker.plugins.module_utils._host.files import NEW_MODE
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import Host
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import activation, certs_d, mirror_url, versions
from ansible_collections.pullthrough.docker.plugins.module_utils._rules.mirror_url import engine_list, engine_spelling
from ansible_collections.pullthrough.docker.plugins.module_utils._rules.setting_table import MIRRORS
from ansible_collections.pullthrough.docker.plugins.module_utils._text import command_line, masking

Lists = Dict[str, List[str]]
"""The mirrors that each place will have, by its path."""


class Wish(NamedTuple):
    """What the user declares."""

    options: Options
    mirrors: List[str]
    state: str
    exclusive: bool
    source: str
    migrate: bool
    options_file: Optional[str]
    options_variable: Optional[str]
    ca_certificates: Dict[str, str]

    @property
    def is_absent(self) -> bool:
        return self.state == "absent"


def wish(params: Mapping[str, Any]) -> Wish:
    """Read the options of the module.

    :raises Refused: when they cannot be meant.
    """
    read = Wish(Options.of(params), *(params[name] for name in Wish._fields[1:]))
    if not read.mirrors and not read.exclusive:
        raise Refused(
            "mirrors is an empty list", "Name at least one; to have none at all, set mirrors: [] with exclusive: true."
        )
    try:
        read = read._replace(mirrors=[mirror_url.declare(mirror) for mirror in read.mirrors])
        if read.ca_certificates:
            _certificate_rules().check(read.ca_certificates, read.mirrors)
    except (mirror_url.MirrorUrlError, certs_d.CertificateError) as exc:
        raise Refused(str(exc).rstrip(".")) from exc
    return read


def snapshot(host: Host, wanted: Wish) -> Snapshot:
    """Read what the host has, as far as the plan needs it."""
    options = wanted.options
    return snapshots.take(host, options.service, options.path, options.timeout, certificates_of=wanted.mirrors)


def plan(seen: Snapshot, wanted: Wish) -> Plan:
    """Return what must be done on this host.

    :raises Refused: when it must not be done.
    """
    guards.refuse_unclear_engine(seen, wanted.options)
    chosen = choice.chosen_place(
        seen, wanted.source, wanted.options.service, path=wanted.options_file, variable=wanted.options_variable
    )
    others = choice.other_places(seen, chosen)
    lists = _lists(seen, wanted, chosen, others)
    flags = _next_flags(seen, wanted, chosen, lists)
    mirrors = engine_list([*lists.get(seen.config.path, []), *flags])
    edits = _edits(seen, chosen, others, lists, has_flags=bool(flags))
    target = next(edit for edit in edits if edit.path == seen.file(chosen.path).path)
    moves = target.changes and any(edit.changes for edit in edits if edit is not target)
    not_in_force = _not_in_force(seen, mirrors, lists)
    new_certificates, warnings = _certificate_edits(seen, wanted)
    if seen.config.blank:
        warnings.append(f"{seen.config.blank}. No engine accepts it, so this task takes it out.")
    return Plan(
        snapshot=seen,
        edits=[*new_certificates, *edits],
        argv=[*command_line.without_flag(seen.next_argv, FLAG), *(f"{FLAG}={mirror}" for mirror in flags)],
        wanted={key: setting.value for key, setting in not_in_force.items()},
        activation=_activation(seen, not_in_force, flags, edits),
        keys=[MIRRORS],
        result={
            "source": chosen.name,
            "path": chosen.path,
            "mirrors": mirror_url.shown_list(mirrors),
            "previous_mirrors": mirror_url.shown_list(
                [mirror for place in [chosen, *others] for mirror in place.listed]
            ),
        },
        target=target if moves else None,
        warnings=warnings,
    )


def in_force(_plan: Plan, engine: Engine) -> Optional[List[str]]:
    """Return the mirrors that the engine uses, or None when no engine runs."""
    return None if engine.info is None else mirror_url.shown_list(engine.info.mirrors)


# -- lists -------------------------------------------------------------------------------------------------------------


def _interrupted(seen: Snapshot, chosen: Place, others: Sequence[Place]) -> List[str]:
    """Return mirrors that a killed run had taken out of other places and not yet written to this one."""
    data = seen.file(chosen.path).staged
    if data is None:
        return []
    staged: Place
    if isinstance(chosen, DaemonJson):
        staged = DaemonJson(chosen.path, data)
    elif isinstance(chosen, OptionsFile):
        staged = OptionsFile(chosen.path, data, chosen.variable, shell=seen.start.reader == "shell")
    else:
        staged = DropIn(chosen.path, data, None)
    present = {engine_spelling(mirror) for place in [chosen, *others, *seen.flags] for mirror in place.listed}
    return [mirror for mirror in staged.listed if engine_spelling(mirror) not in present]


def _lists(seen: Snapshot, wanted: Wish, chosen: Place, others: Sequence[Place]) -> Lists:
    """Return the mirrors that each place will have."""
    _refuse_stray_mirrors(seen, wanted, chosen)
    interrupted = _interrupted(seen, chosen, others)
    if wanted.exclusive or not wanted.is_absent:
        _refuse_unknown_places([*others, chosen])
    if wanted.is_absent:
        lists = {place.path: _without(wanted, place.listed) for place in [chosen, *others]}
        lists[chosen.path] += _without(wanted, interrupted)
        return lists
    if others:
        _refuse_other_places(seen, wanted, chosen, others)
    listed = list(chosen.listed)
    for mirror in [*(mirror for place in others for mirror in place.listed), *interrupted]:
        if engine_spelling(mirror) not in map(engine_spelling, listed):
            listed.append(mirror)
    return {**{place.path: [] for place in others}, chosen.path: _with(wanted, listed)}


def _without(wanted: Wish, listed: Sequence[str]) -> List[str]:
    """Return the list without the mirrors that must go: those that the user declares, or all."""
    gone = set(engine_list(listed if wanted.exclusive else wanted.mirrors))
    return [mirror for mirror in listed if engine_spelling(mirror) not in gone]


def _with(wanted: Wish, listed: List[str]) -> List[str]:
    """Return the list with the mirrors that the user declares; a mirror that is there keeps its spelling."""
    spelling = {engine_spelling(mirror): mirror for mirror in reversed(listed)}
    declared = {engine_spelling(mirror): mirror for mirror in reversed(wanted.mirrors)}
    ordered = engine_list(wanted.mirrors)
    if not wanted.exclusive:
        return listed + [declared[mirror] for mirror in ordered if mirror not in spelling]
    if engine_list(listed) == ordered:
        return listed
    return [spelling.get(mirror, declared[mirror]) for mirror in ordered]


def _next_flags(seen: Snapshot, wanted: Wish, chosen: Place, lists: Lists) -> List[str]:
    """Return the mirrors on the command line of the next start, after the change."""
    if seen.start.reader is None:  # Flags that no service gives stay.
        return seen.flags_now
    if not wanted.is_absent:
        return [] if chosen is seen.config else engine_list(lists[chosen.path])
    config = seen.config.path
    left = {engine_spelling(mirror) for path, mirrors in lists.items() if path != config for mirror in mirrors}
    left.update(seen.stray_mirrors)
    # Mirrors that an interrupted move brings are in no other place.
    brought = [mirror for mirror in lists[chosen.path] if mirror not in chosen.listed]
    return [mirror for mirror in [*seen.flags_later, *engine_list(brought)] if mirror in left]


# -- what comes into force -------------------------------------------------------------------------------------------


def _not_in_force(seen: Snapshot, mirrors: List[str], lists: Lists) -> Dict[str, activation.Wanted]:
    if seen.in_force is None or seen.in_force == mirrors:
        return {}
    return {MIRRORS: activation.Wanted(mirrors, present=bool(lists.get(seen.config.path)))}


def _activation(
    seen: Snapshot, not_in_force: Mapping[str, activation.Wanted], flags: List[str], edits: Sequence[Edit]
) -> activation.Activation:
    by_flags = None if seen.in_force is None else activation.for_flags(seen.flags_now, flags)
    if by_flags is not None:
        return by_flags
    config = next(edit for edit in edits if edit.path == seen.config.path)
    settings = seen.config.with_data(config.after).settings
    return activation.needed_for(not_in_force, version=seen.engine.version, flags=seen.engine.argv, settings=settings)


# -- edits -----------------------------------------------------------------------------------------------------------


def _edits(seen: Snapshot, chosen: Place, others: Sequence[Place], lists: Lists, *, has_flags: bool) -> List[Edit]:
    """Return the edits of all places, in the order of writing: mirrors leave one place before they reach another."""
    config = seen.config
    edits = [
        Edit(seen.file(place.path).path, place.data, place.text(lists[place.path]), _mode(seen, place))
        for place in [*others, chosen]
        if not isinstance(place, DaemonJson)
    ]
    # An empty list in the file can be that of a run which was killed before it could take it out again.
    is_of_killed_run = seen.file(config.path).staged == config.text([], keep_key=False)
    after = config.data
    if config.path in lists:
        after = config.text(lists[config.path], keep_key=not has_flags and not is_of_killed_run)
    edits.insert(len(edits) if chosen is config else 0, Edit(config.path, config.data, after))
    return edits


def _mode(seen: Snapshot, place: FlagPlace) -> int:
    """Return the mode of a new file. Our drop-in repeats a command line, which perhaps not everyone can read."""
    repeats = place.repeats if isinstance(place, DropIn) else None
    return seen.files[repeats].mode if repeats else NEW_MODE


def _certificate_edits(seen: Snapshot, wanted: Wish) -> Tuple[List[Edit], List[str]]:
    """Return the edits of certificates, and warnings. They come before the mirrors that need them: an engine reads
    certificates at every pull (seen on 20.10.24 to 28.5.2)."""
    found, info = seen.certs, seen.engine.info
    if found is None:
        return [], []
    hosts = [certs_d.host_of(mirror) for mirror in wanted.mirrors]
    if wanted.is_absent:
        own = [path for host in hosts for path in certs_d.ours(host, found.folder)]
        return _changed(found, dict.fromkeys(own)), []
    store, version = info.image_store if info else None, seen.engine.version
    own = [path for host in wanted.ca_certificates for path in certs_d.ours(host, found.folder)]
    is_shared = versions.shares_docker_io(store, version)
    faults = certificates.faults(found, [certs_d.HUB] if is_shared else hosts, besides=own)
    if faults:
        raise Refused(" ".join(faults).rstrip("."))
    new = certs_d.files(wanted.ca_certificates, image_store=store, version=version, folder=found.folder)
    warnings = []
    if wanted.ca_certificates:
        warnings = _certificate_rules().warnings(wanted.ca_certificates, seen.now)
    if is_shared and new:
        warnings.append(
            "With its containerd image store this engine reads CA certificates of mirrors in "
            f"{found.folder}/docker.io, and trusts them for Docker Hub as well."
        )
    return _changed(found, {**dict.fromkeys(own), **new}), warnings


def _certificate_rules() -> Any:
    """Return the rules of certificates, which need the ssl module; most runs have none to check."""
    from ansible_collections.pullthrough.docker.plugins.module_utils._rules import ca_certificates

    return ca_certificates


def _changed(found: certificates.CertsD, after: Mapping[str, Optional[bytes]]) -> List[Edit]:
    """Return an edit for each file that exists or will exist."""
    edits = []
    for path, data in after.items():
        file = found.files[path]
        if file.problem:
            raise file.problem
        if file.data is not None or data is not None:
            edits.append(Edit(file.path, file.data, data))
    return edits


# -- refusals --------------------------------------------------------------------------------------------------------


def _refuse_stray_mirrors(seen: Snapshot, wanted: Wish, chosen: Place) -> None:
    """Refuse to add to, or take out of, a command line that cannot be edited."""
    stray = set(seen.stray_mirrors)
    if wanted.is_absent and not wanted.exclusive:
        stray.intersection_update(engine_list(wanted.mirrors))
    if not stray:
        return
    start, process, service = seen.start, seen.engine.process, wanted.options.service
    who = guards.engine_with_flag(service, process.pid if start.reader is None and process else None)
    where, advice = "which comes from no service that was found", "Start it without the flag, then run this again."
    if start.reader is not None:
        places = [line.place for line in seen.stray_lines] or [f"the unit of {start.service}"]
        where = f"from {' and from '.join(places)}, which this module does not edit"
        advice = "Take the flag out there, restart the engine, then run this again."
    fault = f" It will not start anyway: {start.fault}." if start.fault else ""
    raise Refused(
        f"{who} has {_as_flags(seen.stray_mirrors)} on its command line, {where}. "
        f"An engine with this setting there and in {chosen.path} does not start",
        f"{advice}{fault}",
    )


def _refuse_unknown_places(places: Sequence[Place]) -> None:
    for place in places:
        if place.reason:
            raise Refused(place.reason, "Write plain words there.")


def _refuse_other_places(seen: Snapshot, wanted: Wish, chosen: Place, others: Sequence[Place]) -> None:
    """Refuse to name mirrors in a second place, unless they move."""
    places = " and in ".join(place.place() for place in others)
    if seen.start.fault:
        raise Refused(
            f"The engine will not start again: {seen.start.fault}. It also has mirrors in another place, {places}",
            "Fix that first, then run this again.",
        )
    if wanted.migrate:
        return
    process = seen.engine.process
    who = guards.engine_with_flag(wanted.options.service, process.pid if seen.flags_now and process else None)
    listed = [mirror for place in others for mirror in place.listed]
    mirrors = _as_flags(seen.flags_later) or _as_flags(listed) or f"an empty {MIRRORS}"
    raise Refused(
        f"{who} has mirrors in another place: {mirrors} in {places}. "
        f"An engine with this setting there and in {chosen.place()} does not start",
        "Set migrate: true to move them in the same step, which needs a restart of the engine, or take them out there "
        "and restart it yourself.",
    )


def _as_flags(mirrors: Sequence[str]) -> str:
    return " ".join(f"{FLAG}={masking.mask(mirror[:-1])}" for mirror in engine_list(mirrors))
