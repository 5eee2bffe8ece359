# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Client for Jaeger's query API, which is the same from 1.18 to 2.x."""

from __future__ import annotations

import json
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urlsplit

from ansible.module_utils.urls import open_url

from ansible_collections.meshlab.istio.plugins.module_utils._urls import is_private


class JaegerError(Exception):
    """A request to Jaeger failed. The message is shown to the user."""


def check_url(url: str) -> str:
    """Return the base URL without a trailing slash. Raises JaegerError if it is not valid."""
    try:
        parts = urlsplit(url)
        valid_port = parts.port is None or parts.port > 0
    except ValueError as error:
        raise JaegerError(f"url: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or not valid_port:
        raise JaegerError(
            f"url must be that of a Jaeger query service, such as http://127.0.0.1:16686/jaeger, got {url!r}"
        )
    if parts.username or parts.password:
        raise JaegerError("url must not contain credentials; set url_username and url_password instead")
    if parts.query or parts.fragment:
        raise JaegerError(f"url must not contain a query or fragment, got {url!r}")
    path = parts.path.rstrip("/")
    for page in ("/search", "/api"):
        path = path[: -len(page)] if path.endswith(page) else path
    return f"{parts.scheme}://{parts.netloc}{path}"


class Jaeger:
    """A Jaeger query service. Every failure is a JaegerError that contains the URL."""

    def __init__(
        self,
        url: str,
        timeout: float = 10,
        validate_certs: bool = True,
        username: str | None = None,
        password: str | None = None,
    ) -> None:
        """url: with the base path; timeout: seconds for one request."""
        self.url = check_url(url)
        self.timeout = timeout
        self.validate_certs = validate_certs
        self.username = username
        self.password = password

    def services(self) -> list[str]:
        """Names of the services that have spans."""
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
        """The newest traces of a service, at most limit. start, end: seconds since 1970."""
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
                use_proxy=not is_private(url),
                timeout=self.timeout,
                validate_certs=self.validate_certs,
                url_username=self.username,
                url_password=self.password,
                force_basic_auth=bool(self.username),
                follow_redirects="none",
            ).read()
        except HTTPError as error:
            raise JaegerError(f"{url} returned {error.code} {error.reason}{_error_text(error.read())}") from error
        except Exception as error:  # open_url does not wrap errors of TLS and sockets
            raise JaegerError(f"cannot reach {url}: {getattr(error, 'reason', None) or error}") from error
        try:
            return json.loads(answer)["data"]
        except (ValueError, KeyError, TypeError) as error:
            raise JaegerError(
                f"{url} did not return a Jaeger API response; check the base path in url (Istio's add-on has /jaeger)"
            ) from error


def _error_text(body):
    """The message in an error response of Jaeger, as a suffix; empty if there is none."""
    try:
        return f": {json.loads(body)['errors'][0]['msg']}"
    except (ValueError, KeyError, TypeError, IndexError):
        return ""
