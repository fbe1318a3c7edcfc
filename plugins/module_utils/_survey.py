# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""A look at everything that names mirrors, which changes nothing and never fails.

Private to the collection C(pullthrough.docker): it may change at any time, without notice.
"""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, List, Optional, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils import _engine, _file, _mirror_url, _sources


def survey(service: str, path: Optional[str], timeout: float) -> Dict[str, Any]:
    """The returns of the module C(registry_mirrors_info).

    :param service: the unit or init script.
    :param path: the configuration file, None for the engine's own.
    :param timeout: seconds for the engine's answer.
    """
    engine = _engine.look(service, timeout)
    in_force = engine.info.mirrors if engine.info else None
    file_path = path or engine.config_path
    keys: FrozenSet[str] = frozenset()
    file_place: Dict[str, Any] = {"source": "daemon_json", "path": file_path, "line": None, "mirrors": None, "reason": None}
    try:
        source = _sources.DaemonJson(file_path, _file.read(_file.resolve(file_path)))
        keys = source.keys
        file_place.update(line=source.line, mirrors=_mirror_url.engine_list(source.listed))
    except (_sources.SourceError, _file.FileError) as exc:
        file_place["reason"] = str(exc)
    places = [file_place]
    flags = _engine.flag_values(engine.argv, _sources.FLAG)
    conflicts: List[Dict[str, Any]] = []
    if flags:
        found: List[Tuple[Optional[str], Optional[int]]] = [*_sources.find_flag(_sources.FLAG, _engine.unit_files(service))]
        mirrors = _mirror_url.engine_list([_mirror_url.mask(flag) for flag in flags])
        places += [
            {"source": "command_line", "path": path, "line": line, "mirrors": mirrors, "reason": None} for path, line in found or [(None, None)]
        ]
        if _sources.KEY in keys:
            conflicts.append(_conflict(places))
    configured = None if conflicts else places[-1]["mirrors"]
    reasons = []
    if configured is not None and in_force is not None and configured != in_force:
        reasons.append(
            f"The engine uses {' '.join(in_force) or 'no mirror'}, and {' '.join(configured) or 'no mirror'} is configured."
        )
    return {
        "changed": False,
        "path": file_path,
        "mirrors": configured,
        "in_force": in_force,
        "drift": None if configured is None or in_force is None else bool(reasons),
        "drift_reasons": reasons,
        "sources": places,
        "conflicts": conflicts,
        "engine": engine.facts(),
    }


def _conflict(places: List[Dict[str, Any]]) -> Dict[str, Any]:
    named = [
        f"{place['path']}, line {place['line']}" if place["path"] else f"the engine's command line ({_sources.FLAG})"
        for place in places
    ]
    return {
        "setting": _sources.KEY,
        "places": named,
        "message": f"An engine with {_sources.KEY} in more than one of {'; '.join(named)} does not start. Take it out of all but one.",
    }
