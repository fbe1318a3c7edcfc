# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Read and check what a user declares of the caches of a host.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.

The messages name the variables of the role ``registry_cache``, as only the role uses these options.
"""

from __future__ import annotations

import re

from typing import Any, Dict, Iterator, Mapping, NoReturn, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._cache import keeper, model
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused

_REGISTRY = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?")
_PATH = re.compile(r"(?:/[A-Za-z0-9_.@+-]+)+")
"""Paths that a unit can name without quotes."""
_METRICS = re.compile(r"[A-Za-z0-9.:\[\]-]*:[0-9]{1,5}")

_NO_HOMES = ("/home/", "/root/", "/run/", "/tmp/", "/var/tmp/")  # noqa: S108
"""Folders that the unit's ProtectHome and PrivateTmp hide, or that are empty after a boot."""

_OWN_SETTINGS = {
    "version": "the role sets it",
    "storage.cache": "a cache with it serves an empty layer seven days after its first pull",
    "storage.delete": "a cache with it serves an empty layer seven days after its first pull",
    "storage.filesystem.rootdirectory": "set registry_cache_data",
    "proxy": "set registry_cache_ports and registry_cache_credentials",
    "http.addr": "set registry_cache_ports",
    "http.host": "set registry_cache_name",
    "http.tls": "set registry_cache_certificate and registry_cache_key",
    "http.debug": "set registry_cache_metrics",
}
"""The settings that registry_cache_settings must not have, and why."""

_STORAGE = ("filesystem", "maintenance", "redirect", "tag")
"""What registry_cache_settings may set below ``storage``. The rest are drivers whose data has no size limit here."""


def of(params: Mapping[str, Any], host_name: str) -> model.Wish:
    """Return what the options of the module declare.

    :param host_name: the name of the host, which is the default for the name of the cache.
    :raises Refused: if it cannot work.
    """
    wish = model.Wish(
        ports=params["ports"],
        name=params["name"] or host_name,
        certificate=params["certificate"],
        key=params["key"],
        plain_http=params["plain_http"],
        data=params["data"].rstrip("/"),
        max_size=params["max_size"],
        credentials={item["key"]: _account(item) for item in params["credentials"]},
        private=params["private"],
        metrics=params["metrics"],
        settings=params["settings"],
        check_images=params["check_images"],
    )
    _check_ports(wish)
    _check_files(wish)
    _check_credentials(wish)
    _check_settings(wish.settings)
    return wish


def _account(item: Mapping[str, Any]) -> Tuple[str, str]:
    return item["value"]["username"], item["value"]["password"]


def _check_ports(wish: model.Wish) -> None:
    if not wish.ports:
        _refuse("registry_cache_ports: it names no registry", "To remove all caches, set registry_cache_state: absent.")
    for registry, port in wish.ports.items():
        if not isinstance(registry, str) or not _REGISTRY.fullmatch(registry):
            _refuse(f"registry_cache_ports: {registry} is not a registry", "Write its name, such as docker.io.")
        if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
            _refuse(f"registry_cache_ports: {registry} has no port", "Write a number up to 65535.")
    if wish.metrics and not _METRICS.fullmatch(wish.metrics):
        _refuse(f"registry_cache_metrics: {wish.metrics} is not an address", "Write it as 127.0.0.1:5050.")
    used: Dict[int, str] = {}
    for instance in wish.instances:
        ports = [(instance.port, f"the cache of {instance.registry}")]
        if instance.metrics:
            ports.append((int(instance.metrics.rpartition(":")[2]), f"the metrics of {instance.registry}"))
        for port, what in ports:
            if port in used:
                _refuse(f"Port {port} is declared for {used[port]} and for {what}")
            used[port] = what


def _check_files(wish: model.Wish) -> None:
    if wish.plain_http and (wish.certificate or wish.key):
        _refuse("registry_cache_plain_http: true has no use for a certificate", "Remove one of both.")
    if not wish.plain_http and not (wish.certificate and wish.key):
        _refuse(
            "The cache has no certificate",
            "Set registry_cache_certificate and registry_cache_key to files on the host. Engines use a cache without "
            "one only if you declare it as insecure. For that, set registry_cache_plain_http: true.",
        )
    paths = {"data": wish.data, "certificate": wish.certificate, "key": wish.key}
    for name, path in paths.items():
        if path and not _PATH.fullmatch(path):
            _refuse(f"registry_cache_{name}: {path} is not an absolute path of letters, digits and _.@+-")
    if f"{wish.data}/".startswith(_NO_HOMES):
        _refuse(f"registry_cache_data: the service cannot use {wish.data}", "Use a folder such as /srv/registry-cache.")
    if not re.fullmatch(r"[A-Za-z0-9.:-]+", wish.name):
        _refuse(f"registry_cache_name: {wish.name} is not the name of a host")
    if keeper.limit_bytes(wish.max_size, 0) is None:
        _refuse(f"registry_cache_max_size: {wish.max_size} is not a size", "Write it as 80% or as 200G.")


def _check_credentials(wish: model.Wish) -> None:
    unknown = sorted(set(wish.credentials) - set(wish.ports))
    if unknown:
        _refuse(f"registry_cache_credentials: {', '.join(unknown)} has no cache in registry_cache_ports")
    if wish.credentials and not wish.private:
        _refuse(
            "registry_cache_credentials: everyone who can reach the cache can pull what the account can pull, and "
            "needs no password",
            "If that is what you want, set registry_cache_private: true.",
        )


def _check_settings(settings: Mapping[str, Any]) -> None:
    for path in _leaves(settings, ""):
        for own, why in _OWN_SETTINGS.items():
            # A value that is no dictionary replaces all that the role sets below it.
            if f"{path}.".startswith(f"{own}.") or own.startswith(f"{path}."):
                _refuse(f"registry_cache_settings: {path} must not be set: {why}")
        driver = path.split(".")[1] if path.startswith("storage.") else ""
        if driver and driver not in _STORAGE:
            _refuse(f"registry_cache_settings: {path} must not be set: the cache keeps its data in files")


def _leaves(settings: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """Yield the path of each value that is not a dictionary with members, with dots."""
    for key, value in settings.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{path}.")
        else:
            yield path


def _refuse(what: str, advice: str = "") -> NoReturn:
    raise Refused(what, advice)
