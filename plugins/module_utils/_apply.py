# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What it takes to bring an engine to a list of mirrors: nothing, a reload, or a restart, and why.

Private to the collection C(pullthrough.docker): it may change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations

from typing import FrozenSet, List, NamedTuple, Optional, Sequence

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
    names = {word.split("=", 1)[0] for word in flags}
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


def restart_stops_containers(*, containers_running: int, live_restore: bool) -> bool:
    """Whether a restart would stop containers: all of them, unless C(live-restore) keeps them."""
    return containers_running > 0 and not live_restore
