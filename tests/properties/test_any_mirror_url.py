# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""URLs of mirrors, compared with a second implementation of the engine's rules."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import mirror_url
from ansible_collections.pullthrough.docker.tests.properties.readers import quickly
from ansible_collections.pullthrough.docker.tests.properties.texts import LONG_TEXTS

VERSIONS = st.sampled_from([None, (20, 10, 24), (23, 0, 6), (24, 0, 7), (24, 0, 8), (25, 0, 0), (28, 5, 2)])
_HOSTS = ["mirror.gcr.io", "a.example", "10.0.0.1", "[::1]", "under_score", "a:5000", "a:65535", "[::1]:80"]
_PATHS = ["", "/", "/hub", "/hub/", "/a%2Fb", "//"]
GOOD = st.builds(
    "{}://{}{}".format, st.sampled_from(["http", "https"]), st.sampled_from(_HOSTS), st.sampled_from(_PATHS)
)
_PARTS = [
    "http", "https", "HTTPS", "ftp", "://", ":", "/", "//", "@", "?", "#", "%", "%zz", "%41", "[", "]", "::1",
    "a", "b.example", "user:pw", "0", "80", "70000",
    " ", "\t", "\n", "\x00", "é", "\u2100", "\u3002", "٣", "\\", "..", "-",
]  # fmt: skip
ODD = st.one_of(
    st.text(max_size=20),
    st.lists(st.sampled_from(_PARTS), max_size=8).map("".join),
    st.builds(str.__add__, GOOD, st.sampled_from(_PARTS)),
)


def engine_shows(url, version):
    """Return a URL as an engine shows it, or None where it refuses it. Without a version, a path is accepted."""
    match = re.fullmatch(r"(https?)://([^/?#]*)([^?#]*)", url, re.ASCII)
    if not match or re.search(r"[\x00-\x20\x7f]", url):
        return None
    _scheme, authority, path = match.groups()
    is_refused = (
        "@" in authority
        or re.search("%(?![0-9A-Fa-f]{2})", path)
        or not re.fullmatch(r"(?:[^:\[\]%]*|\[.*\])(?::[0-9]*)?", authority, re.ASCII)
    )
    if is_refused or (path not in ("", "/") and version and version < (24, 0, 8)):
        return None
    return url if url.endswith("/") else f"{url}/"


def is_accepted(url, version):
    try:
        mirror_url.check(url, version)
    except mirror_url.MirrorUrlError:
        return False
    return True


@given(GOOD | ODD, VERSIONS)
def test_an_accepted_url_is_accepted_by_the_engine(url, version):
    if is_accepted(url, version):
        assert engine_shows(url, version) == mirror_url.engine_spelling(url)


@given(GOOD, VERSIONS)
def test_a_url_that_engines_accept_and_can_use_is_accepted(url, version):
    assert is_accepted(url, version) is (engine_shows(url, version) is not None)


@given(st.lists(GOOD, max_size=5))
def test_the_list_of_the_engine_stays_as_it_is(urls):
    shown = mirror_url.engine_list(urls)
    assert mirror_url.engine_list(shown) == shown
    wanted = [engine_shows(url, None) for url in urls]
    assert shown == [url for number, url in enumerate(wanted) if url not in wanted[:number]]


@given(GOOD | ODD)
def test_a_declared_url_can_be_declared_again(url):
    try:
        declared = mirror_url.declare(url)
    except mirror_url.MirrorUrlError:
        return
    assert mirror_url.declare(declared) == declared
    assert declared.lower() == url.strip().lower()


@given(ODD | LONG_TEXTS | st.none() | st.integers() | st.binary(max_size=5))
def test_any_value_is_accepted_or_refused(url):
    with quickly():
        try:
            declared = mirror_url.declare(url)
        except mirror_url.MirrorUrlError:
            return
    assert declared.startswith(("http://", "https://"))
