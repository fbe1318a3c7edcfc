# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: audit_report
short_description: Report the state of the registry mirrors of a fleet
version_added: 0.3.0
description:
  - Turns the results of M(pullthrough.docker.registry_mirrors_info) and
    M(pullthrough.docker.registry_mirrors_health_info) on each host into one report.
  - The playbook C(pullthrough.docker.audit) writes it as C(report.json) and renders it as C(report.html).
  - With ansible-core before 2.19, do not keep the result with C(ansible.builtin.set_fact). These versions evaluate
    templates in facts, and texts of the result come from the hosts. Use C(vars), as in the example.
positional: _input
author:
  - The pullthrough.docker authors (@pullthrough)
options:
  _input:
    description:
      - For each host, a dictionary with the registered results of the two modules as C(audit_info) and C(audit_health).
        A result may have failed, be skipped or be missing. The host's variables can be passed as they are.
      - A result in another form than the modules return counts as failed. The report names what is malformed in it.
      - C(audit_wanted) is optional. It is the registered result of a task C(ansible.builtin.set_fact)
        that sets C(audit_urls) to the URLs of the mirrors that this host should use.
        A string counts as a list with commas between its elements, as in a role's argument.
    type: dict
    required: true
  hosts:
    description: The hosts to report on. If not set, all hosts of the input.
    type: list
    elements: str
    version_added: 0.4.0
  wanted:
    description: URLs of the mirrors that hosts without C(audit_wanted) should use.
    type: list
    elements: str
    required: true
  written_at:
    description: When the hosts were checked, as ISO 8601 in UTC.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show which hosts have drifted
  ansible.builtin.debug:
    msg: "{{ report.hosts | selectattr('state', 'eq', 'drift') | map(attribute='name') }}"
  vars:
    report: >-
      {{ {inventory_hostname: {'audit_info': result}}
         | pullthrough.docker.audit_report(wanted=['https://mirror.gcr.io'], written_at='2026-01-31T12:00:00Z') }}
"""

RETURN = r"""
_value:
  description: The report.
  type: dict
  contains:
    schema:
      description: Version of this structure.
      type: int
    written_at:
      description: The value of the option O(written_at).
      type: str
    wanted:
      description: All mirrors that hosts should use, as engines show them.
      type: list
      elements: str
    summary:
      description:
        - C(hosts) is the number of hosts.
        - C(covered) is the number of hosts where a wanted mirror is in force and usable,
          and where nothing makes the engine bypass it or skip its verification.
        - C(unknown) is the number of hosts where it is unknown which mirrors are in force.
        - C(will_not_start) is the number of hosts whose engine runs and will not start again.
        - C(states) has the number of hosts for each state. Each host counts once.
        - C(findings) has the number of hosts for each kind of finding. A host counts under every kind that was found.
      type: dict
    mirrors:
      description:
        - Each mirror that is in force on some host, with its C(url).
        - C(hosts) is the number of hosts that use it.
        - C(usable) and C(unusable) are the numbers of hosts that can and cannot use it.
        - C(addresses) has the addresses that its name resolved to, each with the number of hosts.
        - C(latency_ms) has C(least), C(median) and C(most), or is V(null).
        - C(certificate_ends) is the earliest end of its certificates, or V(null).
        - C(reasons) has the reasons why it cannot be used, each with the number of hosts.
      type: list
      elements: dict
    kinds:
      description: The kinds of states and findings, the most serious first, each with C(title) and C(advice).
      type: dict
    lines:
      description: A summary in a few lines, for a terminal.
      type: list
      elements: str
    hosts:
      description:
        - Each host, with C(name), C(covered), C(will_not_start), C(configured), C(in_force), C(sources), C(health),
          C(engine) and C(last_change).
        - C(state) is the most serious kind of its findings, or V(ok).
        - C(findings) are dictionaries with C(kind), C(message) and C(advice).
        - C(wanted) are the mirrors that it should use, or V(null) where its list cannot be used.
      type: list
      elements: dict
"""

import collections
import statistics

from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import versions
from ansible_collections.pullthrough.docker.plugins.plugin_utils import audit_kinds, module_results
from ansible_collections.pullthrough.docker.plugins.plugin_utils.audit_kinds import KINDS
from ansible_collections.pullthrough.docker.plugins.plugin_utils.declared_urls import engine_urls

OLD = versions.HAS_VALIDATE[:2]
"""Engines before this version cannot check their file, and got no fixes for years."""

ENDS_SOON = 14
"""Days before its end in which a certificate is reported."""


class FilterModule:
    def filters(self) -> Dict[str, Any]:
        return {"audit_report": audit_report}


def audit_report(
    results: Mapping[str, Mapping[str, Any]],
    wanted: Sequence[str],
    written_at: str,
    hosts: Optional[Sequence[str]] = None,
) -> Dict[str, Any]:
    """Return the report of a fleet; see RETURN."""
    default = engine_urls(wanted)
    reported = [_host(name, results[name], default) for name in sorted(results if hosts is None else hosts)]
    report = {
        "schema": 1,
        "written_at": written_at,
        "wanted": list(dict.fromkeys(url for host in reported for url in host["wanted"] or [])),
        "summary": _summary(reported),
        "kinds": {
            kind: {"title": texts.title, "advice": audit_kinds.advice(kind, "HOST")} for kind, texts in KINDS.items()
        },
        "mirrors": _mirrors(reported),
        "hosts": reported,
    }
    return {**report, "lines": _lines(report)}


def _summary(hosts: Sequence[Mapping[str, Any]]) -> Dict[str, Any]:
    states = collections.Counter(host["state"] for host in hosts)
    findings = collections.Counter(kind for host in hosts for kind in _kinds(host["findings"]))
    not_running = ("stopped", "absent")
    return {
        "hosts": len(hosts),
        "covered": sum(host["covered"] for host in hosts),
        "unknown": sum(host["in_force"] is None and host["engine"]["state"] not in not_running for host in hosts),
        "will_not_start": sum(host["will_not_start"] for host in hosts),
        "states": {state: states[state] for state in ["ok", *KINDS] if states[state]},
        "findings": {kind: findings[kind] for kind in KINDS if findings[kind]},
    }


# -- a host ----------------------------------------------------------------------------------------------------------


def _wanted(result: Optional[Mapping[str, Any]], default: List[str]) -> Tuple[Optional[List[str]], str]:
    """Return the mirrors that a host should use, or None and the reason."""
    if result is None:
        return default, ""
    if result.get("failed"):
        return None, result["msg"]
    try:
        return engine_urls(result["ansible_facts"]["audit_urls"]), ""
    except (TypeError, ValueError) as error:
        return None, str(error)


def _host(name: str, results: Mapping[str, Any], default: List[str]) -> Dict[str, Any]:
    info = module_results.checked(results.get("audit_info"), "registry_mirrors_info")
    health = module_results.checked(results.get("audit_health"), "registry_mirrors_health_info")
    wanted, reason = _wanted(results.get("audit_wanted"), default)
    info = {**info, "sources": info.get("sources") or []}
    mirrors: List[Dict[str, Any]] = [] if health.get("failed") else list(health.get("mirrors") or [])
    messages = list(_findings(info, health, mirrors, wanted or []))
    if wanted is None:
        messages.append(("failed", f"Its docker_mirror_urls cannot be used: {reason}"))
    messages.sort(key=lambda finding: list(KINDS).index(finding[0]))
    findings = [
        {"kind": kind, "message": message, "advice": audit_kinds.advice(kind, name)} for kind, message in messages
    ]
    engine = info.get("engine") or {}
    does_not_start = not audit_kinds.WILL_NOT_START.isdisjoint(_kinds(findings))
    fields = ("state", "version", "image_store", "containers_running", "rootless")
    return {
        "name": name,
        "state": findings[0]["kind"] if findings else "ok",
        "covered": _is_covered(info, mirrors, wanted or []),
        "will_not_start": engine.get("state") == "running" and does_not_start,
        "findings": findings,
        "wanted": wanted,
        "configured": info.get("mirrors"),
        "in_force": info.get("in_force"),
        "sources": info["sources"],
        "health": mirrors,
        "engine": {field: engine.get(field) for field in fields},
        "last_change": info.get("last_change"),
    }


def _is_covered(info: Mapping[str, Any], mirrors: Sequence[Mapping[str, Any]], wanted: Sequence[str]) -> bool:
    usable = {mirror["url"] for mirror in mirrors if mirror["usable"]}
    in_force = info.get("in_force") or []
    return any(mirror in usable and mirror in in_force for mirror in wanted) and not info.get("cautions")


def _kinds(findings: Sequence[Mapping[str, str]]) -> Set[str]:
    return {finding["kind"] for finding in findings}


# -- its findings ----------------------------------------------------------------------------------------------------


def _findings(
    info: Mapping[str, Any], health: Mapping[str, Any], mirrors: Sequence[Mapping[str, Any]], wanted: Sequence[str]
) -> Iterator[Tuple[str, str]]:
    """Yield kind and message of each finding of a host."""
    if info.get("unreachable"):
        yield "unreachable", f"The host was not reached: {info.get('msg') or 'no reason is known'}"
    elif info.get("failed") or "engine" not in info:
        reason = info.get("msg") or info.get("module_stderr") or "no result came back"
        yield "failed", f"The host could not be checked: {reason}"
    elif info["engine"]["state"] == "absent":
        yield "no_engine", f"There is no engine to configure: {info['engine']['reason']}."
    else:
        yield from _findings_of_configuration(info)
        yield from _findings_of_engine(info)
        yield from (("drift", reason) for reason in info["drift_reasons"])
        if health.get("failed"):
            yield "failed", f"Its mirrors could not be checked: {health.get('msg') or 'no reason is known'}"
        for mirror in mirrors:
            yield from _findings_of_mirror(mirror)
        yield from (("caution", caution) for caution in info["cautions"])
        yield from _findings_of_use(info["in_force"], wanted)


def _findings_of_configuration(info: Mapping[str, Any]) -> Iterator[Tuple[str, str]]:
    for conflict in info["conflicts"]:
        yield "conflict", conflict["message"]
    for source in info["sources"]:
        if source["reason"]:
            yield "unreadable", source["reason"]


def _findings_of_engine(info: Mapping[str, Any]) -> Iterator[Tuple[str, str]]:
    engine = info["engine"]
    if engine["state"] == "stopped" and "it said:" not in (engine["reason"] or ""):
        yield "engine_stopped", f"The engine does not run: {engine['reason']}."
    elif engine["state"] != "running":
        yield "engine_down", f"The engine is {engine['state']}: {engine['reason']}."
    version = versions.parse(engine["version"] or "")
    if version and version[:2] < OLD:
        yield "old_engine", f"Docker Engine {engine['version']} is older than {OLD[0]}.{OLD[1]}."


_KINDS_OF_VERDICTS = {"breaks_pulls": "mirror_breaks_pulls", "not_used": "mirror_unusable", None: "mirror_unknown"}


def _findings_of_mirror(mirror: Mapping[str, Any]) -> Iterator[Tuple[str, str]]:
    # On one host its name may resolve to another address than on the others.
    addresses = " and ".join(mirror["addresses"])
    resolved = f" Its name resolves to {addresses} on this host." if addresses else ""
    kind = _KINDS_OF_VERDICTS.get(mirror["verdict"])
    if kind:
        yield kind, f"{mirror['url']}: {mirror['reason']}.{resolved}"
    tls = mirror["tls"] or {}
    days = tls.get("days_left")
    if days is not None and days < ENDS_SOON:
        message = f"{mirror['url']}: its certificate expires on {tls['not_after']}, in {days} days.{resolved}"
        yield "certificate_ends", message


def _findings_of_use(in_force: Optional[Sequence[str]], wanted: Sequence[str]) -> Iterator[Tuple[str, str]]:
    if in_force is not None and wanted and not set(wanted) & set(in_force):
        used = " ".join(in_force) or "no mirror"
        yield "mirror_unused", f"The engine uses {used}. No wanted mirror is in force: {' '.join(wanted)}."


# -- the mirrors -----------------------------------------------------------------------------------------------------


def _mirrors(hosts: Sequence[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """Return the results of each mirror that is in force on some host, the most used first."""
    users = collections.Counter(url for host in hosts for url in host["in_force"] or [])
    results: Dict[str, List[Mapping[str, Any]]] = collections.defaultdict(list)
    for host in hosts:
        for mirror in host["health"]:
            results[mirror["url"]].append(mirror)
    by_use = sorted(users.items(), key=lambda user: (-user[1], user[0]))
    return [_mirror(url, number, results[url]) for url, number in by_use]


def _mirror(url: str, hosts: int, results: Sequence[Mapping[str, Any]]) -> Dict[str, Any]:
    usable = [result for result in results if result["usable"]]
    unusable = [result for result in results if result["usable"] is False]
    return {
        "url": url,
        "hosts": hosts,
        "usable": len(usable),
        "unusable": len(unusable),
        "addresses": _counted(address for result in results for address in result["addresses"]),
        "latency_ms": _spread([result["latency_ms"] for result in usable if result["latency_ms"] is not None]),
        "certificate_ends": _first_end([result["tls"] for result in results if result["tls"]]),
        "reasons": _counted(result["reason"] for result in unusable),
    }


def _counted(values: Iterable[Any]) -> Dict[Any, int]:
    return dict(collections.Counter(values).most_common())


def _first_end(certificates: Sequence[Mapping[str, Any]]) -> Optional[str]:
    known = [tls for tls in certificates if tls["days_left"] is not None]
    return min(known, key=lambda tls: int(tls["days_left"]))["not_after"] if known else None


def _spread(numbers: Sequence[float]) -> Optional[Dict[str, float]]:
    if not numbers:
        return None
    return {"least": min(numbers), "median": round(statistics.median(numbers), 1), "most": max(numbers)}


# -- for a terminal --------------------------------------------------------------------------------------------------


def _lines(report: Mapping[str, Any]) -> List[str]:
    """Return the report in a few lines, for a terminal."""
    summary = report["summary"]
    wanted = ", ".join(report["wanted"]) or "none"
    lines = [f"{summary['covered']} of {summary['hosts']} hosts use a wanted mirror that answers (wanted: {wanted})."]
    if summary["unknown"]:
        lines.append(f"Hosts where it is unknown: {summary['unknown']}.")
    if summary["will_not_start"]:
        lines.append(f"Engines that run and will not start again: {summary['will_not_start']}.")
    for kind, number in summary["findings"].items():
        names = [host["name"] for host in report["hosts"] if kind in _kinds(host["findings"])]
        more = f" and {number - 5} more" if number > 5 else ""
        shown = f"{KINDS[kind].title}: {number} ({', '.join(names[:5])}{more})."
        lines.append(f"{shown} {audit_kinds.advice(kind, ','.join(names[:5]))}")
    for mirror in report["mirrors"]:
        if mirror["unusable"]:
            lines.append(f"{mirror['url']}: unusable for {mirror['unusable']} of {mirror['hosts']} hosts.")
    return lines
