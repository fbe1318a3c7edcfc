# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What it takes to bring settings into force: nothing, a reload, or a restart, and why.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations

from typing import Any, Container, FrozenSet, Iterator, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import setting_table, versions
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

_RESET_BY_RELOAD = {
    "--max-concurrent-downloads": "max-concurrent-downloads",
    "--max-concurrent-uploads": "max-concurrent-uploads",
    "--max-download-attempts": "max-download-attempts",
    "--feature": "features",
}
"""Flags that a reload resets to their defaults when the file does not have the key (seen on 20.10.24)."""

_LOSES_INSECURE = ((23, 0, 0), (23, 0, 6), (24, 0, 0))
"""First and last engine of 23.0, and the one of 24.0, that lose insecure registries at a reload (moby issue 45552)."""

_INSECURE_ENDS_LOOPBACK_SINCE: versions.Version = (29, 10, 0)
"""Since then any ``insecure-registries`` ends the built-in trust of loopback, and only a start restores it (release
notes)."""


class Activation(NamedTuple):
    """How a change comes into force."""

    pending: str
    """``none``, ``reload`` or ``restart``."""
    reasons: List[str]
    warnings: List[str]


class Wanted(NamedTuple):
    """A setting that is not in force."""

    value: Any
    """What the file will say, or the default where the key will be missing."""
    present: bool
    """Whether the file will have the key."""


def needed_for(
    wanted: Mapping[str, Wanted],
    *,
    version: Optional[versions.Version],
    flags: Sequence[str],
    settings: Mapping[str, Any],
    switches_store: bool = False,
) -> Activation:
    """Return what brings settings into force.

    :param wanted: the settings that are not in force, by their keys; none of them has a flag on the command line.
    :param version: of the running engine, None when it is unknown.
    :param flags: the words of the engine's command line.
    :param settings: all that the file will hold.
    :param switches_store: whether ``features`` will name another image store than the one in use.
    """
    if not wanted:
        return Activation("none", [], [])
    names = _names(flags)
    reasons = [
        *_reasons_of_keys(wanted, version),
        *_reasons_of_versions(wanted, version, settings),
    ]
    if "--authorization-plugin" in names and "authorization-plugins" not in settings:
        # moby cmd/dockerd/daemon.go: a reload replaces the plugins by the file's list.
        reasons.append("the engine has --authorization-plugin on its command line, and a reload would drop that plugin")
    if switches_store:
        reasons.append("the engine chooses its image store only at its start")
    if reasons:
        return Activation("restart", reasons, [])
    warnings = [
        f"The engine has {flag} on its command line and {key} is not in its configuration file: "
        "a reload sets it to the default until the next restart."
        for flag, key in _RESET_BY_RELOAD.items()
        if flag in names and key not in settings
    ]
    if setting_table.MIRRORS in wanted and version is not None and version < versions.HAS_BUILD_RELOAD:
        warnings.append(
            "Docker Engine before 25.0 uses the new mirrors for docker pull immediately, "
            "and for docker build only after its next restart."
        )
    return Activation("reload", [f"{', '.join(wanted)}: not in force, and a reload brings it into force"], warnings)


def _reasons_of_keys(wanted: Mapping[str, Wanted], version: Optional[versions.Version]) -> Iterator[str]:
    for key, setting in wanted.items():
        if not setting_table.is_reloadable(key, version):
            yield f"the engine reads {key} only at its start"
        elif not (setting.present or setting_table.is_kept(key) or setting_table.goes_to_default(key)):
            yield f"a reload keeps the old value of {key} when the key is missing"


def _reasons_of_versions(
    wanted: Mapping[str, Wanted], version: Optional[versions.Version], settings: Mapping[str, Any]
) -> Iterator[str]:
    if version is None:
        return
    first, last, another = _LOSES_INSECURE
    both = settings.get(setting_table.MIRRORS) and settings.get(setting_table.INSECURE)
    is_affected = first <= version <= last or version == another
    if is_affected and both and wanted.keys() & {setting_table.MIRRORS, setting_table.INSECURE}:
        yield "Docker Engine 23.0.0 to 23.0.6 and 24.0.0 lose insecure registries at a reload with mirrors"
    removes_last = setting_table.INSECURE in wanted and not settings.get(setting_table.INSECURE)
    if removes_last and version >= _INSECURE_ENDS_LOOPBACK_SINCE:
        yield "since Docker Engine 29.10 only a start restores the built-in trust of loopback"


def for_flags(now: Sequence[str], later: Sequence[str]) -> Optional[Activation]:
    """Return what replaces the mirrors of the running command line by those of the next one, None where they are the
    same."""
    if list(now) == list(later):
        return None
    shown = [masking.mask(" ".join(mirrors)) or "no mirror" for mirrors in (now, later)]
    reason = f"the engine reads its command line only at its start: it has {shown[0]}, and will have {shown[1]}"
    return Activation("restart", [reason], [])


def _names(flags: Sequence[str]) -> FrozenSet[str]:
    return frozenset(word.partition("=")[0] for word in flags)


class PendingEdit(NamedTuple):
    """A setting that someone changed in the file and that the running engine does not use yet."""

    key: str
    file: Any
    engine: Any


def pending_edits(
    pending: str,
    *,
    version: Optional[versions.Version],
    settings: Mapping[str, Any],
    shown: Mapping[str, Any],
    ours: Container[str],
    containerd: bool,
) -> List[PendingEdit]:
    """Return what a reload or a restart would bring into force besides the change.

    :param pending: ``reload`` or ``restart``.
    :param version: of the running engine, None when it is unknown.
    :param settings: of the file.
    :param shown: what the engine uses, by the same keys.
    :param ours: the settings that the change is about.
    :param containerd: whether the engine has the containerd image store, whose storage drivers have other names.
    """
    return [
        PendingEdit(key, settings[key], used)
        for key, used in shown.items()
        if key in settings
        and key not in ours
        and not (pending == "reload" and not setting_table.is_reloadable(key, version))
        and not (containerd and key == "storage-driver")
        and not setting_table.is_same(key, settings[key], used)
    ]


def restart_stops_containers(*, containers_running: int, live_restore: bool) -> bool:
    """Return whether a restart would stop containers: all of them, unless ``live-restore`` keeps them."""
    return containers_running > 0 and not live_restore
