"""Debian's Chromium, headless. Nothing is downloaded, and the browser reaches this host only."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import TypeVar

from selenium.common.exceptions import ElementClickInterceptedException, StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # Chromium has no sandbox for root
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
    """A browser with one page. Each method waits until its elements can be used."""

    driver: Chrome

    def open(self, url: str) -> None:
        """Load a page. Elements that its scripts create may appear later."""
        self.driver.get(url)

    def find_displayed(self, css: str) -> WebElement:
        """Return the first displayed element that matches a CSS selector."""
        return self._retry(lambda: self._first_displayed(css), f"see {css}")

    def click(self, css: str) -> None:
        """Click the first displayed element that matches."""
        self._retry(lambda: self._act_on(css, lambda element: element.click()), f"click {css}")

    def fill(self, css: str, text: str) -> None:
        """Replace the text of an input."""
        self._retry(
            lambda: self._act_on(css, lambda element: element.send_keys(Keys.CONTROL + "a" + Keys.NULL + text)), css
        )
        self._retry(lambda: self.find_displayed(css).get_property("value") == text, f"read {text} in {css}")

    def texts(self, css: str) -> list[str]:
        """Return the texts of all matching elements, in the order of the page, without waiting."""
        return [str(element.get_property("textContent")) for element in self.driver.find_elements(By.CSS_SELECTOR, css)]

    def console_warnings(self) -> list[str]:
        """Return the warnings and errors of the console, among them violations of the content security policy."""
        entries = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry["message"] for entry in entries if entry["level"] in {"WARNING", "SEVERE"}]

    def _first_displayed(self, css: str) -> WebElement | None:
        return next(
            (element for element in self.driver.find_elements(By.CSS_SELECTOR, css) if element.is_displayed()), None
        )

    def _act_on(self, css: str, act: Callable[[WebElement], None]) -> bool:
        element = self._first_displayed(css)
        if element:
            act(element)
        return element is not None

    def _retry(self, attempt: Callable[[], T | None], what: str) -> T:
        """Call `attempt` until its result is true, and return it. A page may redraw an element during an attempt."""
        redrawn = (StaleElementReferenceException, ElementClickInterceptedException)
        waiting = WebDriverWait(self.driver, 60, poll_frequency=0.1, ignored_exceptions=redrawn)
        return waiting.until(lambda _: attempt() or False, f"cannot {what}")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser with an empty profile."""
    options = ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # A short path, because a Unix socket is in it: tests have folders with longer ones.
    with TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as folder:
        for flag in (*_FLAGS, f"--user-data-dir={folder}/profile"):
            options.add_argument(flag)
        # Without the path of the driver, Selenium would search for one and download it.
        service = ChromeService("/usr/bin/chromedriver", env={**os.environ, "HOME": folder, "TMPDIR": folder})
        driver = Chrome(options, service)
        try:
            yield Browser(driver)
        finally:
            driver.quit()
