# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The returns of the module registry_mirrors_info.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._change import daemon_file, places, snapshots
from ansible_collections.pullthrough.docker.plugins.module_utils._host import files
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import mirror_url
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

# -- the module registry_mirrors_info --------------------------------------------------------------------------------


def survey(service: str, path: Optional[str], timeout: float) -> Tuple[Dict[str, Any], List[str]]:
    """The returns of the module C(registry_mirrors_info), and its warnings.

    :param service: the unit or init script.
    :param path: the configuration file, None for the engine's own.
    :param timeout: seconds for the engine's answer.
    :raises _file.FileError: when a file of the service is none, or cannot be read.
    """
    return report(snapshots.take(service, path, timeout))


def report(seen: snapshots.Snapshot) -> Tuple[Dict[str, Any], List[str]]:
    """What L(survey) returns of one look.

    :raises _file.FileError: as L(survey).
    """
    warnings: List[str] = []
    conflicts: List[Dict[str, Any]] = []
    sources: List[Dict[str, Any]] = [{"source": "daemon_json", "path": seen.path, "line": None, "mirrors": None, "reason": None}]
    try:
        source = daemon_file.DaemonJson(seen.path, files.read(files.resolve(seen.path)))
        warnings = snapshots.find_cautions(seen.engine, seen.in_force or [], source.insecure)
        sources[0].update(line=source.line, mirrors=mirror_url.shown_list(source.listed))
        conflicts = [_conflict(flag, source) for flag in seen.beside_flags(source.settings)]
    except (daemon_file.PlaceError, files.FileError) as exc:
        sources[0]["reason"] = masking.mask(str(exc))
    sources += [
        {
            "source": flag.name,
            "path": flag.path,
            "line": flag.line,
            "mirrors": None if flag.reason else mirror_url.shown_list(flag.listed),
            "reason": None if flag.reason is None else masking.mask(flag.reason),
        }
        for flag in seen.flags
        if flag.present
    ]
    if seen.stray_mirrors:
        path, line = seen.stray_places[0] if seen.stray_places else (None, None)
        mirrors = mirror_url.shown_list(seen.stray_mirrors)
        sources.append({"source": "command_line", "path": path, "line": line, "mirrors": mirrors, "reason": None})
    if seen.start.fault:
        conflicts.append({"setting": "command line", "places": [seen.start.fault.partition(": ")[0]], "message": masking.mask(f"{seen.start.fault}.")})
    configured = mirror_url.shown_list(seen.flags_later) or sources[0]["mirrors"]
    in_force = None if seen.in_force is None else mirror_url.shown_list(seen.in_force)
    if any(conflict["setting"] == daemon_file.KEY for conflict in conflicts):
        configured = None
    reasons = []
    if configured is not None and in_force is not None and configured != in_force:
        reasons.append(f"The engine uses {' '.join(in_force) or 'no mirror'}, and {' '.join(configured) or 'no mirror'} is configured.")
    reasons += [
        f"{flag.place()}: the unit's own command line changed since this drop-in was written, and the engine starts with the old one."
        for flag in seen.flags
        if isinstance(flag, places.DropIn) and flag.is_stale
    ]
    result = {
        "changed": False,
        "path": seen.path,
        "mirrors": configured,
        "in_force": in_force,
        "drift": None if configured is None or in_force is None else bool(reasons),
        "drift_reasons": reasons,
        "sources": sources,
        "last_change": max((written for place in sources if place["path"] for written in [files.modified(place["path"])] if written), default=None),
        "conflicts": conflicts,
        "cautions": warnings,
        "engine": seen.engine.facts(),
    }
    if seen.engine.is_roots:
        warnings = [*warnings, f"The task does not run as root: {seen.engine.reason}."]
    return result, warnings


def _conflict(flag: snapshots.SetByFlag, source: daemon_file.DaemonJson) -> Dict[str, Any]:
    places = [source.place(flag.setting), *(flag.places or [f"the engine's command line ({flag.flag})"])]
    return {
        "setting": flag.setting,
        "places": places,
        "message": f"An engine with {flag.setting} in more than one of {'; '.join(places)} does not start. Take it out of all but one.",
    }
