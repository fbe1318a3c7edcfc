# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Why a change must not be made.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations


class Refused(Exception):
    """A change that must not be made. It never says what became of the host: only ``render`` knows."""

    def __init__(self, what: str, advice: str = "") -> None:
        """:param what: what is wrong and where, as sentences; the last one has no period.
        :param advice: what to do, as sentences.
        """
        super().__init__(f"{what}. {advice}".strip())
        self.what = what
        self.advice = advice


class NotDone(Exception):
    """A change on the way to something else that failed. The text is a whole message, with what became of the host."""

    def __init__(self, text: str, *, is_changed: bool) -> None:
        super().__init__(text)
        self.is_changed = is_changed
