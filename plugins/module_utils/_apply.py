# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What it takes to bring settings into force: nothing, a reload, or a restart, and why.

Private to the collection C(pullthrough.docker): it may change at any time, without notice. It changes nothing.
"""

from __future__ import annotations

import ipaddress
import os

from typing import Any, Container, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils import _json_text, _mirror_url
from ansible_collections.pullthrough.docker.plugins.module_utils._version import Version

BUILD_FOLLOWS_RELOAD_SINCE: Version = (25, 0, 0)
"""Before, C(docker build) keeps the mirrors of the engine's start (moby cmd/dockerd/daemon.go; seen on 20.10.24)."""

_RESET_BY_RELOAD = {
    "--max-concurrent-downloads": "max-concurrent-downloads",
    "--max-concurrent-uploads": "max-concurrent-uploads",
    "--max-download-attempts": "max-download-attempts",
    "--feature": "features",
}
"""Flags that a reload resets to their defaults when the file lacks the key (seen on 20.10.24)."""


RELOADABLE: FrozenSet[str] = frozenset(
    """
    allow-nondistributable-artifacts authorization-plugins debug default-cgroupns-mode default-ipc-mode default-runtime
    default-shm-size features insecure-registries labels live-restore max-concurrent-downloads max-concurrent-uploads
    max-download-attempts network-diagnostic-port registry-mirrors runtimes shutdown-timeout
    """.split()
)
"""Settings that a reload brings into force on all engines since 20.10 (moby daemon/reload.go, read from 20.10.24 to 29.7.2)."""

_RELOADABLE_BETWEEN: Mapping[str, Tuple[Optional[Version], Optional[Version]]] = {
    "allow-nondistributable-artifacts": (None, (28, 0, 0)),
    "cluster-advertise": (None, (23, 0, 0)),
    "cluster-store": (None, (23, 0, 0)),
    "cluster-store-opts": (None, (23, 0, 0)),
    "nri-opts": ((29, 2, 0), None),
}
"""Settings that a reload brings into force since one version and before another."""

KEPT: Mapping[str, Any] = {
    "debug": False,
    "insecure-registries": [],
    "labels": [],
    "live-restore": False,
    "registry-mirrors": [],
    "shutdown-timeout": _json_text.Number("15"),
}
"""Settings whose value an engine keeps when the key is missing at a reload, with the default that must be named to end that
(seen on 20.10.24 to 28.5.2 for mirrors, insecure registries and live-restore; the others from moby daemon/reload.go)."""

_BACK_TO_DEFAULT = frozenset(
    ("authorization-plugins", "features", "max-concurrent-downloads", "max-concurrent-uploads", "max-download-attempts")
)
"""Settings that a reload sets to their defaults when the key is missing."""

_LOSES_INSECURE = ((23, 0, 0), (23, 0, 6), (24, 0, 0))
"""First and last of the engines of 23.0, and the one of 24.0, that lose insecure registries at a reload (moby issue 45552)."""

_INSECURE_ENDS_LOOPBACK_SINCE: Version = (29, 10, 0)
"""Since then any C(insecure-registries) ends the built-in trust of loopback, and only a start brings that back (release notes)."""


class Way(NamedTuple):
    """How a change comes into force: C(pending) is C(none), C(reload) or C(restart)."""

    pending: str
    reasons: List[str]
    warnings: List[str]


class Wanted(NamedTuple):
    """A setting that is not in force: what the file will say, or with C(present) false that the key will be missing there."""

    value: Any
    present: bool


def way_to(
    wanted: Mapping[str, Wanted],
    *,
    version: Optional[Version],
    flags: Sequence[str],
    settings: Mapping[str, Any],
    switches_store: bool = False,
) -> Way:
    """The way to bring settings into force.

    :param wanted: the settings that are not in force, by their keys; none of them stands on the command line.
    :param version: of the running engine, None when it is unknown.
    :param flags: the words of the engine's command line.
    :param settings: all that the file will hold.
    :param switches_store: whether C(features) will name another image store than the one in use.
    """
    if not wanted:
        return Way("none", [], [])
    names = _names(flags)
    reasons = []
    for key, setting in wanted.items():
        if not _is_reloadable(key, version):
            reasons.append(f"the engine reads {key} at its start alone")
        elif not setting.present and key not in KEPT and key not in _BACK_TO_DEFAULT:
            reasons.append(f"a reload keeps what {key} was when the key is missing")
    if wanted.keys() & {"registry-mirrors", "insecure-registries"} and version is not None:
        first, last, another = _LOSES_INSECURE
        both = settings.get("registry-mirrors") and settings.get("insecure-registries")
        if both and (first <= version <= last or version == another):
            reasons.append("Docker Engine 23.0.0 to 23.0.6 and 24.0.0 lose the insecure registries when they reload them with mirrors")
        if "insecure-registries" in wanted and not settings.get("insecure-registries") and version >= _INSECURE_ENDS_LOOPBACK_SINCE:
            reasons.append("since Docker Engine 29.10 the built-in trust of loopback comes back at a start alone")
    if "--authorization-plugin" in names and "authorization-plugins" not in settings:
        # moby cmd/dockerd/daemon.go: a reload replaces the plugins by the file's list.
        reasons.append("the engine has --authorization-plugin on its command line, and a reload would drop that plugin")
    if switches_store:
        reasons.append("the engine chooses its image store at its start alone")
    if reasons:
        return Way("restart", reasons, [])
    warnings = [
        f"The engine has {flag} on its command line and {key} is not in its configuration file: "
        "a reload sets it to the default until the next restart."
        for flag, key in _RESET_BY_RELOAD.items()
        if flag in names and key not in settings
    ]
    if "registry-mirrors" in wanted and version is not None and version < BUILD_FOLLOWS_RELOAD_SINCE:
        warnings.append(
            "Docker Engine before 25.0 uses the new mirrors for docker pull at once, and for docker build after its next restart."
        )
    return Way("reload", [f"{', '.join(wanted)}: not in force, and a reload brings it into force"], warnings)


def way_to_flags(now: Sequence[str], later: Sequence[str]) -> Optional[Way]:
    """The way from the mirrors on the running engine's command line to those on its next one; None where they are the same."""
    if list(now) == list(later):
        return None
    shown = [_mirror_url.mask(" ".join(mirrors)) or "none" for mirrors in (now, later)]
    return Way("restart", [f"a command line is read at a start alone: it names {shown[0]}, and will name {shown[1]}"], [])


def _is_reloadable(key: str, version: Optional[Version]) -> bool:
    if key not in _RELOADABLE_BETWEEN:
        return key in RELOADABLE
    since, before = _RELOADABLE_BETWEEN[key]
    return version is not None and (since is None or version >= since) and (before is None or version < before)


def _names(flags: Sequence[str]) -> FrozenSet[str]:
    return frozenset(word.partition("=")[0] for word in flags)


class Edit(NamedTuple):
    """A setting that someone changed in the file and the engine has not taken up: what the file says, and what the engine uses."""

    key: str
    file: Any
    engine: Any


def pending_edits(way: str, *, settings: Mapping[str, Any], shown: Mapping[str, Any], ours: Container[str], containerd: bool) -> List[Edit]:
    """What a reload or a restart would bring into force besides the change, because someone left it in the file.

    :param way: C(reload) or C(restart).
    :param settings: of the file.
    :param shown: what the engine uses, by the same keys.
    :param ours: the settings that the change is about.
    :param containerd: whether the engine has the containerd image store, whose storage driver has names of its own.
    """
    edits = []
    for key, used in shown.items():
        if key in ours or (way == "reload" and key not in RELOADABLE) or (containerd and key == "storage-driver"):
            continue
        if key in settings and not is_same(key, settings[key], used):
            edits.append(Edit(key, settings[key], used))
    return edits


def is_same(key: str, configured: Any, used: Any) -> bool:
    """Whether a value of the file and what C(/info) shows are the same setting; C(null) and none are."""
    if key in ("insecure-registries", "labels", "registry-mirrors") and not _are_strings(configured, used):
        return bool(configured == used)
    if key == "registry-mirrors":
        return _mirror_url.engine_list(configured or []) == list(used or [])
    if key == "insecure-registries":
        return {_registry(entry) for entry in configured or []} == {_registry(entry) for entry in used or []}
    if key == "data-root":
        # With userns-remap, the engine uses a folder inside.
        try:
            root, inside = (os.path.realpath(str(path)) for path in (configured, used))
        except ValueError:  # No path can be called so.
            return bool(configured == used)
        return inside == root or inside.startswith(f"{root}/")
    if key == "labels":
        return sorted(configured or []) == sorted(used or [])
    return bool(configured == used)


def _are_strings(*values: Any) -> bool:
    """Whether these are lists of strings, or none."""
    return all(value is None or (isinstance(value, list) and all(isinstance(entry, str) for entry in value)) for value in values)


def _registry(entry: str) -> str:
    """An insecure registry as the engine shows it: without a scheme (moby registry/config.go); networks with their own address."""
    host = entry.lower().rpartition("://")[2]
    try:
        return str(ipaddress.ip_interface(host).network) if "/" in host else host
    except ValueError:
        return host


def restart_stops_containers(*, containers_running: int, live_restore: bool) -> bool:
    """Whether a restart would stop containers: all of them, unless C(live-restore) keeps them."""
    return containers_running > 0 and not live_restore
