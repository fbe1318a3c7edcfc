# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Who served a pull: what the engine's log says, for each image store and log level.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.

Nothing else tells it: not the progress of the pull, not the event, not the image (tried on 20.10.24, 26.1.5 and 28.5.2).
"""

from __future__ import annotations

import re
import time

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._host import engine_api, engine_log, engines
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import client, images
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import certs_d
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

HUB_HOST = certs_d.host_of(client.HUB)

EVIDENCE_LIMIT = 20
"""Lines of the log that are quoted at the most."""

EVIDENCE_LENGTH = 4000
"""Characters of such a line that are shown: the URL, at the end, tells who was asked."""

LOG_LINES = 20000
"""That are read: at debug level a pull has some for each object."""

_END = "127.0.0.1:1/pullthrough-docker-end-of-log"
"""An image of a registry that cannot exist. The engine logs the failed pull in several lines, and the one at level error
is the last: all that happened before is in the log by then. With either image store it logs the pull at level info and
at level debug as well (seen on 20.10.24, 26.1.5 and 28.5.2). So these lines show which levels the engine writes, whatever
its configuration says now or said at its start."""

_OF_END = re.compile(r"(?<![\w.-])127\.0\.0\.1:1(?!\d)")

# From a line's beginning: what a mirror said of itself is quoted in lines too, and only there does a search take no longer than its line.
_LINE = r'\A\s*(?:time="[^"]*" )?level=\w+ '
_NEXT = re.compile(rf'{_LINE}msg="Attempting next endpoint for pull after error')
_NEXT_HOST = re.compile(rf'{_LINE}msg="trying next host\b.*\bhost="?([^\s"]+)')
_TRIES = re.compile(rf'{_LINE}msg="Trying to pull (\S+) from (https?://[^\s"]+?)/?(?: v2)?"')
_RESOLVED = re.compile(rf'{_LINE}msg=resolved\b.*\bhost="?([^\s"]+)')
_FETCHED = re.compile(rf'{_LINE}msg="fetch response received" ')
_FIELD = re.compile(r'(?<![^ ])([\w.]+)=("(?:[^"\\]|\\.)*"|[^ ]*)')
_LEVEL = re.compile(r'\A\s*(?:time="[^"]*" )?level=(\w+)')


class _Logged(NamedTuple):
    """What the engine logged of a pull, and the levels at which it logged the pull that marks the end."""

    lines: List[str]
    levels: Set[str]


class Verdict(NamedTuple):
    """C(used) is C(served) by a mirror, C(fell_through) to Docker Hub, or C(unknown)."""

    used: str
    by: Optional[str]
    reason: str
    evidence: List[str]


def verdict(
    lines: Sequence[str], image: images.Image, mirrors: Sequence[str], *, image_store: str, debug: bool, quiet: bool, alone: bool
) -> Verdict:
    """What the log says of a pull that succeeded.

    :param lines: what the engine logged meanwhile.
    :param mirrors: those in force, as the engine shows them.
    :param image_store: C(containerd) or C(graphdriver).
    :param debug: whether the engine logs at level debug.
    :param quiet: whether its log shows no line at level info, at which it names a mirror that fails.
    :param alone: whether no other pull ended meanwhile, whose lines could be taken for this one's.
    """
    if not mirrors:
        return Verdict("fell_through", HUB_HOST, "no mirror is in force, so Docker Hub was asked", [])
    if quiet:
        return Verdict("unknown", None, "the engine logs less than level info, which is where it says that a mirror failed", [])
    judge = _of_containerd if image_store == "containerd" else _of_graphdriver
    return judge(lines, image, mirrors, debug, alone)


def _of_graphdriver(lines: Sequence[str], image: images.Image, mirrors: Sequence[str], debug: bool, alone: bool) -> Verdict:
    """With the classic image stores: each endpoint that failed is named at level info, each that is tried at level debug."""
    if debug:
        short = image.name[len("library/") :] if image.name.startswith("library/") else image.name
        tries = [(line, match[2]) for line in lines for match in [_TRIES.search(line)] if match and match[1] == short]
        if not tries:
            return Verdict("unknown", None, "the engine's log does not show the pull", [])
        return _by(certs_d.host_of(tries[-1][1]), mirrors, [line for line, _url in tries])
    failed = [line for line in lines if _NEXT.search(line)]
    if not alone:
        return Verdict("unknown", None, "another pull ran meanwhile, and the log does not say whose lines these are", failed)
    if len(failed) >= len(mirrors):
        return Verdict("fell_through", HUB_HOST, "each mirror failed, and Docker Hub was asked", failed)
    by, named = mirrors[len(failed)], "did not name this one" if failed else "named none"
    return Verdict("served", by, f"{by} served it: the engine names each endpoint that fails, and {named}", failed)


def _of_containerd(lines: Sequence[str], image: images.Image, mirrors: Sequence[str], debug: bool, alone: bool) -> Verdict:
    """With the containerd image store: only level debug tells where each object came from. At level info an engine is silent when
    another object than the tag fails at the mirror, and 26.1.5 for most answers to the tag as well."""
    failed = [line for line in lines if _NEXT_HOST.search(line)]
    if debug:
        fetched = [(line, host) for line in lines for host, name in [_fetched(line)] if name == image.name]
        if not fetched and alone:  # All of it was there, so that no more than its tag was asked for.
            fetched = [(line, match[1]) for line in lines for match in [_RESOLVED.search(line)] if match]
        if not fetched:
            return Verdict("unknown", None, "the engine's log does not show the pull", failed)
        from_hub = [line for line, host in fetched if host == HUB_HOST]
        if from_hub:
            return Verdict("fell_through", HUB_HOST, f"{len(from_hub)} of {len(fetched)} answers came from Docker Hub", [*failed, *from_hub])
        return _by(fetched[-1][1], mirrors, [line for line, _host in fetched])
    if alone and len({match[1] for line in failed for match in [_NEXT_HOST.search(line)] if match}) >= len(mirrors):
        return Verdict("fell_through", HUB_HOST, "each mirror failed, and Docker Hub was asked", failed)
    return Verdict("unknown", None, 'with the containerd image store an engine says so at level debug alone ("debug": true, by a reload)', failed)


def _fetched(line: str) -> Tuple[str, str]:
    """Return the host that sent an object of an image, and the image's name; both are empty where a line does not say so."""
    fields = dict(_FIELD.findall(line)) if _FETCHED.search(line) else {}
    host, _slash, path = fields.get("url", "").strip('"').partition("://")[2].partition("/")
    name, *rest = re.split("/(?:manifests|blobs)/", f"/{path}".partition("/v2/")[2], maxsplit=1)
    return (host, name) if fields.get("response.status") == '"200 OK"' and rest else ("", "")


def _by(host: str, mirrors: Sequence[str], evidence: List[str]) -> Verdict:
    """The verdict of a log that names who was asked last."""
    if host == HUB_HOST:
        return Verdict("fell_through", HUB_HOST, "Docker Hub was asked", evidence)
    by = next((mirror for mirror in mirrors if certs_d.host_of(mirror) == host), None)
    if by is None:
        return Verdict("unknown", None, f"{host} served it, which is none of the mirrors in force", evidence)
    return Verdict("served", by, f"{by} served it", evidence)


# -- pulling ---------------------------------------------------------------------------------------------------------


def try_out(
    engine: engines.Engine, images: Sequence[images.Image], *, pull_timeout: float, timeout: float
) -> List[Dict[str, Any]]:
    """Pull images one after another, through an engine that runs, and say of each who served it.

    :param pull_timeout: seconds for each pull.
    :param timeout: seconds for other answers, and for the log to be readable.
    """
    return [_try_one(engine, image, pull_timeout, timeout) for image in images]


def _try_one(engine: engines.Engine, image: images.Image, pull_timeout: float, timeout: float) -> Dict[str, Any]:
    info, process = engine.info, engine.process
    if info is None or process is None:
        raise engine_api.Unreachable("it is not running")
    log, since, began = engine_log.Log(process, LOG_LINES), time.time(), time.monotonic()
    new, problem = False, None
    try:
        new, problem = engine_api.pull(engine, image.name, image.reference, time.monotonic() + pull_timeout)
    except engine_api.Unreachable as exc:
        problem = str(exc)
    seconds = round(time.monotonic() - began, 2)
    found = Verdict("unknown", None, f"it could not be pulled: {problem}", [])
    if problem is None:
        logged = _logged_to_the_end(engine, log, timeout)
        if logged is None:
            found = Verdict("unknown", None, "the engine's log cannot be read, comes late, or leaves out errors", [])
        else:
            others = engine_api.pulls(engine, since, time.monotonic() + timeout) > 1
            found = verdict(
                logged.lines,
                image,
                info.mirrors,
                image_store=info.image_store,
                debug="debug" in logged.levels,
                quiet="info" not in logged.levels,
                alone=not others,
            )
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


def _logged_to_the_end(engine: engines.Engine, log: engine_log.Log, timeout: float) -> Optional[_Logged]:
    """What the engine has logged until now, or None if its end does not appear in time: a log lags behind the engine."""
    deadline = time.monotonic() + timeout
    engine_api.pull(engine, _END, "latest", deadline)
    while time.monotonic() < deadline:
        lines = log.lines()
        levels = {match[1] for line in lines if _OF_END.search(line) for match in [_LEVEL.search(line)] if match}
        if "error" in levels:
            return _Logged([line for line in lines if not _OF_END.search(line)], levels)
        time.sleep(engines.LOG_POLL_SECONDS)
    return None
