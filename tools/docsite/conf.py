# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx's configuration for the documentation site, see build.sh."""

import os

project = "meshlab.istio"
copyright = "the meshlab.istio authors"
title = html_short_title = "meshlab.istio"

extensions = ["sphinx.ext.intersphinx", "sphinx_antsibull_ext"]
pygments_style = "ansible"
highlight_language = "YAML+Jinja"
default_role = "any"
nitpicky = True

html_theme = "sphinx_ansible_theme"
html_show_sphinx = False
html_use_smartypants = True
html_use_index = False
html_copy_source = False

# Without a network, references to other projects are shown as plain text.
offline = os.environ.get("DOCSITE_OFFLINE", "") != ""
intersphinx_mapping = {} if offline else {"ansible": ("https://docs.ansible.com/projects/ansible/latest/", None)}
OTHER_PROJECTS = ("common_return_values", "ansible_configuration_settings", "ansible_collections.")
OWN = "ansible_collections.meshlab.istio."


def show_as_text(_app, _env, node, content):
    """Resolve a reference to another project's documentation to its text."""
    target = node.get("reftarget", "")
    if offline and target.startswith(OTHER_PROJECTS) and not target.startswith(OWN):
        return content
    return None


def setup(app):
    app.connect("missing-reference", show_as_text)
