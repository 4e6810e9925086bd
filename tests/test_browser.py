"""The browser that other tests look through: it must see what they rely on it to see."""

from pathlib import Path

from tests.browser import needs_browser, open_browser

PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<style>:root {{ color-scheme: light dark }}</style><p>{}</p><script>{}</script>"""


@needs_browser
def test_console_errors_and_requests_to_the_outside_are_seen(tmp_path: Path) -> None:
    page_file = tmp_path / "page.html"
    script = "console.error('a fault'); new Image().src = 'https://formcheck.invalid/pixel.png'"
    page_file.write_text(PAGE.format("Hello", script))
    with open_browser() as page:
        page.open(page_file)
        assert any("a fault" in line for line in page.console())
        assert page.outside_requests() == ["https://formcheck.invalid/pixel.png"]


@needs_browser
def test_a_quiet_page_has_nothing_to_tell_and_the_window_is_as_asked(tmp_path: Path) -> None:
    page_file = tmp_path / "page.html"
    page_file.write_text(PAGE.format("Hello", ""))
    with open_browser(360, 640, dark=True) as page:
        page.open(page_file)
        assert page.console() == []
        assert page.outside_requests() == []
        assert page.script("return [innerWidth, innerHeight]") == [360, 640]
        assert page.script("return matchMedia('(prefers-color-scheme: dark)').matches")
        assert page.width() == 360
        page.screenshot(tmp_path / "page.png", whole=True)
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
