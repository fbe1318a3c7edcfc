# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""A look at everything that names mirrors, which changes nothing and never fails.

Private to the collection C(pullthrough.docker): it may change at any time, without notice.
"""

from __future__ import annotations

import re

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils import _engine, _file, _mirror_url, _sources, _use


class SetByFlag(NamedTuple):
    """A setting that a command line has: C(now) that of the engine that runs, C(later) that of its next start.

    With the same setting in the file, an engine neither starts nor reloads.
    """

    setting: str
    names: Tuple[str, ...]
    now: List[str]
    later: List[str]
    files: List[str]

    def mentions(self) -> List[_sources.Mention]:
        """The lines where it stands, as far as they are found."""
        return _sources.find_flag(self.names, self.files)


def set_by_flags(engine: _engine.Engine, following: _engine.NextStart) -> List[SetByFlag]:
    """The settings of which flag and file are looked at together, and that a command line has."""
    looked_at = [
        SetByFlag(
            setting, names, _engine.flag_values(engine.argv, *names), _engine.flag_values(following.argv, *names), following.files
        )
        for setting, names in _sources.FLAGS.items()
    ]
    return [flag for flag in looked_at if flag.now or flag.later]


def survey(service: str, path: Optional[str], timeout: float) -> Tuple[Dict[str, Any], List[str]]:
    """The returns of the module C(registry_mirrors_info), and its warnings.

    :param service: the unit or init script.
    :param path: the configuration file, None for the engine's own.
    :param timeout: seconds for the engine's answer.
    """
    engine = _engine.look(service, timeout)
    in_force = engine.info.mirrors if engine.info else None
    file_path = path or engine.config_path
    source: Optional[_sources.DaemonJson] = None
    warnings: List[str] = []
    file_place: Dict[str, Any] = {"source": "daemon_json", "path": file_path, "line": None, "mirrors": None, "reason": None}
    try:
        source = _sources.DaemonJson(file_path, _file.read(_file.resolve(file_path)))
        warnings = cautions(engine, in_force or [], source)
        file_place.update(line=source.line, mirrors=_mirror_url.engine_list(source.listed))
    except (_sources.SourceError, _file.FileError) as exc:
        file_place["reason"] = str(exc)
    following = _engine.next_start(service)
    by_flags = set_by_flags(engine, following)
    mirrors_by_flag = next((flag for flag in by_flags if flag.setting == _sources.KEY), None)
    now, later = (mirrors_by_flag.now, mirrors_by_flag.later) if mirrors_by_flag else ([], [])
    flags = later if following.argv else now
    flag_places = [_flag_place(mention) for mention in _sources.find_flag(_sources.FLAGS[_sources.KEY], following.files)]
    if now and not flag_places:
        flag_places = [{"source": "command_line", "path": None, "line": None, "mirrors": _shown(now), "reason": None}]
    conflicts = [_conflict(flag, source) for flag in by_flags if source and flag.setting in source.keys]
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
    hosts_toml = _sources.find_host(_engine.certs_folder()) if store == "containerd" else None
    return _use.cautions(mirrors, insecure=source.insecure, image_store=store, version=engine.version, hosts_toml=hosts_toml)


def _shown(flags: List[str]) -> List[str]:
    return _mirror_url.engine_list([_mirror_url.mask(flag) for flag in flags])


def _flag_place(mention: _sources.Mention) -> Dict[str, Any]:
    """A line of a file that names mirrors by flags."""
    values = re.findall(rf"{_sources.FLAG}[=\s]+[\"']?([^\s\"']+)", mention.text)
    kind = "systemd_drop_in" if mention.path.endswith((".service", ".conf")) else "options_file"
    return {"source": kind, "path": mention.path, "line": mention.line, "mirrors": _shown(values), "reason": None}


def _conflict(flag: SetByFlag, source: _sources.DaemonJson) -> Dict[str, Any]:
    found = [mention.place for mention in flag.mentions()] or [f"the engine's command line ({flag.names[0]})"]
    places = [source.place(flag.setting), *found]
    return {
        "setting": flag.setting,
        "places": places,
        "message": f"An engine with {flag.setting} in more than one of {'; '.join(places)} does not start. Take it out of all but one.",
    }
