# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jaeger's query API, the same since 1.18 and in 2.x."""

from __future__ import annotations

import json
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urlsplit

from ansible.module_utils.urls import open_url

from ansible_collections.meshlab.istio.plugins.module_utils._urls import is_loopback


class JaegerError(Exception):
    """What went wrong with Jaeger, in words for the user."""


def check_url(url: str) -> str:
    """The URL without a slash at its end. Raises JaegerError if it is none of a query service."""
    try:
        parts = urlsplit(url)
        port_is_well = parts.port is None or parts.port > 0
    except ValueError as error:
        raise JaegerError(f"url: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_well:
        raise JaegerError(f"url is that of Jaeger's query service, such as http://127.0.0.1:16686/jaeger; got {url!r}")
    if parts.username or parts.password:
        raise JaegerError("url holds a user or a password; set url_username and url_password instead")
    if parts.query or parts.fragment:
        raise JaegerError(f"url holds more than a path: {url}")
    path = parts.path.rstrip("/")
    for page in ("/search", "/api"):
        path = path[: -len(page)] if path.endswith(page) else path
    return f"{parts.scheme}://{parts.netloc}{path}"


class Jaeger:
    """One query service; every failure is a JaegerError that names its URL."""

    def __init__(
        self,
        url: str,
        timeout: float = 10,
        validate_certs: bool = True,
        username: str | None = None,
        password: str | None = None,
    ) -> None:
        """url: with its base path; timeout: seconds for one request."""
        self.url = check_url(url)
        self.timeout = timeout
        self.validate_certs = validate_certs
        self.username = username
        self.password = password

    def services(self) -> list[str]:
        """The names of the services that Jaeger has spans of."""
        return list(self._get("/api/services") or [])

    def traces(
        self,
        service: str,
        start: float,
        end: float,
        limit: int,
        operation: str | None = None,
        tags: dict[str, str] | None = None,
    ) -> list[dict]:
        """The newest traces of a service, as Jaeger gives them. start, end: seconds since 1970; limit: how many."""
        query = {"service": service, "start": int(start * 1e6), "end": int(end * 1e6), "limit": limit}
        if operation:
            query["operation"] = operation
        if tags:
            query["tags"] = json.dumps({key: str(value) for key, value in tags.items()})
        return list(self._get(f"/api/traces?{urlencode(query, quote_via=quote)}") or [])

    def _get(self, path):
        url = self.url + path
        try:
            answer = open_url(
                url,
                headers={"Accept": "application/json"},
                use_proxy=not is_loopback(url),
                timeout=self.timeout,
                validate_certs=self.validate_certs,
                url_username=self.username,
                url_password=self.password,
                force_basic_auth=bool(self.username),
                follow_redirects="none",
            ).read()
        except HTTPError as error:
            raise JaegerError(f"{url} answered {error.code} {error.reason}{_said(error.read())}") from error
        except Exception as error:  # open_url lets through whatever TLS and sockets raise
            raise JaegerError(f"cannot reach {url}: {getattr(error, 'reason', None) or error}") from error
        try:
            return json.loads(answer)["data"]
        except (ValueError, KeyError, TypeError) as error:
            raise JaegerError(
                f"{url} gave no JSON of Jaeger's: is the base path in url right (Istio's add-on has /jaeger)?"
            ) from error


def _said(body):
    """What Jaeger said of an error, for a message."""
    try:
        return f": {json.loads(body)['errors'][0]['msg']}"
    except (ValueError, KeyError, TypeError, IndexError):
        return ""
