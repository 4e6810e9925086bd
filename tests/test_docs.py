"""The documentation is built without a warning, whole, and asks for nothing outside."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from formcheck import guide
from formcheck.guide import POINTS
from tests.browser import needs_browser, open_browser
from tests.test_help import COMMANDS

REPOSITORY = Path(__file__).resolve().parent.parent
PATIENCE_S = 600
DOCS = REPOSITORY / "docs"
LARGEST_PICTURE = 300_000  # bytes
NAMES = ["-".join(("formcheck", *path)) for path in COMMANDS]

pytestmark = pytest.mark.xdist_group("docs")  # a build writes docs/commands


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    for builder in ("html", "man"):
        strictly = ["-W", "--keep-going", "-n", "-q", "-b", builder]
        places = ["-d", str(folder / "doctrees"), str(DOCS), str(folder / builder)]
        done = subprocess.run(
            [sys.executable, "-m", "sphinx", *strictly, *places],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert (done.returncode, done.stderr) == (0, "")
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_a_page_and_a_manual_page(built, name):
    page = (built / "html" / "commands" / f"{name}.html").read_text()
    assert "Examples" in page
    manual = (built / "man" / f"{name}.1").read_text()
    assert f"{name} - ".replace("-", r"\-") in manual or f"{name} \\- " in manual
    home = (built / "html" / "index.html").read_text()
    assert f"commands/{name}.html" in home


def test_a_page_of_a_command_has_all_its_options(built):
    page = (built / "html" / "commands" / "formcheck-analyze.html").read_text()
    options = [o for p in COMMANDS["analyze",].params for o in getattr(p, "opts", ())]
    assert len(options) > 15
    assert [
        o
        for o in options
        if o.startswith("--") and f'id="cmdoption-formcheck-analyze{o[1:]}"' not in page
    ] == []


@pytest.mark.skipif(not shutil.which("man"), reason="no man here")
def test_man_shows_a_manual_page(built):
    said = subprocess.run(
        ["man", "-l", str(built / "man" / "formcheck-analyze.1")],
        env={"MANPAGER": "cat", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "EXAMPLES" in said.stdout
    assert said.stderr == ""


def test_nothing_on_the_site_is_fetched_from_elsewhere(built):
    pages = list((built / "html").rglob("*.html"))
    assert len(pages) > 10
    fetched = re.compile(
        r"<(?:link|script|img|iframe)\b[^>]*?(?:href|src)=\"((?:https?:)?//[^\"]*)"
    )
    assert {
        page.name: found for page in pages if (found := fetched.findall(page.read_text()))
    } == {}
    for style in (built / "html").rglob("*.css"):
        assert re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//", style.read_text()) == []


def test_the_filming_page_has_each_point_under_its_anchor(built):
    page = (built / "html" / "filming.html").read_text()
    for point in POINTS.values():
        assert f'id="{point.anchor}"' in page


def test_the_tables_of_the_filming_page_are_what_the_geometry_gives():
    text = (DOCS / "filming.md").read_text()
    for distance_m in (2, 3, 4, 6):
        high, wide = guide.picture_height_m(distance_m), guide.picture_width_m(distance_m)
        share = guide.RUNNER_M / high
        pixels = [share * height for height in (1280, 1920)]
        row = re.findall(
            r"[\d.]+", next(r for r in text.splitlines() if f"| {distance_m} m |" in r)
        )
        assert [float(x) for x in row] == pytest.approx(
            [distance_m, round(high, 1), round(wide, 1), round(100 * share), *map(round, pixels)]
        )
    for off_m, start in ((0.2, "| 20 cm off"), (0.5, "| 50 cm off"), (1.0, "| 1 m off")):
        row = next(r for r in text.splitlines() if r.startswith(start)).split("|")[2:4]
        leans = [guide.lean_from_tilt_deg(off_m, guide.ROOM_M, d) for d in (3.0, 4.0)]
        assert [cell.strip() for cell in row] == [f"{lean:.1f}°" for lean in leans]


def test_every_picture_is_made_by_the_script_shown_and_small():
    script = (DOCS / "make_screenshots.py").read_text()
    shown = (REPOSITORY / "README.md").read_text()
    shown += "".join(page.read_text() for page in DOCS.glob("*.md"))
    pictures = list((DOCS / "images").iterdir())
    assert len(pictures) >= 5
    for picture in pictures:
        assert f'"{picture.stem}' in script
        assert f"images/{picture.name}" in shown
        assert picture.stat().st_size <= LARGEST_PICTURE
        if picture.suffix == ".svg":
            assert "@font-face" not in picture.read_text()


@needs_browser
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_a_browser_shows_the_site_without_complaint(built, width, dark):
    with open_browser(width, 844, dark=dark) as page:
        for name in ("index", "filming", "commands/formcheck-analyze", "api"):
            page.open(built / "html" / f"{name}.html")
            assert page.width() == width, name
        assert page.console() == []
        assert page.outside_requests() == []
