# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleLookupError

from ansible_collections.meshlab.istio.plugins.lookup.bookinfo_browser_problem import LookupModule
from ansible_collections.meshlab.istio.plugins.module_utils._browser import browser


def test_the_problem_of_the_controller_is_returned(monkeypatch):
    monkeypatch.setattr(browser, "problem", lambda: "nothing found")
    assert LookupModule().run([]) == ["nothing found"]


@pytest.mark.parametrize(("terms", "options"), [(["chromium"], {}), ([], {"browser": "chromium"})])
def test_terms_and_options_are_refused(terms, options):
    with pytest.raises(AnsibleLookupError, match="terms and options are not supported"):
        LookupModule().run(terms, **options)
