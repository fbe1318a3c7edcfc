# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Decide what must be done so that a host has the caches that are declared.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from ansible_collections.pullthrough.docker.plugins.module_utils._cache import certificate, model, texts
from ansible_collections.pullthrough.docker.plugins.module_utils._cache.snapshots import Previous, Snapshot, Unit
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._host.listeners import Listener

_STAGED_NAMES = {"config.yml": "configuration", "unit": "unit", "tls.crt": "certificate", "tls.key": "key"}


class Start(NamedTuple):
    """A cache that must start or restart."""

    registry: str
    reasons: List[str]
    is_new: bool
    """Whether nothing of it was there before this run."""


class Plan(NamedTuple):
    writes: Mapping[str, Optional[bytes]]
    """The files that change, by path. None removes a file."""
    starts: List[Start]
    stops: List[str]
    """The registries whose caches must stop."""
    starts_timer: bool
    is_proved: bool
    """Whether nothing of an earlier run is left to be proved."""
    installs: bool
    """Whether the package must be installed first."""
    previous: Previous
    """What is put back if the change is not proved."""

    @property
    def has_work(self) -> bool:
        return bool(
            self.writes or self.starts or self.stops or self.starts_timer or self.installs or not self.is_proved
        )

    def result(self) -> Dict[str, Any]:
        return {
            "has_work": self.has_work,
            "install": self.installs,
            "files": sorted(self.writes),
            "restart": [start.registry for start in self.starts],
            "stop": self.stops,
            "reasons": [f"{start.registry}: {', '.join(start.reasons)}" for start in self.starts],
        }


def plan(snapshot: Snapshot, wish: Optional[model.Wish], keeper: str) -> Plan:
    """Return what must be done.

    :param wish: what is declared; None if no cache is.
    :param keeper: the text of ``keeper.py``.
    :raises Refused: if a port is taken.
    """
    wanted: Dict[str, Optional[bytes]] = dict.fromkeys(snapshot.files)
    wanted.update(texts.of_wish(wish, keeper) if wish else {})
    if wish:
        _refuse_taken_ports(snapshot, wish)
    writes = {path: data for path, data in wanted.items() if data != snapshot.files.get(path)}
    declared = list(wish.ports) if wish else []
    gone = [registry for registry in snapshot.registries if registry not in declared]
    timer_changed = any(path in writes for path in (model.TRIM_SERVICE, model.TRIM_TIMER, model.KEEPER))
    return Plan(
        writes,
        [start for start in (_start(snapshot, wish, registry, wanted) for registry in declared) if start],
        gone,
        starts_timer=wish is not None and (timer_changed or not snapshot.is_timer_active),
        is_proved=snapshot.previous is None,
        installs=wish is not None and snapshot.version is None,
        previous=snapshot.previous or _now(snapshot),
    )


def _now(snapshot: Snapshot) -> Previous:
    return Previous(snapshot.files, [registry for registry, unit in snapshot.units.items() if unit.is_wanted])


def _start(
    snapshot: Snapshot, wish: Optional[model.Wish], registry: str, wanted: Mapping[str, Optional[bytes]]
) -> Optional[Start]:
    """Return why a cache must start or restart, or None."""
    unit = snapshot.units.get(registry, Unit())
    path = model.configuration_of(registry)
    is_new = snapshot.files.get(path) is None
    if unit.state != "active":
        return Start(registry, ["it does not run"], is_new)
    contents = {model.UNIT: wanted[model.UNIT], path: wanted[path], **snapshot.sources}
    sources = {name: source.replace("%i", registry) for name, source in wish.staged().items()} if wish else {}
    reasons = [
        f"its {_STAGED_NAMES[name]} changed"
        for name, source in sources.items()
        if unit.staged.get(name) != contents[source]
    ]
    if unit.is_outdated:
        reasons.append("its program was upgraded")
    if not unit.is_enabled:
        reasons.append("it would not start at a boot")
    return Start(registry, reasons, is_new) if reasons else None


def _refuse_taken_ports(snapshot: Snapshot, wish: model.Wish) -> None:
    ours = {unit.pid for unit in snapshot.units.values() if unit.pid}
    taken: Dict[int, Listener] = {found.port: found for found in snapshot.listeners if found.pid not in ours}
    for instance in wish.instances:
        variables = {instance.port: "registry_cache_ports"}
        if instance.metrics:
            variables[int(instance.metrics.rpartition(":")[2])] = "registry_cache_metrics"
        for port, variable in variables.items():
            if port in taken:
                found = taken[port]
                raise Refused(
                    f"Port {port} is used by {found.name or 'another process'} (pid {found.pid}), so no cache of "
                    f"{instance.registry} can use it",
                    f"Choose another port in {variable}, or stop that process.",
                )


def warnings(snapshot: Snapshot, wish: model.Wish, found: Optional[certificate.Certificate], now: float) -> List[str]:
    """Return warnings about what the user declares. They do not depend on the upstreams."""
    shown = []
    if found and found.days_left(now) < certificate.ENDS_SOON:
        shown.append(
            f"{wish.certificate} ends on {certificate.date(found.end)}, in {found.days_left(now)} days. "
            "Renew it, and run the role again."
        )
    if wish.plain_http:
        shown.append(
            "The cache uses http. Engines must declare it as an insecure registry, and anyone on the network can "
            "change what they pull. Engines from 28 on with the containerd image store then verify no certificate of "
            "Docker Hub either."
        )
    if snapshot.version and not snapshot.version.startswith("2."):
        shown.append(f"The role was not tested with the registry {snapshot.version}, only with 2.8.")
    return shown
