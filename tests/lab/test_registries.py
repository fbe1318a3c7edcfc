# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each mirror of odd_mirrors.py on each image store: what a real pull does, beside what the module says of the mirror.

What the module must say is never written down: the pull decides.
"""

from __future__ import annotations

import collections
import datetime
import json
import re
import subprocess

import odd_mirrors
import pytest

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import conftest

from conftest import FOLDER, ROOT, each, wait_until

ROWS = ROOT / "build/registries.json"
MIRRORS = "/run/odd"
CHUNK = 15
"""How many mirrors one call of the module checks at once."""
FORGET = """docker rmi --force alpine >/dev/null 2>&1
ctr -n moby images ls -q 2>/dev/null | xargs -r ctr -n moby images rm --sync >/dev/null
ctr -n moby content ls -q 2>/dev/null | xargs -r ctr -n moby content rm >/dev/null"""
"""Remove the image with all its content, so that a pull fetches every part."""

CERTIFICATES = {
    # name: (subject, alternative name, whether the lab's CA signs it, days, whether it names the key of the CA, RSA)
    "good": (odd_mirrors.HOST, odd_mirrors.HOST, True, 5, True, False),
    "common-name": (odd_mirrors.HOST, None, True, 5, True, False),
    "other-name": ("other.lan", "other.lan", True, 5, True, False),
    "expired": (odd_mirrors.HOST, odd_mirrors.HOST, True, -1, True, False),
    "self-signed": (odd_mirrors.HOST, odd_mirrors.HOST, False, 5, True, False),
    "no-key-identifier": (odd_mirrors.HOST, odd_mirrors.HOST, True, 5, False, False),
    "rsa": (odd_mirrors.HOST, odd_mirrors.HOST, True, 5, True, True),
}


def certificate(subject, alternative, signed, days, identified, is_rsa):
    """Return a certificate and its key, as PEM."""
    ca = x509.load_pem_x509_certificate((FOLDER / "ca.crt").read_bytes())
    ca_key = serialization.load_pem_private_key((FOLDER / "ca.key").read_bytes(), None)
    key = rsa.generate_private_key(65537, 2048) if is_rsa else ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)])
    now = datetime.datetime.now(datetime.timezone.utc)
    dates = sorted((now - datetime.timedelta(days=2), now + datetime.timedelta(days=days)))
    issuer = ca.subject if signed else name
    made = x509.CertificateBuilder(issuer, name, key.public_key(), x509.random_serial_number(), *dates)
    if alternative:
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(alternative)]), critical=False)
    if identified:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key())
        made = made.add_extension(identifier, critical=False)
    pem = made.sign(ca_key if signed else key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return pem, key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture(scope="module")
def hosts(lab, tmp_path_factory):
    return conftest.with_modules(lab, tmp_path_factory)


@pytest.fixture(scope="module")
def mirrors(hosts):
    """Run the mirrors on the first host, and yield the function that returns the requests of a mirror from a host."""
    first = hosts[0]
    for name, words in CERTIFICATES.items():
        pem, key = certificate(*words)
        first.write(f"{MIRRORS}/{name}.crt", pem)
        first.write(f"{MIRRORS}/{name}.key", key)
    first.write(f"{MIRRORS}/odd_mirrors.py", (ROOT / "tests/lab/odd_mirrors.py").read_bytes())
    command = f"rm -f {MIRRORS}/ready; : >{MIRRORS}/asked; exec python3 {MIRRORS}/odd_mirrors.py {MIRRORS}"
    with conftest.running(first, "sh", "-c", command):
        wait_until(lambda: first.run("sh", "-c", f"test -e {MIRRORS}/ready && echo yes || true"))
        yield lambda name, host: [
            (kind, path, agent)
            for row, client, kind, path, agent in map(json.loads, first.run("cat", f"{MIRRORS}/asked").splitlines())
            if (row, client) == (name, host.address)
        ]


def bring_into_force(host, url):
    """Let the engine use only this mirror."""
    result = host.execute(mirrors=[url], exclusive=True)
    assert result["in_force"] == [f"{url}/"], result


def pulled(name, host, requests):
    """Pull the image through a mirror, and return the parts that the engine asked it for, and the error of the pull."""
    host.run("sh", "-c", FORGET, check=False)
    before = len(requests(name, host))
    done = subprocess.run(
        ["docker", "exec", host.container, "timeout", "100", "docker", "pull", "--quiet", "alpine"],
        capture_output=True,
        check=False,
        text=True,
    )
    asked = requests(name, host)[before:]
    served = collections.Counter(kind for kind, _path, agent in asked if "pullthrough" not in agent)
    return served, done.stderr.strip()[:300] if done.returncode else None


def verdict(name, served, hub, error):
    """Return what a pull did: used, not_used, breaks_pulls, or in_part if some parts came from each registry."""
    if error is not None:
        return "breaks_pulls"
    if "blob" not in served or "blob" in odd_mirrors.ROWS[name]:
        return "not_used"
    return "in_part" if hub else "used"


def from_hub(lab, host, since):
    """Return the parts of the image that the stand-in for Docker Hub sent to a host."""
    lines = lab.container("hub").logs(stderr=False, since=since).decode().splitlines()
    pattern = rf'"(?:GET|HEAD) /v2/{odd_mirrors.IMAGE}/(manifests|blobs)/\S+ HTTP/[^"]*" 200'
    matches = [re.search(pattern, line) for line in lines if line.startswith(f"{host.address} ")]
    return collections.Counter(match[1] for match in matches if match)


def checked(host):
    """Return what the module says of each mirror on a host."""
    said = {}
    names = list(odd_mirrors.ROWS)
    for start in range(0, len(names), CHUNK):
        chunk = names[start : start + CHUNK]
        urls = [odd_mirrors.URLS[name] for name in chunk]
        result = host.execute("registry_mirrors_health_info", mirrors=urls, images=["alpine"], timeout=odd_mirrors.SLOW)
        said.update(zip(chunk, result["mirrors"]))
    return said


def try_one(name, host, lab, requests, said):
    """Return the row of a mirror on a host: what a pull did, and what the module said."""
    bring_into_force(host, odd_mirrors.URLS[name])
    since = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    served, error = pulled(name, host, requests)
    hub = from_hub(lab, host, since)
    (image,) = said["images"]
    return {
        "pull": verdict(name, served, hub, error),
        "hub": dict(hub),
        "mirror": dict(served),
        "error": error,
        "module": image["verdict"],
        "failed_at": said["failed_at"],
        "reason": said["reason"] or image["reason"],
    }


@pytest.fixture(scope="module")
def rows(hosts, mirrors, lab):
    """Return the results by mirror and host, which are also written for the table in the documentation."""
    ROWS.unlink(missing_ok=True)
    store = conftest.Store(ROWS)
    said = each(checked, hosts)
    for name in odd_mirrors.ROWS:
        store[name] = each(lambda host, name=name: try_one(name, host, lab, mirrors, said[host.name][name]), hosts)
        store.save()
    return store


@pytest.mark.parametrize("name", odd_mirrors.ROWS)
def test_the_module_says_what_the_pull_does(rows, name):
    for host, row in rows[name].items():
        possible = {"in_part": ("used", "not_used")}.get(row["pull"], (row["pull"],))
        assert row["module"] in possible, (host, row)
        assert row["pull"] != "not_used" or row["hub"].get("blobs"), (host, row)


def test_each_verdict_is_there(rows):
    """A table in which nothing is odd would prove nothing."""
    seen = {(host, row["pull"]) for found in rows.values() for host, row in found.items()}
    assert {verdict for host, verdict in seen if host.startswith("containerd")} >= {"used", "not_used", "breaks_pulls"}
    assert {verdict for host, verdict in seen if host.startswith("engine")} >= {"used", "not_used"}
