# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: configure_summary
short_description: Say how a fleet fared when its registry mirrors were configured
version_added: 0.3.0
description:
  - Turns what the tasks of the role P(pullthrough.docker.docker_mirror#role) returned on each host into numbers, a few lines for a terminal,
    and the names of the hosts that are left.
  - It is what the playbook C(pullthrough.docker.configure) says after each wave.
positional: _input
author:
  - The pullthrough.docker authors (@pullthrough)
options:
  _input:
    description:
      - One dictionary for each host that had its turn.
      - C(host) is its name, C(results) the registered results of the role's modules in their order, such as that of
        M(pullthrough.docker.registry_mirrors), C(pid) the process id of the engine when it was seen last, and C(failure) the message of what failed, or
        an empty string.
    type: list
    elements: dict
    required: true
  hosts:
    description: The names of all hosts of the run.
    type: list
    elements: str
    required: true
  left_before:
    description: The names of the hosts that earlier runs have left.
    type: list
    elements: str
    default: []
  check:
    description: Whether it was check mode, in which nothing was done.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Say how it went
  ansible.builtin.debug:
    msg: "{{ summary.lines }}"
  vars:
    summary: >-
      {{ [{'host': inventory_hostname, 'results': [result], 'pid': result.engine.pid, 'failure': ''}]
         | pullthrough.docker.configure_summary(hosts=[inventory_hostname]) }}
"""

RETURN = r"""
_value:
  description: How it went.
  type: dict
  contains:
    outcomes:
      description:
        - The names of the hosts by how they fared.
        - C(changed) says that something was written, C(healed) that the engine got what the file had said already, C(unchanged) that nothing was to do,
          C(refused) that the host is as it was or its message says otherwise, C(unreachable) that it was not reached, and C(waiting) that the run ended
          before its turn.
      type: dict
    changed_before_failure:
      description:
        - The names of the hosts in C(outcomes.refused) on which something changed before the failure, and stays changed.
        - Added in version 0.3.1.
      type: list
      elements: str
    reloads:
      description: How often an engine reloaded its configuration.
      type: int
    restarts:
      description: How many engines were restarted.
      type: int
    containers_stopped:
      description: How many containers ran in the engines that were restarted without C(live-restore).
      type: int
    left:
      description: The names of the hosts that are still to be done, those that earlier runs left and this one had nothing to do with among them.
      type: list
      elements: str
    lines:
      description: The same in a few lines, for a terminal.
      type: list
      elements: str
"""

from typing import Any, Dict, List, Mapping, Sequence, Tuple

OUTCOMES = ("changed", "healed", "unchanged", "refused", "unreachable", "waiting")
DONE = OUTCOMES[:3]
SHOWN = 20
"""Hosts of one kind that the terminal names; the file of those that are left names all."""


class FilterModule:
    def filters(self) -> Dict[str, Any]:
        return {"configure_summary": configure_summary}


def configure_summary(said: Sequence[Mapping[str, Any]], hosts: Sequence[str], left_before: Sequence[str] = (), check: bool = False) -> Dict[str, Any]:
    """How a fleet fared; see RETURN."""
    outcomes: Dict[str, List[str]] = {outcome: [] for outcome in OUTCOMES}
    messages = {}
    changed_first = []
    reloads = restarts = stopped = 0
    for host in said:
        outcome, messages[host["host"]] = _outcome(host)
        outcomes[outcome].append(host["host"])
        if outcome == "refused" and not check and _changed_before_failure(host["results"]):
            changed_first.append(host["host"])
        succeeded = [result for result in host["results"] if "engine" in result]
        reloads += sum(result["reloaded"] for result in succeeded)
        if succeeded and not check and any(result["pending"] == "restart" for result in succeeded) and host["pid"] != succeeded[0]["engine"]["pid"]:
            restarts += 1
            stopped += 0 if succeeded[0]["engine"]["live_restore"] else succeeded[0]["engine"]["containers_running"] or 0
    outcomes["waiting"] = [name for name in hosts if name not in messages]
    done = {name for outcome in DONE for name in outcomes[outcome]}
    ours = [name for outcome in OUTCOMES if outcome not in DONE for name in outcomes[outcome]]
    left = [name for name in dict.fromkeys([*ours, *left_before]) if name not in done]
    result = {
        "outcomes": outcomes,
        "changed_before_failure": changed_first,
        "reloads": reloads,
        "restarts": restarts,
        "containers_stopped": stopped,
        "left": left,
    }
    return {**result, "lines": _lines(result, messages, check)}


def _outcome(host: Mapping[str, Any]) -> Tuple[str, str]:
    """How a host fared, and why."""
    for result in host["results"]:
        if result.get("unreachable"):
            return "unreachable", _one_line(result.get("msg"))
    if host["failure"]:
        return "refused", _one_line(host["failure"])
    if not any(result.get("changed") or result.get("pending") == "restart" for result in host["results"]):
        return "unchanged", ""
    written = any(entry["before_header"] != "engine" for result in host["results"] for entry in result.get("diff") or [])
    return ("changed" if written else "healed"), ""


def _changed_before_failure(results: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a module changed something and then it, or a later one, failed. Nothing is put back in that case."""
    return any(result.get("failed") for result in results) and any(result.get("changed") for result in results)


def _one_line(text: Any) -> str:
    return " ".join(str(text or "no reason is known").split())


def _lines(result: Mapping[str, Any], messages: Mapping[str, str], check: bool) -> List[str]:
    outcomes = result["outcomes"]
    counts = ", ".join(f"{outcome} {len(names)}" for outcome, names in outcomes.items())
    work = f"reloads {result['reloads']}, restarts {result['restarts']}, containers stopped {result['containers_stopped']}"
    lines = [f"{'Check mode, nothing was done. It would be: ' if check else ''}{counts}; {work}."]
    for outcome in ("refused", "unreachable"):
        names = outcomes[outcome]
        lines += [f"{outcome}: {name}: {messages[name]}" for name in names[:SHOWN]]
        if len(names) > SHOWN:
            lines.append(f"{outcome}: and {len(names) - SHOWN} more")
    names = result["changed_before_failure"]
    if names:
        more = f", and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        lines.append(f"{len(names)} of the refused hosts changed before the failure: {', '.join(names[:SHOWN])}{more}.")
    return lines
