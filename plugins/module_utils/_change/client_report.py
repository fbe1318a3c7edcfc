# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What the module ``client_mirrors_info`` tells about a host.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence

from ansible_collections.pullthrough.docker.plugins.module_utils._change import plan_clients
from ansible_collections.pullthrough.docker.plugins.module_utils._change.client_snapshots import PodmanSnapshot
from ansible_collections.pullthrough.docker.plugins.module_utils._clients import podman
from ansible_collections.pullthrough.docker.plugins.module_utils._clients.registries_conf import ALL, Entry, Mirror
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import Host
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import certs_d
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

Row = Dict[str, Any]


class _Uncovered(NamedTuple):
    """A client that this collection does not configure."""

    client: str
    path: str
    message: str


_UNCOVERED = (
    _Uncovered("k3s", "/etc/rancher/k3s", "Configure its mirrors in /etc/rancher/k3s/registries.yaml and restart k3s."),
    _Uncovered(
        "rke2", "/etc/rancher/rke2", "Configure its mirrors in /etc/rancher/rke2/registries.yaml and restart it."
    ),
    _Uncovered("buildkitd", "/etc/buildkit", "Configure its mirrors in /etc/buildkit/buildkitd.toml and restart it."),
)


def report(host: Host, seen: PodmanSnapshot) -> Row:
    """Return what the module returns. All strings in it are safe to show, also the names of files."""
    reading = seen.parsed
    reasons = list(_drift_reasons(reading)) if reading else []
    found = {
        "changed": False,
        "clients": [
            {
                "client": podman.NAME,
                "found": seen.found,
                "version": None,
                "files": plan_clients.files(seen),
                "registries": _registries(reading) if reading else {},
            }
        ],
        "sources": list(_sources(seen)),
        "drift": bool(reasons) if reading else None,
        "drift_reasons": reasons,
        "conflicts": list(_conflicts(reading)) if reading else [],
        "uncovered": [client._asdict() for client in _UNCOVERED if host.exists(client.path)],
    }
    shown: Row = masking.mask_all(found)
    return shown


def _own(reading: podman.Reading) -> Dict[str, Entry]:
    """Return the entries of our file by registry."""
    return {entry.prefix: entry for entry in reading.entries.get(reading.files.folders.own_file, [])}


def _registries(reading: podman.Reading) -> Row:
    own = _own(reading)
    return {
        registry: {
            "mirrors": _urls(own[registry].mirrors) if registry in own else None,
            "in_force": reading.mirrors(registry),
        }
        for registry in sorted({certs_d.HUB, *reading.by_registry()})
    }


def _sources(seen: PodmanSnapshot) -> Iterator[Row]:
    for problem in seen.problems:
        yield _source(problem.path, reason=problem.reason)
    for entries in seen.parsed.entries.values() if seen.parsed else []:
        for entry in entries:
            reason = None
            if any(mirror.pulls != ALL for mirror in entry.mirrors):
                reason = "Some of the mirrors are asked only for digests, or only for tags."
            if entry.blocked:
                reason = "The registry itself is blocked. Only its mirrors are asked."
            yield _source(
                entry.path,
                line=entry.line,
                registry=masking.mask_location(entry.prefix),
                mirrors=_urls(entry.mirrors),
                reason=reason,
            )


def _source(
    path: str,
    *,
    line: Optional[int] = None,
    registry: Optional[str] = None,
    mirrors: Optional[List[str]] = None,
    reason: Optional[str] = None,
) -> Row:
    return {
        "client": podman.NAME,
        "path": path,
        "line": line,
        "registry": registry,
        "mirrors": mirrors,
        "reason": reason,
    }


def _drift_reasons(reading: podman.Reading) -> Iterator[str]:
    for registry, own in _own(reading).items():
        for generation, entry in reading.of(registry).items():
            if entry != own:
                where = f"as {entry.place} counts" if entry else "as it does not read that file"
                yield f"{generation} does not use the mirrors of {registry} in {own.place}, {where}."


def _conflicts(reading: podman.Reading) -> Iterator[Row]:
    for registry, entries in reading.by_registry().items():
        if len({entry.path for entry in entries}) > 1:
            places = [entry.place for entry in entries]
            message = f"{registry} has more than one entry, and only the one that is read last counts."
            yield {"registry": registry, "places": places, "message": message}


def _urls(mirrors: Sequence[Mirror]) -> List[str]:
    return [mirror.url for mirror in mirrors]
