# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pretend to be an engine until standard input ends: hostile_user.py process|socket PATH.

``process`` calls itself dockerd, and adds a line to the file PATH. If a module runs this program with its arguments,
it adds another line. ``socket`` listens at PATH, answers like an engine, and adds a line to PATH.asked for each
connection.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading

INFO = {"ServerVersion": "99.9.9", "RegistryConfig": {"Mirrors": ["https://mallory.example/"]}}


def note(path):
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"{os.getpid()}\n")


def process(path):
    with open("/proc/self/comm", "w", encoding="ascii") as comm:
        comm.write("dockerd")
    note(path)


def listen(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    os.chmod(path, 0o777)
    threading.Thread(target=answer, args=(listener, path), daemon=True).start()


def answer(listener, path):
    body = json.dumps(INFO).encode()
    while True:
        with listener.accept()[0] as connection:
            note(f"{path}.asked")
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)


if __name__ == "__main__":
    {"process": process, "socket": listen}[sys.argv[1]](sys.argv[2])
    sys.stdin.read()
