# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""registry_mirrors_canary: what logs of real engines say of a pull, and what they leave open. Real pulls are in the lab."""

from __future__ import annotations

import json

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils import _canary, _engine, _health

ONE, TWO = "https://mirror.gcr.io/", "https://cache.example:5000/"
NEXT = 'time="x" level=info msg="Attempting next endpoint for pull after error: unknown: fx"'
HUB = "https://registry-1.docker.io"


def tries(where, name="alpine", end=""):
    return f'time="x" level=debug msg="Trying to pull {name} from {where}{end}"'


def skips(host):
    return f'time="x" level=info msg="trying next host" error="failed to do request: Head: refused" host={host}'


def resolved(host):
    return f'time="x" level=debug msg=resolved desc.digest="sha256:1" host={host}'


def fetched(host, name="library/alpine", status="200 OK", kind="manifests"):
    return f'level=debug msg="fetch response received" response.status="{status}" spanID=1 url="https://{host}/v2/{name}/{kind}/sha256:1?ns=docker.io"'


CLASSIC = {
    # name: (lines, debug, alone, mirrors, used, by, number of lines quoted)
    "silence": ([], False, True, [ONE], "served", ONE, 0),
    "other lines": (["level=info msg=x"], False, True, [ONE], "served", ONE, 0),
    "fell through": ([NEXT], False, True, [ONE], "fell_through", "registry-1.docker.io", 1),
    "the second of two": ([NEXT], False, True, [ONE, TWO], "served", TWO, 1),
    "both failed": ([NEXT, NEXT], False, True, [ONE, TWO], "fell_through", "registry-1.docker.io", 2),
    "another pull": ([NEXT], False, False, [ONE], "unknown", None, 1),
    "silence of two pulls": ([], False, False, [ONE], "unknown", None, 0),
    "20.10 at debug": ([tries(ONE[:-1], end="/ v2")], True, True, [ONE], "served", ONE, 1),
    "twice at debug": ([tries(ONE), tries(ONE)], True, True, [ONE], "served", ONE, 2),
    "debug with another pull": ([tries(ONE), tries(f"{HUB}/", "missed")], True, False, [ONE], "served", ONE, 1),
    "fell through at debug": ([tries(ONE), NEXT, tries(HUB)], True, True, [ONE], "fell_through", "registry-1.docker.io", 2),
    "the second at debug": ([tries(ONE), NEXT, tries(TWO)], True, True, [ONE, TWO], "served", TWO, 2),
    "nobody at debug": ([], True, True, [ONE], "unknown", None, 0),
    "an unknown one at debug": ([tries("https://other.example/")], True, True, [ONE], "unknown", None, 1),
}


@pytest.mark.parametrize(("lines", "debug", "alone", "mirrors", "used", "by", "quoted"), CLASSIC.values(), ids=CLASSIC)
def test_the_classic_image_stores(lines, debug, alone, mirrors, used, by, quoted):
    found = _canary.verdict(lines, _health.image("alpine"), mirrors, image_store="graphdriver", debug=debug, quiet=False, alone=alone)
    assert (found.used, found.by, len(found.evidence)) == (used, by, quoted)
    assert found.reason


CONTAINERD = {
    "silence is no proof": ([], False, True, [ONE], "unknown", None, 0),
    "fell through at info": ([skips("mirror.gcr.io")], False, True, [ONE], "fell_through", "registry-1.docker.io", 1),
    "one of two is left": ([skips("mirror.gcr.io")] * 2, False, True, [ONE, TWO], "unknown", None, 2),
    "another pull": ([skips("mirror.gcr.io")], False, False, [ONE], "unknown", None, 1),
    "28.5 at info": (
        ['level=info msg="trying next host after status: 404 Not Found" host=mirror.gcr.io'], False, True, [ONE], "fell_through", "registry-1.docker.io", 1,
    ),
    "served": ([resolved("mirror.gcr.io"), fetched("mirror.gcr.io"), fetched("mirror.gcr.io", kind="blobs")], True, True, [ONE], "served", ONE, 2),
    "a port": ([fetched("cache.example:5000")], True, True, [ONE, TWO], "served", TWO, 1),
    "in part": (
        [fetched("mirror.gcr.io"), fetched("registry-1.docker.io"), fetched("mirror.gcr.io")], True, True, [ONE], "fell_through", "registry-1.docker.io", 1,
    ),
    "an error is no answer": ([fetched("mirror.gcr.io"), fetched("registry-1.docker.io", status="404 Not Found")], True, True, [ONE], "served", ONE, 1),
    "of another image": ([fetched("mirror.gcr.io"), fetched("registry-1.docker.io", "library/missed")], True, False, [ONE], "served", ONE, 1),
    "the tag alone": ([resolved("mirror.gcr.io")], True, True, [ONE], "served", ONE, 1),
    "the tag alone, at Docker Hub": ([resolved("registry-1.docker.io")], True, True, [ONE], "fell_through", "registry-1.docker.io", 1),
    "whose tag": ([resolved("mirror.gcr.io")], True, False, [ONE], "unknown", None, 0),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "debug", "alone", "mirrors", "used", "by", "quoted"), CONTAINERD.values(), ids=CONTAINERD)
def test_the_containerd_image_store(lines, debug, alone, mirrors, used, by, quoted):
    found = _canary.verdict(lines, _health.image("alpine"), mirrors, image_store="containerd", debug=debug, quiet=False, alone=alone)
    assert (found.used, found.by, len(found.evidence)) == (used, by, quoted)
    assert found.reason


@pytest.mark.parametrize("store", ["graphdriver", "containerd"])
def test_what_no_log_tells(store):
    common = {"image_store": store, "debug": False, "alone": True}
    assert _canary.verdict([NEXT], _health.image("alpine"), [], quiet=False, **common)[:2] == ("fell_through", "registry-1.docker.io")
    assert _canary.verdict([NEXT], _health.image("alpine"), [ONE], quiet=True, **common)[:2] == ("unknown", None)


# -- the module ------------------------------------------------------------------------------------------------------


class Log:
    """The log of an engine whose lines come late: nothing at the first look."""

    said = ()
    ends = True

    def __init__(self, process, most):
        self._looks = 0

    def lines(self):
        self._looks += 1
        end = 'level=error msg="Handler for POST /images/create returned error: Get \\"http://127.0.0.1:1/v2/\\": connection refused"'
        around = 'level=info msg="Attempting next endpoint for pull after error: Get \\"https://127.0.0.1:1/v2/\\": refused"'
        return [*self.said, around, *([end] if self.ends and self._looks > 1 else [])]


@pytest.fixture
def pulling(monkeypatch, engine):
    """What the engine says to pulls, how many ended meanwhile, and its log."""
    said = {"alpine": (True, None)}
    asked = []

    def pull(_engine, name, reference, deadline):
        asked.append((name, reference))
        return said.get(name.rpartition("/")[2], (False, "connection refused"))

    engine.mirrors = [ONE]
    monkeypatch.setattr(_engine, "pull", pull)
    monkeypatch.setattr(_engine, "pulls", lambda _engine, since, deadline: said.get("pulls", 1))
    monkeypatch.setattr(_engine, "Log", Log)
    monkeypatch.setattr(_engine, "LOG_POLL_SECONDS", 0.01)
    monkeypatch.setattr(Log, "said", [])
    monkeypatch.setattr(Log, "ends", True)
    said["asked"] = asked
    return said


def test_served(run, pulling, daemon_json):
    result = run("registry_mirrors_canary", images=["alpine"])
    (image,) = result["images"]
    assert image.pop("seconds") >= 0
    assert image == {
        "image": "alpine",
        "pulled": True,
        "new": True,
        "used": "served",
        "by": ONE,
        "reason": f"{ONE} served it: the engine names each endpoint that fails, and named none",
        "evidence": [],
    }
    assert (result["changed"], result["warnings"], result["engine"]["state"]) == (True, [], "running")
    assert pulling["asked"] == [("library/alpine", "latest"), ("127.0.0.1:1/pullthrough-docker-end-of-log", "latest")]


def test_fell_through(run, pulling, monkeypatch):
    monkeypatch.setattr(Log, "said", [f"{NEXT} https://a:b@c.example"] * 30)
    pulling["alpine"] = (False, None)
    result = run("registry_mirrors_canary", images=["alpine"])
    (image,) = result["images"]
    assert (image["used"], result["changed"], len(image["evidence"])) == ("fell_through", False, 20)
    assert "https://***@c.example" in image["evidence"][0]
    assert result["warnings"] == ["alpine was not served by a mirror: each mirror failed, and Docker Hub was asked."]


def test_a_pull_that_fails(run, pulling):
    result = run("registry_mirrors_canary", images=["missed", "alpine"])
    assert [(image["pulled"], image["used"]) for image in result["images"]] == [(False, "unknown"), (True, "served")]
    assert result["images"][0]["reason"] == "it could not be pulled: connection refused"
    assert result["warnings"] == ["missed was not served by a mirror: it could not be pulled: connection refused."]


def test_an_engine_that_does_not_answer_the_pull(run, pulling, monkeypatch):
    def pull(*_words):
        raise _engine.Unreachable("timed out")

    monkeypatch.setattr(_engine, "pull", pull)
    assert run("registry_mirrors_canary", images=["alpine"])["images"][0]["reason"] == "it could not be pulled: timed out"


def test_another_pull_meanwhile(run, pulling):
    pulling["pulls"] = 2
    assert run("registry_mirrors_canary", images=["alpine"])["images"][0]["used"] == "unknown"


def test_a_log_that_cannot_be_read(run, pulling, monkeypatch):
    monkeypatch.setattr(Log, "ends", False)
    image = run("registry_mirrors_canary", images=["alpine"], timeout=1)["images"][0]
    assert (image["pulled"], image["used"], image["reason"]) == (True, "unknown", "the engine's log cannot be read, or comes late")


LEVELS = {
    # name: (words of the command line, settings of the file, what /info says, used)
    "info": ((), {}, {}, "served"),
    "debug as /info says": ((), {}, {"debug": True}, "unknown"),
    "debug in the file": ((), {"log-level": "debug"}, {}, "unknown"),
    "less in the file": ((), {"log-level": "warn"}, {}, "unknown"),
    "less on the command line": (("--log-level=error",), {"log-level": "info"}, {}, "unknown"),
    "the last on the command line": (("-l", "error", "--log-level", "info"), {}, {}, "served"),
}


@pytest.mark.parametrize(("words", "settings", "shown", "used"), LEVELS.values(), ids=LEVELS)
def test_the_level_of_the_log(run, engine, pulling, daemon_json, words, settings, shown, used):
    daemon_json.parent.mkdir()
    daemon_json.write_text(json.dumps(settings))
    engine.argv += words
    engine.settings = shown
    assert run("registry_mirrors_canary", images=["alpine"])["images"][0]["used"] == used


@pytest.mark.parametrize("state", ["stopped", "absent", "unreachable"])
def test_nothing_is_pulled_without_an_engine(run, engine, pulling, state):
    engine.state = state
    result = run("registry_mirrors_canary", images=["alpine"])
    assert pulling["asked"] == [] and not result["changed"]
    assert result["images"][0]["reason"] == f"nothing was pulled, as the engine is {state}: it is {state}"


def test_check_mode_pulls_nothing(run, pulling):
    result = run("registry_mirrors_canary", images=["alpine"], check=True)
    assert result["skipped"] and not result["changed"] and pulling["asked"] == []


def test_what_is_no_image_of_docker_hub(run, pulling):
    assert "an image of ghcr.io" in run("registry_mirrors_canary", images=["ghcr.io/a/b"])["msg"]
    assert pulling["asked"] == []


def test_a_file_that_cannot_be_read(run, pulling, daemon_json):
    daemon_json.parent.mkdir()
    daemon_json.write_text("{,}")
    assert "line 1, column 2" in run("registry_mirrors_canary", images=["alpine"])["msg"]
