"""Make every picture of the documentation: python docs/make_screenshots.py.

Analyses a sample video, unless a finished result is named with --result, and looks at it in
Debian's Chromium (`make browser`). The pictures go to docs/images.
"""

import argparse
import io
import re
import subprocess
import sys
from pathlib import Path

from PIL import Image
from rich.console import Console
from selenium.webdriver.support.ui import WebDriverWait

from formcheck.guide import render_guide
from formcheck.report.reading import read_analysis
from formcheck.report.terminal import print_analysis

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from tests.browser import open_browser  # noqa: E402  not part of the package

IMAGES = REPOSITORY / "docs" / "images"
SAMPLE = Path("sample_videos") / "degrading_side.mp4"
RESULT = REPOSITORY / "build" / "screenshots" / SAMPLE.stem
LARGEST_KB = 300  # of a picture that is kept in git
TERMINAL_COLUMNS = 104
PATIENCE_S = 60  # until the charts are drawn


def analyse_sample() -> Path:
    """Analyse the sample as a user does, and return the folder with its result."""
    command = [sys.executable, "-m", "formcheck.cli", "analyze", str(SAMPLE), "--out", str(RESULT)]
    subprocess.run(command, cwd=REPOSITORY, check=True)
    return RESULT


def picture_report(result: Path) -> None:
    """Show report.html on a desk, in dark colours, and on a phone."""
    for name, width, height, dark in (
        ("report", 1280, 900, False),
        ("report_dark", 1280, 900, True),
        ("report_phone", 390, 844, False),
    ):
        with open_browser(width, height, dark=dark) as page:
            page.open(result / "report.html")
            page.screenshot(IMAGES / f"{name}.png")
        make_small(IMAGES / f"{name}.png")


def picture_course(result: Path) -> None:
    """Show the charts of report.html, at the moment at which posture gives way."""
    with open_browser(1040, 800) as page:
        page.open(result / "report.html")
        WebDriverWait(page.driver, PATIENCE_S).until(
            lambda _: page.script("return document.documentElement.matches('.drawn')")
        )
        page.script("const w = document.getElementById('when'); w.value = w.max / 2;")
        page.script("document.getElementById('when').dispatchEvent(new Event('input'))")
        section = page.driver.find_element("css selector", "section[aria-labelledby=course]")
        page.screenshot(IMAGES / "report_course.png", element=section)
    make_small(IMAGES / "report_course.png")


def make_small(path: Path) -> None:
    """Keep 256 colours of a picture with photos in it."""
    Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)


def picture_terminal(result: Path) -> None:
    """Show what the terminal says; the font that Rich would fetch is left out."""
    console = Console(record=True, width=TERMINAL_COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(f"$ formcheck analyze {SAMPLE.name}", highlight=False)
    print_analysis(read_analysis(result), console)
    console.print(f"Report: formcheck_out/{SAMPLE.stem}/report.html", highlight=False)
    svg = console.export_svg(title="formcheck", unique_id="terminal")
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    (IMAGES / "terminal.svg").write_text(svg, encoding="utf-8")


def picture_guide(folder: Path) -> None:
    """Show the drawing of the filming guide."""
    page_file = folder / "guide.html"
    page_file.write_text(render_guide(), encoding="utf-8")
    with open_browser(1040, 800) as page:
        page.open(page_file)
        drawing = page.driver.find_element("class name", "film-drawing")
        page.screenshot(IMAGES / "filming.png", element=drawing)


def main() -> None:
    """Make all of them, and refuse those too large to keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--result", type=Path, help="a folder with a finished result")
    result = parser.parse_args().result or analyse_sample()
    IMAGES.mkdir(exist_ok=True)
    RESULT.mkdir(parents=True, exist_ok=True)
    picture_report(result)
    picture_course(result)
    picture_terminal(result)
    picture_guide(RESULT)
    for picture in sorted(IMAGES.iterdir()):
        size_kb = picture.stat().st_size / 1000
        print(f"{picture.relative_to(REPOSITORY)}: {size_kb:.0f} kB")
        if size_kb > LARGEST_KB:
            sys.exit(f"{picture.name} has more than {LARGEST_KB} kB")


if __name__ == "__main__":
    main()
