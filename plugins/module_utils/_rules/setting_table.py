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
    *flags: str,
    before_validate: bool = True,
    is_free: bool = False,
    reload: Optional[Reload] = None,
    missing: str = "keeps",
    default: Any = None,
    info: Optional[str] = None,
    same: Same = _equal,
) -> Setting:
    return Setting(key, flags or (f"--{key}",), before_validate, is_free, reload, missing, default, info, same)


_ROWS: Tuple[Setting, ...] = (
    # Settings that a reload brings into force. A reload keeps those with a default when their key is missing (seen on
    # 20.10.24 to 28.5.2 for mirrors, insecure registries and live-restore; the others from moby daemon/reload.go).
    _row("allow-nondistributable-artifacts", reload=Reload(before=(28, 0, 0))),
    _row("authorization-plugins", "--authorization-plugin", reload=ALWAYS, missing="default"),
    _row("cluster-advertise", reload=Reload(before=(23, 0, 0))),
    _row("cluster-store", reload=Reload(before=(23, 0, 0))),
    _row("cluster-store-opts", "--cluster-store-opt", is_free=True, reload=Reload(before=(23, 0, 0))),
    _row("debug", "--debug", "-D", reload=ALWAYS, default=False, info="Debug"),
    _row("default-cgroupns-mode", reload=ALWAYS),
    _row("default-ipc-mode", reload=ALWAYS),
    _row("default-runtime", reload=ALWAYS, info="DefaultRuntime"),
    _row("default-shm-size", reload=ALWAYS),
    _row("features", "--feature", is_free=True, reload=ALWAYS, missing="default"),
    _row(INSECURE, "--insecure-registry", reload=ALWAYS, default=[], same=_same_registries),
    _row("labels", "--label", reload=ALWAYS, default=[], info="Labels", same=_same_labels),
    _row("live-restore", reload=ALWAYS, default=False, info="LiveRestoreEnabled"),
    _row("max-concurrent-downloads", reload=ALWAYS, missing="default"),
    _row("max-concurrent-uploads", reload=ALWAYS, missing="default"),
    _row("max-download-attempts", reload=ALWAYS, missing="default"),
    _row("network-diagnostic-port", reload=ALWAYS),
    _row("nri-opts", before_validate=False, is_free=True, reload=Reload(since=(29, 2, 0))),
    _row(MIRRORS, "--registry-mirror", reload=ALWAYS, default=[], same=_same_mirrors),
    # The engine merges the runtimes of the flag with those of the file (moby daemon/config/config.go skipDuplicates).
    _row("runtimes", is_free=True, reload=ALWAYS)._replace(flags=()),
    _row("shutdown-timeout", reload=ALWAYS, default=json_reader.Number("15")),
    # Settings that only a start brings into force, where a flag has another name or ``/info`` shows the value (moby
    # cmd/dockerd/config.go and config_unix.go, 20.10 to 28.5).
    _row("bridge", "--bridge", "-b"),
    _row("builder", is_free=True),
    _row("data-root", "--data-root", "--graph", "-g", info="DockerRootDir", same=_same_folder),
    _row("default-address-pools", "--default-address-pool"),
    _row("default-network-opts", "--default-network-opt", before_validate=False, is_free=True),
    _row("default-ulimits", "--default-ulimit", is_free=True),
    _row("dns-opts", "--dns-opt"),
    _row("exec-opts", "--exec-opt"),
    _row("group", "--group", "-G"),
    _row("host-gateway-ips", "--host-gateway-ip", before_validate=False),
    _row("hosts", "--host", "-H"),
    _row("log-driver", info="LoggingDriver"),
    _row("log-level", "--log-level", "-l"),
    _row("log-opts", "--log-opt", is_free=True),
    _row("node-generic-resources", "--node-generic-resource"),
    _row("pidfile", "--pidfile", "-p"),
    _row("storage-driver", "--storage-driver", "-s", info="Driver"),
    _row("storage-opts", "--storage-opt"),
    # All others that 20.10.24 starts with, found by starting it with each.
    *map(
        _row,
        """
        add-runtime api-cors-header authorization-plugin bip cgroup-parent cluster-store-opt containerd
        containerd-namespace containerd-plugins-namespace cpu-rt-period cpu-rt-runtime cri-containerd
        default-address-pool default-gateway default-gateway-v6 default-ulimit deprecated-key-path dns dns-opt
        dns-search exec-opt exec-root experimental fixed-cidr fixed-cidr-v6 graph host host-gateway-ip icc init
        init-path insecure-registry ip ip-forward ip-masq ip6tables iptables ipv6 label log-opt metrics-addr mtu
        network-control-plane-mtu no-new-privileges node-generic-resource oom-score-adjust raw-logs registry-mirror
        restart rootless seccomp-profile selinux-enabled storage-opt swarm-default-advertise-addr tls tlscacert
        tlscert tlskey tlsverify userland-proxy userland-proxy-path userns-remap
        """.split(),
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
    return TABLE.get(key) or _row(key, before_validate=False)


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


def shown_by(answer: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the settings that an answer of ``/info`` shows as the file has them, by their keys in the file."""
    return {row.key: answer[row.info] for row in _ROWS if row.info is not None and row.info in answer}


def flag_pattern(names: Sequence[str]) -> str:
    """Return a regular expression for a flag in a line; the value of a short one can follow without a blank."""
    ends: List[str] = [
        rf"(?<![\w-]){re.escape(name)}" + (r"(?![\w-])" if name.startswith("--") else "") for name in names
    ]
    return "|".join(ends)
