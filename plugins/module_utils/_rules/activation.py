# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What it takes to bring settings into force: nothing, a reload, or a restart, and why.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations

from typing import Any, Container, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import setting_table, versions
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

BUILD_FOLLOWS_RELOAD_SINCE: versions.Version = (25, 0, 0)
"""Before, C(docker build) keeps the mirrors of the engine's start (moby cmd/dockerd/daemon.go; seen on 20.10.24)."""

_RESET_BY_RELOAD = {
    "--max-concurrent-downloads": "max-concurrent-downloads",
    "--max-concurrent-uploads": "max-concurrent-uploads",
    "--max-download-attempts": "max-download-attempts",
    "--feature": "features",
}
"""Flags that a reload resets to their defaults when the file lacks the key (seen on 20.10.24)."""

_LOSES_INSECURE = ((23, 0, 0), (23, 0, 6), (24, 0, 0))
"""First and last of the engines of 23.0, and the one of 24.0, that lose insecure registries at a reload (moby issue 45552)."""

_INSECURE_ENDS_LOOPBACK_SINCE: versions.Version = (29, 10, 0)
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
    version: Optional[versions.Version],
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
        if not setting_table.is_reloadable(key, version):
            reasons.append(f"the engine reads {key} at its start alone")
        elif not setting.present and key not in setting_table.KEPT and key not in setting_table.BACK_TO_DEFAULT:
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
    shown = [masking.mask(" ".join(mirrors)) or "none" for mirrors in (now, later)]
    return Way("restart", [f"a command line is read at a start alone: it names {shown[0]}, and will name {shown[1]}"], [])


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
        if key in ours or (way == "reload" and key not in setting_table.RELOADABLE) or (containerd and key == "storage-driver"):
            continue
        if key in settings and not setting_table.is_same(key, settings[key], used):
            edits.append(Edit(key, settings[key], used))
    return edits


def restart_stops_containers(*, containers_running: int, live_restore: bool) -> bool:
    """Whether a restart would stop containers: all of them, unless C(live-restore) keeps them."""
    return containers_running > 0 and not live_restore
