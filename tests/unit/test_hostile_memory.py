# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure how much memory a check of a hostile mirror takes. Each check is the only child of a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
import types

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._host import http_body
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import (
    checks,
    connection,
    probes,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import pull_rules
from ansible_collections.pullthrough.docker.tests.unit import hostile

COLLECTIONS = str(pathlib.Path(probes.__file__).parents[6])
MIB = 1024 * 1024
ENOUGH = 100 * MIB
"""Bytes that a check may take at most, with the interpreter."""

CHECK = """
import json, resource, sys, time
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import connection, images, probes
route, deadline = connection.Route("/nowhere"), time.monotonic() + 8
probe = probes.Probe(sys.argv[1], route, [images.parse("alpine")], "linux/amd64", deadline)
report = probes._in_own_process(probe)()
print(json.dumps([report, 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]))
"""

TYPE = pull_rules.MANIFESTS[1].encode()
OK, ERROR = (
    b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nDocker-Content-Digest: %s" % (TYPE, hostile.DIGEST),
    b"HTTP/1.1 503 Busy",
)
SMALL = {
    "objects": b'{"layers":[' + b"{}," * (pull_rules.MANIFEST_LIMIT // 3 - 10) + b"{}]}",
    "lists": b'{"layers":[' + b"[]," * (pull_rules.MANIFEST_LIMIT // 3 - 10) + b"[]]}",
    "objects in objects": b'{"layers":[' + b'{"":{"":{}}},' * (pull_rules.MANIFEST_LIMIT // 13 - 10) + b"{}]}",
    "numbers": b'{"layers":[' + b"1234567," * (pull_rules.MANIFEST_LIMIT // 8 - 10) + b"1]}",
    "letters": b'{"layers": "%s"}' % (b"a" * (pull_rules.MANIFEST_LIMIT - 30) + "\U0001f40b".encode()),
}
LENGTHY = {
    # name: {start of the request: (head, body)}
    **{f"a manifest of {name}": {"GET /v2/library/": (OK, body)} for name, body in SMALL.items()},
    "an error of objects": {"GET /v2/ ": (ERROR, SMALL["objects"])},
    "an error of letters": {"GET /v2/ ": (ERROR, SMALL["letters"])},
    "long headers": {"GET /v2/ ": (b"\r\n".join([OK, *[b"X: " + b"x" * 65000] * 90]), b"{}")},
}


def answer(connected, answers):
    with connected, connected.makefile("rb") as file:
        request = file.readline().decode("latin-1")
        while file.readline().strip():
            pass
        head, body = next((held for start, held in answers.items() if request.startswith(start)), (OK, b"{}"))
        body = b"" if request.startswith("HEAD") else body
        with contextlib.suppress(OSError):  # The check closes the connection when it has read enough.
            connected.sendall(head + b"\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)


@pytest.fixture
def serve():
    """Return ``serve(answers)``, which starts a server and returns its URL."""
    listeners = []

    def accept(listener, answers):
        while True:
            try:
                connected, _peer = listener.accept()
            except OSError:  # The test ended.
                return
            answer(connected, answers)

    def serve(answers):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=accept, args=(listener, answers), daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    yield serve
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.mark.parametrize("name", LENGTHY)
def test_a_hostile_mirror_takes_little_memory(serve, name):
    url = serve(LENGTHY[name])
    environment = {**os.environ, "PYTHONPATH": COLLECTIONS}
    command = [sys.executable, "-c", CHECK, url]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, timeout=60, check=True)
    report, peak = json.loads(done.stdout)
    assert peak < ENOUGH, f"{peak // MIB} MiB"
    assert report["usable"] or report["reason"], report
    assert "unexpected" not in str(report["reason"]), report
    assert report["images"][0]["size"] is None


def test_many_small_parts_of_a_body_take_no_more_than_its_bytes():
    size = 2**18
    parts = (bytes((byte % 256, 1)) for byte in range(size // 2))
    response = types.SimpleNamespace(read1=lambda _size: next(parts, b""))
    tracemalloc.start()
    body = http_body.read(response, deadline=time.monotonic() + 60, limit=size, is_cut=False)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(body) == size
    assert peak < 4 * size


JSON = {
    # JSON text: whether it is parsed
    b'{"a": %s}' % (b"[" * 99 + b"]" * 99): True,
    b'{"a": %s}' % (b"[" * 100 + b"]" * 100): False,
    b'{"a": [%s]}' % b",".join([b"1"] * 99_995): True,
    b'{"a": [%s]}' % b",".join([b"1"] * 99_997): False,
    b'{"a": "%s"}' % (b"," * 100_000): False,
    b'{"a": -%s}' % (b"9" * 19): True,
    b'{"a": %s}' % (b"9" * 20): False,
    b'{"a": %s}' % (b"9" * 5000): False,
    b"": False,
    b"[1]": False,
}


@pytest.mark.parametrize(("text", "is_parsed"), JSON.items(), ids=[f"{text[:20]} {len(text)}" for text in JSON])
def test_limits_of_json(text, is_parsed):
    assert http_body.json_object(text) == (json.loads(text) if is_parsed else {})


def test_a_check_that_takes_too_much_memory_says_so(monkeypatch):
    monkeypatch.setattr(checks.Check, "run", lambda *_words: bytearray(2 * probes.MEMORY_LIMIT))
    probe = probes.Probe(
        "http://cache.example/", connection.Route("/nowhere"), [], "linux/amd64", time.monotonic() + 20
    )
    report = probes._in_own_process(probe)()
    assert (report["usable"], report["failed_at"], report["reason"]) == (
        None,
        "dns",
        "the check needs more than 128 MiB of memory to read its answer",
    )
