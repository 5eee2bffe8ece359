# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Headless Chromium that reads the rendered Bookinfo product page and connects to no other host."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import signal
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.meshlab.istio.plugins.module_utils._browser import sandbox
from ansible_collections.meshlab.istio.plugins.module_utils._browser.errors import BrowserError

try:
    from selenium.common.exceptions import TimeoutException, WebDriverException
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.wait import WebDriverWait
except ImportError:
    SELENIUM_ERROR: str | None = traceback.format_exc()
else:
    SELENIUM_ERROR = None

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WEBDRIVERS = ("chromedriver",)
PACKAGES = (
    "chromium",
    "chromium-driver",
    "fonts-dejavu-core",
)  # on Debian; the browser needs a font, but does not depend on one
HEIGHT, TALLEST = 800, 4000  # pixels

# In addition to the WebDriver's flags: no background connections, and reproducible screenshots.
FLAGS = (
    "--headless=new",
    "--no-proxy-server",
    "--no-pings",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-breakpad",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-features=OptimizationHints,MediaRouter,Translate,DialMediaRouteProvider,CertificateTransparencyComponentUpdater",
    "--force-device-scale-factor=1",
    "--font-render-hinting=none",
    "--hide-scrollbars",
    "--lang=en",
)

# Runs in the page once it is drawn, its fonts are loaded and its scripts are idle. A row of stars has five children,
# glyphs or SVGs. A canvas converts the computed color of a filled star to numbers, whatever sets it.
READ = r"""
const done = arguments[arguments.length - 1];
const pen = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
const known = {};
const rgb = (color) => {
  if (!(color in known)) {
    pen.fillStyle = color;
    pen.fillRect(0, 0, 1, 1);
    known[color] = [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
  }
  return known[color];
};
const visible = (e) => e !== null && e.getClientRects().length > 0;
const isSvg = (e) => e instanceof SVGSVGElement;
const name = (e) => e.getAttribute("class") || "";
const isStar = (e) => isSvg(e) || /\bglyphicon-star\b/.test(name(e)) || /^\s*[\u2605\u2606]\s*$/.test(e.textContent);
const isFilled = (e) => isSvg(e) ? getComputedStyle(e).fill !== "none"
  : !(/\bglyphicon-star-empty\b/.test(name(e)) || e.textContent.trim() === "\u2606");
const read = () => {
  const rows = [...document.querySelectorAll("body *")].filter(
    (e) => e.children.length === 5 && visible(e) && [...e.children].every(isStar));
  const filled = rows.flatMap((row) => [...row.children].filter(isFilled));
  const signOut = document.querySelector("a[href$=logout]");
  const urls = performance.getEntriesByType("resource").map((x) => x.name);
  return {
    title: document.title,
    text: document.body ? document.body.innerText : "",
    reviews: document.querySelectorAll("blockquote").length,
    stars: filled.map((e) => rgb(getComputedStyle(e)[isSvg(e) ? "fill" : "color"])),
    sign_in: document.querySelector("input[name=username]") !== null && !visible(signOut),
    sign_out: visible(signOut),
    external_urls: urls.filter((x) => new URL(x).host !== location.host),
  };
};
const idle = () => requestIdleCallback(() => done(read()), {timeout: 5000});
document.fonts.ready.then(() => requestAnimationFrame(() => requestAnimationFrame(idle)));
"""


def is_snap(path: str) -> bool:
    """Whether a program is a snap or starts one. A snap has a /tmp of its own, so it cannot read the profile."""
    real = os.path.realpath(path)
    if real.startswith("/snap/") or os.path.basename(real) == "snap":
        return True
    try:
        with open(real, "rb") as program:
            start = program.read(8192)
    except OSError:
        return False
    return start.startswith(b"#!") and b"/snap/bin/" in start


def _search(browser: str | None, webdriver: str | None) -> tuple[list[str], str]:
    """Return the paths of the browser and its WebDriver, and what was not found; empty if both were."""
    found, missing = [], []
    for program, given, names in (("browser", browser, BROWSERS), ("WebDriver", webdriver, WEBDRIVERS)):
        paths = list(filter(None, map(shutil.which, [given] if given else names)))
        path = next((x for x in paths if given or not is_snap(x)), None)
        if path:
            found.append(path)
        else:
            snap = "; a snap cannot be used" if paths else ""
            missing.append(f"{program} ({given if given else ' or '.join(names) + ' in PATH'}{snap})")
    return found, f"{' and '.join(missing)} not found" if missing else ""


def problem() -> str:
    """Return why no page can be opened on this machine; empty if there are a browser, a WebDriver and Selenium."""
    if SELENIUM_ERROR:
        return "the Python package selenium is not installed"
    return _search(None, None)[1]


def find(browser: str | None = None, webdriver: str | None = None) -> list[str]:
    """Return the paths of the browser and of its WebDriver. Raises BrowserError with how to install missing ones."""
    found, missing = _search(browser, webdriver)
    if missing:
        raise BrowserError(
            f"{missing}. On Debian: apt-get install {' '.join(PACKAGES)}. "
            "The role meshlab.istio.bookinfo installs them if bookinfo_install_browser is true."
        )
    return found


def host_rules(url: str, address: str | None = None) -> str:
    """Return Chromium's host rules to resolve only the URL's host, to the address if one is given."""
    host = urlsplit(url).hostname
    if address:
        return f"MAP {host} {address},MAP * ~NOTFOUND"
    return f"MAP * ~NOTFOUND,EXCLUDE {host}"


def offline_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without proxies, in which Selenium does not search for or download another browser."""
    kept = {k: v for k, v in environment.items() if not k.lower().endswith("_proxy") and not k.startswith("SE_")}
    return {**kept, "SE_OFFLINE": "true", "SE_AVOID_STATS": "true"}


def home_environment(environment: Mapping[str, str], home: str) -> dict[str, str]:
    """Return an environment in which the browser writes only to home."""
    return {**{k: v for k, v in environment.items() if not k.startswith("XDG_")}, "HOME": home, "TMPDIR": home}


def first_line(error: BaseException) -> str:
    """Return the first line of a WebDriver's message, without the stack trace."""
    lines = [x.strip() for x in str(getattr(error, "msg", None) or error).splitlines() if x.strip()]
    return lines[0] if lines else type(error).__name__


def kill_processes(directory: str, proc: str = "/proc") -> None:
    """Kill the processes with a directory in their command line, in case the WebDriver did not stop the browser."""
    for entry in Path(proc).glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(directory).encode() in (entry / "cmdline").read_bytes() and int(entry.name) != os.getpid():
                os.kill(int(entry.name), signal.SIGKILL)


class Chromium:
    """A context manager for one visit with a browser; leaves no process and no file behind."""

    def __init__(
        self, paths: list[str], url: str, address: str | None = None, timeout: float = 20, width: int = 1280
    ) -> None:
        self.paths, self.timeout, self.width = paths, timeout, width
        self.url, self.address = url, address
        self.user = None
        self.webdriver: Any = None
        self.directory = ""

    def __enter__(self):
        self.user = sandbox.browser_user()
        self.directory = sandbox.make_profile_dir(self.user)
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self):
        browser, webdriver = self.paths
        # For this process too, which talks to the WebDriver on loopback.
        environment = offline_environment(os.environ)
        os.environ.clear()
        os.environ.update(environment)
        options = ChromeOptions()
        options.binary_location = browser
        rules = host_rules(self.url, self.address)
        flags = [*FLAGS, f"--user-data-dir={self.directory}/profile", f"--host-resolver-rules={rules}"]
        for flag in flags + sandbox.sandbox_flags(self.user, self.url, self.address):
            options.add_argument(flag)
        with self._failing("the browser does not start"):
            popen_kw = {"cwd": self.directory, **sandbox.popen_options(self.user)}
            service = Service(webdriver, env=home_environment(environment, self.directory), popen_kw=popen_kw)
            self.webdriver = Chrome(options=options, service=service)
            self._size(self.width, HEIGHT)
            # Not before: on a busy machine, the start takes longer than any other action.
            self.webdriver.set_page_load_timeout(self.timeout)
            self.webdriver.set_script_timeout(self.timeout)

    def __exit__(self, *_error):
        if self.webdriver:
            self.webdriver.quit()
        kill_processes(self.directory)
        shutil.rmtree(self.directory, ignore_errors=True)

    @contextlib.contextmanager
    def _failing(self, message):
        try:
            yield
        except TimeoutException as error:
            raise BrowserError(f"{message} within {self.timeout} s: {first_line(error)}") from error
        except WebDriverException as error:
            raise BrowserError(f"{message}: {first_line(error)}") from error

    @property
    def version(self) -> str:
        return self.webdriver.capabilities["browserVersion"]

    def load(self, url: str) -> dict:
        with self._failing(f"{url} does not load"):
            self.webdriver.get(url)
            return self._read()

    def _read(self):
        return self.webdriver.execute_async_script(READ)

    def sign_in(self, user: str) -> dict:
        """Open the form if it is hidden, fill it in and submit it."""
        with self._failing("cannot sign in"):
            field = self.webdriver.find_element(By.NAME, "username")
            if not field.is_displayed():
                opener = "//button[translate(normalize-space(), 'SIN', 'sin')='sign in']"
                openers = [x for x in self.webdriver.find_elements(By.XPATH, opener) if x.is_displayed()]
                if not openers:
                    raise WebDriverException("the form is hidden and no button Sign in found")
                openers[0].click()
                self._until(field.is_displayed, "the form did not open")
            field.send_keys(user)
            self.webdriver.find_element(By.NAME, "passwd").send_keys("any")
            form = field.find_element(By.XPATH, "ancestor::form")
            form.find_element(By.CSS_SELECTOR, "button:not([type]), button[type=submit], input[type=submit]").click()
            self._until(lambda: self._read()["sign_out"], "no sign-out link found")
            return self._read()

    def sign_out(self) -> dict:
        with self._failing("cannot sign out"):
            self.webdriver.find_element(By.CSS_SELECTOR, "a[href$=logout]").click()
            self._until(lambda: self._read()["sign_in"], "no sign-in form found")
            return self._read()

    def _until(self, condition, message):
        # A script fails if the page is unloaded meanwhile, and is retried on the next page.
        wait = WebDriverWait(self.webdriver, self.timeout, poll_frequency=0.2, ignored_exceptions=[WebDriverException])
        wait.until(lambda _webdriver: condition(), message)

    def _size(self, width, height):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.webdriver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def screenshot(self, width: int) -> bytes:
        """Return a screenshot of the whole page as PNG. width: in pixels."""
        with self._failing("cannot take a screenshot"):
            self._size(width, HEIGHT)
            self._read()  # wait until the page is redrawn
            height = self.webdriver.execute_script("return document.documentElement.scrollHeight")
            self._size(width, min(max(height, HEIGHT), TALLEST))
            self._read()
            png = base64.b64decode(self.webdriver.get_screenshot_as_base64())
            self._size(self.width, HEIGHT)
            return png
