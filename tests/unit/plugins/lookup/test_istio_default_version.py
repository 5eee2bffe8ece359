# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleLookupError

from ansible_collections.meshlab.istio.plugins.lookup.istio_default_version import LookupModule
from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases


def test_default_is_in_the_table():
    assert LookupModule().run([]) == [releases.DEFAULT]
    assert releases.release(releases.DEFAULT)


@pytest.mark.parametrize(("terms", "options"), [(["1.27.0"], {}), ([], {"kubernetes": "1.33"})])
def test_terms_and_options_are_refused(terms, options):
    with pytest.raises(AnsibleLookupError, match="terms and options are not supported"):
        LookupModule().run(terms, **options)
