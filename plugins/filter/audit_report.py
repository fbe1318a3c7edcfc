# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: audit_report
short_description: Say how a fleet stands with its registry mirrors
version_added: 0.3.0
description:
  - Turns what M(pullthrough.docker.registry_mirrors_info) and M(pullthrough.docker.registry_mirrors_health_info) returned on each host into one report.
  - It is what the playbook C(pullthrough.docker.audit) writes as C(report.json) and renders as C(report.html).
positional: _input
author:
  - The pullthrough.docker authors (@pullthrough)
options:
  _input:
    description:
      - By host, a dictionary in which C(audit_info) and C(audit_health) are the registered results of the two modules, each possibly failed, skipped
        or missing. The host's variables will do.
    type: dict
    required: true
  wanted:
    description: URLs of the mirrors that the hosts are to use.
    type: list
    elements: str
    required: true
  written_at:
    description: When the hosts were asked, as ISO 8601 in UTC.
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
      description: As it was given.
      type: str
    wanted:
      description: The mirrors that the hosts are to use, as engines show them.
      type: list
      elements: str
    summary:
      description:
        - Number of C(hosts), of those that are C(covered) (a wanted mirror is in force and can be used, and nothing makes the engine pass over it or not
          verify it), of those of which that is C(unknown), and of those whose engine runs and C(will_not_start) again.
        - Number of hosts by C(states), where each counts once, and by their C(findings), where each counts under every kind that was found there.
      type: dict
    mirrors:
      description:
        - Each mirror that is in force somewhere, with C(url), C(hosts) (how many use it), C(usable) and C(unusable) (for how many of them), C(addresses)
          (how many hosts its name led to each), C(latency_ms) (C(least), C(median), C(most), or V(null)), C(certificate_ends) (the earliest end, or
          V(null)), and C(reasons) (why it cannot be used, and for how many hosts).
      type: list
      elements: dict
    kinds:
      description: What C(states) and findings can be, the gravest first, each with C(title) and C(advice).
      type: dict
    lines:
      description: The same in a few lines, for a terminal.
      type: list
      elements: str
    hosts:
      description:
        - Each host, with C(name), C(state) (the gravest of its findings' kinds, or V(ok)), C(covered), C(will_not_start), C(findings) (each C(kind),
          C(message), C(advice)),
          C(configured), C(in_force), C(sources), C(health), C(engine) and C(last_change).
      type: list
      elements: dict
"""

import collections
import statistics

from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

OLD = (23, 0)
"""Engines before this version have no C(dockerd --validate), and got no fixes for years."""

WILL_NOT_START = frozenset({"conflict", "unreadable"})
"""Kinds of findings with which an engine does not start."""

ENDS_SOON = 14
"""Days."""


class Kind(NamedTuple):
    """A kind of finding: its title in the report, and what to do, in which C({host}) stands for the host."""

    title: str
    advice: str


_RUN = "ansible-playbook -i INVENTORY pullthrough.docker.configure --limit {host}"

KINDS: Dict[str, Kind] = {
    "unreachable": Kind("host not reached", "See whether it is up, and its address and port in the inventory: ansible-inventory -i INVENTORY --host {host}"),
    "failed": Kind("not looked at", "Mend what the message names, then run the audit again."),
    "engine_down": Kind("engine down", "Mend the cause that is named, or that its log names (journalctl -u docker -n 50), then start the service."),
    "conflict": Kind(
        "conflict", "An engine that runs goes on as it was started, and will not start again. Before its next restart, take the setting out of all places "
        f"but one. Where it is mirrors, this moves them to daemon.json, and restarts the engine where it must: {_RUN} -e docker_mirror_migrate=true"
    ),
    "unreadable": Kind("file unusable", "Mend the file at the line that is named. An engine that runs goes on as it was, and will not start again until then."),
    "drift": Kind(
        "drift", "What is configured comes into force with the next reload or restart, wanted or not. To bring the wanted mirrors into both, by a reload: "
        f"{_RUN} (further ones that the file names stay, unless you add -e docker_mirror_exclusive=true)"
    ),
    "mirror_unusable": Kind("mirror not usable", "Mend the mirror, or the way to it from this host; until then pulls may wait for it, and go on without it."),
    "caution": Kind("bypassed or not verified", "Mend what the message names: the mirror is in force, and that alone is not enough here."),
    "mirror_unused": Kind("mirror not used", f"To bring the wanted mirrors into force, by a reload: {_RUN}"),
    "certificate_ends": Kind("certificate ends", "Renew it on the mirror, or tell whoever runs that. When it has ended, pulls go on without the mirror."),
    "old_engine": Kind("old engine", "Upgrade Docker Engine: this one gets no fixes, and builds images with new mirrors only after a restart."),
    "engine_stopped": Kind("engine not started", "Start it if it is to run (systemctl is-enabled docker says so); it then reads the file as it is."),
    "no_engine": Kind("no engine", "Nothing, unless one is to be there."),
}
"""By kind, the gravest first."""


class FilterModule:
    def filters(self) -> Dict[str, Any]:
        return {"audit_report": audit_report}


def audit_report(results: Mapping[str, Mapping[str, Any]], wanted: Sequence[str], written_at: str) -> Dict[str, Any]:
    """The report of a fleet; see RETURN."""
    spelled = [url if url.endswith("/") else f"{url}/" for url in wanted]
    hosts = [_host(name, results[name].get("audit_info") or {}, results[name].get("audit_health") or {}, spelled) for name in sorted(results)]
    states = collections.Counter(host["state"] for host in hosts)
    findings = collections.Counter(kind for host in hosts for kind in _kinds(host["findings"]))
    report = {
        "schema": 1,
        "written_at": written_at,
        "wanted": spelled,
        "summary": {
            "hosts": len(hosts),
            "covered": sum(host["covered"] for host in hosts),
            "unknown": sum(host["in_force"] is None and host["engine"]["state"] not in ("stopped", "absent") for host in hosts),
            "will_not_start": sum(host["will_not_start"] for host in hosts),
            "states": {state: states[state] for state in ["ok", *KINDS] if states[state]},
            "findings": {kind: findings[kind] for kind in KINDS if findings[kind]},
        },
        "kinds": {kind: {"title": said.title, "advice": _advice(kind, "HOST")} for kind, said in KINDS.items()},
        "mirrors": _mirrors(hosts),
        "hosts": hosts,
    }
    return {**report, "lines": _lines(report)}


def _host(name: str, info: Mapping[str, Any], health: Mapping[str, Any], wanted: Sequence[str]) -> Dict[str, Any]:
    # What a module says that was to change a file.
    told = [{**source, "reason": source["reason"] and source["reason"].replace(" Nothing was changed.", "")} for source in info.get("sources") or []]
    info = {**info, "sources": told}
    in_force, engine = info.get("in_force"), info.get("engine") or {}
    mirrors: List[Dict[str, Any]] = [] if health.get("failed") else list(health.get("mirrors") or [])
    usable = {mirror["url"] for mirror in mirrors if mirror["usable"]}
    found = [{"kind": kind, "message": message, "advice": _advice(kind, name)} for kind, message in _findings(info, health, mirrors, wanted)]
    found.sort(key=lambda finding: list(KINDS).index(finding["kind"]))
    return {
        "name": name,
        "state": found[0]["kind"] if found else "ok",
        "covered": any(mirror in usable for mirror in wanted if mirror in (in_force or [])) and not info.get("cautions"),
        "will_not_start": engine.get("state") == "running" and not WILL_NOT_START.isdisjoint(_kinds(found)),
        "findings": found,
        "configured": info.get("mirrors"),
        "in_force": in_force,
        "sources": info["sources"],
        "health": mirrors,
        "engine": {key: engine.get(key) for key in ("state", "version", "image_store", "containers_running", "rootless")},
        "last_change": info.get("last_change"),
    }


def _kinds(findings: Sequence[Mapping[str, str]]) -> Set[str]:
    return {finding["kind"] for finding in findings}


def _advice(kind: str, host: str) -> str:
    return KINDS[kind].advice.replace("{host}", host)


def _findings(
    info: Mapping[str, Any], health: Mapping[str, Any], mirrors: Sequence[Mapping[str, Any]], wanted: Sequence[str]
) -> Iterator[Tuple[str, str]]:
    """Kind and message of all that is to be said of a host."""
    if info.get("unreachable"):
        yield "unreachable", f"The host was not reached: {info.get('msg') or 'no reason is known'}"
        return
    if info.get("failed") or "engine" not in info:
        yield "failed", f"It could not be looked at: {info.get('msg') or info.get('module_stderr') or 'no result came back'}"
        return
    engine, in_force = info["engine"], info["in_force"]
    if engine["state"] == "absent":
        yield "no_engine", "No Docker Engine is installed."
        return
    for conflict in info["conflicts"]:
        yield "conflict", conflict["message"]
    for source in info["sources"]:
        if source["reason"]:
            yield "unreadable", source["reason"]
    if engine["state"] == "stopped" and "it said:" not in (engine["reason"] or ""):
        yield "engine_stopped", f"The engine does not run: {engine['reason']}."
    elif engine["state"] != "running":
        yield "engine_down", f"The engine is {engine['state']}: {engine['reason']}."
    for reason in info["drift_reasons"]:
        yield "drift", reason
    if health.get("failed"):
        yield "failed", f"Its mirrors could not be asked: {health.get('msg') or 'no reason is known'}"
    for mirror in mirrors:
        if not mirror["usable"]:
            yield "mirror_unusable", f"{mirror['url']}: {mirror['reason']}.{_addresses(mirror)}"
        tls = mirror["tls"] or {}
        if tls.get("days_left") is not None and tls["days_left"] < ENDS_SOON:
            yield "certificate_ends", f"{mirror['url']}: its certificate ends on {tls['not_after']}, in {tls['days_left']} days.{_addresses(mirror)}"
    for caution in info["cautions"]:
        yield "caution", caution
    missing = [mirror for mirror in wanted if mirror not in (in_force or [])]
    if in_force is not None and missing and len(missing) == len(wanted):
        yield "mirror_unused", f"The engine uses {' '.join(in_force) or 'no mirror at all'}. None of the wanted ones is in force: {' '.join(missing)}."
    version = _version(engine.get("version"))
    if version and version < OLD:
        yield "old_engine", f"Docker Engine {engine['version']} is older than {OLD[0]}.{OLD[1]}."


def _addresses(mirror: Mapping[str, Any]) -> str:
    """Where its name leads: to something else than on other hosts, perhaps."""
    return f" Its name resolves to {' and '.join(mirror['addresses'])} there." if mirror["addresses"] else ""


def _version(text: Optional[str]) -> Optional[Tuple[int, ...]]:
    numbers = (text or "").split(".")[:2]
    return tuple(map(int, numbers)) if len(numbers) == 2 and all(number.isdigit() for number in numbers) else None


def _mirrors(hosts: Sequence[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """What the hosts say of each mirror that is in force somewhere, the most used first."""
    users = collections.Counter(url for host in hosts for url in host["in_force"] or [])
    said: Dict[str, List[Mapping[str, Any]]] = collections.defaultdict(list)
    for host in hosts:
        for mirror in host["health"]:
            said[mirror["url"]].append(mirror)
    return [
        {
            "url": url,
            "hosts": number,
            "usable": sum(mirror["usable"] for mirror in said[url]),
            "unusable": sum(not mirror["usable"] for mirror in said[url]),
            "addresses": dict(collections.Counter(address for mirror in said[url] for address in mirror["addresses"]).most_common()),
            "latency_ms": _spread([mirror["latency_ms"] for mirror in said[url] if mirror["usable"] and mirror["latency_ms"] is not None]),
            "certificate_ends": _first_end([mirror["tls"] for mirror in said[url] if mirror["tls"]]),
            "reasons": dict(collections.Counter(mirror["reason"] for mirror in said[url] if not mirror["usable"]).most_common()),
        }
        for url, number in sorted(users.items(), key=lambda user: (-user[1], user[0]))
    ]


def _first_end(seen: Sequence[Mapping[str, Any]]) -> Optional[str]:
    known = [tls for tls in seen if tls["days_left"] is not None]
    return min(known, key=lambda tls: int(tls["days_left"]))["not_after"] if known else None


def _spread(numbers: Sequence[float]) -> Optional[Dict[str, float]]:
    if not numbers:
        return None
    return {"least": min(numbers), "median": round(statistics.median(numbers), 1), "most": max(numbers)}


def _lines(report: Mapping[str, Any]) -> List[str]:
    """The report in a few lines, for a terminal."""
    summary = report["summary"]
    lines = [f"{summary['covered']} of {summary['hosts']} hosts are covered: {' or '.join(report['wanted'])} is in force there, and answers."]
    if summary["unknown"]:
        lines.append(f"Hosts of which it is not known: {summary['unknown']}.")
    if summary["will_not_start"]:
        lines.append(f"Engines that run and will not start again, as things are: {summary['will_not_start']}.")
    for kind, number in summary["findings"].items():
        names = [host["name"] for host in report["hosts"] if kind in _kinds(host["findings"])]
        more = f" and {number - 5} more" if number > 5 else ""
        lines.append(f"{KINDS[kind].title}: {number} ({', '.join(names[:5])}{more}). {_advice(kind, ','.join(names[:5]))}")
    return lines + [f"{mirror['url']}: unusable for {mirror['unusable']} of {mirror['hosts']} hosts." for mirror in report["mirrors"] if mirror["unusable"]]
