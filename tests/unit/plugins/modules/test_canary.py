# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Test registry_mirrors_canary with lines from logs of real engines.

The lab has real pulls (tests/lab/test_canary.py).
"""

from __future__ import annotations

import json
import re

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
    url = f"https://{host}/v2/{name}/{kind}/sha256:1?ns=docker.io"
    return f'level=debug msg="fetch response received" response.status="{status}" spanID=1 url="{url}"'


def served(by, how=""):
    return "served", by, f"{by} served it{how}"


def fell_through(reason):
    return "fell_through", "registry-1.docker.io", reason


def unknown(reason):
    return "unknown", None, reason


LOGGED = ": the engine logs each endpoint that fails, and "
EACH_FAILED = fell_through("each mirror failed, and Docker Hub was asked")
HUB_LAST = fell_through("Docker Hub was asked")
ANOTHER = unknown("another pull ran at the same time, and the log does not show which lines belong to which pull")
NOT_SHOWN = unknown("the engine's log does not show the pull")
STRANGER = unknown("other.example served it, which is not one of the mirrors in force")


def judged(image_store, lines, debug, is_only_pull, mirrors):
    """Return the verdict about a log without its evidence, and how many lines are quoted as evidence."""
    found = pull_log.verdict(
        lines,
        images.parse("alpine"),
        mirrors,
        image_store=image_store,
        debug=debug,
        quiet=False,
        is_only_pull=is_only_pull,
    )
    return found[:3], len(found.evidence)


CLASSIC = {
    # name: (lines, debug, is_only_pull, mirrors, verdict, number of lines quoted)
    "silence": ([], False, True, [ONE], served(ONE, f"{LOGGED}it logged none"), 0),
    "other lines": (["level=info msg=x"], False, True, [ONE], served(ONE, f"{LOGGED}it logged none"), 0),
    "fell through": ([NEXT], False, True, [ONE], EACH_FAILED, 1),
    "the second of two": ([NEXT], False, True, [ONE, TWO], served(TWO, f"{LOGGED}it did not log this one"), 1),
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


@pytest.mark.parametrize(
    ("lines", "debug", "is_only_pull", "mirrors", "expected", "quoted"), CLASSIC.values(), ids=CLASSIC
)
def test_the_classic_image_stores(lines, debug, is_only_pull, mirrors, expected, quoted):
    assert judged("graphdriver", lines, debug, is_only_pull, mirrors) == (expected, quoted)


LEVEL = unknown('with the containerd image store only level debug shows it (set "debug": true and reload the engine)')

CONTAINERD = {
    "silence is no proof": ([], False, True, [ONE], LEVEL, 0),
    "fell through at info": ([skips("mirror.gcr.io")], False, True, [ONE], EACH_FAILED, 1),
    "one of two is left": ([skips("mirror.gcr.io")] * 2, False, True, [ONE, TWO], LEVEL, 2),
    "another pull": ([skips("mirror.gcr.io")], False, False, [ONE], LEVEL, 1),
    "28.5 at info": (
        ['level=info msg="trying next host after status: 404 Not Found" host=mirror.gcr.io'],
        False,
        True,
        [ONE],
        EACH_FAILED,
        1,
    ),
    "served": (
        [resolved("mirror.gcr.io"), fetched("mirror.gcr.io"), fetched("mirror.gcr.io", kind="blobs")],
        True,
        True,
        [ONE],
        served(ONE),
        2,
    ),
    "a port": ([fetched("cache.example:5000")], True, True, [ONE, TWO], served(TWO), 1),
    "in part": (
        [fetched("mirror.gcr.io"), fetched("registry-1.docker.io"), fetched("mirror.gcr.io")],
        True,
        True,
        [ONE],
        fell_through("1 of 3 answers came from Docker Hub"),
        1,
    ),
    "an error is no answer": (
        [fetched("mirror.gcr.io"), fetched("registry-1.docker.io", status="404 Not Found")],
        True,
        True,
        [ONE],
        served(ONE),
        1,
    ),
    "of another image": (
        [fetched("mirror.gcr.io"), fetched("registry-1.docker.io", "library/missed")],
        True,
        False,
        [ONE],
        served(ONE),
        1,
    ),
    "only the tag": ([resolved("mirror.gcr.io")], True, True, [ONE], served(ONE), 1),
    "only the tag, at Docker Hub": (
        [resolved("registry-1.docker.io")],
        True,
        True,
        [ONE],
        fell_through("1 of 1 answers came from Docker Hub"),
        1,
    ),
    "whose tag": ([resolved("mirror.gcr.io")], True, False, [ONE], NOT_SHOWN, 0),
}


@pytest.mark.parametrize(
    ("lines", "debug", "is_only_pull", "mirrors", "expected", "quoted"), CONTAINERD.values(), ids=CONTAINERD
)
def test_the_containerd_image_store(lines, debug, is_only_pull, mirrors, expected, quoted):
    assert judged("containerd", lines, debug, is_only_pull, mirrors) == (expected, quoted)


@pytest.mark.parametrize(
    ("store", "line"),
    [("graphdriver", tries(ONE, "grafana/grafana")), ("containerd", fetched("mirror.gcr.io", "grafana/grafana"))],
)
def test_an_image_of_another_publisher(store, line):
    found = pull_log.verdict(
        [line], images.parse("grafana/grafana"), [ONE], image_store=store, debug=True, quiet=False, is_only_pull=True
    )
    assert found == (*served(ONE), [line])


@pytest.mark.parametrize("store", ["graphdriver", "containerd"])
def test_no_mirrors_and_a_quiet_log(store):
    common = {"image_store": store, "debug": False, "is_only_pull": True}
    assert pull_log.verdict([NEXT], images.parse("alpine"), [], quiet=False, **common) == (
        *fell_through("no mirror is in force, so Docker Hub was asked"),
        [],
    )
    assert pull_log.verdict([NEXT], images.parse("alpine"), [ONE], quiet=True, **common) == (
        *unknown("the engine's log has no lines at level info, which show whether a mirror failed"),
        [],
    )


# -- the module ------------------------------------------------------------------------------------------------------


class Clock:
    """A clock that advances only while the code waits."""

    now = 1000.0

    def monotonic(self):
        return self.now

    def time(self):
        return self.now + 7e8

    def sleep(self, seconds):
        self.now += seconds


logs = []
ended = []
"""The registries of the pulls that mark the end of the log."""


END = 'msg="pull: Get \\"https://{}/v2/\\": connection refused"'


class Log:
    """The log of an engine, which is late: the last line is missing at the first read."""

    text = ()
    levels = ("info", "error")

    def __init__(self, process, limit):
        self.pid, self.limit, self.reads = process.pid, limit, 0
        logs.append(self)

    def lines(self):
        self.reads += 1
        end = [f"level={level} {END.format(ended[-1])}" for level in self.levels if level != "error" or self.reads > 1]
        return [*self.text, *end]


@pytest.fixture
def pulling(monkeypatch, engine):
    """Replace pulls, the count of pulls, the log and the clock. The value holds the answers and the requests."""
    answers = {"alpine": (True, None), "asked": [], "clock": Clock()}

    def pull(looked_at, name, reference, deadline):
        answers["asked"].append((looked_at.service, name, reference, deadline))
        if name.endswith("/pullthrough-docker-end-of-log"):
            ended.append(name.partition("/")[0])
        answers["clock"].sleep(1.2346 if name.startswith("library/") else 1.25)
        answer = answers.get(name.rpartition("/")[2], (False, "connection refused"))
        if isinstance(answer, Exception):
            raise answer
        return answer

    def pulls(looked_at, since, deadline):
        answers["asked"].append((looked_at.service, since, deadline))
        return answers.get("pulls", 1)

    engine.mirrors = [ONE]
    monkeypatch.setattr(pull_log, "time", answers["clock"])
    monkeypatch.setattr(engine_api, "pull", pull)
    monkeypatch.setattr(engine_api, "pulls", pulls)
    monkeypatch.setattr(engine_log, "Log", Log)
    monkeypatch.setattr(engines, "LOG_POLL_SECONDS", 0.25)
    monkeypatch.setattr(Log, "text", [])
    monkeypatch.setattr(Log, "levels", ("info", "error"))
    logs.clear()
    ended.clear()
    return answers


def test_served(run, pulling, daemon_json):
    result = run("registry_mirrors_canary", images=["alpine"])
    (image,) = result["images"]
    assert image == {
        "image": "alpine",
        "pulled": True,
        "new": True,
        "used": "served",
        "by": ONE,
        "reason": f"{ONE} served it: the engine logs each endpoint that fails, and it logged none",
        "evidence": [],
        "seconds": 1.23,
    }
    assert (result["changed"], result["warnings"], result["engine"]["state"]) == (True, [], "running")


def test_requests_and_their_deadlines(run, pulling):
    """Each request has its own deadline. A pull that ended before this one started does not count."""
    run("registry_mirrors_canary", images=["alpine"], service="one", pull_timeout=60, timeout=5)
    pulled = 1000.0 + 1.2346
    read = pulled + 1.25 + 0.25
    assert pulling["asked"] == [
        ("one", "library/alpine", "latest", 1060.0),
        ("one", f"{ended[0]}/pullthrough-docker-end-of-log", "latest", pulled + 5),
        ("one", 7e8 + 1000.0, read + 5),
    ]
    assert [(log.pid, log.limit) for log in logs] == [(4711, pull_log.LOG_LINES)]


def test_fell_through(run, pulling, monkeypatch):
    monkeypatch.setattr(Log, "text", [f"{NEXT} https://a:b@c.example {'x' * 9000}"] * 30)
    pulling["alpine"] = (False, None)
    result = run("registry_mirrors_canary", images=["alpine"])
    (image,) = result["images"]
    assert (image["used"], result["changed"], len(image["evidence"])) == ("fell_through", False, 20)
    assert "https://***@c.example" in image["evidence"][0]
    assert {len(line) for line in image["evidence"]} == {4000}
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
def test_an_engine_that_is_not_running(engine, pulling, gone):
    ended = engine.look("docker", 10)._replace(**{gone: None})
    with pytest.raises(engine_api.Unreachable, match=r"^the engine is not running$"):
        pull_log.try_out(ended, [images.parse("alpine")], pull_timeout=60, timeout=5)
    assert pulling["asked"] == []


def test_another_pull_at_the_same_time(run, pulling):
    pulling["pulls"] = 2
    assert run("registry_mirrors_canary", images=["alpine"])["images"][0]["used"] == "unknown"


def test_a_log_that_cannot_be_read(run, pulling, monkeypatch):
    """The module waits for it until the deadline."""
    monkeypatch.setattr(Log, "levels", ("info",))
    image = run("registry_mirrors_canary", images=["alpine"], timeout=3)["images"][0]
    assert (image["pulled"], image["used"], image["reason"]) == (
        True,
        "unknown",
        "the engine's log cannot be read, is late, or has no lines at level error",
    )
    assert logs[0].reads == 7


QUIET = "the engine's log has no lines at level info, which show whether a mirror failed"
LEVELS = {
    # name: (levels at which the log shows the end, what /info shows, reason)
    "info": (("warning", "info", "error"), {}, served(ONE, f"{LOGGED}it logged none")[2]),
    "debug": (("debug", "warning", "info", "error"), {}, NOT_SHOWN[2]),
    "debug in /info, not in the log": (("info", "error"), {"debug": True}, served(ONE, f"{LOGGED}it logged none")[2]),
    "warning": (("warning", "error"), {}, QUIET),
    "error": (("error",), {}, QUIET),
    "error, and debug in /info": (("error",), {"debug": True}, QUIET),
}


@pytest.mark.parametrize(("levels", "shown", "reason"), LEVELS.values(), ids=LEVELS)
@pytest.mark.parametrize("text", [None, '{"log-level": "info"}', '{"log-level": "error"}', "{,}"])
def test_only_the_log_itself_shows_its_level(
    run, engine, pulling, daemon_json, monkeypatch, levels, shown, reason, text
):
    """The file may have changed since the engine started."""
    monkeypatch.setattr(Log, "levels", levels)
    engine.settings = shown
    if text:
        daemon_json.parent.mkdir()
        daemon_json.write_text(text)
    assert run("registry_mirrors_canary", images=["alpine"])["images"][0]["reason"] == reason


def test_a_mirror_cannot_write_the_end_of_the_log(run, pulling, monkeypatch):
    """The engine logs the message of a mirror that fails. The address that marks the end is another one each time."""
    forged = 'level=info msg="Attempting next endpoint for pull after error: unknown: {}"'
    pulling["seen"] = "127.0.0.1:1"
    for _run in range(2):
        monkeypatch.setattr(Log, "text", [forged.format(pulling["seen"])])
        image = run("registry_mirrors_canary", images=["alpine"])["images"][0]
        assert (image["used"], image["evidence"]) == ("fell_through", Log.text)
        pulling["seen"] = ended[-1]
    assert re.fullmatch(r"127(?:\.[0-9]{1,3}){3}:1", ended[0]) and ended[0] != ended[1]


@pytest.mark.parametrize("address", ["127.0.0.1:15000", "127.0.0.1:1080", "10.127.0.0.1:1"])
def test_a_mirror_whose_address_looks_like_the_end_of_the_log(run, engine, pulling, monkeypatch, address):
    """Its lines do not mark the end of the log."""
    engine.mirrors = [f"http://{address}/"]
    line = f'level=info msg="Attempting next endpoint for pull after error: Get \\"http://{address}/v2/\\": refused"'
    monkeypatch.setattr(Log, "text", [line, line.replace("info", "error")])
    image = run("registry_mirrors_canary", images=["alpine"])["images"][0]
    assert (image["used"], image["evidence"], logs[0].reads) == (
        "fell_through",
        [line, line.replace("info", "error")],
        2,
    )


def test_the_image_store_of_the_engine(run, engine, pulling):
    engine.store = "containerd"
    assert run("registry_mirrors_canary", images=["alpine"])["images"][0]["reason"] == LEVEL[2]


@pytest.mark.parametrize("state", ["stopped", "absent", "unreachable"])
def test_nothing_is_pulled_without_an_engine(run, engine, pulling, state):
    engine.state = state
    result = run("registry_mirrors_canary", images=["alpine"])
    assert pulling["asked"] == [] and not result["changed"]
    assert result["images"][0]["reason"] == f"nothing was pulled because the engine is {state}: it is {state}"


def test_check_mode_pulls_nothing(run, pulling):
    result = run("registry_mirrors_canary", images=["alpine"], check=True)
    assert result["skipped"] and not result["changed"] and pulling["asked"] == []


def test_an_image_of_another_registry(run, pulling):
    assert "an image of ghcr.io" in run("registry_mirrors_canary", images=["ghcr.io/a/b"])["msg"]
    assert pulling["asked"] == []


# -- the debug log, turned on for the pulls ----------------------------------------------------------------------------

TEXT = '{\n   "registry-mirrors": ["https://mirror.gcr.io"],\n   "log-level": "warn"\n}'


@pytest.fixture
def at_pull(pulling, engine, daemon_json, monkeypatch):
    """What the file holds and whether the engine logs at level debug, at each pull of an image."""
    seen = []
    pull = engine_api.pull

    def noted(looked_at, name, reference, deadline):
        if name.startswith("library/"):
            text = daemon_json.read_text() if daemon_json.exists() else None
            seen.append((text, engine.settings["debug"]))
        return pull(looked_at, name, reference, deadline)

    engine.settings["debug"] = False
    daemon_json.parent.mkdir()
    monkeypatch.setattr(engine_api, "pull", noted)
    return seen


@pytest.mark.parametrize("text", [TEXT, "{}", None])
def test_debug_for_the_pull_alone(run, at_pull, engine, daemon_json, text):
    if text is not None:
        daemon_json.write_text(text)
    result = run("registry_mirrors_canary", images=["alpine"], debug=True)
    ((held, level),) = at_pull
    assert (json.loads(held)["debug"], level) == (True, True)
    assert engine.settings["debug"] is False
    assert (daemon_json.read_text() if daemon_json.exists() else None) == text
    assert [path.name for path in daemon_json.parent.glob("*")] == ([] if text is None else ["daemon.json"])
    assert (result["changed"], len(engine.reloads)) == (True, 2)


def test_debug_that_is_off_in_the_file(run, at_pull, engine, daemon_json):
    daemon_json.write_text('{"debug": false}')
    run("registry_mirrors_canary", images=["alpine"], debug=True)
    assert at_pull == [('{"debug": true}', True)]
    assert (daemon_json.read_text(), engine.settings["debug"]) == ('{"debug": false}', False)


@pytest.mark.parametrize("wanted", [True, False])
def test_debug_that_is_on_or_not_wanted(run, at_pull, engine, daemon_json, wanted):
    daemon_json.write_text(TEXT)
    engine.settings["debug"] = wanted
    run("registry_mirrors_canary", images=["alpine"], debug=wanted)
    assert (at_pull, engine.reloads) == ([(TEXT, wanted)], [])


def test_debug_that_cannot_be_turned_on(run, at_pull, engine, daemon_json):
    daemon_json.write_text(TEXT)
    engine.argv = ("/usr/sbin/dockerd", "--debug=false")
    result = run("registry_mirrors_canary", images=["alpine"], debug=True)
    assert (result["failed"], result["changed"], at_pull) == (True, False, [])
    assert result["msg"].startswith("The debug log cannot be turned on. ")
    assert "Nothing was changed." in result["msg"]
    assert daemon_json.read_text() == TEXT


def test_debug_that_cannot_be_turned_off(run, at_pull, engine, daemon_json, monkeypatch):
    daemon_json.write_text(TEXT)
    reload = engine.reload

    def once(*args, **options):
        return "it hangs" if at_pull else reload(*args, **options)

    monkeypatch.setattr(engine, "reload", once)
    result = run("registry_mirrors_canary", images=["alpine"], debug=True)
    assert (result["failed"], result["changed"]) == (True, True)
    assert result["msg"].startswith(
        "The debug log is still on: it cannot be turned off. The engine did not accept the change: it hangs."
    )


def test_debug_is_turned_off_after_a_failure(run, at_pull, pulling, engine, daemon_json, monkeypatch):
    daemon_json.write_text(TEXT)
    monkeypatch.setattr(pull_log, "try_out", lambda *_args, **_options: at_pull[0])
    with pytest.raises(IndexError):
        run("registry_mirrors_canary", images=["alpine"], debug=True)
    assert (daemon_json.read_text(), engine.settings["debug"], len(engine.reloads)) == (TEXT, False, 2)


def test_a_file_that_changes_during_the_pull(run, at_pull, pulling, engine, daemon_json):
    daemon_json.write_text('{"mtu": 1400}')

    class Change(list):
        def append(self, asked):
            super().append(asked)
            if "library/alpine" in asked:
                daemon_json.write_text('{"mtu": 1500, "debug": true}')

    pulling["asked"] = Change()
    run("registry_mirrors_canary", images=["alpine"], debug=True)
    assert (json.loads(daemon_json.read_text()), engine.settings["debug"]) == ({"mtu": 1500}, False)
