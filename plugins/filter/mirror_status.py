# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: mirror_status
short_description: Say which mirrors a host uses after a run, and what the run did
version_added: 0.4.0
description:
  - Turns the results of the role P(pullthrough.docker.docker_mirror#role) on a host into one line, with
    the mirrors in force, those before, what was done, and the engine.
  - Other lines follow if a mirror comes before the declared ones, if something else removed a declared mirror from the
    file, or if nothing was removed.
positional: _input
author:
  - The pullthrough.docker authors (@pullthrough)
options:
  _input:
    description: The result of M(pullthrough.docker.registry_mirrors).
    type: dict
    required: true
  host:
    description: The name of the host.
    type: str
    required: true
  urls:
    description: The declared mirrors, as in the role's variable C(docker_mirror_urls).
    type: list
    elements: str
    required: true
  state:
    description: The role's variable C(docker_mirror_state).
    type: str
    choices: [present, absent]
    default: present
  settings:
    description: The result of M(pullthrough.docker.daemon_config), if it ran.
    type: dict
    default: {}
  info:
    description: The result of M(pullthrough.docker.registry_mirrors_info) after a restart, if there was one.
    type: dict
    default: {}
  check:
    description: Whether the run was in check mode, which changes nothing.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show what is in force
  ansible.builtin.debug:
    msg: "{{ result | pullthrough.docker.mirror_status(inventory_hostname, ['https://mirror.gcr.io']) }}"
"""

RETURN = r"""
_value:
  description: The lines. None if nothing changed, and everything is as declared.
  type: list
  elements: str
  sample: ["web: in force https://mirror.gcr.io/ (was: none); reloaded, nothing restarted; engine 26.1.5"]
"""

from typing import Any, Dict, List, Mapping, Optional, Sequence

from ansible_collections.pullthrough.docker.plugins.plugin_utils.declared_urls import engine_urls


class FilterModule:
    def filters(self) -> Dict[str, Any]:
        return {"mirror_status": mirror_status}


def mirror_status(
    result: Mapping[str, Any],
    host: str,
    urls: Any,
    state: str = "present",
    settings: Optional[Mapping[str, Any]] = None,
    info: Optional[Mapping[str, Any]] = None,
    check: bool = False,
) -> List[str]:
    """Return the lines about a host; see RETURN."""
    declared = engine_urls(urls)
    results = [result, *([settings] if settings and "pending" in settings else [])]
    is_restarted = not check and any(each["pending"] == "restart" for each in results)
    after = info["in_force"] if is_restarted and info else result["in_force"]
    used = result["mirrors"] if after is None or check else after
    others = [mirror for mirror in used if mirror not in declared]
    changes = any(each["changed"] or each["pending"] != "none" for each in results)
    removed_nothing = state == "absent" and bool(used) and not changes
    if not changes and not removed_nothing and result["engine"]["state"] == "running":
        return []
    if after is None:
        line = _not_running(result, check)
    elif check:
        line = _predicted(result, results)
    else:
        line = _in_force(result, after, _done(results, is_restarted))
    if state == "present" and others:
        line += f"; not in docker_mirror_urls: {_listed(others)}"
    advice = []
    if removed_nothing:
        advice = [_removed_nothing(used, declared)]
    elif changes and state == "present":
        advice = [*_lost(result, declared), *_in_front(used, declared, others)]
    return [f"{host}: {text}" for text in [line, *advice]]


def _listed(mirrors: Sequence[str]) -> str:
    return " ".join(mirrors) or "none"


# -- the mirrors and the engine --------------------------------------------------------------------------------------


def _not_running(result: Mapping[str, Any], check: bool) -> str:
    engine, mirrors, previous = result["engine"], result["mirrors"], result["previous_mirrors"]
    before = "as before" if mirrors == previous else f"was: {_listed(previous)}"
    would = "check mode, would be " if check and mirrors != previous else ""
    configured = f"{would}configured {_listed(mirrors)} ({before}) in {result['path']}"
    if engine["state"] == "absent":
        return f"nothing in force, as Docker is not installed; {configured}"
    start = f"; if Docker should run, start it (service {engine['service']}), and it uses them" if mirrors else ""
    return f"nothing in force, as Docker is stopped; {configured}{start}"


def _predicted(result: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> str:
    now, mirrors = result["in_force"], result["mirrors"]
    would = "stay" if mirrors == now else f"become {_listed(mirrors)}"
    if any(each["pending"] == "restart" for each in results):
        work = "would restart"
    else:
        work = "would reload" if any(each["reloaded"] for each in results) else "would neither reload nor restart"
    return f"check mode: in force {_listed(now)}, would {would}; {work}; {_engine(result)}"


def _in_force(result: Mapping[str, Any], after: Sequence[str], done: str) -> str:
    previous = _before(result)
    before = "as before" if list(after) == previous else f"was: {_listed(previous)}"
    return f"in force {_listed(after)} ({before}); {done}; {_engine(result)}"


def _before(result: Mapping[str, Any]) -> List[str]:
    """Return the mirrors that were in force before the run. Only a reload and a restart change them."""
    for entry in result["diff"]:
        if entry["before_header"] == "engine":
            return list(entry["before"].splitlines())
    return list(result["in_force"] or [])


def _done(results: Sequence[Mapping[str, Any]], is_restarted: bool) -> str:
    if is_restarted:
        engine = results[0]["engine"]
        stopped = 0 if engine.get("live_restore") else engine.get("containers_running") or 0
        return f"restarted, containers stopped: {stopped}"
    if any(each["reloaded"] for each in results):
        return "reloaded, nothing restarted"
    return "files written, nothing restarted" if any(each["changed"] for each in results) else "nothing changed"


def _engine(result: Mapping[str, Any]) -> str:
    return f"engine {result['engine'].get('version') or 'of unknown version'}"


# -- advice ----------------------------------------------------------------------------------------------------------


def _removed_nothing(used: Sequence[str], declared: Sequence[str]) -> str:
    return (
        f"nothing was removed: no mirror in use is in docker_mirror_urls ({_listed(declared)}). "
        f"To remove {_listed(used)}, name it there, or set docker_mirror_exclusive: true to remove all mirrors"
    )


def _lost(result: Mapping[str, Any], declared: Sequence[str]) -> List[str]:
    """Return advice about mirrors that Docker read from a file which has lost them since."""
    lost = [mirror for mirror in declared if mirror in _before(result) and mirror not in result["previous_mirrors"]]
    if not lost:
        return []
    return [
        f"something else removed {_listed(lost)} from {result['path']} after Docker had read it. If another task "
        "writes this file, it does so in each run: put its settings into docker_mirror_daemon_settings, and remove "
        "that task"
    ]


def _in_front(used: Sequence[str], declared: Sequence[str], others: Sequence[str]) -> List[str]:
    last = max((used.index(mirror) for mirror in declared if mirror in used), default=-1)
    first = [mirror for mirror in others if used.index(mirror) < last]
    if not first:
        return []
    return [
        f"Docker asks {_listed(first)} before mirrors in docker_mirror_urls. If it should not, set "
        "docker_mirror_exclusive: true, or run once with docker_mirror_state: absent and "
        f"docker_mirror_urls: [{', '.join(first)}]"
    ]
