# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts of files, engines and logs are shown without secrets and without characters that control a terminal."""

from __future__ import annotations

import json

import pytest

from deadline import ends_within

from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_reader, masking

MASKED = {
    "https://me:hush@a.example/x": "https://***@a.example/x",
    "HTTP_PROXY=http://hush@p.example": "HTTP_PROXY=http://***@p.example",
    "splunk-token=hush next": "splunk-token=*** next",
    '"splunk-token": "hu\\"sh", "tag": "x"': '"splunk-token": ***, "tag": "x"',
    'msg="bad \\"splunk-token\\": \\"hu\\\\\\"sh\\" in file"': 'msg="bad \\"splunk-token\\": *** in file"',
    "next=https%3A%2F%2Fme:hush%40a.example": "next=https%3A%2F%2F***%40a.example",
    "http-proxy: me:hush@p.example": "http-proxy: ***@p.example",
    "--log-opt 'splunk-token=hu sh' next": "--log-opt 'splunk-token=***' next",
    "a\x07b\u202e\ud800": "a\\x07b\\u202e\\ud800",
    "https://a.example/@x": "https://a.example/@x",
    "no secret here": "no secret here",
    'Proxy-Authorization: Digest username="me", response="hush"\nA: b': "Proxy-Authorization: ***\\nA: b",
    "//me:hush@a.example/x": "//***@a.example/x",
}


@pytest.mark.parametrize(("text", "shown"), MASKED.items())
def test_mask(text, shown):
    assert masking.mask(text) == shown


# Each contains "hush", which must not be shown, and "seen", which must.
TEXTS = {
    "no user": "http://:hush@seen.example",
    "password with what ends a host": "http://me:hu/hush#hush?hush@seen.example",
    "password with a quote": "http://me:hu'hush@seen.example",
    "encoded password": "http://me:%40hush%40@seen.example",
    "encoded URL": "next=http%3A%2F%2Fme%3Ahush%40seen.example",
    "escaped slashes": 'msg="http:\\/\\/me:hush@seen.example"',
    "proxy without a scheme": "HTTP_PROXY=me:hush@seen.example:3128",
    "proxy as a flag": "dockerd --http-proxy me:hush@seen.example:3128",
    "unit": 'Environment="HTTPS_PROXY=http://me:hush@seen.example/" "NO_PROXY=seen"',
    "unit with a secret of words": 'Environment="SPLUNK_TOKEN=hush hush" "B=seen"',
    "options file": 'DOCKER_OPTS="--log-opt splunk-token=hush,hush --log-opt tag=seen"',
    "flag of one word": "--log-opt=splunk-token=hush;hush seen",
    "odd case": "Splunk.TOKEN: hush seen",
    "dashes": "log.opt-splunk_token-x = hush seen",
    "a Go map": "map[splunk-token:hush tag:seen]",
    "an object": "seen {'token': {'a': 'hush'}}",
    "a list": 'seen "secrets": ["hush", "hush"]',
    "key": "api_key=hush access-key=hush privatekey=hush shared.key=hush tag=seen",
    "passphrase and the like": "passphrase=hush pwd=hush userpasswd=hush seen",
    "a URL without a scheme": "Location: //me:hush@seen.example",
    "an escaped URL without a scheme": '"\\/\\/me:hush@seen.example"',
    "a header": "seen\nAuthorization: Basic hush",
    "a header of a proxy": "seen\nproxy-authorization: Bearer hush hush",
    "a header in JSON": '"Authorization": "Basic hush", "tag": "seen"',
    "a header in JSON that is quoted": 'msg="{\\"Authorization\\": \\"Basic hush\\"} seen"',
    "headers as Go shows them": "seen map[Authorization:[Basic hush]]",
    "a token with its scheme": "token: Bearer hush seen",
    "short names": "auth=hush db_pass=hush PASS: hush passwd=hush X-Registry-Auth: hush seen",
    "short names in JSON": '"auth": "hush", "pass": "hush", "tag": "seen"',
    "a short name in JSON that is quoted": 'msg="{\\"auth\\": \\"hush\\"} seen"',
    "a short name with a scheme": "auth: Basic hush seen",
    "a quoted pair with a short name": "--log-opt 'my-pass=hush hush' seen",
    "more keys": "apikey=hush private_key=hush seen",
    "log line": 'level=error msg="bad \\"splunk-token\\": \\"hush\\" in file seen"',
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_secret_is_shown(text):
    shown = masking.mask(text)
    assert "hush" not in shown and "seen" in shown, shown


JSON_MASKED = {
    # name: (text, text that is shown)
    "a key called token": (
        '{"log-opts": {"splunk-token": "hush", "tag": "x"}, "n": 1}',
        '{"log-opts": {"splunk-token": "***", "tag": "x"}, "n": 1}',
    ),
    "all below such a key": ('{"x-Secrets": {"a": ["hush"]}, "debug": true}', '{"x-Secrets": "***", "debug": true}'),
    "the user of a URL": (
        '{"proxies": {"http-proxy": "http://me:hush@p.example"}, "debug": true}',
        '{"proxies": {"http-proxy": "http://***@p.example"}, "debug": true}',
    ),
    "a URL as a key": ('{"https://me:hush@a.example/v1": {"n": 1}}', '{"https://***@a.example/v1": {"n": 1}}'),
    "a pair as a key": ('{"token=hush": 1, "n": 2}', '{"token=***": "***", "n": 2}'),
    "headers of a client": (
        '{"HttpHeaders": {"Authorization": "Basic hush", "Proxy-Authorization": ["hush"]}}',
        '{"HttpHeaders": {"Authorization": "***", "Proxy-Authorization": "***"}}',
    ),
    "short names": (
        '{"auths": {"a": {"auth": "hush"}}, "db-pass": 1, "bypass": 2, "authorization-plugins": ["x"]}',
        '{"auths": {"a": {"auth": "***"}}, "db-pass": "***", "bypass": 2, "authorization-plugins": ["x"]}',
    ),
    "a header in a list": ('["Authorization: Bearer hush"]', '["Authorization:***"]'),
    "in lists": (
        '[{"a": ["x", "http://hush@p.example", [], {}]}, {"password": 1}, null]',
        '[{"a": ["x", "http://***@p.example", [], {}]}, {"password": "***"}, null]',
    ),
}


@pytest.mark.parametrize(("text", "shown"), JSON_MASKED.values(), ids=JSON_MASKED)
def test_mask_json_masks_secrets_and_nothing_else(text, shown):
    assert masking.mask_json(f'{{"k": {text}}}') == f'{{"k": {shown}}}'


def test_a_result_has_no_secret_in_a_key():
    shown = masking.mask_all({"https://me:hush@a.example": [{"token=hush": "Authorization: Basic hush"}]})
    assert shown == {"https://***@a.example": [{"token=***": "Authorization: ***"}]}


def test_mask_json_masks_secrets_in_a_text_that_is_not_json():
    text = '{"registry-mirrors": ["https://me:hush@a.example"], // broken'
    assert masking.mask_json(text) == '{"registry-mirrors": ["https://***@a.example"], // broken'


@pytest.mark.parametrize(
    "text", ["", " \t\r\n", "\ufeff", "\ufeff\n"], ids=["nothing", "white space", "mark", "mark and line"]
)
def test_mask_json_keeps_a_blank_text(text):
    assert masking.mask_json(text) == text


SETTINGS = {
    "proxies": {"proxies": {"http-proxy": "http://me:hush@seen.example"}},
    "proxies without a scheme": {"proxies": {"https-proxy": "me:hush@seen.example:3128"}},
    "proxies with a strange password": {"proxies": {"https-proxy": "http://me:h/#hush@seen.example:3128"}},
    "log-opts": {"log-opts": {"splunk-token": "hush hush", "awslogs-credentials-endpoint": "hush", "tag": "seen"}},
    "odd case": {"log-opts": {"Splunk_Token": "hush", "tag": "seen"}},
    "a list": {"tokens": ["hush", "hush"], "tag": "seen"},
    "an object": {"x-secret": {"a": {"b": "hush"}}, "tag": "seen"},
    "a number": {"password": 4711, "tag": "seen"},
    "entries that are pairs": {"default-runtime": "seen", "exec-opts": ["PASSWORD=hush hush", "api-key: hush, hush"]},
    "labels": {"labels": ["seen=1", "token=hush hush"]},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_no_secret_of_daemon_json_is_shown(settings):
    for spelled in (
        json.dumps(settings),
        json.dumps(settings, indent=2),
        json.dumps(settings).replace("/", "\\/").replace("@", "\\u0040"),
    ):
        shown = masking.mask_json(spelled)
        assert "hush" not in shown and "4711" not in shown and "seen" in shown, shown
        assert json.loads(shown).keys() == settings.keys(), "it is still JSON"


def test_what_is_no_secret_is_shown_as_it_is_spelled():
    text = (
        '{"data-root": "\\/srv\\u002fdocker", "tag": "a@b \\u00fc", "n": 1.50, '
        '"registry-mirrors": ["https://a.example:5000/x@y"]}'
    )
    assert masking.mask_json(text) == text


@pytest.mark.parametrize(
    "text",
    ['{"splunk-token": hush}', '{"splunk-token": "a"hush"}', '{"password": hush"}', "hush", '{"token": ["a" hush]}'],
)
def test_an_error_in_a_file_quotes_no_word_of_it(text):
    with pytest.raises(json_reader.JsonTextError) as refused:
        json_reader.parse(text)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    "character", ["\x1b", "\x00", "\x07", "\x7f", "\x9b", "\u202e", "\u2066", "\ud800", "\r", "\u2028"]
)
def test_no_control_character_is_shown(character):
    for shown in (
        masking.mask(f"a{character}[31mb\tc\r\nd"),
        masking.mask_json(json.dumps({"a": f"a{character}b"}, ensure_ascii=False)),
        masking.mask_json(f'{{"a{character}": 1}}'),
    ):
        assert character not in shown.replace("\r\n", "")
        shown.encode("utf-8")


CONTROLS = [
    *map(
        chr, [*range(0x20), *range(0x7F, 0xA0), *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070)]
    ),
    "\xad",
    "\ufeff",
    "\ud800",
]


def test_a_foreign_text_is_shown_as_one_line_that_can_be_printed():
    for character in CONTROLS:
        shown = masking.mask(f"a{character}[WARNING]: b")
        assert shown.isprintable() and shown.startswith("a") and shown.endswith("[WARNING]: b") and len(shown) > 13, (
            ascii(character)
        )


def test_a_diff_keeps_its_lines_and_tabs_and_nothing_else_that_a_terminal_obeys():
    for character in CONTROLS:
        shown = masking.mask_json(f'{{"a": "b{character}c",\n\t"d": 1}}').replace("\n", "").replace("\t", "")
        assert shown.isprintable() or character in "\r\ufeff", ascii(character)


def test_a_long_foreign_text_ends_with_an_ellipsis():
    assert masking.mask("a" * 1000) == "a" * 1000
    assert masking.mask("a" * 1001) == masking.mask("a" * 1_000_000) == f"{'a' * 999}\N{HORIZONTAL ELLIPSIS}"
    assert masking.mask("a" * 11, 10) == f"{'a' * 9}\N{HORIZONTAL ELLIPSIS}"


@pytest.mark.parametrize("length", [50, 990, 1000, 5000, 9000, 9200, 20000])
def test_a_cut_shows_no_beginning_of_a_secret(length):
    for text in (f"{'x' * length} http://me:hush{'hush' * 3000}@seen.example", f"{'x' * length} token={'hush' * 3000}"):
        assert "hush" not in masking.mask(text)


@pytest.mark.parametrize(
    "url",
    [
        "https://me:hush@a.example/p?sig=hush#hush",
        "https://a.example/p#hush",
        "https://a.example/p?hush=1",
        "https://a.example/p",
    ],
)
def test_a_foreign_url_is_shown_without_query_fragment_and_user(url):
    assert masking.mask_url(url) == "https://a.example/p"
    assert "hush" not in masking.mask(f'Get "{url}": EOF')


@pytest.mark.parametrize(
    "word",
    [
        "a",
        "token",
        "token=",
        "token ",
        "://a:",
        '"token=\\"',
        "proxy=",
        "%3A%2F%2F",
        "'token=",
        "authorization:",
        'authorization: "',
        "authorization   ",
        "auth=",
        "auth",
        "//a:",
        " //a:",
        "\\/",
        "token=basic ",
        "auth: \\",
    ],
)
def test_a_long_text_takes_no_time_that_grows_with_its_square(word):
    """The slowest takes seconds here; time that grew with the square would take hours."""
    with ends_within(60):
        assert masking.mask(word * (100_000 // len(word)))
