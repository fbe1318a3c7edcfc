# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The files of the caches: configurations, units, and the program that keeps them.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.
"""

from __future__ import annotations

import json

from typing import Any, Dict, List, Mapping

from ansible_collections.pullthrough.docker.plugins.module_utils._cache.model import (
    KEEPER,
    PROGRAM,
    STAGED,
    TRIM_SERVICE,
    TRIM_TIMER,
    UNIT,
    USER,
    Instance,
    Wish,
    configuration_of,
    folder_of,
)

HEADER = "# The role pullthrough.docker.registry_cache writes this file.\n"

PYTHON = "/usr/bin/python3 -I"

_HARDENING = """\
UMask=0027
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
"""
"""Works with systemd 252 and later. Only the capability to open ports below 1024 is left."""


def of_wish(wish: Wish, keeper: str) -> Dict[str, bytes]:
    """Return the text of each file, by its path.

    :param keeper: the text of ``keeper.py``.
    """
    texts = {configuration_of(instance.registry): configuration(wish, instance) for instance in wish.instances}
    texts.update({UNIT: _unit(wish), TRIM_SERVICE: _trim_service(wish), TRIM_TIMER: _TRIM_TIMER, KEEPER: keeper})
    return {path: text.encode() for path, text in texts.items()}


def configuration(wish: Wish, instance: Instance) -> str:
    """Return the configuration of a cache. JSON is YAML too."""
    http: Dict[str, Any] = {
        "addr": f":{instance.port}",
        "host": wish.url(instance).rstrip("/"),
        "draintimeout": "30s",
    }
    if not wish.plain_http:
        staged = f"{STAGED}/{instance.registry}"
        http["tls"] = {"certificate": f"{staged}/tls.crt", "key": f"{staged}/tls.key"}
    if instance.metrics:
        http["debug"] = {"addr": instance.metrics, "prometheus": {"enabled": True, "path": "/metrics"}}
    proxy = {"remoteurl": instance.upstream.rstrip("/")}
    if instance.registry in wish.credentials:
        proxy["username"], proxy["password"] = wish.credentials[instance.registry]
    settings: Dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "info", "accesslog": {"disabled": False}},
        # Neither cache nor delete: with both, the registry serves an empty layer seven days after its first pull.
        "storage": {"filesystem": {"rootdirectory": folder_of(wish.data, instance.registry)}},
        "proxy": proxy,
        "http": http,
        "health": {"storagedriver": {"enabled": True, "interval": "10s", "threshold": 3}},
    }
    return f"{HEADER}{json.dumps(_merged(settings, wish.settings), indent=2)}\n"


def parse(text: str) -> Dict[str, Any]:
    """Return the settings in a configuration that this collection wrote; empty if it did not."""
    header, _newline, rest = text.partition("\n")
    try:
        settings = json.loads(rest) if f"{header}\n" == HEADER else {}
    except ValueError:
        settings = {}
    return settings if isinstance(settings, dict) else {}


def _merged(settings: Mapping[str, Any], more: Mapping[str, Any]) -> Dict[str, Any]:
    merged = dict(settings)
    for key, value in more.items():
        is_nested = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if is_nested else value
    return merged


def _unit(wish: Wish) -> str:
    sources = " ".join(f"{name}={path}" for name, path in wish.staged().items())
    data = folder_of(wish.data, "%i")
    start: List[str] = [
        # As root: the key may be readable only for root, and nobody else may change what is in force.
        f"ExecStartPre=+{PYTHON} {KEEPER} stage {STAGED}/%i {USER} {sources}",
        f"ExecStartPre={PYTHON} {KEEPER} prepare {data}",
        f"ExecStart={PROGRAM} serve {STAGED}/%i/config.yml",
    ]
    return f"""{HEADER}[Unit]
Description=Pull-through cache of %i
Wants=network-online.target
After=network-online.target
RequiresMountsFor={wish.data}
# A cache does not start while its upstream is down, so nothing limits the number of its starts.
StartLimitIntervalSec=0

[Service]
User={USER}
{chr(10).join(start)}
# The key must not stay there.
ExecStopPost=+/bin/rm -rf {STAGED}/%i
Restart=on-failure
RestartSec=5
ReadWritePaths={data}
{_HARDENING}
[Install]
WantedBy=multi-user.target
"""


def _trim_service(wish: Wish) -> str:
    folders = " ".join(folder_of(wish.data, instance.registry) for instance in wish.instances)
    return f"""{HEADER}[Unit]
Description=Delete what the pull-through caches used least recently
RequiresMountsFor={wish.data}
# An operator whose disk is full may start it again and again.
StartLimitIntervalSec=0

[Service]
Type=oneshot
User={USER}
ExecStart={PYTHON} {KEEPER} trim {wish.max_size.replace("%", "%%")} {folders}
Nice=10
IOSchedulingClass=idle
ReadWritePaths={folders}
{_HARDENING.replace("CAP_NET_BIND_SERVICE", "")}"""


_TRIM_TIMER = f"""{HEADER}[Unit]
Description=Keep the pull-through caches within their size

[Timer]
OnActiveSec=1min
OnUnitInactiveSec=1min
AccuracySec=5s

[Install]
WantedBy=timers.target
"""
