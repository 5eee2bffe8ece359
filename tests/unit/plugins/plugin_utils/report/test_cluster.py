# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster, and the source of its images."""

from __future__ import annotations

from report_support import FACTS, made, page


def test_a_registry_has_the_originals():
    document = made({**FACTS, "lab_source": "registry", "lab_standins": [], "lab_istio_note": ""})
    assert document["differs"] == []
    assert "None known" in page(document)


def test_what_a_cluster_of_the_users_own_has_is_not_known():
    facts = {**FACTS, "lab_cluster": "existing", "lab_source": "registry", "lab_standins": [], "lab_istio_note": ""}
    document = made({name: value for name, value in facts.items() if name != "kind_cluster_name_used"})
    assert (document["images"]["source"], document["differs"]) == ("cluster", [])
    assert document["cluster"] == {**made()["cluster"], "kind": "existing", "name": None}
    assert "The cluster was not created by the lab" in page(document)
