# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An authorization plugin of the Docker Engine, which allows everything: plugin.py SOCKET.

An engine with the plugin as a flag would lose it at a reload, so it needs a restart.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import socketserver
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.dumps({"Implements": ["authz"]} if self.path == "/Plugin.Activate" else {"Allow": True}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "engine"

    def log_message(self, *words):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


path = sys.argv[1]
os.makedirs(os.path.dirname(path), exist_ok=True)
with contextlib.suppress(FileNotFoundError):
    os.unlink(path)
Server(path, Handler).serve_forever()
