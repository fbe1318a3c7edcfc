# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes that look like engines, and sockets that answer like one."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

GCR = "https://mirror.gcr.io/"

GOOD = {"ServerVersion": "28.5.2", "RegistryConfig": {"Mirrors": [GCR]}, "ContainersRunning": 2}

USER = 4711
"""A user who is neither root nor the one who runs the tests."""

DOCKERD = """
import os, signal, socket, sys
folder = sys.argv[1]
signal.signal(signal.SIGHUP, lambda *_: os.replace(f"{folder}/next", f"{folder}/info"))
server = socket.socket(socket.AF_UNIX)
server.bind(f"{folder}/docker.sock")
server.listen()
open(f"{folder}/docker.pid", "w").write(str(os.getpid()))
while True:
    caller = server.accept()[0]
    request = caller.recv(65536)
    if request:
        path = request.split()[1].decode().partition("?")[0]
        caller.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n" + open(folder + path, "rb").read())
    caller.close()
"""
"""A minimal engine that sends files of its folder.

At SIGHUP, ``next`` replaces ``info``. Without ``next``, the engine ends.
"""


def write_program(path, script):
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def until(condition):
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def sleeping(program):
    """Start the program and wait until the kernel shows its name."""
    child = subprocess.Popen([program, "600"])
    until(lambda: pathlib.Path(f"/proc/{child.pid}/comm").read_text() == f"{program.name}\n")
    return child


@functools.lru_cache(maxsize=None)
def python_called_dockerd():
    """Return a copy of this interpreter: an engine is known by the name of its program."""
    program = pathlib.Path(tempfile.mkdtemp()) / "dockerd"
    atexit.register(shutil.rmtree, program.parent)
    shutil.copy(os.path.realpath(sys.executable), program)
    return str(program)


@contextlib.contextmanager
def running_dockerd(host, log):
    """A process named dockerd that answers. The pid file names it."""
    (host / "info").write_text(json.dumps(GOOD))
    child = subprocess.Popen(
        [python_called_dockerd(), "-sS", "-c", DOCKERD, str(host), "--config-file", str(host / "daemon.json")],
        stderr=log,
        env={"PYTHONHOME": sys.base_prefix},
    )
    try:
        until(lambda: (host / "docker.pid").exists() and (host / "docker.pid").read_text() == str(child.pid))
        yield child
    finally:
        child.kill()
        child.wait()


@contextlib.contextmanager
def answering(path, answer):
    """Listen on the engine's socket and send each caller these bytes, or none; yield the list of their requests."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def serve():
        with contextlib.suppress(OSError):
            while True:
                caller = server.accept()[0]
                with contextlib.suppress(OSError):
                    asked.append(caller.recv(65536))
                    for part in answer:
                        caller.sendall(part)
                        time.sleep(0.01)
                    if answer and answer[-1]:
                        caller.close()
                    else:
                        held.append(caller)

    asked = []
    held = []
    threading.Thread(target=serve, daemon=True).start()
    yield asked
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def http(body, status="200 OK"):
    return [f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body]


def as_user(monkeypatch, user):
    monkeypatch.setattr(os, "geteuid", lambda: user)


def chunked(body, status="200 OK"):
    """Return an answer in chunks, as a real engine sends a long one."""
    chunks = [body[:5], body[5:]]
    return [f"HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()] + [
        b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""]
    ]


REFUSAL = 'time="x" level=error msg="Error reconfiguring the daemon: http://u:pw@x"'

MASKED = REFUSAL.replace("u:pw", "***")
