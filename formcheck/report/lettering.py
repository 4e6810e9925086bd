"""Write on pictures, in the typeface that comes with Matplotlib: it looks alike anywhere."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from formcheck.report.canvas import Layer
from formcheck.report.palette import DARK, Colour

# The page's colours on dark.
INK, MUTED, EARLY, LATE, ONSET, PLATE = (
    DARK[name] for name in ("ink", "muted", "early", "late", "onset", "page")
)
PLATE_COVER = 205  # of 255: how little shines through

FILES = {False: "DejaVuSans.ttf", True: "DejaVuSans-Bold.ttf"}
# In sizes of the text.
PAD = 0.4
ROUNDED = 0.35
ROW = 1.35
GAP = 0.7


class Cell(NamedTuple):
    """A few words of a table."""

    text: str
    colour: Colour = INK
    bold: bool = False


@lru_cache
def load_font(size_px: float, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return the typeface in a size."""
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(folder / FILES[bold], size_px)


@lru_cache(maxsize=512)
def write_plate(text: str, size_px: int, colour: Colour) -> Layer:
    """Write a few words on a dark plate."""
    return write_table([[Cell(text, colour, bold=True)]], size_px)


def write_table(
    rows: Sequence[Sequence[Cell]], size_px: int, *, least: Sequence[str] = ()
) -> Layer:
    """Write rows of cells on a dark plate.

    Parameters
    ----------
    rows : sequence of rows
        The first cell of a row stands left, the others right in their columns; a row of one cell
        may be as wide as all columns.
    size_px : int
        Of the text.
    least : sequence of str
        Texts that must find room in the columns, so that the plate keeps its width.
    """
    fonts = {bold: load_font(size_px, bold=bold) for bold in FILES}

    def length(cell: Cell) -> float:
        return fonts[cell.bold].getlength(cell.text)

    columns = max([len(least), *map(len, rows)])
    widths = [
        max(
            [fonts[True].getlength(text) for text in least[column : column + 1]]
            + [length(row[column]) for row in rows if len(row) > max(1, column)],
            default=0.0,
        )
        for column in range(columns)
    ]
    ends = np.cumsum(widths) + GAP * size_px * np.arange(columns)
    inner = max([float(ends[-1]), *(length(row[0]) for row in rows)])
    pad = PAD * size_px
    size = round(inner + 2 * pad), round(ROW * size_px * len(rows) + 2 * pad - 0.2 * size_px)
    plate = Image.new("RGBA", size, (*PLATE, 0))
    draw = ImageDraw.Draw(plate)
    draw.rounded_rectangle(
        (0, 0, size[0] - 1, size[1] - 1), ROUNDED * size_px, (*PLATE, PLATE_COVER)
    )
    for number, row in enumerate(rows):
        base = pad + ROW * size_px * number + 0.92 * size_px
        for column, cell in enumerate(row):
            x, anchor = (pad, "ls") if column == 0 else (pad + ends[column], "rs")
            draw.text((x, base), cell.text, cell.colour, fonts[cell.bold], anchor=anchor)
    return Layer(np.asarray(plate))
