# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The settings of ``daemon.json``: one table, a row per key. All other code asks this table.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations

import ipaddress
import os
import re

from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import mirror_url, versions
from ansible_collections.pullthrough.docker.plugins.module_utils._rules.value_types import (
    ANY,
    BOOLEAN,
    BUILDER,
    INTEGER,
    LIMITS,
    OPTIONS,
    POOLS,
    RUNTIMES,
    STRING,
    STRINGS,
    Fault,
    ObjectOf,
    Record,
    Type,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_reader

MIRRORS = "registry-mirrors"
INSECURE = "insecure-registries"

Same = Callable[[Any, Any], bool]
"""Compares a value of the file with the value that the engine shows."""


class Reload(NamedTuple):
    """A reload brings a setting into force on engines from ``since`` on and before ``before``; None means no limit."""

    since: Optional[versions.Version] = None
    before: Optional[versions.Version] = None


class Setting(NamedTuple):
    """What is true of one key of the file."""

    key: str
    takes: Type
    """The type of its value. An engine neither starts nor reloads with another one (moby daemon/config/config.go and
    config_linux.go, 20.10.24 to 29.7.2; a number in ``log-opts`` and others seen on 20.10.24)."""
    flags: Tuple[str, ...]
    """The spellings of its flag. An engine that has a setting in the file and as a flag neither starts nor reloads,
    whatever the values are (seen on 20.10.24, 26.1.5, 28.5.2)."""
    before_validate: bool
    """Whether 20.10.24 takes the key; that release line is the last one without ``dockerd --validate``."""
    is_free: bool
    """Whether the engine accepts any key inside an object under this key (moby daemon/config/config.go flatOptions)."""
    reload: Optional[Reload]
    """The engines on which a reload brings it into force (moby daemon/reload.go, read from 20.10.24 to 29.7.2)."""
    missing: str
    """What a reload does where the key is missing: ``keeps`` the old value, or goes back to the ``default``."""
    default: Any
    """The value that must be named in the file before a reload that ends a kept value."""
    info: Optional[str]
    """The field of ``/info`` that shows it as the file has it."""
    same: Same


def _equal(configured: Any, used: Any) -> bool:
    return bool(configured == used)


def _lists(configured: Any, used: Any, canonical: Callable[[Sequence[str]], Any]) -> bool:
    """Compare two lists of strings, where null is the empty list."""
    values = [configured or [], used or []]
    if not all(isinstance(value, list) and all(isinstance(entry, str) for entry in value) for value in values):
        return _equal(configured, used)
    return bool(canonical(values[0]) == canonical(values[1]))


def _same_mirrors(configured: Any, used: Any) -> bool:
    return _lists(configured, used, mirror_url.engine_list)


def _same_registries(configured: Any, used: Any) -> bool:
    return _lists(configured, used, lambda entries: {_registry(entry) for entry in entries})


def _same_labels(configured: Any, used: Any) -> bool:
    return _lists(configured, used, sorted)


def _registry(entry: str) -> str:
    """Return an insecure registry as the engine shows it: no scheme, and a network with its own address
    (moby registry/config.go)."""
    host = entry.lower().rpartition("://")[2]
    try:
        return str(ipaddress.ip_interface(host).network) if "/" in host else host
    except ValueError:
        return host


def _same_folder(configured: Any, used: Any) -> bool:
    """With ``userns-remap`` the engine uses a folder inside the configured one."""
    folder, inside = (os.path.normpath(str(path)) for path in (configured, used))
    return inside == folder or inside.startswith(f"{folder}/")


ALWAYS = Reload()


def _row(
    key: str,
    takes: Type,
    *flags: str,
    before_validate: bool = True,
    is_free: bool = False,
    reload: Optional[Reload] = None,
    missing: str = "keeps",
    default: Any = None,
    info: Optional[str] = None,
    same: Same = _equal,
) -> Setting:
    return Setting(key, takes, flags or (f"--{key}",), before_validate, is_free, reload, missing, default, info, same)


def _rows_of(keys: Mapping[Type, str]) -> List[Setting]:
    """Return rows of keys that only a start brings into force and about which nothing else is special, by type."""
    return [_row(key, takes) for takes, names in keys.items() for key in names.split()]


_ROWS: Tuple[Setting, ...] = (
    # Settings that a reload brings into force. A reload keeps those with a default when their key is missing (seen on
    # 20.10.24 to 28.5.2 for mirrors, insecure registries and live-restore; the others from moby daemon/reload.go).
    _row("allow-nondistributable-artifacts", STRINGS, reload=Reload(before=(28, 0, 0))),
    _row("authorization-plugins", STRINGS, "--authorization-plugin", reload=ALWAYS, missing="default"),
    _row("cluster-advertise", STRING, reload=Reload(before=(23, 0, 0))),
    _row("cluster-store", STRING, reload=Reload(before=(23, 0, 0))),
    _row("cluster-store-opts", OPTIONS, "--cluster-store-opt", is_free=True, reload=Reload(before=(23, 0, 0))),
    _row("debug", BOOLEAN, "--debug", "-D", reload=ALWAYS, default=False, info="Debug"),
    _row("default-cgroupns-mode", STRING, reload=ALWAYS),
    _row("default-ipc-mode", STRING, reload=ALWAYS),
    _row("default-runtime", STRING, reload=ALWAYS, info="DefaultRuntime"),
    _row("default-shm-size", STRING, reload=ALWAYS),
    _row("features", ObjectOf(BOOLEAN), "--feature", is_free=True, reload=ALWAYS, missing="default"),
    _row(INSECURE, STRINGS, "--insecure-registry", reload=ALWAYS, default=[], same=_same_registries),
    _row("labels", STRINGS, "--label", reload=ALWAYS, default=[], info="Labels", same=_same_labels),
    _row("live-restore", BOOLEAN, reload=ALWAYS, default=False, info="LiveRestoreEnabled"),
    _row("max-concurrent-downloads", INTEGER, reload=ALWAYS, missing="default"),
    _row("max-concurrent-uploads", INTEGER, reload=ALWAYS, missing="default"),
    _row("max-download-attempts", INTEGER, reload=ALWAYS, missing="default"),
    _row("network-diagnostic-port", INTEGER, reload=ALWAYS),
    _row("nri-opts", Record({"enable": BOOLEAN}), before_validate=False, is_free=True, reload=Reload(since=(29, 2, 0))),
    _row(MIRRORS, STRINGS, "--registry-mirror", reload=ALWAYS, default=[], same=_same_mirrors),
    # The engine merges the runtimes of the flag with those of the file (moby daemon/config/config.go skipDuplicates).
    _row("runtimes", RUNTIMES, is_free=True, reload=ALWAYS)._replace(flags=()),
    _row("shutdown-timeout", INTEGER, reload=ALWAYS, default=json_reader.Number("15")),
    # Settings that only a start brings into force, where a flag has another name or ``/info`` shows the value (moby
    # cmd/dockerd/config.go and config_unix.go, 20.10 to 28.5).
    _row("bridge", STRING, "--bridge", "-b"),
    _row("builder", BUILDER, is_free=True),
    _row("data-root", STRING, "--data-root", "--graph", "-g", info="DockerRootDir", same=_same_folder),
    _row("default-address-pools", POOLS, "--default-address-pool"),
    _row("default-network-opts", ObjectOf(OPTIONS), "--default-network-opt", before_validate=False, is_free=True),
    _row("default-ulimits", LIMITS, "--default-ulimit", is_free=True),
    _row("dns-opts", STRINGS, "--dns-opt"),
    _row("exec-opts", STRINGS, "--exec-opt"),
    _row("group", STRING, "--group", "-G"),
    _row("host-gateway-ips", STRINGS, "--host-gateway-ip", before_validate=False),
    _row("hosts", STRINGS, "--host", "-H"),
    _row("log-driver", STRING, info="LoggingDriver"),
    _row("log-level", STRING, "--log-level", "-l"),
    _row("log-opts", OPTIONS, "--log-opt", is_free=True),
    _row("node-generic-resources", STRINGS, "--node-generic-resource"),
    _row("pidfile", STRING, "--pidfile", "-p"),
    _row("storage-driver", STRING, "--storage-driver", "-s", info="Driver"),
    _row("storage-opts", STRINGS, "--storage-opt"),
    # All others that 20.10.24 starts with, found by starting it with each.
    *_rows_of(
        {
            STRING: """
                api-cors-header bip cgroup-parent containerd containerd-namespace default-gateway default-gateway-v6
                deprecated-key-path exec-root fixed-cidr fixed-cidr-v6 graph host-gateway-ip init-path ip
                metrics-addr seccomp-profile swarm-default-advertise-addr tlscacert tlscert tlskey userland-proxy-path
                userns-remap
            """,
            BOOLEAN: """
                cri-containerd experimental icc init ip-forward ip-masq ip6tables iptables ipv6 no-new-privileges
                raw-logs rootless selinux-enabled tls tlsverify userland-proxy
            """,
            INTEGER: "cpu-rt-period cpu-rt-runtime mtu network-control-plane-mtu oom-score-adjust",
            STRINGS: "dns dns-search",
            # Names of flags: the file has another name for each, or none.
            ANY: """
                add-runtime authorization-plugin cluster-store-opt containerd-plugins-namespace default-address-pool
                default-ulimit dns-opt exec-opt host insecure-registry label log-opt node-generic-resource
                registry-mirror restart storage-opt
            """,
        }
    ),
)
TABLE: Mapping[str, Setting] = {row.key: row for row in _ROWS}

IGNORED_NAMES = {
    "registry-mirror": MIRRORS,
    "insecure-registry": INSECURE,
    "host": "hosts",
    "label": "labels",
}
"""Names that an engine accepts in its file, because flags have these names, and ignores (seen on 20.10.24, 26.1.5,
28.5.2)."""


def of(key: str) -> Setting:
    """Return the row of a key. A key that is not in the table has a flag of its name and takes a restart."""
    return TABLE.get(key) or _row(key, ANY, before_validate=False)


def is_reloadable(key: str, version: Optional[versions.Version]) -> bool:
    """Return whether a reload brings the setting into force on this engine; an unknown version must not matter."""
    reload = of(key).reload
    if reload is None:
        return False
    if version is None:
        return reload == ALWAYS
    return (reload.since or version) <= version and (reload.before is None or version < reload.before)


def is_kept(key: str) -> bool:
    """Return whether a reload keeps the value when the key is missing, and its default can be named to end that."""
    row = of(key)
    return row.missing == "keeps" and row.default is not None


def goes_to_default(key: str) -> bool:
    """Return whether a reload sets it to its default when the key is missing."""
    return of(key).missing == "default"


def is_same(key: str, configured: Any, used: Any) -> bool:
    """Return whether a value of the file and the value that the engine shows are the same setting."""
    return of(key).same(configured, used)


def fault_of(key: str, value: Any) -> Optional[Fault]:
    """Return the first value in a setting that has a wrong type, or None; its path begins with the key."""
    return of(key).takes.fault(value, (key,))


def shown_by(answer: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the settings that an answer of ``/info`` shows as the file has them, by their keys in the file."""
    return {row.key: answer[row.info] for row in _ROWS if row.info is not None and row.info in answer}


def flag_pattern(names: Sequence[str]) -> str:
    """Return a regular expression for a flag in a line; the value of a short one can follow without a blank."""
    ends: List[str] = [
        rf"(?<![\w-]){re.escape(name)}" + (r"(?![\w-])" if name.startswith("--") else "") for name in names
    ]
    return "|".join(ends)
