# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run hostile mirrors and a hostile proxy until standard input ends: hostile_server.py ADDRESS FOLDER.

Each mirror has its own port. It puts one kind of poison into one place of its answers. The tests import the tables, and
the hosts run this file. The folder then has ``ready``, ``asked`` (the port of each connection, one in a line),
``trapped`` (the addresses at which the trap was asked) and a certificate ``PORT.crt`` for each mirror with TLS.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time

FORGED = "[WARNING]: forged"
"""Text that only a hostile mirror sends. If a line of the output starts with it, the mirror forged that line."""
SECRET = "hush-4711"
"""A password in a URL. No output may show it."""
SCRIPT = "<script>window.ran = 1</script>"
REFUSAL = 'level=error msg="Error reconfiguring the daemon configuration: forged"'
"""What an engine writes when it refuses a reload."""

PROXY_PORT = 8690
FORGER_PORT = 8691
"""A mirror that answers everything with the forged refusal of an engine."""
TRAP_PORT = 8699
"""No probe may come here, except at the address of the mirror itself."""
FIRST_PORT = 8700

TEXTS = {
    "script": f"'\"></script>{SCRIPT}",
    "secret": f"https://me:{SECRET}@host.example/",
    "NUL": "a\x00b",
    "escapes": "\x1b[31m\x1b[2J\x1b]0;title\x07\x9b31m\x08\x7f",
    "line ends": FORGED.join(["a\r\n", "\nfatal: [localhost]: FAILED! => forged\x85", "\u2028", "\u2029", "\r", "\n"]),
    "bidi": "a\u202e\u2066\u200b\ufeff\u061cb",
    "refusal": REFUSAL,
    "65000 letters": "a" * 65000,
}
ALL_TEXTS = "all texts"
TEXTS[ALL_TEXTS] = " ".join(text for name, text in TEXTS.items() if name != "65000 letters")

DIGEST = b"sha256:" + b"1" * 64
MANIFEST = "/v2/library/alpine/manifests/"
JSON_TYPE = (b"Content-Type", b"application/json")
INDEX_TYPE = (b"Content-Type", b"application/vnd.oci.image.index.v1+json")
OVER_TLS = "certificate"


# -- answers -----------------------------------------------------------------------------------------------------------


def head(status, *headers):
    return b"\r\n".join([b"HTTP/1.1 " + status, *(name + b": " + value for name, value in headers), b"", b""])


def reply(status, *headers, body=b"{}"):
    """Return a function that returns the parts of an answer. The first part is the head."""
    length = (b"Content-Length", b"%d" % len(body))
    return lambda: [head(status, *headers, length, (b"Connection", b"close")), body]


OK = reply(b"200 OK", JSON_TYPE)


def explain(message):
    return json.dumps({"errors": [{"code": "DENIED", "message": message}]}).encode()


def challenge(value):
    return reply(b"401 Unauthorized", JSON_TYPE, (b"WWW-Authenticate", value))


def redirect(location):
    return reply(b"302 Found", (b"Location", location))


def with_token(answer):
    return {"/v2/": challenge(b'Bearer realm="SELF/token",service="x"'), "/token": answer}


def with_manifest(answer):
    """Return the answers of a mirror that has an image, whose manifest is this answer."""
    found = reply(b"200 OK", INDEX_TYPE, (b"Docker-Content-Digest", DIGEST))
    return {"/v2/": OK, f"{MANIFEST}latest": found, MANIFEST + DIGEST.decode(): answer}


# -- kinds of poison: {kind: {place: {path without query: answer}}} ----------------------------------------------------


def places_of_text(text):
    raw = text.encode()
    folded = raw.replace(b"\r", b"").replace(b"\n", b"\r\n ")
    quoted = folded.replace(b'"', b"'")
    error = reply(b"403 Forbidden", JSON_TYPE, body=explain(text))
    entry = {"digest": text, "size": text, "platform": {"os": text, "architecture": text}, "mediaType": text}
    names = (b"Server", b"Date", b"Docker-Distribution-Api-Version", b"RateLimit-Limit", b"Warning", b"Retry-After")
    return {
        "reason": {"/v2/": reply(b"500 " + raw, JSON_TYPE)},
        "status line": {"/v2/": lambda: [raw + b"\r\n\r\n"]},
        "content type": {"/v2/": reply(b"200 OK", (b"Content-Type", b"text/html" + folded))},
        "headers": {"/v2/": reply(b"503 Busy", JSON_TYPE, *((name, folded) for name in names))},
        "body": {"/v2/": error},
        "Location": {"/v2/": redirect(b"SELF/login/" + folded)},
        "host in Location": {"/v2/": redirect(b"http://a" + folded + b".invalid/")},
        "scheme": {"/v2/": challenge(folded + b' realm="x"')},
        "realm": {"/v2/": challenge(b'Bearer realm="SELF/' + quoted + b'"')},
        "host in realm": {"/v2/": challenge(b'Bearer realm="http://a' + quoted + b'.invalid/"')},
        "token": with_token(reply(b"200 OK", JSON_TYPE, body=json.dumps({"token": text}).encode())),
        "error of token": with_token(error),
        "digest": {"/v2/": OK, f"{MANIFEST}latest": reply(b"200 OK", (b"Docker-Content-Digest", folded))},
        "manifest": with_manifest(reply(b"200 OK", INDEX_TYPE, body=json.dumps({"manifests": [entry]}).encode())),
        "error of manifest": with_manifest(error),
        OVER_TLS: {"/v2/": error},
    }


BODIES = {
    "small objects": b'{"errors":[' + b"{}," * 1_300_000 + b"{}]}",
    "digits": b'{"errors":[' + b"9" * 3_900_000 + b"]}",
    "numbers of thousands of digits": b'{"errors":[' + b",".join([b"9" * 4000] * 900) + b"]}",
    "deep nesting": b'{"errors":' + b"[" * 1_900_000 + b"]" * 1_900_000 + b"}",
}


def streams():
    """Yield the name of each body that does not end, and a function that returns its parts."""
    yield "endless body", lambda: itertools.repeat(b"a" * 65536)
    yield "endless chunks", lambda: itertools.repeat(b"1\r\na\r\n" * 1000)
    yield "trickling body", lambda: trickle(b"a")


def trickle(part):
    while True:
        time.sleep(0.2)  # This slowness is the poison.
        yield part


def streamed(status, name, parts):
    framing = {"endless chunks": (b"Transfer-Encoding", b"chunked"), "trickling body": (b"Content-Length", b"1000000")}
    first = head(status, JSON_TYPE, framing.get(name, (b"Connection", b"close")))
    return lambda: itertools.chain([first], parts())


def places_of_body(answer):
    """Return the places of a body.

    :param answer: returns an answer with the body and this status.
    """
    good = answer(b"200 OK")
    return {
        "a good answer": {"/v2/": good},
        "an error": {"/v2/": answer(b"403 Forbidden")},
        "token": with_token(good),
        "manifest": with_manifest(good),
    }


def places_of_head(parts):
    """Return the places of a head that does not end. ``parts`` is a function."""
    return {"/v2/": {"/v2/": parts}, "token": with_token(parts)}


HEADS = {
    "endless folded header": lambda: itertools.chain(
        [b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer a"], itertools.repeat(b"\r\n " + b"a" * 60000)
    ),
    "endless headers": lambda: itertools.chain([b"HTTP/1.1 200 OK\r\n"], itertools.repeat(b"X-A: b\r\n" * 1000)),
    "endless status line": lambda: itertools.repeat(b"HTTP/1.1 " + b"a" * 60000),
    "trickling head": lambda: itertools.chain([b"HTTP/1.1 200 OK\r\n"], trickle(b"X: y\r\n")),
}

INWARD = {
    "loopback": b"http://127.0.0.1:%d/" % TRAP_PORT,
    "localhost": b"http://localhost:%d/" % TRAP_PORT,
    "metadata service": b"http://169.254.169.254:%d/" % TRAP_PORT,
}
"""URLs at which only the host itself, or its cloud, answers."""
REDIRECTS = {
    "circle": {"/v2/": redirect(b"SELF/v2/?again")},
    "file": {"/v2/": redirect(b"file:///etc/shadow")},
    "realm is a file": {"/v2/": challenge(b'Bearer realm="file:///etc/shadow"')},
    **{f"to {name}": {"/v2/": redirect(url)} for name, url in INWARD.items()},
    **{f"realm at {name}": {"/v2/": challenge(b'Bearer realm="' + url + b'"')} for name, url in INWARD.items()},
    "to the trap at its own address": {"/v2/": redirect(b"http://ADDRESS:%d/" % TRAP_PORT)},
}

KINDS = {
    **{name: places_of_text(text) for name, text in TEXTS.items()},
    **{
        name: places_of_body(lambda status, body=body: reply(status, JSON_TYPE, body=body))
        for name, body in BODIES.items()
    },
    **{
        name: places_of_body(lambda status, name=name, parts=parts: streamed(status, name, parts))
        for name, parts in streams()
    },
    **{name: places_of_head(parts) for name, parts in HEADS.items()},
    "redirects": REDIRECTS,
}
PORTS = {
    mirror: port for port, mirror in enumerate(((kind, place) for kind in KINDS for place in KINDS[kind]), FIRST_PORT)
}
"""The port of each mirror, by kind and place."""


def places_of_connect(raw):
    """Return the places of a text in the answer of a proxy to ``CONNECT``."""
    return {
        "reason": lambda: [b"HTTP/1.1 407 " + raw + b"\r\n\r\n"],
        "header": reply(b"407 No", (b"Proxy-Authenticate", raw.replace(b"\n", b"\r\n "))),
        "no HTTP": lambda: [raw],
        "tunnel": lambda: [head(b"200 OK"), raw],
    }


CONNECTS = {
    f"{place}: {kind}": answer
    for kind in (ALL_TEXTS, "65000 letters")
    for place, answer in places_of_connect(TEXTS[kind].encode()).items()
}
CONNECTS.update(HEADS)
"""Answers to ``CONNECT``. The proxy takes the answer whose number is in the name of the host: ``case-7.invalid``."""


def url_behind_proxy(number):
    return f"https://case-{number}.invalid"


# -- serving -----------------------------------------------------------------------------------------------------------


class Server:
    """The listeners of this process."""

    def __init__(self, address, folder):
        self.address, self.folder = address, folder
        self.lock = threading.Lock()

    def record(self, name, line):
        with self.lock, open(os.path.join(self.folder, name), "a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def listen(self, port, respond, context=None):
        """Accept connections, and call ``respond`` with each one, its method and its target."""
        listener = socket.create_server(("0.0.0.0", port), backlog=128)  # noqa: S104

        def serve(connection):
            # The client closes the connection when it has seen enough, and refuses certificates.
            self.record("asked", port)
            with connection, contextlib.suppress(OSError):
                encrypted = context.wrap_socket(connection, server_side=True) if context else connection
                with encrypted:
                    request = read_head(encrypted).split(b" ", 2)
                    if len(request) == 3:
                        respond(encrypted, request[0], request[1].decode("latin-1"))

        def accept():
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()

    def mirror(self, port, answers):
        own = b"http://%s:%d" % (self.address.encode(), port)

        def respond(connection, method, target):
            parts = answers.get(target.partition("?")[0], reply(b"404 Not Found", JSON_TYPE))()
            for number, part in enumerate(parts):
                if number and method == b"HEAD":
                    break
                filled = part if number else part.replace(b"SELF", own).replace(b"ADDRESS", self.address.encode())
                connection.sendall(filled)

        return respond

    def proxy(self, connection, method, target):
        parts = reply(b"502 Bad Gateway")()
        if method == b"CONNECT":
            parts = [*CONNECTS.values()][int(target.partition(".")[0].rpartition("-")[2])]()
        for part in parts:
            connection.sendall(part)

    def forger(self, connection, method, _target):
        first, body = reply(b"500 " + REFUSAL.encode(), JSON_TYPE, body=explain(REFUSAL))()
        connection.sendall(first if method == b"HEAD" else first + body)

    def trap(self, connection, _method, _target):
        self.record("trapped", connection.getsockname()[0])
        connection.sendall(b"".join(OK()))

    def tls(self, port, text):
        """Return a context whose certificate has the text as its common name and as a name of a host."""
        raw = text.encode()[:64]
        path = os.path.join(self.folder, str(port))
        # openssl takes no NUL. The signature of the changed certificate is wrong, and nobody checks the one of a CA.
        names = [letter * len(raw) for letter in (b"A", b"B")]
        extensions = [
            f"subjectAltName=DNS:{names[1].decode()},IP:{self.address}",
            "keyUsage=critical,keyCertSign,cRLSign,digitalSignature",
        ]
        request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split()
        added = [word for extension in extensions for word in ("-addext", extension)]
        subject = ["-subj", f"/CN={names[0].decode()}", "-keyout", f"{path}.key", "-out", f"{path}.crt"]
        subprocess.run(["openssl", *request, *subject, *added], check=True, capture_output=True)
        with open(f"{path}.crt", encoding="ascii") as file:
            certificate = ssl.PEM_cert_to_DER_cert(file.read())
        for name in names:
            certificate = certificate.replace(name, raw)
        with open(f"{path}.crt", "w", encoding="ascii") as file:
            file.write(ssl.DER_cert_to_PEM_cert(certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{path}.crt", f"{path}.key")
        return context


def read_head(connection):
    """Return the head of a request."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65536)
        if not part:
            break
        received += part
    return received


def main(address, folder):
    os.makedirs(folder)
    server = Server(address, folder)
    for (kind, place), port in PORTS.items():
        context = server.tls(port, TEXTS[kind]) if place == OVER_TLS else None
        server.listen(port, server.mirror(port, KINDS[kind][place]), context)
    server.listen(PROXY_PORT, server.proxy)
    server.listen(FORGER_PORT, server.forger)
    server.listen(TRAP_PORT, server.trap)
    server.record("ready", "yes")
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
