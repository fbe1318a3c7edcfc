# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""URLs of mirrors: what engines accept, what they refuse, and how they show them."""

from __future__ import annotations

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import mirror_url

ACCEPTED = [
    "https://mirror.gcr.io",
    "http://localhost:5000",
    "https://cache.example.com:5000/",
    "https://cache.example.com:",
    "http://10.0.0.1",
    "https://[::1]:5000",
    "https://under_score.example",
]


@pytest.mark.parametrize("url", ACCEPTED)
def test_accepted_by_every_engine(url):
    assert mirror_url.declare(url) == url
    mirror_url.check(url, (20, 10, 24))


EMPTY = "it is empty; write a URL such as https://mirror.gcr.io"
BLANK = "it contains white space or a control character; remove it"
SEVERAL = (
    "it looks like more than one URL; write each as an entry of the list, or in a string with only a comma between them"
)
STRUCTURE = "it is a dictionary or a list in the place of a URL; write only the URL, such as https://mirror.gcr.io"
SCHEME = "write http:// or https://, in lower case"
NO_HOST = "it names no host; write a URL such as https://mirror.gcr.io"
USER = "engines refuse a user or password in it; let the mirror allow anonymous pulls, or use client certificates"
QUERY = "engines refuse a query or fragment; end the URL after the host or the path"
MALFORMED = "its host or port is not valid; write scheme://host or scheme://host:port, with a port from 1 to 65535"

REFUSED = {
    # name: (URL, how it is shown, reason and remedy)
    "empty": ("", "", EMPTY),
    "blank": ("   ", "", EMPTY),
    "no scheme": (
        "mirror.gcr.io",
        "mirror.gcr.io",
        "it has no scheme; write https://mirror.gcr.io or http://mirror.gcr.io",
    ),
    "other scheme": ("ftp://mirror.example", "ftp://mirror.example", f'its scheme is "ftp"; {SCHEME}'),
    "no host": ("https://", "https://", NO_HOST),
    "no host before a path": ("https:///path", "https:///path", NO_HOST),
    "user": ("https://user:hush@mirror.example", "https://***@mirror.example", USER),
    "query": ("https://mirror.example?x=1", "https://mirror.example?***", QUERY),
    "fragment": ("https://mirror.example/#x", "https://mirror.example/#***", QUERY),
    "no host before a query": ("https://?x", "https://?***", QUERY),
    "port 0": ("https://mirror.example:0", "https://mirror.example:0", MALFORMED),
    "port too high": ("https://mirror.example:70000", "https://mirror.example:70000", MALFORMED),
    "port in letters": ("https://mirror.example:http", "https://mirror.example:http", MALFORMED),
    "open bracket": ("https://[::1", "https://[::1", MALFORMED),
    "no host before a port": ("https://:5000", "https://:5000", MALFORMED),
    "space": ("https://mir ror.example", "https://mir ror.example", BLANK),
    "control character": ("https://mirror.example\x07", "https://mirror.example\\x07", BLANK),
    "delete character": ("https://mirror.example\x7f", "https://mirror.example\\x7f", BLANK),
    "open escape": (
        "https://a.example/%4",
        "https://a.example/%4",
        "its path contains a % without two hexadecimal digits after it; write %25 for a literal %",
    ),
    "two with a comma": ("https://a,https://b", "https://a,https://b", SEVERAL),
    "two with a semicolon": ("https://a; http://b", "https://a; http://b", SEVERAL),
    "two with a space": ("https://a https://b", "https://a https://b", SEVERAL),
    "a dictionary": ("{'url': 'https://a'}", "{'url': 'https://a'}", STRUCTURE),
    "a list": ("['https://a']", "['https://a']", STRUCTURE),
}


@pytest.mark.parametrize(("url", "shown", "why"), REFUSED.values(), ids=REFUSED)
def test_refused_for_every_engine(url, shown, why):
    with pytest.raises(mirror_url.MirrorUrlError) as refused:
        mirror_url.declare(url)
    assert str(refused.value) == f'"{shown}" cannot be a registry mirror: {why}.'


@pytest.mark.parametrize(
    ("url", "why"),
    [("  ", EMPTY), ("HTTPS://a.example", f'its scheme is "HTTPS"; {SCHEME}')],
    ids=["blank", "capitals"],
)
def test_refused_unless_it_is_declared(url, why):
    with pytest.raises(mirror_url.MirrorUrlError) as refused:
        mirror_url.check(url, None)
    assert str(refused.value) == f'"{url}" cannot be a registry mirror: {why}.'


@pytest.mark.parametrize("value", [None, 7, ["https://a.example"]])
def test_what_is_not_text_is_refused(value):
    with pytest.raises(mirror_url.MirrorUrlError) as refused:
        mirror_url.declare(value)
    assert str(refused.value) == f"{value!r} is not a mirror URL: write one such as https://mirror.gcr.io."


DECLARED = {
    "  HTTPS://Mirror.example ": "https://Mirror.example",
    "https://a.example/%AF%af%09": "https://a.example/%AF%af%09",
    "HTTP://Cache.example/Hub/https://docker.io": "http://Cache.example/Hub/https://docker.io",
}


@pytest.mark.parametrize(("url", "written"), DECLARED.items())
def test_spelling_of_a_declared_one(url, written):
    assert mirror_url.declare(url) == written


@pytest.mark.parametrize(
    ("version", "accepted"),
    [((20, 10, 24), False), ((24, 0, 7), False), ((24, 0, 8), True), ((28, 5, 2), True), (None, True)],
)
def test_a_path_by_version(version, accepted):
    url = "https://mirror.example/hub"
    if accepted:
        mirror_url.check(url, version)
    else:
        with pytest.raises(mirror_url.MirrorUrlError) as refused:
            mirror_url.check(url, version)
        assert str(refused.value) == (
            f'"{url}" cannot be a registry mirror: Docker Engine {".".join(map(str, version))} refuses a path, '
            "and 24.0.8 and later accept one; serve the mirror at the root of a host."
        )


def test_engine_list():
    assert mirror_url.engine_list(["https://a.example", "https://a.example/", "https://b.example/hub"]) == [
        "https://a.example/",
        "https://b.example/hub/",
    ]


def test_shown_list():
    assert mirror_url.shown_list(["https://me:hush@a.example", "https://b.example/\x1b"]) == [
        "https://***@a.example/",
        "https://b.example/\\x1b/",
    ]
