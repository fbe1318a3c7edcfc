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
      - A result of another form than the modules return counts as a failed one, and names what is malformed in it.
      - C(audit_wanted), where it is there, is the registered result of a task C(ansible.builtin.set_fact).
        That task sets C(audit_urls) to the URLs of the mirrors that this host should use.
        A string counts as a list with commas between its elements, as in a role's argument.
    type: dict
    required: true
  wanted:
    description: URLs of the mirrors that the hosts should use that have no C(audit_wanted).
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
      description: All mirrors that hosts should use, as engines show them.
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
          C(message), C(advice)), C(wanted) (the mirrors that it should use, or V(null) where its list cannot be used),
          C(configured), C(in_force), C(sources), C(health), C(engine) and C(last_change).
      type: list
      elements: dict
"""

import collections
import statistics

from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from ansible.module_utils.common.validation import check_type_list

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import mirror_url

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


MANY = 10**9
"""More than any number in a result can be."""

_URLS = [str]
_TLS = {
    "version": (str, None), "verified": bool, "not_after": (str, None), "days_left": (range(-MANY, MANY), None),
    "certificates": [str],
}  # fmt: skip
_MIRROR = {
    "url": str, "usable": bool, "reason": (str, None), "silent": bool, "proxy": (str, None), "addresses": [str],
    "failed_at": (frozenset({"dns", "tcp", "proxy", "tls", "http", "token"}), None),
    "status": (range(MANY), None), "authentication": (str, None), "redirected_to": (str, None),
    "latency_ms": (float, None), "images": [], "tls": (_TLS, None),
}  # fmt: skip
_SOURCE = {
    "source": frozenset({"daemon_json", "options_file", "systemd_drop_in", "command_line"}),
    "path": (str, None), "line": (range(1, MANY), None), "mirrors": (_URLS, None), "reason": (str, None),
}  # fmt: skip
_ENGINE = {
    "state": frozenset({"running", "starting", "stopped", "absent", "unreachable", "ambiguous"}),
    "reason": (str, None), "version": (str, None), "image_store": (frozenset({"containerd", "graphdriver"}), None),
    "containers_running": (range(MANY), None), "rootless": (bool, None),
}  # fmt: skip
_FORMS: Dict[str, Dict[str, Any]] = {
    "registry_mirrors_info": {
        "engine": _ENGINE, "mirrors": (_URLS, None), "in_force": (_URLS, None),
        "drift_reasons": [str], "conflicts": [{"message": str}], "cautions": [str], "sources": [_SOURCE],
        "last_change": (str, None),
    },
    "registry_mirrors_health_info": {"mirrors": [_MIRROR]},
}  # fmt: skip
"""What the report takes from the results, as ``_shaped`` reads it. Each result has the first key, unless it failed."""


class MalformedResult(ValueError):
    """A result that has another form than the module returns; the text names the place."""


class FilterModule:
    def filters(self) -> Dict[str, Any]:
        return {"audit_report": audit_report}


def audit_report(results: Mapping[str, Mapping[str, Any]], wanted: Sequence[str], written_at: str) -> Dict[str, Any]:
    """The report of a fleet; see RETURN."""
    default = _urls(wanted)
    hosts = [_host(name, results[name], default) for name in sorted(results)]
    states = collections.Counter(host["state"] for host in hosts)
    findings = collections.Counter(kind for host in hosts for kind in _kinds(host["findings"]))
    report = {
        "schema": 1,
        "written_at": written_at,
        "wanted": list(dict.fromkeys(url for host in hosts for url in host["wanted"] or [])),
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


def _urls(value: Any) -> List[str]:
    """The URLs as engines show them, from a list or a string with commas, as the role takes them.

    :raises TypeError, ValueError: when the role could not take it either.
    """
    return mirror_url.engine_list([mirror_url.declare(url) for url in check_type_list(value)])


def _wanted(noted: Optional[Mapping[str, Any]], default: List[str]) -> Tuple[Optional[List[str]], str]:
    """The mirrors that a host should use, or None and the reason."""
    if noted is None:
        return default, ""
    if noted.get("failed"):
        return None, noted["msg"]
    try:
        return _urls(noted["ansible_facts"]["audit_urls"]), ""
    except (TypeError, ValueError) as error:
        return None, str(error)


def _checked(result: Any, module: str) -> Mapping[str, Any]:
    """The result of a module as the module returns it, or a failed one that names what is malformed in it."""
    form = _FORMS[module]
    if not isinstance(result, Mapping):
        return {}
    if result.get("failed") or result.get("unreachable") or next(iter(form)) not in result:
        return {key: result[key] for key in ("failed", "unreachable", "msg", "module_stderr") if key in result}
    try:
        return dict(_shaped(result, form, ""))
    except MalformedResult as error:
        return {"failed": True, "msg": f"{module} returned a malformed result, see its {error}"}


def _shaped(value: Any, form: Any, place: str) -> Any:
    """The value with the keys of its form and no others.

    A tuple stands for a form or null. A set or a range has the possible values.

    :raises MalformedResult: when the value has another form.
    """
    if isinstance(form, tuple):
        return None if value is None else _shaped(value, form[0], place)
    if isinstance(form, dict) and isinstance(value, dict):
        return {key: _shaped(value.get(key), inner, f"{place}.{key}" if place else key) for key, inner in form.items()}
    if isinstance(form, list) and isinstance(value, list) and (form or not value):
        return [_shaped(inner, form[0], f"{place}[{index}]") for index, inner in enumerate(value)]
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if isinstance(form, range):
        fits = number and isinstance(value, int) and value in form
    elif isinstance(form, frozenset):
        fits = isinstance(value, str) and value in form
    elif form is float:
        fits = number and 0 <= value < MANY
    else:
        fits = form in (str, bool) and isinstance(value, form)
    if not fits:
        raise MalformedResult(place)
    return value


def _host(name: str, results: Mapping[str, Any], default: List[str]) -> Dict[str, Any]:
    info = _checked(results.get("audit_info"), "registry_mirrors_info")
    health = _checked(results.get("audit_health"), "registry_mirrors_health_info")
    wanted, unusable = _wanted(results.get("audit_wanted"), default)
    # What a module says that was to change a file.
    told = [{**source, "reason": source["reason"] and source["reason"].replace(" Nothing was changed.", "")} for source in info.get("sources") or []]
    info = {**info, "sources": told}
    in_force, engine = info.get("in_force"), info.get("engine") or {}
    mirrors: List[Dict[str, Any]] = [] if health.get("failed") else list(health.get("mirrors") or [])
    usable = {mirror["url"] for mirror in mirrors if mirror["usable"]}
    found = [
        {"kind": kind, "message": message, "advice": _advice(kind, name)}
        for kind, message in _findings(info, health, mirrors, wanted or [])
    ]
    if wanted is None:
        message = f"Its docker_mirror_urls cannot be used: {unusable}"
        found.append({"kind": "failed", "message": message, "advice": _advice("failed", name)})
    found.sort(key=lambda finding: list(KINDS).index(finding["kind"]))
    return {
        "name": name,
        "state": found[0]["kind"] if found else "ok",
        "covered": any(mirror in usable for mirror in wanted or [] if mirror in (in_force or []))
        and not info.get("cautions"),
        "will_not_start": engine.get("state") == "running" and not WILL_NOT_START.isdisjoint(_kinds(found)),
        "findings": found,
        "wanted": wanted,
        "configured": info.get("mirrors"),
        "in_force": in_force,
        "sources": info["sources"],
        "health": mirrors,
        "engine": {
            key: engine.get(key) for key in ("state", "version", "image_store", "containers_running", "rootless")
        },
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
    known = len(numbers) == 2 and all(number.isdecimal() and len(number) < 5 for number in numbers)
    return tuple(map(int, numbers)) if known else None


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
    wanted = ", ".join(report["wanted"]) or "none"
    covered = f"{summary['covered']} of {summary['hosts']} hosts are covered"
    lines = [f"{covered} by a wanted mirror that answers (wanted: {wanted})."]
    if summary["unknown"]:
        lines.append(f"Hosts of which it is not known: {summary['unknown']}.")
    if summary["will_not_start"]:
        lines.append(f"Engines that run and will not start again, as things are: {summary['will_not_start']}.")
    for kind, number in summary["findings"].items():
        names = [host["name"] for host in report["hosts"] if kind in _kinds(host["findings"])]
        more = f" and {number - 5} more" if number > 5 else ""
        lines.append(f"{KINDS[kind].title}: {number} ({', '.join(names[:5])}{more}). {_advice(kind, ','.join(names[:5]))}")
    return lines + [f"{mirror['url']}: unusable for {mirror['unusable']} of {mirror['hosts']} hosts." for mirror in report["mirrors"] if mirror["unusable"]]
