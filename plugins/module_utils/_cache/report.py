# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Report the caches of a host, as their files and the caches themselves show them.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import http.client
import json
import os
import re

from typing import Any, Dict, List, Mapping, Optional, Tuple
from urllib.parse import urlsplit

from ansible_collections.pullthrough.docker.plugins.module_utils._cache import (
    certificate,
    keeper,
    model,
    proof,
    snapshots,
    texts,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._cache.snapshots import CacheHost, Snapshot, Unit
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import connection

COUNTERS_LIMIT = 1024 * 1024
_SECONDS = 5


def report(host: CacheHost) -> Tuple[Dict[str, Any], List[str]]:
    """Return the result of ``registry_cache_info``, and its warnings.

    :raises files.FileError: if a file cannot be read.
    """
    snapshot = snapshots.take(host, None)
    unit = (snapshot.files[model.UNIT] or b"").decode(errors="replace")
    sources = dict(re.findall(r"\s([a-z.]+)=(/\S+)", unit))
    found, problem = _certificate(host, snapshot, sources)
    caches = [_cache(host, snapshot, registry, sources) for registry in snapshot.registries]
    folders = [cache["data"] for cache in caches]
    max_size = _max_size(snapshot)
    total = keeper.file_system_size(folders[0]) if folders and host.exists(folders[0]) else 0
    result = {
        "version": snapshot.version,
        "caches": caches,
        "size": sum(cache["size"] for cache in caches),
        "max_size": max_size,
        "limit": keeper.limit_bytes(max_size, total) if max_size else None,
        "timer_active": snapshot.is_timer_active,
        "certificate": _shown_certificate(found, problem, sources.get("tls.crt"), host.now()),
    }
    return result, _warnings(host, result, snapshot)


def _cache(host: CacheHost, snapshot: Snapshot, registry: str, sources: Mapping[str, str]) -> Dict[str, Any]:
    """Return the report of one cache."""
    path = model.configuration_of(registry)
    settings = texts.parse((snapshot.files[path] or b"").decode(errors="replace"))
    http_settings = settings["http"]
    unit = snapshot.units[registry]
    data = settings["storage"]["filesystem"]["rootdirectory"]
    upstream = model.upstream_of(registry)
    silence = host.silence(upstream, snapshots.proxies_of(unit.environment))
    certificates = host.read(sources["tls.crt"]) if "tls.crt" in sources else None
    requests, hits = counters(http_settings.get("debug", {}).get("addr", ""))
    pending = _pending(host, registry, unit, sources)
    return {
        "registry": registry,
        "url": f"{http_settings['host']}/",
        "unit": model.unit_of(registry),
        "state": unit.state,
        "answers": _answers(f"{http_settings['host']}/", certificates),
        "pending": "restart" if pending else "none",
        "pending_reasons": pending,
        "data": data,
        "size": keeper.survey([data], host.now())[0],
        "upstream": {"url": upstream, "answers": silence is None, "reason": silence},
        "requests": requests,
        "hits": hits,
        "hit_rate": round(hits / requests, 3) if requests and hits is not None else None,
    }


def _answers(url: str, certificates: Optional[bytes]) -> bool:
    try:
        text = certificates.decode(errors="replace") if certificates else None
        return proof.open_cache(url, text, _SECONDS).ask().status < 500
    except connection.Failure:
        return False


def _pending(host: CacheHost, registry: str, unit: Unit, sources: Mapping[str, str]) -> List[str]:
    """Return what changed since a cache started, as sentences."""
    changed = [
        path.replace("%i", registry)
        for name, path in sources.items()
        if name in unit.staged and host.read(path.replace("%i", registry)) != unit.staged[name]
    ]
    reasons = [f"{path} changed since the cache started." for path in changed]
    return reasons + (["The registry was upgraded since the cache started."] if unit.is_outdated else [])


def _max_size(snapshot: Snapshot) -> Optional[str]:
    text = (snapshot.files[model.TRIM_SERVICE] or b"").decode(errors="replace")
    match = re.search(r" trim (\S+)", text)
    return match[1].replace("%%", "%") if match else None


def counters(address: str) -> Tuple[Optional[int], Optional[int]]:
    """Return how many blobs a cache was asked for since it started, and how many of them it had; None if unknown."""
    if not address:
        return None, None
    parts = urlsplit(f"//{address}")
    asked = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=_SECONDS)
    try:
        asked.request("GET", "/debug/vars")
        blobs = json.loads(asked.getresponse().read(COUNTERS_LIMIT))["registry"]["proxy"]["blobs"]
        return int(blobs["Requests"]), int(blobs["Hits"])
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None, None
    finally:
        asked.close()


def _certificate(
    host: CacheHost, snapshot: Snapshot, sources: Mapping[str, str]
) -> Tuple[Optional[certificate.Certificate], Optional[str]]:
    """Return the certificate of the caches, and why clients do not accept it."""
    if "tls.crt" not in sources or not snapshot.registries:
        return None, None
    path = model.configuration_of(snapshot.registries[0])
    settings = texts.parse((snapshot.files[path] or b"").decode(errors="replace"))
    name = urlsplit(settings["http"]["host"]).hostname or ""
    try:
        found = host.certificate(sources["tls.crt"], sources["tls.key"], name)
    except certificate.CertificateError as exc:
        return None, str(exc)
    return found, certificate.problem(found, sources["tls.crt"], host.now())


def _shown_certificate(
    found: Optional[certificate.Certificate], problem: Optional[str], path: Optional[str], now: float
) -> Optional[Dict[str, Any]]:
    if path is None:
        return None
    return {
        "path": path,
        "not_after": certificate.date(found.end) if found else None,
        "days_left": found.days_left(now) if found else None,
        "reason": problem,
    }


def _warnings(host: CacheHost, result: Mapping[str, Any], snapshot: Snapshot) -> List[str]:
    found = []
    shown = result["certificate"]
    if shown and shown["reason"]:
        found.append(f"Clients do not accept the certificate of the caches: {shown['reason']}.")
    elif shown and shown["days_left"] < certificate.ENDS_SOON:
        found.append(f"{shown['path']} ends on {shown['not_after']}, in {shown['days_left']} days. Renew it.")
    for cache in result["caches"]:
        registry, folder = cache["registry"], os.path.dirname(cache["data"])
        if not cache["answers"]:
            state = f"{cache['unit']}: {cache['state']}"
            found.append(f"The cache of {registry} does not answer at {cache['url']} ({state}).")
        if not cache["upstream"]["answers"]:
            found.append(f"The upstream of the cache of {registry} does not answer: {cache['upstream']['reason']}.")
        found += keeper_warnings(host, folder, registry)
    if snapshot.registries and not result["timer_active"]:
        found.append(f"{model.TIMER} does not run, so nothing keeps the caches within their size.")
    return found


def keeper_warnings(host: CacheHost, data: str, registry: str) -> List[str]:
    """Return warnings about what ``keeper.py`` found on a host."""
    found = []
    folder = model.folder_of(data, registry)
    if host.exists(f"{folder}/{keeper.DAMAGED}"):
        found.append(
            f"The cache of {registry} could not start with its {keeper.STATE}, which was damaged, as after a full disk "
            f"or a crash. It was moved to {folder}/{keeper.DAMAGED}, and the cache made a new one. Delete that file "
            "when you do not need it."
        )
    if host.exists(folder) and not keeper.has_access_times(folder):
        found.append(
            f"The file system of {folder} has no access times (noatime), so what was downloaded first is deleted first."
        )
    return found
