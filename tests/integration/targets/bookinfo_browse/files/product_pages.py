"""Serves product pages like those of Bookinfo's releases, and faulty ones.

    product_pages.py FILE RELEASE   writes the address (host:port) to FILE, and serves until FILE is removed

/STYLE/productpage changes its look with each load and accepts any user. Styles:

    original   page of the release: stars are SVGs that a script colors later; the form is a dialog
    glyphs     page of Istio 1.7: stars are glyphs in a font element with a color; a button shows the form
    pinned     always without stars, and signs out with each load
    green      green stars instead of red ones, and does not sign out
    unrated    no stars because ratings does not respond; uses images and scripts of other hosts
    empty      empty page, like a gateway without a route
"""

from __future__ import annotations

import itertools
import sys
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import jinja2

SITE = Path(sys.argv[2]) / "samples/bookinfo/src/productpage"
VERSIONS = {"none": "v1", "black": "v2", "red": "v3"}
TURNS = defaultdict(lambda: itertools.cycle(["none", "black", "red"]))


def stars(style, look):
    if look == "none":
        return ""
    filled, hollow = '<i class="glyphicon glyphicon-star">*</i>', '<i class="glyphicon glyphicon-star-empty">-</i>'
    return f'<font color="{"green" if style == "green" and look == "red" else look}">{filled * 4}{hollow}</font>'


def header(style, user):
    if user:
        return f'<p>{user} (<a href="logout">sign out</a>)</p>'
    form = (
        '<form method="post" action="login"><input name="username"><input name="passwd" type="password">'
        '<button type="submit">Sign in</button><button type="button">Cancel</button></form>'
    )
    return (
        "<button onclick=\"setTimeout(() => document.querySelector('div').hidden = false, 100)\">Sign\n in</button>"
        f"<div hidden>{form}</div>"
    )


def original(user, look):
    """The template of the release with the values of its program."""
    review = {
        "reviewer": "Reviewer1",
        "text": "Good.",
        "rating": {"stars": 4, "color": look} if look != "none" else None,
    }
    return jinja2.Template((SITE / "templates/productpage.html").read_text(encoding="utf-8")).render(
        user=user,
        product={"title": "A play", "descriptionHtml": "By <b>an author</b>."},
        detailsStatus=200,
        details={"publisher": "P", "pages": 1, "type": "t", "language": "l", "ISBN-10": "1"},
        reviewsStatus=200,
        reviews={"podname": f"reviews-{VERSIONS[look]}-abc-12", "clustername": "null", "reviews": [review] * 2},
    )


def page(style, user):
    look = "none" if style == "pinned" else next(TURNS[style])
    if style == "original":
        return original(user, look)
    parts = ["<!DOCTYPE html><html><head><title>A bookstore</title>"]
    if style == "unrated":
        parts.append('<script src="http://203.0.113.1/x.js"></script><img src="http://bookinfo.invalid/x.png">')
    parts += ["</head><body>", header(style, user)]
    rating = "<p><i>Ratings service is currently unavailable</i></p>" if style == "unrated" else stars(style, look)
    parts.append(f"<blockquote><p>Good.</p>{rating}</blockquote>" * 2)
    if style != "glyphs":
        parts.append(f"<p>Reviews served by: reviews-{VERSIONS[look]}-abc-12</p>")
    return "".join(parts) + "</body></html>"


class Handler(BaseHTTPRequestHandler):
    def split(self):
        """Split the path into style and page."""
        style, _slash, name = self.path.strip("/").partition("/")
        return style, name

    def do_GET(self):
        style, name = self.split()
        cookie = self.headers.get("Cookie", "")
        user = cookie.partition("user=")[2]
        if name == "logout":
            self.redirect(style, user if style == "green" else "")
        elif "static/" in self.path and (SITE / self.path[self.path.index("static/") :]).is_file():
            self.answer(200, {"Content-Type": ""}, (SITE / self.path[self.path.index("static/") :]).read_bytes())
        elif style == "empty" or name != "productpage":
            self.answer(404, {}, "")
        else:
            forget = {"Set-Cookie": f"user=; Path=/{style}"} if style == "pinned" else {}
            self.answer(200, forget, page(style, user))

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.redirect(self.split()[0], form["username"][0])

    def redirect(self, style, user):
        self.answer(302, {"Location": f"/{style}/productpage", "Set-Cookie": f"user={user}; Path=/{style}"}, "")

    def answer(self, status, headers, text):
        body = text.encode() if isinstance(text, str) else text
        self.send_response(status)
        for name, value in {"Content-Type": "text/html; charset=utf-8", "Content-Length": len(body), **headers}.items():
            if value != "":
                self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.timeout = 0.5
    address_file = Path(sys.argv[1])
    address_file.write_text("{}:{}\n".format(*server.server_address), encoding="utf-8")
    while address_file.exists():
        server.handle_request()


if __name__ == "__main__":
    main()
