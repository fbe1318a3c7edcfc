# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any input from outside quickly ends as a result or as the reader's own error."""

from __future__ import annotations

import contextlib
import json
import pathlib

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pullthrough.docker.plugins.module_utils._change import daemon_file, places
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._host import engine_api
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import ca_certificates, certs_d, versions
from ansible_collections.pullthrough.docker.plugins.module_utils._text import (
    flag_text,
    masking,
    options_text,
    unit_text,
)
from ansible_collections.pullthrough.docker.tests.properties.readers import FLAG, quickly
from ansible_collections.pullthrough.docker.tests.properties.texts import (
    DAMAGED_JSON_TEXTS,
    JSON_TEXTS,
    LONG_TEXTS,
    OPTIONS_TEXTS,
    UNIT_TEXTS,
)

CERTIFICATE = pathlib.Path(__file__, "../../unit/plugins/modules/ca.crt").resolve().read_text()


@given(
    st.binary(max_size=40)
    | LONG_TEXTS.map(str.encode)
    | DAMAGED_JSON_TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_daemon_json(data):
    with quickly(), contextlib.suppress(Refused):
        source = daemon_file.DaemonJson("/etc/docker/daemon.json", data)
        source.text(["https://a.example"])
        source.locate("Go struct field Config.debug of type bool")
        source.check_types()
        source.check_keys()


@given(JSON_TEXTS | DAMAGED_JSON_TEXTS | LONG_TEXTS | LONG_TEXTS | LONG_TEXTS)
def test_text_that_is_shown(text):
    with quickly():
        masking.mask_json(text)


@given(OPTIONS_TEXTS | st.text(max_size=40) | LONG_TEXTS, st.booleans())
def test_options_file(text, shell):
    with quickly(), contextlib.suppress(Refused):
        source = places.OptionsFile(
            "/etc/default/docker", text.encode("utf-8", "surrogateescape"), "DOCKER_OPTS", shell=shell
        )
        source.text(["https://a.example"])
        source.text([])


@given(UNIT_TEXTS | st.text(max_size=40) | LONG_TEXTS.map("[Service]\nExecStart=/usr/bin/dockerd {}".format))
def test_unit(text):
    with quickly(), contextlib.suppress(Refused):
        command = unit_text.command([("/etc/systemd/system/docker.service", text)])
        places.DropIn("/etc/systemd/system/docker.service.d/zz.conf", text.encode(), command).text(
            ["https://a.example"]
        )
        if command:
            places.UnitFile("/etc/systemd/system/docker.service", text.encode(), command).text([])


@given(
    st.text(max_size=40)
    | LONG_TEXTS
    | st.lists(st.sampled_from([FLAG, f"{FLAG}=", f"{FLAG}=a", " ", "\\\n"]), max_size=6).map("".join),
    st.lists(st.sampled_from(["a", "b"]), max_size=2),
)
def test_flags(text, values):
    with quickly():
        flag_text.find(text, FLAG)
        flag_text.is_plain(text)
        flag_text.put(f"{FLAG}=c {text} {FLAG}=b", FLAG, values)
        options_text.words_of(text)


@given(st.text("0123456789.+-~v٣", max_size=12) | st.text() | LONG_TEXTS)
def test_version(text):
    with quickly():
        version = versions.parse(text)
    assert version is None or all(isinstance(part, int) for part in version)


_ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
_INFO_KEYS = [
    "Swarm", "ContainersRunning", "SecurityOptions", "LiveRestoreEnabled", "DriverStatus", "DockerRootDir", "Driver",
    "LoggingDriver", "Debug", "Labels", "DefaultRuntime",
]  # fmt: skip
_INFO = st.fixed_dictionaries(
    {"ServerVersion": st.sampled_from(["28.5.2", "28.5.2", "dev", "1" * 5000 + ".2.3", "", None])},
    optional={
        **dict.fromkeys(_INFO_KEYS, _ANY_JSON),
        "RegistryConfig": st.dictionaries(
            st.sampled_from(["Mirrors", "InsecureRegistryCIDRs", "IndexConfigs"]), _ANY_JSON
        )
        | _ANY_JSON,
    },
).map(lambda answer: json.dumps(answer).encode())


@given(_INFO | _INFO | _INFO | st.binary(max_size=20) | LONG_TEXTS.map(str.encode))
def test_answer_of_an_engine(body):
    with quickly(), contextlib.suppress(engine_api.Unreachable):
        info = engine_api._parse_info(body, "/run/docker.sock")
        assert isinstance(info.version, str)
        assert all(isinstance(mirror, str) for mirror in info.mirrors)
        assert isinstance(info.containers_running, int)
        versions.parse(info.version)
        json.dumps([info.mirrors, info.image_store, dict(info.settings)])


_CERTIFICATE_PIECES = [
    *CERTIFICATE.splitlines(keepends=True),
    CERTIFICATE,
    "\n",
    "-----BEGIN X-----\n",
    "-----END CERTIFICATE-----",
    "A",
    " ",
    "é",
]


@given(st.lists(st.sampled_from(_CERTIFICATE_PIECES), max_size=30).map("".join) | LONG_TEXTS | st.text(max_size=20))
def test_certificates(text):
    with quickly(), contextlib.suppress(certs_d.CertificateError):
        ca_certificates.check({"a.example": text}, ["https://a.example"])
        ca_certificates.warnings({"a.example": text}, 0)


@given(st.text("ab1@:%!=.é", max_size=8), st.text("ab1@:%!=.é", max_size=8))
def test_a_password_in_a_url_is_never_shown(before, after):
    assert "s3cr3t" not in masking.mask(f"x https://me:{before}s3cr3t{after}@a.example y")
