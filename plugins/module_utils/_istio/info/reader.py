# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read what the user has permission to read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar
from urllib.parse import quote

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import Cluster
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.permissions import unless_forbidden

T = TypeVar("T")


class Reader:
    """Reads a cluster and tolerates missing permissions.

    answered: number of requests of get() and items() that were permitted; refused: the errors of the others.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.answered = 0
        self.refused: list[ClusterError] = []

    def get(self, path: str) -> Any:
        """The object at an API path; None if it does not exist, or without permission to read it."""
        return self._unless_forbidden(lambda: self.cluster.get(path))

    def items(self, path: str, **query: Any) -> list[dict[str, Any]] | None:
        """The objects of a list; None without permission to read it."""
        return self._unless_forbidden(lambda: list(self.cluster.items(path, **query)))

    def each(self, path: str) -> Iterator[dict[str, Any]]:
        """Yield the objects of a long list; none without permission to read it."""
        objects = self.cluster.items(path)
        while (found := unless_forbidden(lambda: next(objects, None), refused=self.refused)) is not None:
            yield found

    def _unless_forbidden(self, read: Callable[[], T]) -> T | None:
        refusals = len(self.refused)
        found = unless_forbidden(read, refused=self.refused)
        self.answered += len(self.refused) == refusals
        return found


def list_paths(group: str, plural: str, namespaces: Iterable[str]) -> list[str]:
    """The API paths that list a kind in these namespaces, or in all if empty."""
    return [f"{group}/namespaces/{quote(x, safe='')}/{plural}" for x in namespaces] or [f"{group}/{plural}"]
