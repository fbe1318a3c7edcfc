# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What it takes to bring an engine to a list of mirrors: nothing, a reload, or a restart, and why.

Private to the collection C(pullthrough.docker): it may change at any time, without notice. It changes nothing.
"""

from __future__ import annotations

import os

from typing import Any, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence

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


class Way(NamedTuple):
    """How a change comes into force: C(pending) is C(none), C(reload) or C(restart)."""

    pending: str
    reasons: List[str]
    warnings: List[str]


def way_to_mirrors(
    *,
    wanted: Sequence[str],
    in_force: Optional[Sequence[str]],
    version: Optional[Version],
    flags: Sequence[str],
    file_keys: FrozenSet[str],
    file_insecure: bool,
) -> Way:
    """The way from the mirrors in force to the wanted ones.

    :param in_force: the engine's list, or None when no engine runs: then its next start reads the file.
    :param flags: the words of the engine's command line.
    :param file_keys: top-level keys of C(daemon.json).
    :param file_insecure: whether C(insecure-registries) in the file has entries.
    """
    if in_force is None or list(in_force) == list(wanted):
        return Way("none", [], [])
    names = _names(flags)
    if wanted and file_insecure and version is not None and ((23, 0, 0) <= version <= (23, 0, 6) or version == (24, 0, 0)):
        # moby issue 45552.
        reason = "Docker Engine 23.0.0 to 23.0.6 and 24.0.0 lose the insecure registries when they reload them with mirrors"
        return Way("restart", [reason], [])
    if "--authorization-plugin" in names and "authorization-plugins" not in file_keys:
        # moby cmd/dockerd/daemon.go: a reload replaces the plugins by the file's list.
        reason = "the engine has --authorization-plugin on its command line, and a reload would drop that plugin"
        return Way("restart", [reason], [])
    warnings = [
        f"The engine has {flag} on its command line and {key} is not in its configuration file: "
        "a reload sets it to the default until the next restart."
        for flag, key in _RESET_BY_RELOAD.items()
        if flag in names and key not in file_keys
    ]
    if version is not None and version < BUILD_FOLLOWS_RELOAD_SINCE:
        warnings.append(
            "Docker Engine before 25.0 uses the new mirrors for docker pull at once, and for docker build after its next restart."
        )
    return Way("reload", ["the mirrors in force are not the configured ones, and a reload brings them into force"], warnings)


def _names(flags: Sequence[str]) -> FrozenSet[str]:
    return frozenset(word.split("=", 1)[0] for word in flags)


class Edit(NamedTuple):
    """A setting that someone changed in the file and the engine has not taken up: what the file says, and what the engine uses."""

    key: str
    file: Any
    engine: Any


_APPLIED_BY_RELOAD = frozenset(("debug", "labels", "live-restore"))

_FLAGS_OF = {
    "data-root": ("--data-root", "--graph", "-g"),
    "storage-driver": ("--storage-driver", "-s"),
    "log-driver": ("--log-driver",),
    "live-restore": ("--live-restore",),
    "debug": ("--debug", "-D"),
    "labels": ("--label",),
}


def pending_edits(way: str, *, settings: Mapping[str, Any], shown: Mapping[str, Any], flags: Sequence[str], containerd: bool) -> List[Edit]:
    """What a reload or a restart would bring into force besides the mirrors, because someone left it in the file.

    :param way: C(reload) or C(restart).
    :param settings: of the file.
    :param shown: what the engine uses, by the same keys.
    :param flags: the words of the engine's command line: a setting that stands there is no matter of the file.
    :param containerd: whether the engine has the containerd image store, whose storage driver has names of its own.
    """
    names = _names(flags)
    edits = []
    for key, used in shown.items():
        if names.intersection(_FLAGS_OF[key]) or (way == "reload" and key not in _APPLIED_BY_RELOAD) or (containerd and key == "storage-driver"):
            continue
        if key in settings and not _is_same(key, settings[key], used):
            edits.append(Edit(key, settings[key], used))
    return edits


def _is_same(key: str, configured: Any, used: Any) -> bool:
    if key == "data-root":
        # With userns-remap, the engine uses a folder inside.
        root, inside = (os.path.realpath(str(path)) for path in (configured, used))
        return inside == root or inside.startswith(f"{root}/")
    if key == "labels":
        return sorted(map(str, configured or [])) == sorted(map(str, used or []))
    return bool(configured == used)


def restart_stops_containers(*, containers_running: int, live_restore: bool) -> bool:
    """Whether a restart would stop containers: all of them, unless C(live-restore) keeps them."""
    return containers_running > 0 and not live_restore
