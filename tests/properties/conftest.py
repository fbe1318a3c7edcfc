# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hypothesis profiles, and a count of the examples.

"fast" always tries the same examples (make unit), "nightly" tries many random ones (make properties), and "mutants"
stops at the first failure (make mutants).
"""

from __future__ import annotations

import functools

import pytest

from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "fast",
    derandomize=True,
    max_examples=60,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
settings.register_profile("mutants", settings.get_profile("fast"), phases=[Phase.generate], report_multiple_bugs=False)
settings.register_profile(
    "nightly", settings.get_profile("fast"), derandomize=False, max_examples=3000, print_blob=True
)
settings.load_profile("fast")

_COUNTED = pytest.StashKey["_Counted"]()
_TRIED = pytest.StashKey[dict]()


def pytest_addoption(parser):
    parser.addoption(
        "--least-examples", type=int, default=0, help="say how many examples were tried, and fail when there were fewer"
    )


def pytest_configure(config):
    config.stash[_TRIED] = {}


def pytest_itemcollected(item):
    item.stash[_COUNTED] = _Counted()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    counted = item.stash[_COUNTED]
    handle = getattr(item.obj, "hypothesis", None)
    if handle:
        handle.inner_test = counted(handle.inner_test)
    try:
        return (yield)
    finally:
        item.config.stash[_TRIED][item.name] = counted.number


class _Counted:
    """Counts the calls of what it wraps that come to their end."""

    def __init__(self):
        self.number = 0

    def __call__(self, function):
        @functools.wraps(function)
        def counted(*args, **kwargs):
            result = function(*args, **kwargs)
            self.number += 1
            return result

        return counted


@pytest.fixture
def counted(request):
    """For a property that is no test of hypothesis itself: counts the calls of what it wraps."""
    return request.node.stash[_COUNTED]


def pytest_sessionfinish(session):
    if sum(session.config.stash[_TRIED].values()) < session.config.option.least_examples:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    if config.option.least_examples:
        for name, number in config.stash[_TRIED].items():
            terminalreporter.write_line(f"{number:8} {name}")
        total = sum(config.stash[_TRIED].values())
        terminalreporter.write_line(f"{total:8} examples in all, of {config.option.least_examples} at the least")
