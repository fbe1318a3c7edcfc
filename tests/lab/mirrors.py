# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run mirrors that serve nothing, until standard input ends.

Port 8500 always answers 500, 8401 answers 401 without the address of a token server, 8200 sends an HTML page, and 8443
is like 8500 behind a certificate that nobody trusts.
"""

from __future__ import annotations

import http.server
import pathlib
import ssl
import subprocess
import sys
import threading

CERTIFICATE = "/run/mirrors.pem"


def handler(status, body, **headers):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *words):
            pass

    return Handler


BAD = {
    8500: handler(500, b"no"),
    8401: handler(401, b"{}", Content_Type="application/json"),
    8200: handler(200, b"<!DOCTYPE html><title>Welcome</title>", Content_Type="text/html"),
    8443: handler(500, b"no"),
}
REQUEST = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=nobody"
subprocess.run(
    ["openssl", *REQUEST.split(), "-keyout", CERTIFICATE, "-out", f"{CERTIFICATE}.crt"], check=True, capture_output=True
)
for port, answers in BAD.items():
    server = http.server.ThreadingHTTPServer(("0.0.0.0", port), answers)  # noqa: S104
    if port == 8443:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{CERTIFICATE}.crt", CERTIFICATE)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
pathlib.Path("/run/mirrors").touch()
sys.stdin.read()
