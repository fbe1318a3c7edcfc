# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What engines make of the answers for an image, as seen on 26.1.5 (classic) and 29.7.2 (containerd).

The scenario "registries" compares the same rules with real pulls.
"""

from __future__ import annotations

import hashlib

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import pull_rules
from ansible_collections.pullthrough.docker.plugins.module_utils._rules.pull_rules import (
    BREAKS_PULLS,
    CLASSIC,
    CONTAINERD,
    NOT_USED,
    USED,
    Reply,
)

BODY = b'{"schemaVersion": 2}'
DIGEST, WRONG = f"sha256:{hashlib.sha256(BODY).hexdigest()}", f"sha256:{'0' * 64}"
TYPE = pull_rules.MANIFESTS[0]


def reply(status=200, body=BODY, **changes):
    """Return the answer of a mirror that has the image, with these changes."""
    usual = {"media_type": TYPE, "digest": DIGEST, "length": len(BODY), "body": body}
    hashed = f"sha256:{hashlib.sha256(body).hexdigest()}"
    return Reply(status, **{**usual, "body_digest": hashed, "body_size": len(body), **changes})


HEAD, GET = "HEAD", "GET"
GOOD = {HEAD: reply(body=b""), GET: reply()}
PAGE = reply(body=b"<html>", media_type="text/html", digest="", length=6)
CASES = {
    # name: (answers to HEAD and GET, verdict of the classic store, verdict of the containerd store)
    "as it should be": ({}, USED, USED),
    "missing": ({HEAD: reply(404), GET: reply(404)}, NOT_USED, NOT_USED),
    "refused": ({HEAD: reply(403), GET: reply(403)}, NOT_USED, NOT_USED),
    "limited": ({HEAD: reply(429), GET: reply(429)}, NOT_USED, NOT_USED),
    "a page": ({HEAD: PAGE._replace(body=b""), GET: PAGE}, NOT_USED, BREAKS_PULLS),
    "HEAD 405": ({HEAD: reply(405)}, USED, USED),
    "HEAD 403": ({HEAD: reply(403)}, USED, NOT_USED),
    "HEAD 200, GET 404": ({GET: reply(404)}, NOT_USED, NOT_USED),
    "no digest": ({HEAD: reply(body=b"", digest=""), GET: reply(digest="")}, USED, USED),
    "a digest that is none": ({HEAD: reply(body=b"", digest="x"), GET: reply(digest="x")}, NOT_USED, BREAKS_PULLS),
    "a wrong digest": ({HEAD: reply(body=b"", digest=WRONG), GET: reply(digest=WRONG)}, USED, BREAKS_PULLS),
    "another type": (
        {HEAD: reply(body=b"", media_type="text/plain"), GET: reply(media_type="text/plain")},
        NOT_USED,
        BREAKS_PULLS,
    ),
    "no type": ({HEAD: reply(body=b"", media_type=""), GET: reply(media_type="")}, NOT_USED, BREAKS_PULLS),
    "a charset": (
        {HEAD: reply(body=b"", media_type=f"{TYPE}; charset=utf-8"), GET: reply(media_type=f"{TYPE}; charset=utf-8")},
        USED,
        USED,
    ),
    "no length at HEAD": ({HEAD: reply(body=b"", length=None)}, NOT_USED, USED),
    "length 0 at HEAD": ({HEAD: reply(body=b"", length=0)}, USED, BREAKS_PULLS),
    "another length at HEAD, as with gzip": ({HEAD: reply(body=b"", length=5)}, USED, BREAKS_PULLS),
    "a short body": ({GET: reply(body=BODY[:5], is_whole=False)}, NOT_USED, BREAKS_PULLS),
    "larger than containerd allows": (
        {
            HEAD: reply(body=b"", length=pull_rules.MANIFEST_LIMIT + 1),
            GET: reply(is_whole=False, body_size=pull_rules.MANIFEST_LIMIT + 1),
        },
        USED,
        BREAKS_PULLS,
    ),
}


def judge(store, answers, reference="latest"):
    asked = []

    def fetch(method, what):
        asked.append((method, what))
        return {**GOOD, **answers}[method]

    return pull_rules.judge(store, fetch, reference), asked


@pytest.mark.parametrize(("answers", "classic", "containerd"), CASES.values(), ids=CASES)
def test_a_manifest(answers, classic, containerd):
    for store, verdict in ((CLASSIC, classic), (CONTAINERD, containerd)):
        found, _asked = judge(store, answers)
        assert found.verdict == verdict, (store, found)
        assert (found.reason is None) is (verdict == USED), (store, found)


@pytest.mark.parametrize("store", [CLASSIC, CONTAINERD])
def test_only_404_says_that_an_image_is_missing(store):
    assert judge(store, {HEAD: reply(404), GET: reply(404)})[0].refusal == 404
    assert judge(store, {HEAD: reply(429), GET: reply(429)})[0].refusal == 429
    assert judge(store, {GET: reply(404)})[0].refusal is None


def test_a_digest_is_asked_for_as_each_store_does():
    assert judge(CLASSIC, {}, DIGEST)[1] == [(GET, DIGEST)]
    assert judge(CONTAINERD, {}, DIGEST)[1] == [(HEAD, DIGEST), (GET, DIGEST)]


PLATFORMS = {
    # name: (answer, verdict of the classic store, verdict of the containerd store)
    "as it should be": (reply(), USED, USED),
    "another type": (reply(media_type="text/plain"), NOT_USED, USED),
    "missing": (reply(404), NOT_USED, NOT_USED),
    "other content": (reply(body=b"{}"), NOT_USED, BREAKS_PULLS),
    "a short body": (reply(is_whole=False), NOT_USED, BREAKS_PULLS),
}


@pytest.mark.parametrize(("answer", "classic", "containerd"), PLATFORMS.values(), ids=PLATFORMS)
def test_the_manifest_of_a_platform(answer, classic, containerd):
    assert pull_rules.judge_platform(CLASSIC, answer, DIGEST).verdict == classic
    assert pull_rules.judge_platform(CONTAINERD, answer, DIGEST).verdict == containerd


URLS = {
    # (mirror, image store, version): the URL that the engine asks
    ("https://a.example/", CLASSIC, (26, 1, 5)): "https://a.example/v2/",
    ("https://a.example/hub/", CLASSIC, (26, 1, 5)): "https://a.example/hub/v2/",
    ("https://a.example/v2/", CLASSIC, (26, 1, 5)): "https://a.example/v2/v2/",
    ("https://a.example/v2/", CONTAINERD, (28, 5, 2)): "https://a.example/v2/",
    ("https://a.example/hub/", CONTAINERD, (28, 5, 2)): "https://a.example/hub/v2/",
    ("https://a.example//", CONTAINERD, (29, 7, 2)): "https://a.example/v2/",
    ("https://a.example/hub/", CONTAINERD, (26, 1, 5)): "https://a.example/v2/hub/",
    ("https://a.example/hub/", CONTAINERD, (24, 0, 9)): "https://a.example/v2/",
    ("http://a.example:5000/", CONTAINERD, (26, 1, 5)): "https://a.example:5000/v2/",
    ("https://127.0.0.1:5000/", CONTAINERD, (26, 1, 5)): "http://127.0.0.1:5000/v2/",
    ("http://a.example:5000/", CONTAINERD, (28, 5, 2)): "http://a.example:5000/v2/",
    ("http://a.example:5000/", CONTAINERD, None): "http://a.example:5000/v2/",
}


@pytest.mark.parametrize(("key", "url"), URLS.items(), ids=[" ".join(map(str, key)) for key in URLS])
def test_the_url_that_an_engine_asks(key, url):
    assert pull_rules.api_url(*key) == url
