# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send the requests of a plan from a client."""

from __future__ import annotations

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import Cluster
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.answer import Tally, read_answer
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.client import Client
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import Plan, SplitError
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.probe import new_nonce, probe_command, probe_input


def measure(cluster: Cluster, plan: Plan, client: Client) -> Tally:
    """Send the plan's requests from the client in one exec, and return the Tally.

    cluster: anything with Cluster.exec. Raises SplitError if a program is missing or the output is incomplete.
    """
    nonce = new_nonce()
    answer = cluster.exec(
        client.namespace,
        client.pod,
        client.container,
        probe_command(plan, nonce),
        timeout=plan.exec_timeout,
        stdin=probe_input(plan),
    )
    try:
        return read_answer(answer, nonce, plan)
    except SplitError as error:
        raise SplitError(f"client {client.namespace}/{client.pod}/{client.container}: {error}") from error
