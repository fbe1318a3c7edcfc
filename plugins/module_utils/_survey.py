# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""A look at everything that names mirrors, which changes nothing and never fails.

Private to the collection C(pullthrough.docker): it may change at any time, without notice.
"""

from __future__ import annotations

import re

from typing import Any, Dict, List, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils import _engine, _file, _mirror_url, _sources, _use


def survey(service: str, path: Optional[str], timeout: float) -> Tuple[Dict[str, Any], List[str]]:
    """The returns of the module C(registry_mirrors_info), and its warnings.

    :param service: the unit or init script.
    :param path: the configuration file, None for the engine's own.
    :param timeout: seconds for the engine's answer.
    """
    engine = _engine.look(service, timeout)
    in_force = engine.info.mirrors if engine.info else None
    file_path = path or engine.config_path
    keys: Dict[str, str] = {}
    warnings: List[str] = []
    file_place: Dict[str, Any] = {"source": "daemon_json", "path": file_path, "line": None, "mirrors": None, "reason": None}
    try:
        source = _sources.DaemonJson(file_path, _file.read(_file.resolve(file_path)))
        keys = {setting: source.place(setting) for setting in source.keys}
        warnings = cautions(engine, in_force or [], source)
        file_place.update(line=source.line, mirrors=_mirror_url.engine_list(source.listed))
    except (_sources.SourceError, _file.FileError) as exc:
        file_place["reason"] = str(exc)
    following = _engine.next_start(service)
    now, later = (_engine.flag_values(argv, *_sources.FLAGS[_sources.KEY]) for argv in (engine.argv, following.argv))
    flags = later if following.argv else now
    flag_places = [_flag_place(path, line) for path, line in _sources.find_flag([_sources.FLAG], following.files)]
    if now and not flag_places:
        flag_places = [{"source": "command_line", "path": None, "line": None, "mirrors": _shown(now), "reason": None}]
    conflicts = [
        _conflict(setting, [keys[setting], *_flag_names(names, following.files)])
        for setting, names in _sources.FLAGS.items()
        if setting in keys and any(_engine.flag_values(argv, *names) for argv in (engine.argv, following.argv))
    ]
    if following.fault:
        conflicts.append({"setting": "command line", "places": [following.fault.partition(": ")[0]], "message": f"{following.fault}."})
    configured = _shown(flags) if flags else file_place["mirrors"]
    if any(conflict["setting"] == _sources.KEY for conflict in conflicts):
        configured = None
    reasons = []
    if configured is not None and in_force is not None and configured != in_force:
        reasons.append(
            f"The engine uses {' '.join(in_force) or 'no mirror'}, and {' '.join(configured) or 'no mirror'} is configured."
        )
    result = {
        "changed": False,
        "path": file_path,
        "mirrors": configured,
        "in_force": in_force,
        "drift": None if configured is None or in_force is None else bool(reasons),
        "drift_reasons": reasons,
        "sources": [file_place, *flag_places],
        "conflicts": conflicts,
        "engine": engine.facts(),
    }
    return result, warnings


def cautions(engine: _engine.Engine, mirrors: Sequence[str], source: _sources.DaemonJson) -> List[str]:
    """What is to be said of mirrors that this engine uses, or will."""
    store = engine.info.image_store if engine.info else None
    hosts_toml = _sources.find_host(_engine.certs_folder())
    return _use.cautions(mirrors, insecure=source.insecure, image_store=store, version=engine.version, hosts_toml=hosts_toml)


def _shown(flags: List[str]) -> List[str]:
    return _mirror_url.engine_list([_mirror_url.mask(flag) for flag in flags])


def _flag_place(path: str, line: int) -> Dict[str, Any]:
    """A line of a file that names mirrors by flags."""
    text = (_file.read(path) or b"").decode("utf-8", "replace").splitlines()[line - 1]
    values = re.findall(rf"{_sources.FLAG}[=\s]+[\"']?([^\s\"']+)", text)
    kind = "systemd_drop_in" if path.endswith((".service", ".conf")) else "options_file"
    return {"source": kind, "path": path, "line": line, "mirrors": _shown(values), "reason": None}


def _flag_names(names: Sequence[str], files: Sequence[str]) -> List[str]:
    found = [f"{path}, line {line}" for path, line in _sources.find_flag(names, files)]
    return found or [f"the engine's command line ({names[0]})"]


def _conflict(setting: str, places: List[str]) -> Dict[str, Any]:
    return {
        "setting": setting,
        "places": places,
        "message": f"An engine with {setting} in more than one of {'; '.join(places)} does not start. Take it out of all but one.",
    }
