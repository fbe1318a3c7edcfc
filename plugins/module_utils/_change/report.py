# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What the module ``registry_mirrors_info`` tells about a host.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._change.daemon_file import DaemonJson
from ansible_collections.pullthrough.docker.plugins.module_utils._change.places import DropIn, FlagPlace
from ansible_collections.pullthrough.docker.plugins.module_utils._change.snapshots import FlagOfSetting, Snapshot
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import Host
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import mirror_url
from ansible_collections.pullthrough.docker.plugins.module_utils._rules.setting_table import MIRRORS
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

Row = Dict[str, Any]


def report(host: Host, snapshot: Snapshot) -> Tuple[Row, List[str]]:
    """Return what the module returns, and its warnings."""
    sources = list(_sources(snapshot))
    conflicts = list(_conflicts(snapshot))
    mirrors = configured(snapshot)
    in_force = None if snapshot.in_force is None else mirror_url.shown_list(snapshot.in_force)
    reasons = list(_drift_reasons(snapshot, mirrors, in_force))
    cautions = snapshot.cautions(snapshot.in_force or [], snapshot.parsed.insecure) if snapshot.parsed else []
    written = [host.modified(source["path"]) for source in sources if source["path"]]
    result = {
        "changed": False,
        "path": snapshot.path,
        "mirrors": mirrors,
        "in_force": in_force,
        "drift": None if mirrors is None or in_force is None else bool(reasons),
        "drift_reasons": reasons,
        "sources": sources,
        "last_change": max(filter(None, written), default=None),
        "conflicts": conflicts,
        "cautions": cautions,
        "engine": snapshot.engine.facts(),
    }
    not_root = [f"The task does not run as root: {snapshot.engine.reason}."] if snapshot.engine.is_roots else []
    return result, [*cautions, *not_root]


def configured(snapshot: Snapshot) -> Optional[List[str]]:
    """Return the mirrors that the engine will use after its next start, None where that is not known."""
    if snapshot.parsed and snapshot.parsed.present and snapshot.settings_also_set_by_flag([MIRRORS]):
        return None
    listed = mirror_url.shown_list(snapshot.parsed.listed) if snapshot.parsed else None
    return mirror_url.shown_list(snapshot.flags_later) or listed


def _sources(snapshot: Snapshot) -> Iterator[Row]:
    problem = snapshot.config_problem
    if snapshot.parsed:
        yield _source("daemon_json", snapshot.path, snapshot.parsed.line, snapshot.parsed.listed)
    else:
        yield _source("daemon_json", snapshot.path, None, None, f"{problem.what}. {problem.advice}" if problem else "")
    for place in snapshot.flags:
        if place.present:
            yield _source(place.name, place.path, place.line, None if place.reason else place.listed, place.reason)
    if snapshot.stray_mirrors:
        lines = snapshot.stray_lines
        path, number = (lines[0].path, lines[0].number) if lines else (None, None)
        yield _source("command_line", path, number, snapshot.stray_mirrors)


def _source(
    name: str, path: Optional[str], line: Optional[int], listed: Optional[List[str]], reason: Optional[str] = None
) -> Row:
    return {
        "source": name,
        "path": path,
        "line": line,
        "mirrors": None if listed is None else mirror_url.shown_list(listed),
        "reason": None if reason is None else masking.mask(reason.strip()),
    }


def _conflicts(snapshot: Snapshot) -> Iterator[Row]:
    config = snapshot.parsed
    if config:
        for flag in snapshot.settings_also_set_by_flag(config.settings):
            yield _conflict(flag, config)
    fault = snapshot.start.fault
    if fault:
        message = masking.mask(f"{fault}.")
        yield {"setting": "command line", "places": [fault.partition(": ")[0]], "message": message}


def _conflict(flag: FlagOfSetting, config: DaemonJson) -> Row:
    places = [config.place(flag.setting), *(flag.places or [f"the engine's command line ({flag.flag})"])]
    message = (
        f"An engine with {flag.setting} in more than one of {'; '.join(places)} does not start. "
        "Remove it from all but one."
    )
    return {"setting": flag.setting, "places": places, "message": message}


def _drift_reasons(snapshot: Snapshot, mirrors: Optional[List[str]], in_force: Optional[List[str]]) -> Iterator[str]:
    if mirrors is not None and in_force is not None and mirrors != in_force:
        yield f"The engine uses {_shown(in_force)}, and {_shown(mirrors)} is configured."
    for place in filter(_is_stale, snapshot.flags):
        yield (
            f"{place.place()}: the unit's own command line changed after this drop-in was written, "
            "and the engine starts with the old one."
        )


def _is_stale(place: FlagPlace) -> bool:
    return isinstance(place, DropIn) and place.is_stale


def _shown(mirrors: List[str]) -> str:
    return " ".join(mirrors) or "no mirror"
