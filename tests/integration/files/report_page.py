"""Opens reports of the lab in a real Chromium, and fails with what is wrong with how they look.

    report_page.py REPORT.html...

Each at two widths, light and dark: nothing is wider than the window, nothing is loaded from elsewhere, every picture is
there, and the colours are those of the scheme.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / ".meshlab/collections"))

from ansible_collections.meshlab.istio.plugins.module_utils._browser import browser

WIDTHS = (390, 1400)
SCHEMES = ("light", "dark")
LOOK = """
const done = arguments[arguments.length - 1];
const read = () => {
  const root = document.documentElement;
  const brightness = (colour) => colour.match(/[0-9.]+/g).slice(0, 3).reduce((sum, x) => sum + Number(x), 0) / 3;
  const style = getComputedStyle(document.body);
  return {
    width: root.clientWidth,
    wide: root.scrollWidth,
    ground: brightness(style.backgroundColor),
    ink: brightness(style.color),
    wanted: performance.getEntriesByType("resource").map((x) => x.name).filter((x) => !x.startsWith("data:")),
    broken: [...document.images].filter((x) => !(x.complete && x.naturalWidth > 0)).map((x) => x.alt),
    title: document.title,
  };
};
document.fonts.ready.then(() => requestAnimationFrame(() => requestAnimationFrame(() => done(read()))));
"""


def look(driver, width, scheme):
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "screen", "features": features})
    return driver.execute_async_script(LOOK)


def wrong(seen):
    """What is wrong with a page, by what was seen of it at each width and in each scheme."""
    for (width, scheme), page in seen.items():
        where = f"{width} pixels wide, {scheme}"
        if not page["title"].startswith("Istio lab: "):
            yield f"{where}: its title is {page['title']!r}"
        if page["width"] != width:
            yield f"{where}: the window has {page['width']} pixels"
        if page["wide"] > page["width"]:
            yield f"{where}: it scrolls sideways, {page['wide']} pixels are in {page['width']}"
        if page["wanted"]:
            yield f"{where}: it loads {', '.join(page['wanted'])}"
        if page["broken"]:
            yield f"{where}: these pictures are not drawn: {', '.join(page['broken'])}"
        if (page["ground"] > page["ink"]) != (scheme == "light"):
            yield f"{where}: its ground has a brightness of {page['ground']:.0f}, its text of {page['ink']:.0f}"


def main(paths):
    problems = []
    try:
        programs = browser.find()
        with browser.Chromium(programs, "file:///") as chromium:
            for path in paths:
                # As root, the browser runs as a user that cannot read what is below /root.
                page = Path(shutil.copy(path, chromium.folder))
                page.chmod(0o644)
                chromium.driver.get(page.as_uri())
                seen = {(x, y): look(chromium.driver, x, y) for x in WIDTHS for y in SCHEMES}
                problems += [f"{path}: {x}" for x in wrong(seen)]
    except browser.BrowserError as error:
        problems.append(f"the reports were not opened: {error}")
    if problems:
        sys.exit("\n".join(problems))
    print(f"{len(paths)} reports, each {len(WIDTHS) * len(SCHEMES)} times: nothing is wrong")


if __name__ == "__main__":
    main(sys.argv[1:])
