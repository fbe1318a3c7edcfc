# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The settings of daemon.json: their flags, whether a reload applies them, what a missing key means, how values compare.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations

import ipaddress
import os

from typing import Any, Dict, FrozenSet, Mapping, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import mirror_url, versions
from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_reader

RELOADABLE: FrozenSet[str] = frozenset(
    """
    allow-nondistributable-artifacts authorization-plugins debug default-cgroupns-mode default-ipc-mode default-runtime
    default-shm-size features insecure-registries labels live-restore max-concurrent-downloads max-concurrent-uploads
    max-download-attempts network-diagnostic-port registry-mirrors runtimes shutdown-timeout
    """.split()
)
"""Settings that a reload brings into force on all engines since 20.10 (moby daemon/reload.go, read from 20.10.24 to 29.7.2)."""

_RELOADABLE_BETWEEN: Mapping[str, Tuple[Optional[versions.Version], Optional[versions.Version]]] = {
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
    "shutdown-timeout": json_reader.Number("15"),
}
"""Settings whose value an engine keeps when the key is missing at a reload, with the default that must be named to end that
(seen on 20.10.24 to 28.5.2 for mirrors, insecure registries and live-restore; the others from moby daemon/reload.go)."""

BACK_TO_DEFAULT = frozenset(
    ("authorization-plugins", "features", "max-concurrent-downloads", "max-concurrent-uploads", "max-download-attempts")
)
"""Settings that a reload sets to their defaults when the key is missing."""


def is_reloadable(key: str, version: Optional[versions.Version]) -> bool:
    if key not in _RELOADABLE_BETWEEN:
        return key in RELOADABLE
    since, before = _RELOADABLE_BETWEEN[key]
    return version is not None and (since is None or version >= since) and (before is None or version < before)


def is_same(key: str, configured: Any, used: Any) -> bool:
    """Whether a value of the file and what C(/info) shows are the same setting; C(null) and none are."""
    if key in ("insecure-registries", "labels", "registry-mirrors") and not _are_strings(configured, used):
        return bool(configured == used)
    if key == "registry-mirrors":
        return mirror_url.engine_list(configured or []) == list(used or [])
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

IGNORED_NAMES = {
    "registry-mirror": "registry-mirrors",
    "insecure-registry": "insecure-registries",
    "host": "hosts",
    "label": "labels",
}
"""Names that an engine takes in its file, because flags are called so, and ignores (seen on 20.10.24, 26.1.5, 28.5.2)."""

FREE_OBJECTS = frozenset(("builder", "cluster-store-opts", "default-network-opts", "default-ulimits", "features", "log-opts", "nri-opts", "runtimes"))
"""Objects of which the engine does not look at the keys within (moby daemon/config/config.go flatOptions)."""

KEYS_BEFORE_VALIDATE: FrozenSet[str] = frozenset(
    """
    add-runtime allow-nondistributable-artifacts api-cors-header authorization-plugin authorization-plugins bip
    bridge builder cgroup-parent cluster-advertise cluster-store cluster-store-opt cluster-store-opts containerd
    containerd-namespace containerd-plugins-namespace cpu-rt-period cpu-rt-runtime cri-containerd data-root
    debug default-address-pool default-address-pools default-cgroupns-mode default-gateway default-gateway-v6
    default-ipc-mode default-runtime default-shm-size default-ulimit default-ulimits deprecated-key-path dns
    dns-opt dns-opts dns-search exec-opt exec-opts exec-root experimental features fixed-cidr fixed-cidr-v6
    graph group host host-gateway-ip hosts icc init init-path insecure-registries insecure-registry ip
    ip-forward ip-masq ip6tables iptables ipv6 label labels live-restore log-driver log-level log-opt log-opts
    max-concurrent-downloads max-concurrent-uploads max-download-attempts metrics-addr mtu
    network-control-plane-mtu network-diagnostic-port no-new-privileges node-generic-resource
    node-generic-resources oom-score-adjust pidfile raw-logs registry-mirror registry-mirrors restart rootless
    runtimes seccomp-profile selinux-enabled shutdown-timeout storage-driver storage-opt storage-opts
    swarm-default-advertise-addr tls tlscacert tlscert tlskey tlsverify userland-proxy userland-proxy-path
    userns-remap
    """.split()
)
"""Every key that 20.10.24 starts with, found by starting it with each: 20.10 is the last line without C(dockerd --validate)."""


_FLAGS: Dict[str, Tuple[str, ...]] = {
    "authorization-plugins": ("--authorization-plugin",),
    "bridge": ("--bridge", "-b"),
    "cluster-store-opts": ("--cluster-store-opt",),
    "data-root": ("--data-root", "--graph", "-g"),
    "debug": ("--debug", "-D"),
    "default-address-pools": ("--default-address-pool",),
    "default-network-opts": ("--default-network-opt",),
    "default-ulimits": ("--default-ulimit",),
    "dns-opts": ("--dns-opt",),
    "exec-opts": ("--exec-opt",),
    "features": ("--feature",),
    "group": ("--group", "-G"),
    "host-gateway-ips": ("--host-gateway-ip",),
    "hosts": ("--host", "-H"),
    "insecure-registries": ("--insecure-registry",),
    "labels": ("--label",),
    "log-level": ("--log-level", "-l"),
    "log-opts": ("--log-opt",),
    "node-generic-resources": ("--node-generic-resource",),
    "pidfile": ("--pidfile", "-p"),
    "registry-mirrors": ("--registry-mirror",),
    "storage-driver": ("--storage-driver", "-s"),
    "storage-opts": ("--storage-opt",),
}
"""Settings whose flags are called otherwise (moby cmd/dockerd/config.go and config_unix.go, 20.10 to 28.5)."""


def flags_of(key: str) -> Tuple[str, ...]:
    """The spellings of the flag for a setting of the file. With both, an engine neither starts nor reloads, whatever the values
    (seen on 20.10.24, 26.1.5, 28.5.2), and before 23.0 nothing but a start would tell. C(runtimes) is the one that is merged
    (moby daemon/config/config.go skipDuplicates)."""
    if key == "runtimes":
        return ()
    return _FLAGS.get(key, (f"--{key}",))


def flag_pattern(names: Sequence[str]) -> str:
    """A regular expression for a flag in a line; the value of a short one may follow at once."""
    return "|".join(rf"(?<![\w-]){name}" + (r"(?![\w-])" if name.startswith("--") else "") for name in names)
