# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Foreign text ends as a result or as a documented error, in linear time, and is shown without secrets or controls."""

from __future__ import annotations

import contextlib
import json
import pathlib
import re
import tempfile
import time

import pytest

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.pullthrough.docker.plugins.module_utils._host import engine_api, services
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import client, connection, images
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import mirror_url
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking
from ansible_collections.pullthrough.docker.tests.properties.hostile_texts import READERS, answer, hostile
from ansible_collections.pullthrough.docker.tests.unit.model import Machine, ModelEngine, Systemd, run_module
from ansible_collections.pullthrough.docker.tests.unit.plugins.module_utils.deadline import ends_within

SECRET = "HUNTER2"

CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, line ends, characters that change the direction of text, and halves of surrogate pairs."""


# -- errors and time -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", READERS)
@given(st.data())
def test_any_text_ends_as_a_result_or_a_documented_error(name, data):
    reader = READERS[name]
    text = data.draw(hostile(*reader.fragments))
    with ends_within(20), contextlib.suppress(*reader.errors):
        reader.read(text)


CASES = {
    "a port of 5000 digits in no_proxy": ("proxies", "10.0.0.1:" + "9" * 5000),
    "a mirror with half an IPv6 address": ("mirror_url", "http://["),
    "a mirror whose host is not valid Unicode": ("mirror_url", "https://\u2100.example"),
    "a redirect to half an IPv6 address": ("headers of an answer", "http://["),
}


@pytest.mark.parametrize("case", CASES)
def test_known_text(case):
    name, text = CASES[case]
    with contextlib.suppress(*READERS[name].errors):
        READERS[name].read(text)


NUMBER = 8000
"""How many times a fragment is repeated. Linear readers then take less than a second."""
STEP, GROWTH, ENOUGH = 4, 10, 0.1
"""A text that is STEP times as long may take GROWTH times as long. Linear growth gives 4, quadratic growth 16. Less
than ENOUGH seconds are not worth measuring."""


def seconds(reader, piece, number):
    text = reader.fragments[0] + "".join(piece.replace("%d", str(at)) for at in range(number))
    began = time.process_time()
    with contextlib.suppress(*reader.errors):
        reader.read(text)
    return time.process_time() - began


def is_slow(reader, piece):
    """Return whether the time grows faster than the length. What else the machine does makes a time only longer."""
    first = seconds(reader, piece, NUMBER)
    if first < ENOUGH / STEP:
        return False
    return all(seconds(reader, piece, STEP * NUMBER) > GROWTH * seconds(reader, piece, NUMBER) for _again in range(2))


@pytest.mark.parametrize(
    ("name", "piece"), [(name, piece) for name, reader in READERS.items() for piece in reader.repeated]
)
def test_time_grows_with_the_length(name, piece):
    assert not is_slow(READERS[name], piece)


# -- what is shown ---------------------------------------------------------------------------------------------------

SPELLINGS = [
    "https://user:{}@a.example", "https://{}@a.example", "https:\\/\\/user:{}@a.example", "https:///user:{}@a.example",
    "https:\\\\/\\\\/user:{}@a.example", "https://user:x\x1f{}@a.example", "https://user:x\x85{}@a.example",
    "https%3A%2F%2Fuser%3A{}%40a.example", "https://a.example/?sig={}", "https://a.example/#{}",
    "proxy=user:{}@a.example", "proxy user:{}@a.example", "https://user:a/{}@a.example",
    "token={}", "token: {}", "TOKEN = {}", "api-key:{}", "my.password={}", "token=x\x1f{}", "token=x\u2028{}",
    'token="x {}"', "token='x {}'", '"token": "{}"', "'token': '{}'", '"token=x {}"', "token\x00={}", "token=x\\\n{}",
    "//user:{}@a.example", "\\/\\/user:{}@a.example", "auth={}", "db_pass: {}", '"auth": "x {}"', "token=Bearer {}",
    "Authorization: Basic {}", "proxy-authorization: Digest a=\"x\", response={}", '"Authorization": "Bearer {}"',
    '\\"token\\": \\"x {}\\"', '\\\\\\"token\\\\\\":\\\\\\"{}\\\\\\"', '"token": ["x", "{}"]',
]  # fmt: skip
"""Secrets as files, logs, engines and registries write them."""

SHOWN = {
    # function: the most characters that it shows
    "mask": (masking.mask, masking.SHOWN_LIMIT),
    "mask to 100": (lambda text: masking.mask(text, 100), 100),
    "mask_url": (masking.mask_url, 200),
    "an error of a registry": (
        lambda text: answer(json.dumps({"errors": [{"message": text}]}).encode()).error(), len(": ") + 200
    ),
    "an exception of a connection": (lambda text: connection.describe(ValueError(text)), 200),
    "an engine that is not reachable": (lambda text: str(engine_api.Unreachable(text)), masking.SHOWN_LIMIT),
}  # fmt: skip


@pytest.mark.parametrize("name", SHOWN)
@given(hostile("token=", "https://", "a@b", "proxy "), st.sampled_from(SPELLINGS), hostile("@", '"', "="))
def test_what_is_shown_is_one_short_line_without_secrets(name, before, spelling, after):
    show, limit = SHOWN[name]
    shown = show(f"{before} ; {spelling.format(SECRET)} {after}")
    assert SECRET not in shown
    assert not CONTROLS.search(shown)
    assert len(shown) <= limit


@given(st.sampled_from(SPELLINGS), st.integers(0, 12000), st.integers(0, 12000))
def test_a_cut_never_shows_a_part_of_a_secret(spelling, before, after):
    secret = "".join(f"{number:03}" for number in range(300))
    shown = masking.mask(f"{'x ' * before}{spelling.format(secret)}{' x' * after}")
    assert not any(secret[at : at + 9] in shown for at in range(0, len(secret), 9))


@given(hostile("token=", "https://", "{"), st.sampled_from(SPELLINGS), hostile("@", '"', "="))
@example("", "token=x\\\n{}", "")
@example('{"a":token=proxy ', '"token=x {}"', "")
@example("", "https://user:x\x1f{}@a.example", "")
def test_a_diff_has_no_secret(before, spelling, after):
    shown = masking.mask_json(f"{before} ; {spelling.format(SECRET)} {after}")
    assert SECRET not in re.sub(r"[?#].*", "", shown) if "?" in spelling or "#" in spelling else SECRET not in shown
    assert not CONTROLS.search(re.sub(r"\r?\n|\t", "", shown))


ORDINARY_LINES = [
    'time="2026-01-01T00:00:00.1Z" level=info msg="Starting up"',
    'level=info msg="containerd successfully booted" author=moby bypass=false passed: 3 compass: n oauth: 2',
    'level=info msg="Default bridge (docker0) is assigned with an IP address 172.17.0.0/16. Daemon option --bip can be '
    'used to set a preferred IP address"',
    'level=error msg="Handler for POST /v1.41/images/create returned error: pull access denied for x, repository '
    "does not exist or may require 'docker login': denied: requested access to the resource is denied\"",
    'level=warning msg="Error getting v2 registry: Get \\"https://registry-1.docker.io/v2/\\": dial tcp 10.0.0.1:443: '
    'i/o timeout"',
    'level=info msg="Attempting next endpoint for pull after error: unauthorized: authentication required"',
    'level=info msg="trying next host" error="failed to do request: Head" host=mirror.gcr.io',
    'level=debug msg="Trying to pull alpine from https://mirror.gcr.io/ v2"',
    'level=debug msg="fetch response received" response.status="200 OK" response.header.content-length=528 spanID=1 '
    'url="https://a.example:5000/v2/library/alpine/manifests/sha256:9f"',
    "image docker.io/library/alpine:3.20@sha256:9f pulled, mail to me@a.example, // see a//b:c@d",
    "dockerd --authorization-plugin=opa --registry-mirror=https://mirror.gcr.io --log-opt tag=x",
    '{"authorization-plugins": ["opa"], "log-opts": {"tag": "x@y"}, "auths": {"a.example": {}}}',
    "Www-Authenticate: Bearer realm=x,service=y,scope=z",
    "pass the option, basic auth is not set, authorization failed, bearer of the name",
]
"""Lines without a secret, most of them as engines log them."""


@given(st.lists(st.sampled_from(ORDINARY_LINES), min_size=1, max_size=5))
def test_a_text_without_a_secret_is_shown_as_it_is(lines):
    text = "\n".join(lines)
    assert masking.without_secrets(text) == text
    assert masking.mask(text, 10**4) == text.replace("\n", "\\n")


_MIRROR_SPELLINGS = [
    "{}", "user:{}@a.example", "https://user:{}@a.example", "HTTPS://{}@a.example", "ftp://user:{}@a.example",
    "user:{}@a.example://b", "token={}://a.example", "https:///user:{}@a.example", "https://a.example/?sig={}",
]  # fmt: skip


@given(st.sampled_from(_MIRROR_SPELLINGS[1:]), st.sampled_from(["", "\x9b", "\u202e", "x" * 3000]))
@example("user:{}@a.example", "")
@example("token={}://a.example", "")
@example("a.example", "\u202e")
@example("ftp://a.example", "x" * 3000)
def test_a_refused_mirror_shows_no_secret(spelling, after):
    url = spelling.format(SECRET) + after
    with pytest.raises(mirror_url.MirrorUrlError) as caught:
        mirror_url.check(mirror_url.declare(url) + "?", None)
    for shown in (str(caught.value), *mirror_url.shown_list([url])):
        assert SECRET not in shown
        assert not CONTROLS.search(shown)
        assert len(shown) <= 4 * masking.SHOWN_LIMIT


def test_what_is_not_a_text_is_shown_without_secrets():
    with pytest.raises(mirror_url.MirrorUrlError) as caught:
        mirror_url.declare({"url": "https://a.example", "password": SECRET})
    assert SECRET not in str(caught.value)


# -- single answers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [9 * 10**4298, 2**63, -1, True, 1.0, "1", None])
def test_a_size_beyond_those_of_engines_is_none(size):
    assert not client._is_size(size)


@pytest.mark.parametrize("size", [0, 2**63 - 1])
def test_a_size_of_engines(size):
    assert client._is_size(size)


@given(
    hostile('{"data":', "[", "{", '"ExecStart": ', '{"data": "x"}', '"MainPID": ', "]", "}", ",")
    | st.recursive(
        st.none() | st.booleans() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["data", "MainPID", "Environment", "ExecStart"]), inner, max_size=2)
        ),
    ).map(json.dumps)
)
@example('{"data": ["x"]}')
@example('{"data": ' + "[" * 100000)
def test_an_answer_of_systemd(text):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services.programs, "run", lambda _command, timeout: (0, text))
        assert services.unit_argv(services._unit_over_dbus("docker")) == ()
        services.unit_argv(services._unit_by_systemctl("docker"))


def test_a_tag_has_only_ascii():
    with pytest.raises(images.ImageError):
        images.parse("alpine:é")


# -- modules ---------------------------------------------------------------------------------------------------------

FEWER = settings(max_examples=max(settings.default.max_examples // 3, 20))

_MIRRORS = st.lists(
    hostile("https://", "a.example", "[", "]", ":", "/") | st.just(f"https://user:{SECRET}@a.example"), max_size=2
)
_FILES = st.one_of(
    hostile(*READERS["json_text"].fragments),
    st.builds(
        lambda mirrors, value: json.dumps({"registry-mirrors": mirrors, "x-token": SECRET, "log-opts": value}),
        _MIRRORS,
        hostile() | st.none() | st.dictionaries(hostile(), hostile(), max_size=1),
    ),
).map(lambda text: text.encode("utf-8", "surrogatepass"))
_OF_OPTIONS = hostile(*READERS["options_text as a shell"].fragments, "DOCKER_OPTS=", f"# token={SECRET}\n")
_OF_UNITS = hostile(*READERS["unit_text"].fragments, f"# token={SECRET}\n", "$DOCKER_OPTS", "=")
_ENGINES = st.fixed_dictionaries(
    {"mirrors": _MIRRORS},
    optional={
        "state": st.sampled_from(["stopped", "absent"]),
        "version": hostile("28.", "5.", "2") | st.just("20.10.24"),
        "settings": st.fixed_dictionaries({"insecure-registries": st.lists(hostile("10.0.0.0/", "8"), max_size=1)}),
        "proxies": st.fixed_dictionaries({"https": hostile("http://", "a:1"), "no": hostile("a:", "*.")}),
    },
)
_TASKS = st.sampled_from(
    [
        ("registry_mirrors_info", {}),
        ("registry_mirrors", {"mirrors": ["https://b.example"]}),
        ("registry_mirrors", {"mirrors": [], "exclusive": True, "migrate": True, "keep_containers": False}),
        ("registry_mirrors", {"mirrors": ["https://b.example"], "source": "options_file", "migrate": True}),
        ("registry_mirrors", {"mirrors": ["https://b.example"], "source": "systemd_drop_in", "migrate": True}),
        ("daemon_config", {"settings": {"debug": True}, "remove": ["log-opts.x"]}),
    ]
)


def _bytes(text):
    return text.encode("utf-8", "surrogatepass")


@FEWER
@given(_TASKS, st.booleans(), _FILES, _OF_OPTIONS, _OF_UNITS, _OF_UNITS, _ENGINES)
def test_a_module_ends_with_a_result_or_a_message(task, check, file, options, unit, drop_in, engine):
    name, arguments = task
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = pathlib.Path(folder, "daemon.json")
        path.write_bytes(file)
        machine = Machine(ModelEngine(path), f"{folder}/certs.d")
        vars(machine.engine).update(engine)
        pathlib.Path(folder, "systemd").mkdir()
        machine.service = Systemd(pathlib.Path(folder, "systemd"))
        machine.service.options.write_bytes(_bytes(options))
        with machine.service.unit.open("ab") as text:
            text.write(_bytes(unit))
        machine.service.drop_ins.joinpath("a.conf").write_bytes(_bytes(f"[Service]\n{drop_in}"))
        machine.stand_in(patch)
        with ends_within(60):
            result = run_module(name, check=check, **arguments)
        assert SECRET not in json.dumps(result)
