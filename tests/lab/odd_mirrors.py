# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run mirrors with one image, each with its own odd answers and its own port: odd_mirrors.py FOLDER.

The image is the one of the stand-in for Docker Hub. The folder has the certificates, and gets a file ``asked`` with a
line of JSON for each request. The tests import the table, and a host of the lab runs this file until standard input
ends.
"""

from __future__ import annotations

import gzip
import hashlib
import http.server
import json
import pathlib
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.request

HOST = "odd.lan"
FIRST_PORT = 9000
IMAGE = "library/alpine"
HUB = f"https://registry-1.docker.io/v2/{IMAGE}"
ACCEPT = (
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.index.v1+json"
)
WRONG = f"sha256:{'0' * 64}"
PAGE = b"<!DOCTYPE html><title>Sign in</title>"
HTML, JSON = {"Content-Type": "text/html"}, {"Content-Type": "application/json"}
DENIED = json.dumps({"errors": [{"code": "DENIED", "message": "no"}]}).encode()
BEARER = 'Bearer realm="SELF/token",service="odd"'
BASIC = 'Basic realm="odd"'
SLOW = 20
"""Seconds after which a slow mirror answers. The classic image stores wait 15 seconds for /v2/."""


def page(status):
    return (status, HTML, PAGE)


def refusal(status, **headers):
    return (status, {**JSON, **headers}, DENIED)


def moved(location):
    return (302, {"Location": location}, b"")


def guarded(*challenges, where=("ping", "image"), token=None):
    """Return the answers of a mirror that requires a token."""
    return {"challenges": challenges, "where": where, "token": token or (200, JSON, b'{"token": "one"}')}


ROWS = {
    # name: what differs from a mirror that answers as it should. The keys are explained at ``Mirror``.
    "as it should": {},
    "/v2/: 404, JSON": {"ping": refusal(404)},
    "/v2/: 404, a page": {"ping": page(404)},
    "/v2/: 200, a page": {"ping": page(200)},
    "/v2/: 403, a page": {"ping": page(403)},
    "/v2/: 502, a page": {"ping": page(502)},
    "/v2/: 400": {"ping": refusal(400)},
    "/v2/: 403": {"ping": refusal(403)},
    "/v2/: 405": {"ping": refusal(405)},
    "/v2/: 204": {"ping": (204, {}, b"")},
    "/v2/: 500": {"ping": refusal(500)},
    "/v2/: 429 with Retry-After": {"ping": refusal(429, **{"Retry-After": "60"})},
    "/v2/: 301 without Location": {"ping": (301, {}, b"")},
    "/v2/: 302 to a login page": {"ping": moved("/login")},
    "/v2/: 302 to itself": {"ping": moved("/v2/")},
    "/v2/: 301 to a name that does not exist": {"ping": moved("https://gone.invalid/v2/")},
    "/v2/: a TCP reset": {"ping": "reset"},
    "/v2/: the connection ends": {"ping": "end"},
    "/v2/: no HTTP": {"ping": "banner"},
    "/v2/: 103 before the 200": {"ping": "hints"},
    "/v2/: a body of 6 MB": {"ping": (200, JSON, b" " * 6_000_000)},
    "/v2/: silence": {"ping": "silence"},
    "a page for everything": {"ping": page(200), "head": page(200), "get": page(200)},
    "302 to a login page for everything": {"ping": moved("/login"), "head": moved("/login"), "get": moved("/login")},
    "only for User-Agents of engines": {"agents": ("docker/", "containerd/")},
    "token: Bearer": guarded(BEARER),
    "token: BEARER": guarded(BEARER.replace("Bearer", "BEARER")),
    "token: names of parameters in other case": guarded('Bearer Realm="SELF/token",Service="odd"'),
    "token: unquoted service": guarded('Bearer realm="SELF/token", service=odd'),
    "token: 401 as a page": {**guarded(BEARER), "denied": HTML},
    "token: Negotiate and Bearer": guarded("Negotiate", BEARER),
    "token: Basic and Bearer in one header": guarded(f"{BASIC}, {BEARER}"),
    "token: Basic, then Bearer": guarded(BASIC, BEARER),
    "token: Bearer, then Basic": guarded(BEARER, BASIC),
    "Basic": guarded(BASIC),
    "Basic, only at /v2/": guarded(BASIC, where=("ping",)),
    "401 without a challenge, only at /v2/": guarded(where=("ping",)),
    "401 without a challenge": guarded(),
    "token: only images ask for it": guarded(BEARER, where=("image",)),
    "token: realm of another scheme": guarded('Bearer realm="null://odd",service="odd"'),
    "token: server that does not exist": guarded('Bearer realm="https://gone.invalid/token"'),
    "token: server with 201": guarded(BEARER, token=(201, JSON, b'{"token": "one"}')),
    "token: server with access_token": guarded(BEARER, token=(200, JSON, b'{"access_token": "one"}')),
    "token: server with 403": guarded(BEARER, token=refusal(403)),
    "token: server with a page": guarded(BEARER, token=page(200)),
    "manifest: 404": {"head": refusal(404), "get": refusal(404)},
    "manifest: 403": {"head": refusal(403), "get": refusal(403)},
    "manifest: 429": {"head": refusal(429), "get": refusal(429)},
    "manifest: 500": {"head": refusal(500), "get": refusal(500)},
    "manifest: HEAD 405": {"head": refusal(405)},
    "manifest: HEAD 403": {"head": refusal(403)},
    "manifest: HEAD 200, GET 404": {"get": refusal(404)},
    "manifest: no digest": {"digest": None},
    "manifest: a wrong digest": {"digest": WRONG},
    "manifest: Content-Type text/plain": {"type": "text/plain"},
    "manifest: Content-Type application/json": {"type": "application/json"},
    "manifest: Content-Type application/octet-stream": {"type": "application/octet-stream"},
    "manifest: no Content-Type": {"type": None},
    "manifest: Content-Type with a charset": {"charset": "; charset=utf-8"},
    "manifest: gzip, asked for or not": {"gzip": True},
    "manifest: no length at HEAD": {"head_length": None},
    "manifest: length 0 at HEAD": {"head_length": 0},
    "manifest: a short body": {"cut": 20},
    "layers: 404": {"blob": refusal(404)},
    "layers: 429": {"blob": refusal(429)},
    "TLS: Common Name only": {"certificate": "common-name"},
    "TLS: another name": {"certificate": "other-name"},
    "TLS: expired": {"certificate": "expired"},
    "TLS: self-signed": {"certificate": "self-signed"},
    "TLS: leaf without authorityKeyIdentifier": {"certificate": "no-key-identifier"},
    "TLS: key exchange by RSA only": {"ciphers": "AES128-GCM-SHA256", "certificate": "rsa"},
    "TLS: 1.1 at most": {"tls": ssl.TLSVersion.TLSv1_1},
    "https at a port of plain http": {"certificate": None},
    "nothing listens": {"closed": True},
}
PORTS = {name: FIRST_PORT + number for number, name in enumerate(ROWS)}
URLS = {name: f"https://{HOST}:{port}" for name, port in PORTS.items()}


class Image:
    """The manifest of the image, and its parts, as the stand-in for Docker Hub has them."""

    def __init__(self):
        with urllib.request.urlopen(
            urllib.request.Request(f"{HUB}/manifests/latest", headers={"Accept": ACCEPT})
        ) as got:
            self.type, self.manifest = got.headers["Content-Type"], got.read()
        self.digest = f"sha256:{hashlib.sha256(self.manifest).hexdigest()}"
        parts = json.loads(self.manifest)
        digests = [part["digest"] for part in [parts["config"], *parts["layers"]]]
        self.blobs = {}
        for digest in digests:
            with urllib.request.urlopen(f"{HUB}/blobs/{digest}") as got:
                self.blobs[digest] = got.read()


class Mirror(http.server.BaseHTTPRequestHandler):
    """One mirror.

    ``ping``, ``head``, ``get``, ``blob``: the answers to /v2/, to HEAD and GET of manifests, and to layers: status,
    headers and body, or the name of a method. ``challenges``: those of a 401 at each place in ``where``, until a token
    comes. ``type``, ``charset``, ``digest``, ``gzip``, ``head_length``, ``cut``: what differs in a manifest.
    """

    protocol_version = "HTTP/1.1"
    name, row, image, log = "", {}, None, None

    def do_GET(self):
        self.close_connection = True
        path = self.path.partition("?")[0]
        kind = "ping" if path == "/v2/" else "token" if path == "/token" else "page"
        if path.startswith(f"/v2/{IMAGE}/"):
            kind = "blob" if "/blobs/" in path else "head" if self.command == "HEAD" else "get"
        agent = self.headers.get("User-Agent", "")
        self.log.write(json.dumps([self.name, self.client_address[0], kind, path, agent]) + "\n")
        self.log.flush()
        if not agent.startswith(self.row.get("agents", "")):
            return self.send(page(403))
        place = "ping" if kind == "ping" else "image" if kind in ("head", "get", "blob") else None
        if place in self.row.get("where", ()) and self.headers.get("Authorization") != "Bearer one":
            return self.deny()
        return self.send(self.row[kind]) if kind in self.row else getattr(self, f"send_{kind}")(path)

    do_HEAD = do_GET  # noqa: N815

    def deny(self):
        own = f"https://{HOST}:{PORTS[self.name]}"
        headers = [("WWW-Authenticate", text.replace("SELF", own)) for text in self.row["challenges"]]
        self.reply(401, [*self.row.get("denied", JSON).items(), *headers], DENIED)

    def send(self, answer):
        if isinstance(answer, str):
            return getattr(self, answer)()
        status, headers, body = answer
        return self.reply(status, headers.items(), body)

    def reply(self, status, headers, body, length=True):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(len(body) if length is True else length))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_ping(self, _path):
        self.reply(200, JSON.items(), b"{}")

    def send_page(self, _path):
        self.reply(200, HTML.items(), PAGE)

    def send_blob(self, path):
        body = self.image.blobs.get(path.rpartition("/")[2])
        self.reply(200, [("Content-Type", "application/octet-stream")], body) if body else self.send(refusal(404))

    def send_get(self, path):
        row, body = self.row, self.image.manifest
        headers = {"Content-Type": row.get("type", self.image.type), "Docker-Content-Digest": self.image.digest}
        if "digest" in row:
            headers["Docker-Content-Digest"] = row["digest"]
        if headers["Content-Type"]:
            headers["Content-Type"] += row.get("charset", "")
        if row.get("gzip"):
            body = gzip.compress(body)
            headers["Content-Encoding"] = "gzip"
        known = [(name, value) for name, value in headers.items() if value is not None]
        length = row.get("head_length", True) if self.command == "HEAD" else True
        if "cut" in row and self.command == "GET":
            length, body = len(body), body[: row["cut"]]
        self.reply(200, known, body, length)

    send_head = send_get

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def end(self):
        pass

    def banner(self):
        self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")

    def hints(self):
        self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        self.send_ping("")

    def silence(self):
        time.sleep(SLOW)  # This slowness is the answer.

    def log_message(self, *words):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 50

    def finish_request(self, request, client_address):
        """Make the TLS in the thread of the connection, so that one client cannot stop the others."""
        context = self.context
        if context:
            request = context.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        pass


def tls(row, folder):
    certificate = row.get("certificate", "good")
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if "tls" in row:
        context.minimum_version, context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, row["tls"]
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    if "ciphers" in row:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(row["ciphers"])
    context.load_cert_chain(folder / f"{certificate}.crt", folder / f"{certificate}.key")
    return context


def main():
    folder = pathlib.Path(sys.argv[1])
    image = Image()
    with (folder / "asked").open("a") as log:
        for name, row in ROWS.items():
            if row.get("closed"):
                continue
            handler = type("OneMirror", (Mirror,), {"name": name, "row": row, "image": image, "log": log})
            server = Server(("0.0.0.0", PORTS[name]), handler)  # noqa: S104
            server.context = tls(row, folder)
            threading.Thread(target=server.serve_forever, daemon=True).start()
        (folder / "ready").touch()
        sys.stdin.read()


if __name__ == "__main__":
    main()
