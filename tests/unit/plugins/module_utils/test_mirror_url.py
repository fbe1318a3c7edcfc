# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""URLs of mirrors: what engines take, what they refuse, and what is shown of them."""

from __future__ import annotations

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils import _mirror_url
from ansible_collections.pullthrough.docker.plugins.module_utils._version import parse_version

TAKEN = [
    "https://mirror.gcr.io",
    "http://localhost:5000",
    "https://cache.example.com:5000/",
    "http://10.0.0.1",
    "https://[::1]:5000",
    "https://under_score.example",
]


@pytest.mark.parametrize("url", TAKEN)
def test_taken_by_every_engine(url):
    assert _mirror_url.declare(url) == url
    _mirror_url.check(url, (20, 10, 24))


REFUSED = {
    "": "empty",
    "   ": "empty",
    "mirror.gcr.io": "no scheme",
    "ftp://mirror.example": 'scheme is "ftp"',
    "https://": "no host",
    "https:///path": "no host",
    "https://user:hush@mirror.example": "user or password",
    "https://mirror.example?x=1": "query or fragment",
    "https://mirror.example/#x": "query or fragment",
    "https://mirror.example:0": "malformed",
    "https://mirror.example:70000": "malformed",
    "https://mirror.example:http": "malformed",
    "https://mir ror.example": "white space",
    "https://mirror.example\x07": "control character",
    "https://a,https://b": "malformed",
}


@pytest.mark.parametrize(("url", "word"), REFUSED.items(), ids=map(repr, REFUSED))
def test_refused_for_every_engine(url, word):
    with pytest.raises(_mirror_url.MirrorUrlError) as refused:
        _mirror_url.declare(url)
    assert word in str(refused.value)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("value", [None, 7, ["https://a.example"]])
def test_what_is_not_text_is_refused(value):
    with pytest.raises(_mirror_url.MirrorUrlError, match="not a mirror's URL"):
        _mirror_url.declare(value)


def test_spelling_of_a_declared_one():
    assert _mirror_url.declare("  HTTPS://Mirror.example ") == "https://Mirror.example"


@pytest.mark.parametrize(("version", "taken"), [((20, 10, 24), False), ((24, 0, 7), False), ((24, 0, 8), True), ((28, 5, 2), True), (None, True)])
def test_a_path_by_version(version, taken):
    if taken:
        _mirror_url.check("https://mirror.example/hub", version)
    else:
        with pytest.raises(_mirror_url.MirrorUrlError, match=r"24\.0\.8"):
            _mirror_url.check("https://mirror.example/hub", version)


def test_as_the_engine_shows_them():
    assert _mirror_url.engine_list(["https://a.example", "https://a.example/", "https://b.example/hub"]) == [
        "https://a.example/",
        "https://b.example/hub/",
    ]


MASKED = {
    "https://me:hush@a.example/x": "https://***@a.example/x",
    "HTTP_PROXY=http://hush@p.example": "HTTP_PROXY=http://***@p.example",
    "splunk-token=hush next": "splunk-token=*** next",
    '"splunk-token": "hu\\"sh", "tag": "x"': '"splunk-token": ***, "tag": "x"',
    'msg="bad \\"splunk-token\\": \\"hu\\\\\\"sh\\" in file"': 'msg="bad \\"splunk-token\\": *** in file"',
    "https://a.example/@x": "https://a.example/@x",
    "no secret here": "no secret here",
}


@pytest.mark.parametrize(("text", "shown"), MASKED.items())
def test_mask(text, shown):
    assert _mirror_url.mask(text) == shown


VERSIONS = {
    "20.10.24+dfsg1": (20, 10, 24),
    "Docker version 26.1.5+dfsg1, build a72d7cd": (26, 1, 5),
    "28.5.2": (28, 5, 2),
    "29.0.0-rc.1": (29, 0, 0),
    "library-import": None,
    "": None,
}


@pytest.mark.parametrize(("text", "version"), VERSIONS.items())
def test_versions(text, version):
    assert parse_version(text) == version
