# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Find in the engine's log who served a pull, for each image store and log level.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.

No other source shows it: neither the progress of the pull, nor the event, nor the image (tried on 20.10.24, 26.1.5
and 28.5.2).
"""

from __future__ import annotations

import re
import secrets
import time

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._host import engine_api, engine_log, engines
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import client, images
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import certs_d
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

HUB_HOST = certs_d.host_of(client.HUB)

EVIDENCE_LIMIT = 20
"""The most lines of the log that are quoted."""

EVIDENCE_LENGTH = 4000
"""The most characters of a quoted line. The URL at its end shows which registry was asked."""

LOG_LINES = 20000
"""The most lines of the log that are read. At level debug, each object of a pull has several lines."""

_END = "pullthrough-docker-end-of-log"
"""An image of a registry that cannot exist. The engine logs the failed pull in several lines, and the one at level
error is the last, so all earlier lines are in the log by then. With both image stores, the engine also logs the pull
at level info and at level debug (seen on 20.10.24, 26.1.5 and 28.5.2). So these lines show which levels the engine
writes, whatever its configuration says now or said when it started."""

# The patterns match from the start of a line. Lines also quote text that a mirror sent, which must not match, and a
# search from the start takes no longer than the length of its line.
_LINE = r'\A\s*(?:time="[^"]*" )?level=\w+ '
_NEXT = re.compile(rf'{_LINE}msg="Attempting next endpoint for pull after error')
_NEXT_HOST = re.compile(rf'{_LINE}msg="trying next host\b.*\bhost="?([^\s"]+)')
_TRIES = re.compile(rf'{_LINE}msg="Trying to pull (\S+) from (https?://[^\s"]+?)/?(?: v2)?"')
_RESOLVED = re.compile(rf'{_LINE}msg=resolved\b.*\bhost="?([^\s"]+)')
_FETCHED = re.compile(rf'{_LINE}msg="fetch response received" ')
_FIELD = re.compile(r'(?<![^ ])([\w.]+)=("(?:[^"\\]|\\.)*"|[^ ]*)')
_LEVEL = re.compile(r'\A\s*(?:time="[^"]*" )?level=(\w+)')

_NOT_SHOWN = "the engine's log does not show the pull"
_EACH_FAILED = "each mirror failed, and Docker Hub was asked"


class _LogPart(NamedTuple):
    """The log of one pull, and the levels at which the engine logged the pull that marks the end."""

    lines: List[str]
    levels: Set[str]


class Verdict(NamedTuple):
    """Who served a pull. ``used`` is ``served`` (by a mirror), ``fell_through`` (to Docker Hub) or ``unknown``."""

    used: str
    by: Optional[str]
    reason: str
    evidence: List[str]


def verdict(
    lines: Sequence[str],
    image: images.Image,
    mirrors: Sequence[str],
    *,
    image_store: str,
    debug: bool,
    quiet: bool,
    is_only_pull: bool,
) -> Verdict:
    """Return what the log shows of a pull that succeeded.

    :param lines: what the engine logged during the pull.
    :param mirrors: those in force, as the engine shows them.
    :param image_store: ``containerd`` or ``graphdriver``.
    :param debug: whether the engine logs at level debug.
    :param quiet: whether the engine logs nothing at level info, the level at which it names a mirror that fails.
    :param is_only_pull: whether no other pull ended at the same time. Lines of another pull could look like this one's.
    """
    if not mirrors:
        return Verdict("fell_through", HUB_HOST, "no mirror is in force, so Docker Hub was asked", [])
    if quiet:
        reason = "the engine's log has no lines at level info, which show whether a mirror failed"
        return Verdict("unknown", None, reason, [])
    judge = _of_containerd if image_store == "containerd" else _of_graphdriver
    return judge(lines, image, mirrors, debug, is_only_pull)


def _of_graphdriver(
    lines: Sequence[str], image: images.Image, mirrors: Sequence[str], debug: bool, is_only_pull: bool
) -> Verdict:
    """Return the verdict for the classic image stores.

    The engine logs each endpoint that failed at level info, and each that it tries at level debug.
    """
    if debug:
        short = image.name[len("library/") :] if image.name.startswith("library/") else image.name
        matches = [(line, _TRIES.search(line)) for line in lines]
        tries = [(line, match[2]) for line, match in matches if match and match[1] == short]
        if not tries:
            return Verdict("unknown", None, _NOT_SHOWN, [])
        return _by(certs_d.host_of(tries[-1][1]), mirrors, [line for line, _url in tries])
    failed = [line for line in lines if _NEXT.search(line)]
    if not is_only_pull:
        reason = "another pull ran at the same time, and the log does not show which lines belong to which pull"
        return Verdict("unknown", None, reason, failed)
    if len(failed) >= len(mirrors):
        return Verdict("fell_through", HUB_HOST, _EACH_FAILED, failed)
    by = mirrors[len(failed)]
    logged = "it did not log this one" if failed else "it logged none"
    return Verdict("served", by, f"{by} served it: the engine logs each endpoint that fails, and {logged}", failed)


def _of_containerd(
    lines: Sequence[str], image: images.Image, mirrors: Sequence[str], debug: bool, is_only_pull: bool
) -> Verdict:
    """Return the verdict for the containerd image store.

    Only level debug shows the source of each object. At level info an engine logs nothing if the mirror fails for an
    object other than the tag, and 26.1.5 logs nothing for most failures of the tag either.
    """
    skipped = [(line, match[1]) for line, match in [(line, _NEXT_HOST.search(line)) for line in lines] if match]
    failed = [line for line, _host in skipped]
    if debug:
        fetched = [(line, host) for line in lines for host, name in [_fetched(line)] if name == image.name]
        if not fetched and is_only_pull:  # All objects were there already, so the engine asked only for the tag.
            matches = [(line, _RESOLVED.search(line)) for line in lines]
            fetched = [(line, match[1]) for line, match in matches if match]
        if not fetched:
            return Verdict("unknown", None, _NOT_SHOWN, failed)
        from_hub = [line for line, host in fetched if host == HUB_HOST]
        if from_hub:
            reason = f"{len(from_hub)} of {len(fetched)} answers came from Docker Hub"
            return Verdict("fell_through", HUB_HOST, reason, [*failed, *from_hub])
        return _by(fetched[-1][1], mirrors, [line for line, _host in fetched])
    if is_only_pull and len({host for _line, host in skipped}) >= len(mirrors):
        return Verdict("fell_through", HUB_HOST, _EACH_FAILED, failed)
    reason = 'with the containerd image store only level debug shows it (set "debug": true and reload the engine)'
    return Verdict("unknown", None, reason, failed)


def _fetched(line: str) -> Tuple[str, str]:
    """Return the host that sent an object of an image, and the image's name. Both are empty for other lines."""
    fields = dict(_FIELD.findall(line)) if _FETCHED.search(line) else {}
    host, _slash, path = fields.get("url", "").strip('"').partition("://")[2].partition("/")
    name, *rest = re.split("/(?:manifests|blobs)/", f"/{path}".partition("/v2/")[2], maxsplit=1)
    return (host, name) if fields.get("response.status") == '"200 OK"' and rest else ("", "")


def _by(host: str, mirrors: Sequence[str], evidence: List[str]) -> Verdict:
    """Return the verdict of a log that shows which host was asked last."""
    if host == HUB_HOST:
        return Verdict("fell_through", HUB_HOST, "Docker Hub was asked", evidence)
    by = next((mirror for mirror in mirrors if certs_d.host_of(mirror) == host), None)
    if by is None:
        return Verdict("unknown", None, f"{host} served it, which is not one of the mirrors in force", evidence)
    return Verdict("served", by, f"{by} served it", evidence)


def try_out(
    engine: engines.Engine, images: Sequence[images.Image], *, pull_timeout: float, timeout: float
) -> List[Dict[str, Any]]:
    """Pull images one after another through a running engine, and return for each who served it.

    :param pull_timeout: seconds for each pull.
    :param timeout: seconds for each other answer, and for the log.
    :raises engine_api.Unreachable: if the engine does not run.
    """
    return [_try_one(engine, image, pull_timeout, timeout) for image in images]


def _try_one(engine: engines.Engine, image: images.Image, pull_timeout: float, timeout: float) -> Dict[str, Any]:
    if engine.info is None or engine.process is None:
        raise engine_api.Unreachable("the engine is not running")
    log, since, start = engine_log.Log(engine.process, LOG_LINES), time.time(), time.monotonic()
    new, problem = False, None
    try:
        new, problem = engine_api.pull(engine, image.name, image.reference, time.monotonic() + pull_timeout)
    except engine_api.Unreachable as exc:
        problem = str(exc)
    seconds = round(time.monotonic() - start, 2)
    found = Verdict("unknown", None, f"it could not be pulled: {problem}", [])
    if problem is None:
        found = _judge(engine, engine.info, image, log, since, timeout)
    return {
        "image": image.text,
        "pulled": problem is None,
        "new": new,
        "used": found.used,
        "by": None if found.by is None else masking.mask(found.by),
        "reason": masking.mask(found.reason),
        "evidence": [masking.mask(line.strip(), EVIDENCE_LENGTH) for line in found.evidence[:EVIDENCE_LIMIT]],
        "seconds": seconds,
    }


def _judge(
    engine: engines.Engine,
    info: engine_api.Info,
    image: images.Image,
    log: engine_log.Log,
    since: float,
    timeout: float,
) -> Verdict:
    """Return the verdict of a pull that succeeded.

    :param since: when the pull started, of ``time.time``.
    :param timeout: seconds for each answer of the engine, and for the log.
    """
    part = _log_to_end(engine, log, timeout)
    if part is None:
        reason = "the engine's log cannot be read, is late, or has no lines at level error"
        return Verdict("unknown", None, reason, [])
    pulls = engine_api.pulls(engine, since, time.monotonic() + timeout)
    return verdict(
        part.lines,
        image,
        info.mirrors,
        image_store=info.image_store,
        debug="debug" in part.levels,
        quiet="info" not in part.levels,
        is_only_pull=pulls <= 1,
    )


def _log_to_end(engine: engines.Engine, log: engine_log.Log, timeout: float) -> Optional[_LogPart]:
    """Return what the engine logged until now, or None if the end does not appear in time. A log can be late."""
    deadline = time.monotonic() + timeout
    registry = _new_registry()
    engine_api.pull(engine, f"{registry}/{_END}", "latest", deadline)
    while time.monotonic() < deadline:
        lines = log.lines()
        of_end = [line for line in lines if registry in line]
        levels = {match[1] for match in map(_LEVEL.search, of_end) if match}
        if "error" in levels:
            return _LogPart([line for line in lines if registry not in line], levels)
        time.sleep(engines.LOG_POLL_SECONDS)
    return None


def _new_registry() -> str:
    """Return a registry that cannot exist, on the engine's own host.

    Its address is a secret until the images were pulled. The engine logs what a mirror sends, so a mirror that knew it
    could make the line of its own failure look like one of the end.
    """
    first, second, third = secrets.token_bytes(3)
    return f"127.{first}.{second}.{1 + third % 254}:1"  # Neither the first nor the last address of the network.
