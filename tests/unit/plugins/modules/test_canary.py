# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""registry_mirrors_canary: what logs of real engines say of a pull, and what they leave open. Real pulls are in the lab."""

from __future__ import annotations

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._host import engine_api, engine_log, engines
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import images, pull_log

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


def served(by, how=""):
    return "served", by, f"{by} served it{how}"


def fell_through(reason):
    return "fell_through", "registry-1.docker.io", reason


def unknown(reason):
    return "unknown", None, reason


UNSAID = ": the engine names each endpoint that fails, and "
EACH_FAILED = fell_through("each mirror failed, and Docker Hub was asked")
HUB_LAST = fell_through("Docker Hub was asked")
ANOTHER = unknown("another pull ran meanwhile, and the log does not say whose lines these are")
NOT_SHOWN = unknown("the engine's log does not show the pull")
STRANGER = unknown("other.example served it, which is none of the mirrors in force")

CLASSIC = {
    # name: (lines, debug, alone, mirrors, verdict, number of lines quoted)
    "silence": ([], False, True, [ONE], served(ONE, f"{UNSAID}named none"), 0),
    "other lines": (["level=info msg=x"], False, True, [ONE], served(ONE, f"{UNSAID}named none"), 0),
    "fell through": ([NEXT], False, True, [ONE], EACH_FAILED, 1),
    "the second of two": ([NEXT], False, True, [ONE, TWO], served(TWO, f"{UNSAID}did not name this one"), 1),
    "both failed": ([NEXT, NEXT], False, True, [ONE, TWO], EACH_FAILED, 2),
    "another pull": ([NEXT], False, False, [ONE], ANOTHER, 1),
    "silence of two pulls": ([], False, False, [ONE], ANOTHER, 0),
    "20.10 at debug": ([tries(ONE[:-1], end="/ v2")], True, True, [ONE], served(ONE), 1),
    "twice at debug": ([tries(ONE), tries(ONE)], True, True, [ONE], served(ONE), 2),
    "debug with another pull": ([tries(ONE), tries(f"{HUB}/", "missed")], True, False, [ONE], served(ONE), 1),
    "fell through at debug": ([tries(ONE), NEXT, tries(HUB)], True, True, [ONE], HUB_LAST, 2),
    "the second at debug": ([tries(ONE), NEXT, tries(TWO)], True, True, [ONE, TWO], served(TWO), 2),
    "nobody at debug": ([], True, True, [ONE], NOT_SHOWN, 0),
    "an unknown one at debug": ([tries("https://other.example/")], True, True, [ONE], STRANGER, 1),
}


@pytest.mark.parametrize(("lines", "debug", "alone", "mirrors", "said", "quoted"), CLASSIC.values(), ids=CLASSIC)
def test_the_classic_image_stores(lines, debug, alone, mirrors, said, quoted):
    found = pull_log.verdict(lines, images.parse("alpine"), mirrors, image_store="graphdriver", debug=debug, quiet=False, alone=alone)
    assert (found[:3], len(found.evidence)) == (said, quoted)


LEVEL = unknown('with the containerd image store an engine says so at level debug alone ("debug": true, by a reload)')

CONTAINERD = {
    "silence is no proof": ([], False, True, [ONE], LEVEL, 0),
    "fell through at info": ([skips("mirror.gcr.io")], False, True, [ONE], EACH_FAILED, 1),
    "one of two is left": ([skips("mirror.gcr.io")] * 2, False, True, [ONE, TWO], LEVEL, 2),
    "another pull": ([skips("mirror.gcr.io")], False, False, [ONE], LEVEL, 1),
    "28.5 at info": (['level=info msg="trying next host after status: 404 Not Found" host=mirror.gcr.io'], False, True, [ONE], EACH_FAILED, 1),
    "served": ([resolved("mirror.gcr.io"), fetched("mirror.gcr.io"), fetched("mirror.gcr.io", kind="blobs")], True, True, [ONE], served(ONE), 2),
    "a port": ([fetched("cache.example:5000")], True, True, [ONE, TWO], served(TWO), 1),
    "in part": (
        [fetched("mirror.gcr.io"), fetched("registry-1.docker.io"), fetched("mirror.gcr.io")],
        True,
        True,
        [ONE],
        fell_through("1 of 3 answers came from Docker Hub"),
        1,
    ),
    "an error is no answer": ([fetched("mirror.gcr.io"), fetched("registry-1.docker.io", status="404 Not Found")], True, True, [ONE], served(ONE), 1),
    "of another image": ([fetched("mirror.gcr.io"), fetched("registry-1.docker.io", "library/missed")], True, False, [ONE], served(ONE), 1),
    "the tag alone": ([resolved("mirror.gcr.io")], True, True, [ONE], served(ONE), 1),
    "the tag alone, at Docker Hub": ([resolved("registry-1.docker.io")], True, True, [ONE], fell_through("1 of 1 answers came from Docker Hub"), 1),
    "whose tag": ([resolved("mirror.gcr.io")], True, False, [ONE], NOT_SHOWN, 0),
}


@pytest.mark.parametrize(("lines", "debug", "alone", "mirrors", "said", "quoted"), CONTAINERD.values(), ids=CONTAINERD)
def test_the_containerd_image_store(lines, debug, alone, mirrors, said, quoted):
    found = pull_log.verdict(lines, images.parse("alpine"), mirrors, image_store="containerd", debug=debug, quiet=False, alone=alone)
    assert (found[:3], len(found.evidence)) == (said, quoted)


@pytest.mark.parametrize(("store", "line"), [("graphdriver", tries(ONE, "grafana/grafana")), ("containerd", fetched("mirror.gcr.io", "grafana/grafana"))])
def test_an_image_that_is_no_official_one(store, line):
    found = pull_log.verdict([line], images.parse("grafana/grafana"), [ONE], image_store=store, debug=True, quiet=False, alone=True)
    assert found == (*served(ONE), [line])


@pytest.mark.parametrize("store", ["graphdriver", "containerd"])
def test_what_no_log_tells(store):
    common = {"image_store": store, "debug": False, "alone": True}
    assert pull_log.verdict([NEXT], images.parse("alpine"), [], quiet=False, **common) == (
        *fell_through("no mirror is in force, so Docker Hub was asked"),
        [],
    )
    assert pull_log.verdict([NEXT], images.parse("alpine"), [ONE], quiet=True, **common) == (
        *unknown("the engine logs less than level info, which is where it says that a mirror failed"),
        [],
    )


# -- the module ------------------------------------------------------------------------------------------------------


class Clock:
    """A time that passes only where someone waits for it."""

    now = 1000.0

    def monotonic(self):
        return self.now

    def time(self):
        return self.now + 7e8

    def sleep(self, seconds):
        self.now += seconds


logs = []


END = 'msg="pull: Get \\"https://127.0.0.1:1/v2/\\": connection refused"'


class Log:
    """The log of an engine whose lines come late: nothing of its end at the first look."""

    said = ()
    levels = ("info", "error")

    def __init__(self, process, most):
        self.pid, self.most, self.looks = process.pid, most, 0
        logs.append(self)

    def lines(self):
        self.looks += 1
        end = [f"level={level} {END}" for level in self.levels if level != "error" or self.looks > 1]
        return [*self.said, *end]


@pytest.fixture
def pulling(monkeypatch, engine):
    """What the engine says to pulls, how many ended meanwhile, what it was asked, and its log."""
    said = {"alpine": (True, None), "asked": [], "clock": Clock()}

    def pull(looked_at, name, reference, deadline):
        said["asked"].append((looked_at.service, name, reference, deadline))
        said["clock"].sleep(1.2346 if name.startswith("library/") else 1.25)
        answer = said.get(name.rpartition("/")[2], (False, "connection refused"))
        if isinstance(answer, Exception):
            raise answer
        return answer

    def pulls(looked_at, since, deadline):
        said["asked"].append((looked_at.service, since, deadline))
        return said.get("pulls", 1)

    engine.mirrors = [ONE]
    monkeypatch.setattr(pull_log, "time", said["clock"])
    monkeypatch.setattr(engine_api, "pull", pull)
    monkeypatch.setattr(engine_api, "pulls", pulls)
    monkeypatch.setattr(engine_log, "Log", Log)
    monkeypatch.setattr(engines, "LOG_POLL_SECONDS", 0.25)
    monkeypatch.setattr(Log, "said", [])
    monkeypatch.setattr(Log, "levels", ("info", "error"))
    logs.clear()
    return said


def test_served(run, pulling, daemon_json):
    result = run("registry_mirrors_canary", images=["alpine"])
    (image,) = result["images"]
    assert image == {
        "image": "alpine",
        "pulled": True,
        "new": True,
        "used": "served",
        "by": ONE,
        "reason": f"{ONE} served it: the engine names each endpoint that fails, and named none",
        "evidence": [],
        "seconds": 1.23,
    }
    assert (result["changed"], result["warnings"], result["engine"]["state"]) == (True, [], "running")


def test_what_the_engine_is_asked_and_how_long(run, pulling):
    """Each has its time, from when it is asked; a pull that ended before this one began is none of another."""
    run("registry_mirrors_canary", images=["alpine"], service="one", pull_timeout=60, timeout=5)
    pulled = 1000.0 + 1.2346
    read = pulled + 1.25 + 0.25
    assert pulling["asked"] == [
        ("one", "library/alpine", "latest", 1060.0),
        ("one", "127.0.0.1:1/pullthrough-docker-end-of-log", "latest", pulled + 5),
        ("one", 7e8 + 1000.0, read + 5),
    ]
    assert [(log.pid, log.most) for log in logs] == [(4711, pull_log.LOG_LINES)]


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


def test_an_engine_that_does_not_answer_the_pull(run, pulling):
    pulling["alpine"] = engine_api.Unreachable("timed out")
    result = run("registry_mirrors_canary", images=["alpine"])
    assert (result["changed"], result["images"][0]["reason"]) == (False, "it could not be pulled: timed out")


@pytest.mark.parametrize("gone", ["info", "process"])
def test_an_engine_that_has_ended(engine, pulling, gone):
    ended = engine.look("docker", 10)._replace(**{gone: None})
    with pytest.raises(engine_api.Unreachable, match=r"^it is not running$"):
        pull_log.try_out(ended, [images.parse("alpine")], pull_timeout=60, timeout=5)
    assert pulling["asked"] == []


def test_another_pull_meanwhile(run, pulling):
    pulling["pulls"] = 2
    assert run("registry_mirrors_canary", images=["alpine"])["images"][0]["used"] == "unknown"


def test_a_log_that_cannot_be_read(run, pulling, monkeypatch):
    """It is waited for until the time is up, and no longer."""
    monkeypatch.setattr(Log, "levels", ("info",))
    image = run("registry_mirrors_canary", images=["alpine"], timeout=3)["images"][0]
    assert (image["pulled"], image["used"], image["reason"]) == (True, "unknown", "the engine's log cannot be read, comes late, or leaves out errors")
    assert logs[0].looks == 7


QUIET = "the engine logs less than level info, which is where it says that a mirror failed"
LEVELS = {
    # name: (levels at which the log shows the end, what /info shows, reason)
    "info": (("warning", "info", "error"), {}, served(ONE, f"{UNSAID}named none")[2]),
    "debug": (("debug", "warning", "info", "error"), {}, NOT_SHOWN[2]),
    "debug in /info, not in the log": (("info", "error"), {"debug": True}, served(ONE, f"{UNSAID}named none")[2]),
    "warning": (("warning", "error"), {}, QUIET),
    "error": (("error",), {}, QUIET),
    "error, and debug in /info": (("error",), {"debug": True}, QUIET),
}


@pytest.mark.parametrize(("levels", "shown", "reason"), LEVELS.values(), ids=LEVELS)
@pytest.mark.parametrize("text", [None, '{"log-level": "info"}', '{"log-level": "error"}', "{,}"])
def test_only_the_log_itself_shows_its_level(run, engine, pulling, daemon_json, monkeypatch, levels, shown, reason, text):
    """The file may have changed since the engine started."""
    monkeypatch.setattr(Log, "levels", levels)
    engine.settings = shown
    if text:
        daemon_json.parent.mkdir()
        daemon_json.write_text(text)
    assert run("registry_mirrors_canary", images=["alpine"])["images"][0]["reason"] == reason


@pytest.mark.parametrize("address", ["127.0.0.1:15000", "127.0.0.1:1080", "10.127.0.0.1:1"])
def test_a_mirror_whose_address_looks_like_the_end_of_the_log(run, engine, pulling, monkeypatch, address):
    """Its lines are its own, and no end of the log."""
    engine.mirrors = [f"http://{address}/"]
    line = f'level=info msg="Attempting next endpoint for pull after error: Get \\"http://{address}/v2/\\": refused"'
    monkeypatch.setattr(Log, "said", [line, line.replace("info", "error")])
    image = run("registry_mirrors_canary", images=["alpine"])["images"][0]
    assert (image["used"], image["evidence"], logs[0].looks) == ("fell_through", [line, line.replace("info", "error")], 2)


def test_the_image_store_of_the_engine(run, engine, pulling):
    engine.store = "containerd"
    assert run("registry_mirrors_canary", images=["alpine"])["images"][0]["reason"] == LEVEL[2]


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
