"""Debian's Chromium without a window: nothing is downloaded for it, and it reaches this host only."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from selenium.common.exceptions import ElementClickInterceptedException, StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # for root there is none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    "--window-size=1400,1200",
)
T = TypeVar("T")


@dataclass(frozen=True)
class Browser:
    """Somebody at a page, who does everything as soon as it is possible."""

    driver: Chrome

    def open(self, url: str) -> None:
        """Go there; what the scripts of the page draw comes later."""
        self.driver.get(url)

    def see(self, css: str) -> WebElement:
        """The first of these that is to be seen."""
        return self._soon(lambda: self._shown(css), f"see {css}")

    def press(self, css: str) -> None:
        """Click it."""
        self._soon(lambda: self._done(css, lambda one: one.click()), f"press {css}")

    def write(self, css: str, text: str) -> None:
        """Put this where something else may stand."""
        self._soon(lambda: self._done(css, lambda one: one.send_keys(Keys.CONTROL + "a" + Keys.NULL + text)), css)
        self._soon(lambda: self.see(css).get_property("value") == text, f"read {text} in {css}")

    def texts(self, css: str) -> list[str]:
        """What these say, in the order of the page, now."""
        return [str(one.get_property("textContent")) for one in self.driver.find_elements(By.CSS_SELECTOR, css)]

    def complaints(self) -> list[str]:
        """What the console has said in yellow and red; a policy that was broken stands there too."""
        said = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry["message"] for entry in said if entry["level"] in {"WARNING", "SEVERE"}]

    def _shown(self, css: str) -> WebElement | None:
        return next((one for one in self.driver.find_elements(By.CSS_SELECTOR, css) if one.is_displayed()), None)

    def _done(self, css: str, act: Callable[[WebElement], None]) -> bool:
        found = self._shown(css)
        if found:
            act(found)
        return found is not None

    def _soon(self, attempt: Callable[[], T | None], what: str) -> T:
        """What the attempt brings in the end; a page may be drawn anew under one's hands."""
        redrawn = (StaleElementReferenceException, ElementClickInterceptedException)
        waiting = WebDriverWait(self.driver, 60, poll_frequency=0.1, ignored_exceptions=redrawn)
        return waiting.until(lambda _: attempt() or False, f"cannot {what}")


@contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """One that has never been used, and keeps in this empty folder whatever it keeps."""
    options = ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in (*_FLAGS, f"--user-data-dir={folder}/profile"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # With the path of the driver given, Selenium looks for none, which would mean to download one.
    service = ChromeService("/usr/bin/chromedriver", env={**os.environ, "HOME": str(folder), "TMPDIR": str(folder)})
    driver = Chrome(options, service)
    try:
        yield Browser(driver)
    finally:
        driver.quit()
