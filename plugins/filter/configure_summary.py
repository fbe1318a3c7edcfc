# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: configure_summary
short_description: Summarize a run that configured the registry mirrors of a fleet
version_added: 0.3.0
description:
  - Turns the results of the role P(pullthrough.docker.docker_mirror#role) on each host into numbers,
    a few lines for a terminal, and the names of the hosts that are left.
  - The playbook C(pullthrough.docker.configure) prints it after each wave.
  - With ansible-core before 2.19, do not keep the result with C(ansible.builtin.set_fact). These versions evaluate
    templates in facts, and texts of the result come from the hosts. Use C(vars), as in the example.
positional: _input
author:
  - The pullthrough.docker authors (@pullthrough)
options:
  _input:
    description:
      - One dictionary for each host that the run has reached so far.
      - C(host) is its name.
      - C(results) are the registered results of the role's modules in their order,
        such as the result of M(pullthrough.docker.registry_mirrors).
      - C(pid) is the last known process id of the engine.
      - C(state) is the last known state of the engine, such as V(running), or empty.
      - C(failure) is the message of the failure, or an empty string.
    type: list
    elements: dict
    required: true
  hosts:
    description: The names of all hosts of the run.
    type: list
    elements: str
    required: true
  left_before:
    description: The names of the hosts that earlier runs did not complete.
    type: list
    elements: str
    default: []
  waves:
    description: The sizes of the waves, as in C(serial) of a play. The last size repeats.
    type: list
    elements: raw
    default: ["100%"]
    version_added: 0.4.0
  max_fail_percentage:
    description: The percentage of the hosts of a wave that may fail before the run stops.
    type: raw
    default: 0
    version_added: 0.4.0
  check:
    description: Whether the run was in check mode, which changes nothing.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show a summary
  ansible.builtin.debug:
    msg: "{{ summary.lines }}"
  vars:
    summary: >-
      {{ [{'host': inventory_hostname, 'results': [result], 'pid': result.engine.pid, 'failure': ''}]
         | pullthrough.docker.configure_summary(hosts=[inventory_hostname]) }}
"""

RETURN = r"""
_value:
  description: The summary.
  type: dict
  contains:
    outcomes:
      description:
        - The names of the hosts by outcome.
        - C(changed) means that a file was written.
        - C(healed) means that the file was right, and the engine now uses it.
        - C(unchanged) means that there was nothing to do.
        - C(refused) means that the run failed on the host. The host is as it was, unless its message says otherwise.
        - C(unreachable) means that the host was not reached.
        - C(waiting) means that the run ended before the host's turn.
      type: dict
    changed_before_failure:
      description:
        - The names of the hosts in C(outcomes.refused) that changed before the failure, and stay changed.
      version_added: 0.3.1
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
    wave:
      description:
        - The number of this wave, beginning with 1.
      version_added: 0.4.0
      type: int
    is_last:
      description:
        - Whether the run ends after this wave, because it is the last one, or because too many hosts failed.
      version_added: 0.4.0
      type: bool
    stopped:
      description:
        - The names of the completed hosts whose Docker does not run.
      version_added: 0.4.0
      type: list
      elements: str
    without_docker:
      description:
        - The names of the completed hosts that have no Docker, and where the mirrors are configured.
      version_added: 0.4.0
      type: list
      elements: str
    skipped:
      description:
        - The names of the hosts that were skipped because they have no Docker.
      version_added: 0.4.0
      type: list
      elements: str
    left:
      description: The names of the hosts that are not completed, including those of earlier runs.
      type: list
      elements: str
    lines:
      description: The summary in a few lines, for a terminal.
      type: list
      elements: str
"""

from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple, Union

from ansible.utils.helpers import pct_to_int

from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking
from ansible_collections.pullthrough.docker.plugins.plugin_utils import module_results

OUTCOMES = ("changed", "healed", "unchanged", "refused", "unreachable", "waiting")
DONE = OUTCOMES[:3]
ADVICE = {
    "stopped": "Docker does not run there. It uses what is configured when it starts.",
    "without_docker": "The mirrors are configured for a later installation. To skip such hosts: "
    "-e configure_skip_without_docker=true",
    "skipped": "They have no Docker.",
}
"""What it means that no engine runs on a completed host, by the reason."""
SHOWN = 20
"""Maximum hosts of one kind in the lines for a terminal. The file of the hosts that are left names all."""


class FilterModule:
    def filters(self) -> Dict[str, Any]:
        return {"configure_summary": configure_summary}


def configure_summary(
    results_of_hosts: Sequence[Mapping[str, Any]],
    hosts: Sequence[str],
    left_before: Sequence[str] = (),
    check: bool = False,
    waves: Sequence[Union[int, str]] = ("100%",),
    max_fail_percentage: Union[float, str] = 0,
) -> Dict[str, Any]:
    """Return the summary of a run; see RETURN."""
    outcomes: Dict[str, List[str]] = {outcome: [] for outcome in OUTCOMES}
    messages = {}
    changed_first = []
    reloads = 0
    results_of_hosts = [_checked(host) for host in results_of_hosts]
    for host in results_of_hosts:
        outcome, messages[host["host"]] = _outcome(host)
        outcomes[outcome].append(host["host"])
        if outcome == "refused" and not check and _changed_before_failure(host["results"]):
            changed_first.append(host["host"])
        reloads += sum(result["reloaded"] for result in _succeeded(host))
    outcomes["waiting"] = [name for name in hosts if name not in messages]
    restarted = [host for host in results_of_hosts if not check and _is_restarted(host)]
    wave = _wave(waves, len(results_of_hosts), len(hosts))
    failed = [name for name in hosts[wave.begin : wave.end] if name in outcomes["refused"] + outcomes["unreachable"]]
    stops = _stops(len(failed), wave.end - wave.begin, float(str(max_fail_percentage).rstrip("%")))
    result = {
        "outcomes": outcomes,
        "changed_before_failure": changed_first,
        "reloads": reloads,
        "restarts": len(restarted),
        "containers_stopped": sum(_containers_stopped(host) for host in restarted),
        "wave": wave.number,
        "is_last": stops or wave.end >= len(hosts),
        **_without_engine(results_of_hosts, outcomes),
        "left": _left(outcomes, left_before),
    }
    lines = _lines(result, messages, f"after wave {wave.number} of {wave.total}: " if wave.total > 1 else "", check)
    if stops and outcomes["waiting"]:
        lines.append(f"The run stops here: {len(failed)} of {wave.end - wave.begin} hosts of this wave failed.")
    return {**result, "lines": lines}


class Wave(NamedTuple):
    """A wave of a run, and which of the hosts it has."""

    number: int
    total: int
    begin: int
    end: int


def _wave(sizes: Sequence[Union[int, str]], reached: int, hosts: int) -> Wave:
    """Return the wave that a run is in when it has reached so many of its hosts. Ansible counts waves in this way."""
    ends: List[int] = []
    while not ends or ends[-1] < hosts:
        size = pct_to_int(sizes[min(len(ends), len(sizes) - 1)], hosts)
        begin = ends[-1] if ends else 0
        ends.append(begin + size if 0 < size < hosts - begin else hosts)
    number = 1 + sum(end < reached for end in ends[:-1])
    return Wave(number, len(ends), ends[number - 2] if number > 1 else 0, ends[number - 1])


def _stops(failed: int, size: int, max_fail_percentage: float) -> bool:
    """Return whether Ansible starts no other wave: if too many hosts of this one failed, or all."""
    return failed > size * max_fail_percentage / 100 or 0 < failed == size


def _without_engine(
    results_of_hosts: Sequence[Mapping[str, Any]], outcomes: Mapping[str, Sequence[str]]
) -> Dict[str, List[str]]:
    """Return the completed hosts on which no engine runs, by the reason."""
    completed = {name for outcome in DONE for name in outcomes[outcome]}
    found: Dict[str, List[str]] = {reason: [] for reason in ADVICE}
    for host in results_of_hosts:
        if host["host"] in completed and host.get("state") in ("stopped", "absent"):
            absent = "without_docker" if _succeeded(host) else "skipped"
            found["stopped" if host["state"] == "stopped" else absent].append(host["host"])
    return found


def _checked(host: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the results of a host in the form that the modules return. A malformed one is a failure of this host."""
    results = [result if isinstance(result, Mapping) else {} for result in host["results"]]
    shaped = [
        module_results.checked(result, "a change") if "pending" in result and not result.get("failed") else result
        for result in results
    ]
    malformed = [
        after["msg"] for before, after in zip(results, shaped) if after.get("failed") and not before.get("failed")
    ]
    # Before 2.19, ansible-core turns the message "no" into False.
    failure = host["failure"] if host["failure"] != "" else " ".join(malformed)
    return {**host, "results": shaped, "failure": failure}


def _succeeded(host: Mapping[str, Any]) -> List[Mapping[str, Any]]:
    return [result for result in host["results"] if "pending" in result and not result.get("failed")]


def _is_restarted(host: Mapping[str, Any]) -> bool:
    results = _succeeded(host)
    is_pending = any(result["pending"] == "restart" for result in results)
    if not is_pending:
        return False
    # Before 2.19, ansible-core turns a number in a fact into text.
    pid = results[0]["engine"]["pid"]
    return host["pid"] not in (pid, str(pid))


def _containers_stopped(host: Mapping[str, Any]) -> int:
    engine = _succeeded(host)[0]["engine"]
    return 0 if engine["live_restore"] else engine["containers_running"] or 0


def _left(outcomes: Mapping[str, Sequence[str]], left_before: Sequence[str]) -> List[str]:
    """Return the hosts that are not completed: of this run, then of earlier ones."""
    done = {name for outcome in DONE for name in outcomes[outcome]}
    not_done = [name for outcome in OUTCOMES if outcome not in DONE for name in outcomes[outcome]]
    return [name for name in dict.fromkeys([*not_done, *left_before]) if name not in done]


def _outcome(host: Mapping[str, Any]) -> Tuple[str, str]:
    """Return the outcome of a host, and the reason."""
    for result in host["results"]:
        if result.get("unreachable"):
            return "unreachable", _one_line(result.get("msg"))
    if host["failure"] != "":
        return "refused", _one_line(host["failure"])
    changes = _succeeded(host)
    if not any(change["changed"] or change["pending"] == "restart" for change in changes):
        return "unchanged", ""
    written = any(entry["before_header"] != "engine" for change in changes for entry in change["diff"])
    return ("changed" if written else "healed"), ""


def _changed_before_failure(results: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a module changed something before it or a later one failed. Such a change is not undone."""
    return any(result.get("failed") for result in results) and any(result.get("changed") for result in results)


def _one_line(text: Any) -> str:
    return masking.mask(" ".join(str(text or "no reason is known").split()), masking.MESSAGE_LIMIT)


def _lines(result: Mapping[str, Any], messages: Mapping[str, str], when: str, check: bool) -> List[str]:
    outcomes = result["outcomes"]
    counts = ", ".join(f"{outcome} {len(names)}" for outcome, names in outcomes.items())
    work = f"reloads {result['reloads']}, restarts {result['restarts']}"
    mode = "Check mode, nothing was done. It would be: " if check else ""
    lines = [f"{when}{mode}{counts}; {work}, containers stopped {result['containers_stopped']}."]
    for outcome in ("refused", "unreachable"):
        names = outcomes[outcome]
        lines += [f"{outcome}: {name}: {messages[name]}" for name in names[:SHOWN]]
        if len(names) > SHOWN:
            lines.append(f"{outcome}: and {len(names) - SHOWN} more")
    names = result["changed_before_failure"]
    if names:
        lines.append(f"{len(names)} of the refused hosts changed before the failure: {_shown(names)}.")
    for reason, advice in ADVICE.items():
        names = result[reason]
        if names:
            lines.append(f"{reason.replace('_', ' ')}: {len(names)} ({_shown(names)}). {advice}")
    return lines


def _shown(names: Sequence[str]) -> str:
    more = f", and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"
