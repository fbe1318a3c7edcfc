# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every reader of foreign text, with the fragments of its format, and hostile texts made of them."""

from __future__ import annotations

import email.parser
import http.client
import json

from typing import Any, Callable, NamedTuple, Tuple, Type

from hypothesis import strategies as st

from ansible_collections.pullthrough.docker.plugins.filter import audit_report, escape_html
from ansible_collections.pullthrough.docker.plugins.module_utils._host import (
    engine_api,
    engine_log,
    http_body,
    services,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import (
    challenges,
    client,
    connection,
    http_session,
    images,
    proxies,
    pull_log,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import (
    ca_certificates,
    cautions,
    certs_d,
    mirror_url,
    versions,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._text import (
    command_line,
    flag_text,
    json_reader,
    json_text,
    masking,
    options_editor,
    options_text,
    pem,
    unit_text,
)
from ansible_collections.pullthrough.docker.tests.properties.readers import FLAG

NASTY = [
    "\x00", "\x1b[31m", "\x1f", "\x85", "\u2028", "\u202e", "\ufeff", "\ud800", "\udcff", "\r", "\n", "\t", " ", "é",
    "\N{ARABIC-INDIC DIGIT THREE}", "\N{SUPERSCRIPT TWO}", "\\", '"', "'", "`", "$(", "(", "{", "}", "[", "]", "%", "=",
    ":", ",", "#", "/", "@", "://", "9" * 4400, "a" * 1100, "[" * 1100, '{"a":' * 1000,
]  # fmt: skip
"""What breaks readers of any format."""


def hostile(*fragments: str) -> st.SearchStrategy[str]:
    """Return texts made of fragments of a format, of what breaks readers, and of any characters."""
    return st.lists(
        st.sampled_from(fragments or NASTY) | st.sampled_from([*fragments, *NASTY]) | st.text(max_size=4), max_size=10
    ).map("".join)


class Reader(NamedTuple):
    """A function that reads foreign text, the errors that it documents, and fragments of the format.

    ``repeated`` are fragments that a long text repeats, each time with another number for ``%d``.
    """

    read: Callable[[str], Any]
    fragments: Tuple[str, ...] = ()
    errors: Tuple[Type[Exception], ...] = ()
    repeated: Tuple[str, ...] = ()


def _data(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


# -- _text -----------------------------------------------------------------------------------------------------------


def _json_bytes(text: str) -> None:
    json_reader.parse(json_reader.decode(_data(text)))


def _edit_json(text: str) -> None:
    json_text.remove_member(json_text.set_member(text, ["a", "b"], ["x"]), ["a"])


def _options(text: str, *, shell: bool) -> None:
    found = (options_text.read_as_shell if shell else options_text.read_as_systemd)(text)
    options_text.words_of_systemd(["$A", "${A}", "x$$"], found)
    for value in found.values():
        options_text.words_of_shell(value)
    options_text.assignments(text, "A", shell=shell)


def _edit_options(text: str, *, shell: bool) -> None:
    options_editor.put_flag(text, "A", FLAG, ["b"], shell=shell)


def _unit(text: str) -> None:
    files = [("a.service", text)]
    unit_text.command(files)
    for setting in unit_text.in_effect("Environment", files):
        options_text.words_of(unit_text.on_one_line(setting.value))


def _flags(text: str) -> None:
    flag_text.is_plain(text)
    flag_text.put(text, FLAG, ["b"])


def _words(text: str) -> None:
    words = text.split()
    command_line.flag_values(words, FLAG, "-D")
    command_line.has_flag(words, FLAG)
    command_line.without_flag(words, FLAG)
    command_line.flags_besides(words, [FLAG])


_JSON = (
    "{",
    '{"a": ',
    '"b"',
    "[",
    "]",
    "}",
    ",",
    ":",
    "null",
    "-1.5e+9",
    "1E999",
    '"\\ud800"',
    '"\\u0000',
    "// x",
    "{}",
)
_OPTIONS = ("A=", "A=$A", 'A="', "export A=", "export A\n", "# ", f"{FLAG}=b ", "\\\n", "\n", "'", "if x; then", "${A}")
_UNIT = ("[Service]\n", "ExecStart=/bin/dockerd ", "Environment=A=b\n", "\\\n", "\\\r\n", "; x\n", f"{FLAG} b ", "$A")
_TEXT_READERS = {
    "json_reader": Reader(_json_bytes, _JSON, (json_reader.JsonTextError,), ('"%d": [1],', '{"%d": {"a": "b"}},')),
    "json_text": Reader(_edit_json, _JSON, (json_reader.JsonTextError,), ('"%d": [1],',)),
    "options_text as a shell": Reader(
        lambda text: _options(text, shell=True), _OPTIONS, (), ("A%d=b\n", "A%d=$A\n", "A=$A\n", "# %d\n")
    ),
    "options_text as systemd": Reader(
        lambda text: _options(text, shell=False), _OPTIONS, (), ("A%d=b\n", "# %d\n", "A=\n")
    ),
    "options_editor as a shell": Reader(
        lambda text: _edit_options(text, shell=True), _OPTIONS, (options_editor.OptionsTextError,), ("A%d=b\n",)
    ),
    "options_editor as systemd": Reader(
        lambda text: _edit_options(text, shell=False), _OPTIONS, (options_editor.OptionsTextError,), ("A%d=b\n",)
    ),
    "unit_text": Reader(_unit, _UNIT, (), ("Environment=A%d=b\n", "Environment=\n")),
    "flag_text": Reader(_flags, (f"{FLAG} ", f"{FLAG}=", "b ", "\\\n", " ")),
    "command_line": Reader(_words, (f"{FLAG} ", f"{FLAG}=", "-D", " ", "x")),
    "masking": Reader(
        masking.mask,
        (
            "token=",
            "https://",
            "user:",
            "@",
            '\\"',
            "proxy ",
            "%3A%2F%2F",
            "%40",
            "?",
            "//",
            "auth: ",
            "Authorization: ",
            "basic ",
            "\\/",
        ),
        (),
        ("token=%d ", "//a:%d", " //a%d:b@", "authorization: ", "auth=", "\\/", "https://a:%d@", "proxy %d@"),
    ),
    "masking of JSON": Reader(masking.mask_json, (*_JSON, '"token": ', '"https://a@b"'), (), ('"%d": "token=x",',)),
    "pem": Reader(
        pem.load_all,
        (
            "-----BEGIN CERTIFICATE-----\n",
            "-----END CERTIFICATE-----\n",
            "MAA=",
            "MIIB\n",
            "-----BEGIN ",
            "-----",
            "\n",
        ),
    ),
}


# -- _rules ----------------------------------------------------------------------------------------------------------


def _mirror(text: str) -> None:
    cautions.is_unverified(text, ["a:5000", "10.0.0.0/8", text])
    mirror_url.shown_list([text])
    certs_d.is_host(certs_d.host_of(text))
    mirror_url.check(mirror_url.declare(text), (20, 10, 24))


def _certificates(text: str) -> None:
    ca_certificates.check({"a.example": text}, ["https://a.example"])
    ca_certificates.warnings({"a.example": text}, 0)


_URL = (
    "https://",
    "http://",
    "HTTPS://",
    "user:",
    "@",
    "a.example",
    "[::1]",
    "[",
    "]",
    ":5000",
    "/",
    "?",
    "%",
    "\u2100",
)
_RULE_READERS = {
    "mirror_url": Reader(_mirror, _URL, (mirror_url.MirrorUrlError,)),
    "ca_certificates": Reader(_certificates, _TEXT_READERS["pem"].fragments, (certs_d.CertificateError,)),
    "versions": Reader(versions.parse, ("28.", "5.", "2", "+dfsg1", "v", "."), (), ("%d.",)),
}


# -- _registry -------------------------------------------------------------------------------------------------------


def answer(
    body: bytes = b"", status: int = 200, url: str = "https://a.example/v2/", **headers: str
) -> http_session.Answer:
    """Return an answer of a registry."""
    held = http.client.HTTPMessage()
    for name, value in headers.items():
        held[name.replace("_", "-")] = value
    return http_session.Answer(url, status, held, body)


def headers_of(text: str) -> http.client.HTTPMessage:
    """Return headers as Python reads them from a connection: bytes without an encoding, and folded lines."""
    raw = text.encode("utf-8", "surrogatepass").decode("latin-1")
    return email.parser.Parser(_class=http.client.HTTPMessage).parsestr(f"Location: {raw}\r\n\r\n")


def _headers(text: str) -> None:
    held = answer(status=302)._replace(headers=headers_of(text))
    for name in ("Location", "Content-Type", "ratelimit-limit"):
        client._rate(held.header(name))
    challenges.parse([held.header("Location")])
    assert not held.is_web_page
    target = http_session._redirect_target(held, "http")
    if target is not None:
        parts = connection.split_url(target, "http")
        proxies.proxy_for(parts.geturl(), {"http": "a:1", "https": "a:1", "no": "b"})


def _error(text: str) -> None:
    answer(_data(text)).error()
    client._platform(http_body.json_object(_data(text)))


def _no_proxy(text: str) -> None:
    proxies.proxy_for("https://10.0.0.1:5000/", {"https": text, "no": text})


def _pull(text: str) -> None:
    image, mirrors, lines = images.parse("alpine"), ["https://a.example/"], text.splitlines()
    for store in ("containerd", "graphdriver"):
        for debug in (False, True):
            pull_log.verdict(lines, image, mirrors, image_store=store, debug=debug, quiet=False, is_only_pull=True)
    for line in lines:
        engine_log._REFUSAL.match(line)
        engine_log._START_FAILURE.search(line)
        pull_log._LEVEL.search(line)


_REGISTRY_READERS = {
    "headers of an answer": Reader(
        _headers, (*_URL, "//", "\r\n ", 'realm="', '",', "100;w=21600", "ftp:"), (connection.Failure,)
    ),
    "error of an answer": Reader(_error, (*_JSON, '{"errors": [{"message": ', '{"platform": {"os": ')),
    "images": Reader(
        images.parse, ("library/", "alpine", ":", "3.20", "@sha256:", "1" * 64, "docker.io/"), (images.ImageError,)
    ),
    "proxies": Reader(_no_proxy, ("10.0.0.0/", "8", ",", "*.", ":", "5000", "[", "]", "localhost")),
    "pull_log": Reader(
        _pull,
        (
            'time="x" level=info msg="', 'Attempting next endpoint for pull after error"\n', "host=",
            "trying next host",
            'level=debug msg="Trying to pull library/alpine from https://a.example/ v2"\n', "msg=resolved ", '"',
            'level=debug msg="fetch response received" ', 'response.status="200 OK" ', "url=https://a/v2/b/blobs/c\n",
        ),
    ),
}  # fmt: skip


# -- _host and filters -----------------------------------------------------------------------------------------------


def _info(text: str) -> None:
    info = engine_api._parse_info(_data(text), "/run/docker.sock")
    json.dumps([info.mirrors, dict(info.settings), dict(info.proxies)])


def _argv(text: str) -> None:
    services.unit_argv({"ExecStart": text})
    services._object_path(text)


def _results(text: str) -> None:
    """Give filters what a host returned; a text that is not JSON is a result that Ansible turned into a message."""
    found = http_body.json_object(_data(text)) or {"failed": True, "msg": text}
    report = audit_report.audit_report(
        {"a": {"audit_info": found, "audit_health": found}}, ["https://a.example"], "2026-01-01"
    )
    json.dumps(escape_html.escape_html(report))


_HOST_READERS = {
    "engine_api": Reader(
        _info,
        (*_JSON, '{"ServerVersion": "28.5.2", "RegistryConfig": {"Mirrors": ', '"Swarm": ', '"ContainersRunning": '),
        (engine_api.Unreachable,),
    ),
    "http_body": Reader(lambda text: http_body.json_object(_data(text)), _JSON),
    "ExecStart of systemctl": Reader(_argv, ("{ path=/a ; argv[]=/a ", " ; ignore_errors=", "no ; ", "}", "$A")),
    "audit_report": Reader(_results, (*_JSON, '{"engine": {"state": "running"}, ', '"mirrors": ', '{"failed": true, ')),
}

READERS = {**_TEXT_READERS, **_RULE_READERS, **_REGISTRY_READERS, **_HOST_READERS}
