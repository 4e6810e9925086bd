"""Draw a chart as an SVG element of a page: its text as text, its colours those of the page."""

import io
import re
import warnings
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# Stand-ins that become variables of the page's style sheet, so that the chart follows light and
# dark: colours that nothing else in the SVG uses.
COLOURS = {
    "ink": "#010203",
    "muted": "#020304",
    "grid": "#030405",
    "dot": "#040506",
    "line": "#050607",
    "early": "#060708",
    "late": "#070809",
    "onset": "#08090a",
}
NO_METADATA = ("Date", "Creator", "Format", "Type")


def draw_svg(
    name: str,
    size_in: tuple[float, float],
    draw: Callable[[Axes], None],
    *,
    margins_in: tuple[float, float, float, float] | None = None,
) -> str:
    """Let `draw` fill a chart, and return it as an SVG element.

    Parameters
    ----------
    name : str
        With which its ids begin; one of its own in the page.
    size_in : tuple
        Width and height, inches of 72 units.
    draw : callable
    margins_in : tuple, optional
        Left, bottom, right, top; as its words need them if not given.
    """
    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "svg.id": None,
        "font.family": ["sans-serif"],
        "font.size": 12.0,
        "text.parse_math": False,  # somebody's shoes may be named $x$
    }
    with mpl.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # is only measured here: the page has its own
        figure = Figure(figsize=size_in, layout="constrained" if margins_in is None else None)
        if margins_in is not None:
            (width, height), (left, bottom, right, top) = size_in, margins_in
            figure.subplots_adjust(
                left / width, bottom / height, 1 - right / width, 1 - top / height
            )
        draw(figure.add_subplot())
        text = io.StringIO()
        FigureCanvasSVG(figure)  # the one that savefig draws on
        figure.savefig(text, format="svg", metadata=dict.fromkeys(NO_METADATA))
    return _as_element(text.getvalue(), name)


def style_axes(axes: Axes, title: str, *, pad: float | None = None) -> None:
    """Give a chart the look of the page, and a title so many points above it."""
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_title(title, loc="left", fontsize=13, fontweight="bold", color=COLOURS["ink"], pad=pad)
    axes.tick_params(colors=COLOURS["muted"], length=0)
    axes.grid(axis="y", color=COLOURS["grid"], linewidth=1)
    axes.set_axisbelow(True)
    axes.patch.set_visible(False)
    axes.figure.patch.set_visible(False)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom")
        spine.set_color(COLOURS["grid"])


def _as_element(svg: str, prefix: str) -> str:
    """Keep the drawing alone: no prolog, no metadata, no addresses, page colours, own ids."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg)  # known to a page without being told
    svg = svg.replace("xlink:href=", "href=")
    svg = re.sub(r"(\d\.\d)\d+", r"\1", svg)  # a tenth of a point is fine enough
    svg = re.sub(r"M (\S+ \S+) *\nL \1 *\n?", r"M\1h0", svg)  # the dots
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = svg.replace("url(#", f"url(#{prefix}-").replace('href="#', f'href="#{prefix}-')
    for role, colour in COLOURS.items():
        svg = svg.replace(colour, f"var(--{role})")
    return svg.strip()
