"""A page in a real browser: Debian's Chromium without a screen, driven by its own driver.

    with open_browser(390, 844, dark=True) as page:
        page.open(folder / "report.html")
        page.driver.find_element("id", "course")     # all of Selenium
        assert page.console() == [] and page.outside_requests() == []
        page.screenshot(tmp_path / "phone.png", whole=True)

Nothing outside this machine is asked for anything: not by the page (every host name is unknown to
this browser), not by Chromium itself, not by Selenium (both programs are named to it).
"""

import base64
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no chromium, or no chromium-driver, is installed"
)
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",  # which refuses to work as root, as tests in a container do
    "--disable-dev-shm-usage",  # small in containers
    "--disable-gpu",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--lang=en",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
AT_HOME = ("file:", "data:", "blob:", "about:", "chrome:")


class Page:
    """What a test asks of the browser; `driver` is Selenium's, for all else."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver
        self._events: list[dict[str, Any]] = []
        self._console: list[dict[str, Any]] = []

    def open(self, page: Path | str) -> None:
        """Open a file, or an address, and wait until all of it is loaded."""
        self.driver.get(page.resolve().as_uri() if isinstance(page, Path) else page)

    def script(self, code: str, *given: Any) -> Any:
        """Run JavaScript in the page; what it returns."""
        return self.driver.execute_script(code, *given)

    def command(self, name: str, **settings: Any) -> Any:
        """Run a command of the DevTools protocol, such as Emulation.setEmulatedMedia."""
        return self.driver.execute_cdp_cmd(name, settings)

    def console(self) -> list[str]:
        """Every line that was written to the console since the start, errors of loading too."""
        self._console += self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [f"{entry['level']}: {entry['message']}" for entry in self._console]

    def requests(self) -> list[str]:
        """Every address that was asked for since the start, the page's own too."""
        log = self.driver.get_log("performance")  # type: ignore[no-untyped-call]
        self._events += [json.loads(entry["message"])["message"] for entry in log]
        return [
            event["params"]["request"]["url"]
            for event in self._events
            if event["method"] == "Network.requestWillBeSent"
        ]

    def outside_requests(self) -> list[str]:
        """Those requests that would have left this machine."""
        return [url for url in self.requests() if not url.startswith(AT_HOME)]

    def width(self) -> int:
        """How wide the content is, CSS pixels: more than the window's if it scrolls sideways."""
        return int(self.script("return document.documentElement.scrollWidth"))

    def screenshot(self, path: Path, *, whole: bool = False, element: Any = None) -> None:
        """Write what is to be seen as PNG: the window, the whole page, or one element."""
        settings: dict[str, Any] = {"captureBeyondViewport": whole or element is not None}
        if element is not None:
            area = self.script(
                "const r = arguments[0].getBoundingClientRect();"
                "return [r.x + scrollX, r.y + scrollY, r.width, r.height]",
                element,
            )
            settings["clip"] = dict(zip(("x", "y", "width", "height"), area, strict=True))
        elif whole:
            size = self.command("Page.getLayoutMetrics")["cssContentSize"]
            settings["clip"] = {"x": 0, "y": 0, "width": size["width"], "height": size["height"]}
        if "clip" in settings:
            settings["clip"]["scale"] = 1
        picture = self.command("Page.captureScreenshot", format="png", **settings)
        path.write_bytes(base64.b64decode(picture["data"]))


@contextmanager
def open_browser(
    width: int = 1280, height: int = 800, *, dark: bool = False, pixel_ratio: float = 1.0
) -> Iterator[Page]:
    """Give a browser whose window has this size in CSS pixels; closed at the end.

    `dark`: the reader's system prefers dark colours. `pixel_ratio`: pixels of a screenshot per CSS
    pixel (2 on most phones).
    """
    os.environ |= {"SE_OFFLINE": "true", "SE_AVOID_STATS": "true"}
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(DRIVER))
    try:
        page = Page(driver)
        page.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=pixel_ratio,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        page.command("Emulation.setEmulatedMedia", features=[scheme])
        yield page
    finally:
        driver.quit()
