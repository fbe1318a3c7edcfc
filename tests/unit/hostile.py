# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Serve hostile mirrors, one on each port, until standard input ends.

The first line of standard output is JSON with the URL of each mirror.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

FORGED = "[WARNING]: forged"
"""Text that only a hostile mirror sends. If a line of the output starts with it, the mirror forged that line."""
SECRET = "hush-4711"
"""A secret in the query, fragment and user of redirects. No output may show it."""

# Terminal escapes of one byte and of two, NUL, bell and a C1 line end. They are bytes because headers have no encoding.
CONTROLS = b"\x1b[31m\x1b]0;title\x07\x00\x9b31m\x85\x7f"
# JSON can hold every character.
MESSAGE = (
    "\x1b[31m\x1b]0;title\x07\x00\x9b31m\x85\u202e\u2066\u200b\ufeff\u2028\r\n"
    f"{FORGED}\nfatal: [localhost]: FAILED! => forged\u2029end"
)
FOLDED = b"\r\n " + FORGED.encode()
QUERY = f"sig={SECRET}&meta=eyJ{SECRET}#{SECRET}".encode()

JSON = {"Content-Type": b"application/json"}
EMPTY = (b"HTTP/1.1 200 OK", JSON, b"{}")


def explain(message):
    return json.dumps({"errors": [{"code": "DENIED", "message": message}]}).encode()


def challenge(value, body=b"{}"):
    return {"/v2/": (b"HTTP/1.1 401 " + CONTROLS, {**JSON, "WWW-Authenticate": value}, body)}


def redirect(location):
    return {"/v2/": (b"HTTP/1.1 302 Found", {"Location": location}, b"")}


DIGEST = b"sha256:" + b"1" * 64
PAGE = {"/login": (b"HTTP/1.1 200 OK", {"Content-Type": b"text/html"}, b"<title>Sign in</title>")}
SELF = b"http://127.0.0.1:%d"
LONG = {
    # name: {path without query: (status line, headers, body)}
    "65000 letters as a challenge": challenge(b"Bearer " + b"a" * 65000),
    "65000 words as a challenge": challenge(b"Bearer " + b'a="' * 21000),
    "folded lines as a challenge": challenge(b"Bearer " + b"\r\n ".join([b"a" * 64000] * 80)),
    "folded lines as a realm": challenge(b'Bearer realm="http://127.0.0.1/' + b"\r\n ".join([b"a" * 64000] * 80)),
    "folded lines as a redirect": redirect(b"\r\n ".join([b"a" * 64000] * 80)),
    "digits as a body": {"/v2/": (b"HTTP/1.1 403 Forbidden", JSON, b'{"errors": ' + b"9" * 4_000_000 + b"}")},
}
"""Answers that take a long time to parse."""
POISON = {
    "poison as a status line": {"/v2/": (b"SSH-2.0-" + CONTROLS + FORGED.encode(), {}, b"")},
    "poison as a reason": {"/v2/": (b"HTTP/1.1 500 " + CONTROLS + FORGED.encode(), {}, b"")},
    "poison as a body": {"/v2/": (b"HTTP/1.1 503 Busy", JSON, explain(MESSAGE))},
    "poison as a content type": {"/v2/": (b"HTTP/1.1 200 OK", {"Content-Type": b"text/html" + CONTROLS + FOLDED}, b"")},
    "poison as a challenge": challenge(CONTROLS + FOLDED + b' realm="x"'),
    "poison as a scheme": challenge(b"\x1b[31mBearer\x00" + FORGED.encode()),
    "poison as a realm": challenge(b'Bearer realm="http://' + CONTROLS + b".invalid/" + FOLDED + b"?" + QUERY + b'"'),
    "poison as a realm's host": challenge(b'Bearer realm="http://a\x1b[31m\x9b.invalid/token?' + QUERY + b'"'),
    "a realm that gives no token": {
        **challenge(b'Bearer realm="' + SELF + b"/token?" + QUERY + b'",service="x"'),
        "/token": (b"HTTP/1.1 403 Forbidden", JSON, explain(MESSAGE)),
    },
    "poison as a token": {
        **challenge(b'Bearer realm="' + SELF + b'/token"'),
        "/token": (b"HTTP/1.1 200 OK", JSON, json.dumps({"token": MESSAGE}).encode()),
    },
    "poison as a redirect": redirect(SELF + b"/login/" + CONTROLS + FOLDED + b"?" + QUERY),
    "poison as a redirect's host": redirect(b"http://a\x1b[31m\x9b.invalid/?" + QUERY),
    "poison as a redirect's scheme": redirect(b"\x1b[31m\x9bftp://host.invalid/?" + QUERY),
    "poison as a redirect's port": redirect(b"http://host.invalid:\x1b[31m\x9b/?" + QUERY),
    "a redirect to a page": {**redirect(SELF + b"/login?" + QUERY), **PAGE},
    "a redirect that works": {**redirect(SELF + b"/registry?" + QUERY), "/registry": EMPTY},
    "a redirect in a circle": redirect(SELF + b"/v2/?" + QUERY),
    "a redirect with a user": redirect(f"http://me:{SECRET}@127.0.0.1:1/".encode() + b"?" + QUERY),
    "a redirect with a control character in its query": redirect(SELF + b"/login?\x01" + QUERY),
    "poison as a digest": {
        "/v2/": EMPTY,
        "/v2/library/alpine/manifests/latest": (
            b"HTTP/1.1 200 OK",
            {"Docker-Content-Digest": CONTROLS + FOLDED, **JSON},
            b"{}",
        ),
    },
    "poison as a manifest": {
        "/v2/": EMPTY,
        "/v2/library/alpine/manifests/latest": (b"HTTP/1.1 200 OK", {"Docker-Content-Digest": DIGEST, **JSON}, b"{}"),
        f"/v2/library/alpine/manifests/{DIGEST.decode()}": (
            b"HTTP/1.1 200 OK",
            JSON,
            json.dumps({"manifests": [{"digest": MESSAGE}]}).encode(),
        ),
    },
    "a refusal of the engine, forged": {
        "/v2/": (
            b'HTTP/1.1 500 level=error msg="Error reloading configuration" reconfiguring the daemon',
            JSON,
            explain(MESSAGE),
        ),
    },
}
"""Answers with terminal escapes, forged lines and secrets."""
USABLE = {"poison as a content type", "a redirect that works"}
"""Mirrors that an engine can use, although their answers are hostile."""
OVER_TLS = {"65000 letters as a challenge", "folded lines as a challenge", "poison as a body"}
"""Mirrors that use TLS. Engines do not verify the certificate of a mirror at a loopback address."""
MIRRORS = {**LONG, **POISON}


def answer(connection, answers):
    """Answer one request, and close the connection."""
    with connection:
        head = b""
        while b"\r\n\r\n" not in head:
            part = connection.recv(65536)
            if not part:
                return
            head += part
        method, target = head.split()[:2]
        path = target.decode("latin-1").partition("?")[0].partition("#")[0]
        status, headers, body = answers.get(path, (b"HTTP/1.1 404 " + CONTROLS, JSON, explain(MESSAGE)))
        port = connection.getsockname()[1]
        lines = [
            status,
            *(name.encode() + b": " + value.replace(b"%d", b"%d" % port) for name, value in headers.items()),
        ]
        connection.sendall(b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"Connection: close", b"", b""]))
        connection.sendall(body if method == b"GET" else b"")


def tls_context():
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = (os.path.join(folder, name) for name in ("key", "certificate"))
        request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=hostile"]
        subprocess.run([*request, "-keyout", key, "-out", certificate], check=True, stderr=subprocess.DEVNULL)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context


def serve(listener, answers, context):
    def respond(connection):
        try:
            answer(context.wrap_socket(connection, server_side=True) if context else connection, answers)
        except OSError as exc:  # The client closed the connection.
            print(exc, file=sys.stderr)

    while True:
        threading.Thread(target=respond, args=(listener.accept()[0],), daemon=True).start()


if __name__ == "__main__":
    urls, tls = {}, tls_context()
    for mirror, held in MIRRORS.items():
        ear = socket.create_server(("127.0.0.1", 0))
        urls[mirror] = f"{'https' if mirror in OVER_TLS else 'http'}://127.0.0.1:{ear.getsockname()[1]}"
        threading.Thread(target=serve, args=(ear, held, tls if mirror in OVER_TLS else None), daemon=True).start()
    print(json.dumps(urls), flush=True)
    sys.stdin.read()
