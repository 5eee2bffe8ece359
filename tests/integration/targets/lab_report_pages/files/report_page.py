"""Open reports of the lab in Chromium, and fail with every problem of their layout.

    report_page.py REPORT.html...

PYTHONPATH must name the collections. Each page is opened at two widths, in the light and the dark color scheme. It must
not scroll sideways, load anything from elsewhere or have broken images, and it must use the colors of the scheme.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from ansible_collections.meshlab.istio.plugins.module_utils._browser import browser

WIDTHS = (390, 1400)
SCHEMES = ("light", "dark")
MEASURE = """
const done = arguments[arguments.length - 1];
const measure = () => {
  const root = document.documentElement;
  const brightness = (color) => color.match(/[0-9.]+/g).slice(0, 3).reduce((sum, x) => sum + Number(x), 0) / 3;
  const style = getComputedStyle(document.body);
  return {
    width: root.clientWidth,
    content_width: root.scrollWidth,
    background: brightness(style.backgroundColor),
    text: brightness(style.color),
    loaded: performance.getEntriesByType("resource").map((x) => x.name).filter((x) => !x.startsWith("data:")),
    broken_images: [...document.images].filter((x) => !(x.complete && x.naturalWidth > 0)).map((x) => x.alt),
    title: document.title,
  };
};
document.fonts.ready.then(() => requestAnimationFrame(() => requestAnimationFrame(() => done(measure()))));
"""


def measure(webdriver, width, scheme):
    """The measurements of the page at this width, in this color scheme."""
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    webdriver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    webdriver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "screen", "features": features})
    return webdriver.execute_async_script(MEASURE)


def problems_of(measurements):
    """The problems of a page, from its measurements by width and color scheme."""
    for (width, scheme), page in measurements.items():
        where = f"{width} pixels wide, {scheme}"
        if not page["title"].startswith("Istio lab: "):
            yield f"{where}: the title must start with 'Istio lab: ', got {page['title']!r}"
        if page["width"] != width:
            yield f"{where}: the window has {page['width']} pixels"
        if page["content_width"] > page["width"]:
            yield f"{where}: the page scrolls sideways, its content has {page['content_width']} pixels"
        if page["loaded"]:
            yield f"{where}: the page loads {', '.join(page['loaded'])}"
        if page["broken_images"]:
            yield f"{where}: images are not shown: {', '.join(page['broken_images'])}"
        if (page["background"] > page["text"]) != (scheme == "light"):
            yield f"{where}: the background has the brightness {page['background']:.0f}, the text {page['text']:.0f}"


def main(paths):
    problems = []
    try:
        programs = browser.find()
        with browser.Chromium(programs, "file:///") as chromium:
            for path in paths:
                # If this user is root, the browser runs as another one, which cannot read files below /root.
                page = Path(shutil.copy(path, chromium.directory))
                page.chmod(0o644)
                chromium.webdriver.get(page.as_uri())
                found = {
                    (width, scheme): measure(chromium.webdriver, width, scheme)
                    for width in WIDTHS
                    for scheme in SCHEMES
                }
                problems += [f"{path}: {problem}" for problem in problems_of(found)]
    except browser.BrowserError as error:
        problems.append(f"cannot open the reports: {error}")
    if problems:
        sys.exit("\n".join(problems))
    print(f"{len(paths)} reports in {len(WIDTHS) * len(SCHEMES)} layouts: no problem")


if __name__ == "__main__":
    main(sys.argv[1:])
