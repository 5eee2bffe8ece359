# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user sees of Bookinfo's product page, by a browser that is handed in: three looks, signing in and out."""

from __future__ import annotations

import os
import re
from collections import namedtuple
from urllib.parse import urlsplit

from ansible_collections.meshlab.istio.plugins.module_utils._validation import DAY, number_problem

Look = namedtuple("Look", "title version")

# The looks that the three versions of reviews give the page.
LOOKS = {
    "none": Look("no stars", "reviews v1"),
    "black": Look("black stars", "reviews v2"),
    "red": Look("red stars", "reviews v3"),
}
# What pictures are taken of, and the names of their files.
FILES = {
    "none": "productpage-no-stars.png",
    "black": "productpage-black-stars.png",
    "red": "productpage-red-stars.png",
    "signed_in": "productpage-signed-in.png",
    "narrow": "productpage-narrow.png",
}
WIDTH, NARROW_WIDTH = 1280, 390  # pixels: a desktop's and a telephone's
# So often the signed-in page is loaded again, for its picture to show the same look in every run.
STEADY_RELOADS = 30
STEADY_LOOK = "red"


class PageError(Exception):
    """What is wrong with the page, in words for the user."""


def check(params: dict) -> None:
    """Raise PageError for options that can be known wrong without a browser."""
    url, address = params["url"], params["address"]
    try:
        parts = urlsplit(url)
        well = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        well = False
    if not well:
        raise PageError(f"url must be an HTTP URL such as http://127.0.0.1:30080/productpage, got {url!r}")
    port = re.fullmatch(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:/\[\],]+):([0-9]{1,5})", address or "")
    if address and not (port and 0 < int(port[1]) < 65536):
        raise PageError(f"address must be host:port such as 127.0.0.1:30080, got {address!r}")
    if not re.fullmatch(r"[^\s\x00-\x1f]{1,64}", params["user"]):
        raise PageError(f"user must have 1 to 64 characters and no spaces, got {params['user']!r}")
    for name, low, high in (("reloads", 0, None), ("timeout", 1, DAY)):
        problem = number_problem(name, params[name], low, high)
        if problem:
            raise PageError(problem)


def colour_name(red: int, green: int, blue: int) -> str:
    """red or black, whatever shade a style sheet makes of it; any other colour as itself."""
    if red >= 128 and red >= 2 * max(green, blue):
        return "red"
    if max(red, green, blue) <= 96:
        return "black"
    return f"rgb({red}, {green}, {blue})"


def look_of(page: dict) -> str:
    """Which of LOOKS a page has, else in words what it shows instead; page: what a browser read."""
    if not page["reviews"]:
        error = re.search(r"error fetching product reviews[^\n]*(?:\s+[^\n]+)?", page["text"], re.IGNORECASE)
        return "no reviews" + (f" ({' '.join(error[0].split())})" if error else "")
    colours = sorted({colour_name(*x) for x in page["stars"]})
    if len(colours) == 1:
        return colours[0] if colours[0] in LOOKS else f"stars of {colours[0]}"
    if colours:
        return f"stars of more than one colour: {', '.join(colours)}"
    error = re.search(r"ratings service is [^\n]*unavailable", page["text"], re.IGNORECASE)
    return f"reviews without ratings ({error[0]})" if error else "none"


def served_by(page: dict) -> str | None:
    """The pod that the page names as the server of its reviews; None where it names none, as old versions do."""
    found = re.search(r"served by:\s*([a-z0-9][-a-z0-9.]*)", page["text"])
    return found[1] if found else None


def picture(look: str, directory: str, user: str) -> dict:
    """What is handed on about a picture: path, title and what it is of."""
    if look in LOOKS:
        title = f"The product page with {LOOKS[look].title} ({LOOKS[look].version})"
    else:
        title = f"Signed in as {user}" + (", on a narrow screen" if look == "narrow" else "")
    return {"path": os.path.join(directory, FILES[look]), "title": title, "look": look}


def title_of(look: str) -> str:
    return LOOKS[look].title if look in LOOKS else look


def _count(number, what):
    return f"{number} {what}{'' if number == 1 else 's'}"


def shown(page: dict) -> str:
    """What a page says, short."""
    text = " ".join(page["text"].split())
    return f"title {page['title']!r}, text {text[:200] + '...' if len(text) > 200 else text!r}"


def check_page(page: dict, url: str) -> None:
    """Raise PageError unless it is a product page."""
    if not page["sign_in"] and not page["sign_out"]:
        raise PageError(f"{url} is not Bookinfo's product page, for it lets nobody sign in or out: {shown(page)}")


class Visit:
    """One visit to the page.

    browser: load(url), sign_in(user) and sign_out() give the page that they end at, screenshot(width) a PNG's bytes;
    pictures: what was taken, by what it is of.
    """

    def __init__(self, browser, url):
        self.browser, self.url = browser, url
        self.loads, self.seen, self.external_urls, self.pictures = 0, {}, set(), {}

    def load(self) -> tuple[dict, str]:
        """The page and its look."""
        page = self.browser.load(self.url)
        check_page(page, self.url)
        self.external_urls.update(page["external_urls"])
        return page, look_of(page)

    def see_looks(self, reloads: int) -> None:
        """Load the page until every look was seen, and take a picture of each."""
        while self.loads <= reloads and not all(x in self.seen for x in LOOKS):
            page, look = self.load()
            self.loads += 1
            if look in LOOKS and look not in self.seen:
                self.pictures[look] = self.browser.screenshot(WIDTH)
            row = self.seen.setdefault(look, {"times": 0, "served_by": set()})
            row["times"] += 1
            row["served_by"].update(filter(None, [served_by(page)]))
        missed = [f"{x.title} ({x.version})" for name, x in LOOKS.items() if name not in self.seen]
        if missed:
            times = ", ".join(f"{title_of(x)} {_count(row['times'], 'time')}" for x, row in sorted(self.seen.items()))
            raise PageError(
                f"never seen in {_count(self.loads, 'load')} of {self.url}: {', '.join(missed)}; seen: {times}. "
                "Does a VirtualService send its requests elsewhere, is no pod of it ready, or were the reloads too few?"
            )

    def sign_in_and_out(self, user: str) -> None:
        """Sign in, see that the page knows it and does not forget it, take pictures, and sign out again."""
        page = self.browser.sign_in(user)
        if not page["sign_out"] or user not in page["text"]:
            raise PageError(f"signed in as {user!r}, and the page does not say so: {shown(page)}")
        for _reload in range(STEADY_RELOADS if STEADY_LOOK in self.seen else 1):
            page, look = self.load()
            if not page["sign_out"] or user not in page["text"]:
                raise PageError(
                    f"signed in as {user!r}, and the page has forgotten it when loaded again: {shown(page)}"
                )
            if look == STEADY_LOOK:
                break
        self.pictures["signed_in"] = self.browser.screenshot(WIDTH)
        self.pictures["narrow"] = self.browser.screenshot(NARROW_WIDTH)
        page = self.browser.sign_out()
        if page["sign_out"] or not page["sign_in"]:
            raise PageError(f"signed out, and the page still knows {user!r}: {shown(page)}")

    def result(self) -> dict:
        """What was seen, as the module returns it."""
        order = [*LOOKS, *sorted(self.seen.keys() - LOOKS.keys())]
        looks = [
            {
                "look": look,
                "title": title_of(look),
                "times": self.seen[look]["times"],
                "served_by": sorted(self.seen[look]["served_by"]),
            }
            for look in order
            if look in self.seen
        ]
        return {"looks": looks, "loads": self.loads, "external_urls": sorted(self.external_urls)}
