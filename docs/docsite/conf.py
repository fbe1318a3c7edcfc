# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How Sphinx builds the site; see tools/docs."""

project = "pullthrough.docker"
author = "The pullthrough.docker authors"
title = html_title = html_short_title = project
extensions = ["sphinx_antsibull_ext"]
highlight_language = "YAML+Jinja"
html_theme = "alabaster"
html_theme_options = {"page_width": "auto", "description": "Registry mirrors for Docker Engines"}
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
