# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificate of a cache, checked by a handshake, and a proof of a cache by a pull, over real connections."""

from __future__ import annotations

import datetime
import hashlib
import http.server
import ipaddress
import json
import ssl
import threading

import pytest

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.pullthrough.docker.plugins.module_utils._cache import certificate, proof
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import images

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
DAY = datetime.timedelta(days=1)


def written(folder, days=(-1, 90), names=("localhost", "10.1.2.3")):
    """Write a certificate that a CA signed, without the CA, and return its path and its key's."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    parsed = [x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name) for name in names]
    signed = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "CA")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + days[0] * DAY)
        .not_valid_after(NOW + days[1] * DAY)
        .add_extension(x509.SubjectAlternativeName(parsed), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    folder.mkdir(exist_ok=True)
    (folder / "crt").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key").write_bytes(key.private_bytes(*private))
    return str(folder / "crt"), str(folder / "key")


# -- the certificate -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["localhost", "10.1.2.3"])
def test_a_certificate_with_the_name(tmp_path, name):
    found = certificate.read(*written(tmp_path), name)
    assert found == ((NOW - DAY).timestamp(), (NOW + 90 * DAY).timestamp())
    assert found.days_left(NOW.timestamp()) == 90 and certificate.problem(found, "x", NOW.timestamp()) is None


@pytest.mark.parametrize("name", ["other.example.com", "10.1.2.4"])
def test_another_name(tmp_path, name):
    with pytest.raises(certificate.CertificateError, match=f"does not have the name {name}"):
        certificate.read(*written(tmp_path), name)


def test_an_expired_certificate_and_one_that_is_not_valid_yet(tmp_path):
    expired = certificate.read(*written(tmp_path, (-9, -1)), "localhost")
    assert f"x expired on {NOW - DAY:%Y-%m-%d}" == certificate.problem(expired, "x", NOW.timestamp())
    future = certificate.read(*written(tmp_path, (1, 9)), "localhost")
    assert "valid only from" in certificate.problem(future, "x", NOW.timestamp())


def test_the_key_of_another_certificate(tmp_path):
    path, (_other, key) = written(tmp_path / "a")[0], written(tmp_path / "b")
    with pytest.raises(certificate.CertificateError, match="is not the key of the certificate"):
        certificate.read(path, key, "localhost")


def test_files_that_are_no_certificate(tmp_path):
    path, key = written(tmp_path)
    (tmp_path / "text").write_text("no PEM")
    for files in ((str(tmp_path / "text"), key), (path, str(tmp_path / "text")), (path, path)):
        with pytest.raises(certificate.CertificateError, match="are not a certificate and its key in PEM"):
            certificate.read(*files, "localhost")
    with pytest.raises(certificate.CertificateError, match="cannot be read: No such file"):
        certificate.read(str(tmp_path / "none"), key, "localhost")


# -- the proof -------------------------------------------------------------------------------------------------------


def digest(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


LAYER, CONFIG = b"layer" * 100, b"{}"
MANIFEST = json.dumps(
    {
        "config": {"digest": digest(CONFIG), "size": len(CONFIG)},
        "layers": [{"digest": digest(LAYER), "size": len(LAYER)}],
    }
).encode()
INDEX = json.dumps({"manifests": [{"digest": digest(MANIFEST)}]}).encode()


class Cache:
    """A registry that stores what it serves, as a cache does, unless a test breaks it."""

    def __init__(self, folder):
        self.folder, self.asked, self.stores = folder, [], True
        self.answers = {f"blobs/{digest(CONFIG)}": (200, CONFIG), "": (200, b"{}")}
        self.tag(MANIFEST)

    def tag(self, manifest):
        self.answers.update({"manifests/latest": (200, manifest), f"manifests/{digest(MANIFEST)}": (200, MANIFEST)})

    def answer(self, path):
        what = path.replace("/v2/", "").replace("library/hello-world/", "")
        self.asked.append(what)
        status, body = self.answers.get(what, (404, b"{}"))
        if self.stores and what.startswith("blobs/"):
            value = what.rpartition(":")[2]
            target = self.folder / f"docker/registry/v2/blobs/sha256/{value[:2]}/{value}/data"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(body)
        return status, body


def serve(answer, files=None):
    """Serve with a function that returns status and body, and return the server."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = answer(self.path)
            self.send_response(status)
            self.send_header("Docker-Content-Digest", digest(body))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if files:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "data")


@pytest.fixture
def upstream():
    """The bodies that the upstream has."""
    return {"/v2/": b"{}", "/v2/library/hello-world/manifests/latest": MANIFEST}


@pytest.fixture
def target(tmp_path, cache, upstream):
    files = written(tmp_path / "tls")
    servers = [
        serve(cache.answer, files),
        serve(lambda path: (200, upstream[path]) if path in upstream else (404, b"{}")),
    ]
    yield proof.Target(
        f"https://localhost:{servers[0].server_port}/",
        (tmp_path / "tls/crt").read_text(),
        images.of_registry("hello-world", "docker.io"),
        f"http://127.0.0.1:{servers[1].server_port}/",
        {},
        str(cache.folder),
    )
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_cache_is_proved_by_a_pull_and_again_from_the_disk(target, cache):
    proof.wait(target, 0)
    assert proof.pull(target, 30) is None
    assert cache.asked.count(f"blobs/{digest(CONFIG)}") == 2, "the smallest part of the image"


def test_an_image_for_many_platforms(target, cache, upstream):
    cache.tag(INDEX)
    upstream["/v2/library/hello-world/manifests/latest"] = INDEX
    assert proof.pull(target, 30) is None and f"manifests/{digest(MANIFEST)}" in cache.asked


@pytest.mark.parametrize(
    ("path", "answer", "text"),
    [
        (f"blobs/{digest(CONFIG)}", (200, b""), "HTTP 200 with 0 bytes"),
        (f"blobs/{digest(CONFIG)}", (200, b"[]"), "with 2 bytes, which are not it"),
        (f"blobs/{digest(CONFIG)}", (500, b""), "as HTTP 500"),
        ("manifests/latest", (404, b'{"errors": [{"message": "unknown"}]}'), "does not serve hello-world: HTTP 404"),
        ("manifests/latest", (200, INDEX), f"the upstream has {digest(MANIFEST)}"),
    ],
)
def test_a_cache_that_does_not_serve_an_image_whole_is_not_proved(target, cache, path, answer, text):
    cache.answers[path] = answer
    with pytest.raises(proof.ProofError, match=text):
        proof.pull(target, 0)


def test_a_cache_that_stores_nothing_is_not_proved(target, cache):
    cache.stores = False
    with pytest.raises(proof.ProofError, match=f"did not store {digest(CONFIG)}.*full disk"):
        proof.pull(target, 0)


def test_the_rate_limit_of_the_upstream_is_no_failure(target, cache):
    cache.answers["manifests/latest"] = (429, b"{}")
    assert "rate limit" in proof.pull(target, 30)


def test_an_upstream_that_shows_images_only_to_an_account_is_not_asked(target):
    assert proof.pull(target._replace(upstream=None), 30) is None


def test_no_image_proves_only_that_the_cache_answers(target, cache):
    assert proof.pull(target._replace(image=None), 30) is None and cache.asked == []


def test_a_cache_with_another_certificate_is_not_proved(target, tmp_path):
    written(tmp_path / "other")
    with pytest.raises(proof.ProofError, match="does not answer within 0 s: its certificate is not trusted"):
        proof.wait(target._replace(certificates=(tmp_path / "other/crt").read_text()), 0)


def test_a_cache_under_another_name_is_not_proved(target):
    with pytest.raises(proof.ProofError, match="certificate is not trusted"):
        proof.wait(target._replace(url=target.url.replace("localhost", "127.0.0.1")), 0)


@pytest.mark.parametrize(("status", "is_silent"), [(200, False), (401, False), (429, False), (500, True), (503, True)])
def test_the_answer_of_an_upstream(status, is_silent):
    server = serve(lambda path: (status, b"{}"))
    try:
        url = f"http://127.0.0.1:{server.server_port}/"
        assert (proof.silence(url, {}) is not None) == is_silent
    finally:
        server.shutdown()
        server.server_close()
    assert "no connection" in proof.silence(url, {})
