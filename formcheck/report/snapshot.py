"""The early and the late picture with the verdict, as one PNG to share."""

import dataclasses
import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from formcheck.errors import ResultError
from formcheck.report.charts import charted_metrics
from formcheck.report.files import write_whole
from formcheck.report.lettering import load_font
from formcheck.report.palette import LIGHT, Colour
from formcheck.report.pictures import Picture, make_pictures
from formcheck.report.terminal import format_row
from formcheck.result import Analysis, Label
from formcheck.verdict import format_time
from formcheck.video.reader import hash_file, read_date

WIDTH, MARGIN, GAP = 1200, 56, 32
PICTURE_HEIGHT = 680
# The page's colours in the light.
PAGE, INK, MUTED, GRID, EARLY, LATE, GOOD, BAD, UNSURE = (
    LIGHT[name]
    for name in ("page", "ink", "muted", "grid", "early", "late", "good", "bad", "unsure")
)
TONES: dict[Label, Colour] = {"held": GOOD, "degraded": BAD}
VERDICT_SIZES_PX, MOST_LINES = (40, 34, 30, 26), 4  # the largest that makes so few lines
CAPTION_PX, TABLE_PX, FOOTER_PX = 30, 30, 22
LINE = 1.35  # of the text's size, from line to line
COLUMNS = (0.0, 0.46, 0.62, 0.68)  # of the table: label; ends of early and late; change


def write_snapshot(analysis: Analysis, path: Path) -> None:
    """Write early against late as a PNG; nothing in it tells where or under what name files lie.

    Parameters
    ----------
    analysis : Analysis
        Its video must be there; see `with_video`.
    path : Path
        Of the PNG, whatever it is called.

    Raises
    ------
    ResultError
        There are no two strides to show, or the video can't be read any more.
    OutputError
        The place can't be written.
    """
    pictures = make_pictures(analysis)
    if not pictures:
        raise ResultError(
            "there are no two strides of which a picture can be made; film at least ten seconds "
            "of steady running"
        )
    image = _compose(analysis, pictures, read_date(Path(analysis.video.path)))
    write_whole(path, lambda partial: image.save(partial, format="PNG", optimize=True))


def with_video(analysis: Analysis, folder: Path) -> Analysis:
    """Return the analysis with the path at which its video lies now.

    Looked for where it was, then under its name beside the result and in the current folder; it
    must be the same to the last byte, for the skeleton to fit.

    Raises
    ------
    ResultError
        It is in none of these places.
    """
    recorded = Path(analysis.video.path)
    for path in (recorded, folder / recorded.name, Path(recorded.name)):
        try:
            is_it = path.is_file() and hash_file(path) == analysis.video.sha256
        except OSError:
            continue
        if is_it:
            video = dataclasses.replace(analysis.video, path=str(path))
            return dataclasses.replace(analysis, video=video)
    raise ResultError(
        f"the video of this result, '{recorded.name}', is gone or was changed; put it into "
        f"'{folder}' or the current folder, or analyse it again"
    )


def _compose(analysis: Analysis, pictures: list[Picture], filmed: date | None) -> Image.Image:
    verdict = _Verdict(analysis)
    shown = [_fit(picture) for picture in pictures]
    columns = charted_metrics(analysis)
    below = MARGIN + verdict.height + GAP + round(LINE * CAPTION_PX)
    table = below + max(image.height for image in shown) + GAP
    footer = table + round(LINE * TABLE_PX * (len(columns) + 1.3)) + GAP
    image = Image.new("RGB", (WIDTH, footer + round(LINE * FOOTER_PX) + MARGIN // 2), PAGE)
    draw = ImageDraw.Draw(image)
    verdict.draw(draw)
    _place_pictures(image, draw, pictures, shown, below)
    _draw_table(draw, analysis, columns, table)
    words = ["formcheck", *([] if filmed is None else [f"{filmed}"])]
    font = load_font(FOOTER_PX)
    draw.text((MARGIN, footer), "  ·  ".join(words), MUTED, font)
    draw.text((WIDTH - MARGIN, footer), "change, not a diagnosis", MUTED, font, anchor="ra")
    return image


class _Verdict:
    """The verdict's words, as large as they may be, beside a bar in its colour."""

    def __init__(self, analysis: Analysis) -> None:
        width = WIDTH - 2 * MARGIN - GAP
        for self.size in VERDICT_SIZES_PX:
            self.font = load_font(self.size, bold=True)
            self.lines = list(wrap(analysis.verdict.text, self.font, width))
            if len(self.lines) <= MOST_LINES:
                break
        self.tone = TONES.get(analysis.verdict.label, UNSURE)
        self.height = round(LINE * self.size * len(self.lines))

    def draw(self, draw: ImageDraw.ImageDraw) -> None:
        draw.rectangle((MARGIN, MARGIN, MARGIN + 9, MARGIN + self.height), self.tone)
        for number, line in enumerate(self.lines):
            at = (MARGIN + GAP, MARGIN + LINE * self.size * (number + 0.5))
            draw.text(at, line, INK, self.font, anchor="lm")


def wrap(text: str, font: ImageFont.FreeTypeFont, width: float) -> Iterator[str]:
    """Break a text into lines that are no wider; a word that is stays alone."""
    line = ""
    for word in text.split():
        longer = f"{line} {word}".lstrip()
        if line and font.getlength(longer) > width:
            yield line
            longer = word
        line = longer
    yield line


def _fit(picture: Picture) -> Image.Image:
    """Bring a picture to the size that it has beside the other one."""
    image = Image.open(io.BytesIO(picture.jpeg))
    room = ((WIDTH - 2 * MARGIN - GAP) / 2 / image.width, PICTURE_HEIGHT / image.height)
    size = (round(image.width * min(room)), round(image.height * min(room)))
    return image.resize(size, Image.Resampling.LANCZOS)


def _place_pictures(
    image: Image.Image,
    draw: ImageDraw.ImageDraw,
    pictures: list[Picture],
    shown: list[Image.Image],
    top: int,
) -> None:
    """Put the pictures side by side in the middle, each under its words."""
    left = (WIDTH - sum(one.width for one in shown) - GAP) // 2
    for picture, one, colour in zip(pictures, shown, (EARLY, LATE), strict=True):
        words = f"{picture.part.capitalize()}, at {format_time(picture.time_s)}"
        draw.text((left, top - 10), words, colour, load_font(CAPTION_PX, bold=True), anchor="ls")
        image.paste(one, (left, top))
        left += one.width + GAP


def _draw_table(
    draw: ImageDraw.ImageDraw, analysis: Analysis, columns: list[str], top: float
) -> None:
    heads = ("average of each part", "early", "late", "change (95 % sure)")
    rows = [(heads, (MUTED,) * 4), *(_tell(analysis, column) for column in columns)]
    for number, (row, inks) in enumerate(rows):
        y = top + LINE * TABLE_PX * (number + (0.3 if number else 0.0))
        font = load_font(TABLE_PX if number else FOOTER_PX)
        for text, ink, share, anchor in zip(
            row, inks, COLUMNS, ("la", "ra", "ra", "la"), strict=True
        ):
            x = MARGIN + share * (WIDTH - 2 * MARGIN)
            draw.text((x, y), text, ink, font, anchor=anchor)
    line = top + LINE * FOOTER_PX + 4
    draw.line((MARGIN, line, WIDTH - MARGIN - 1, line), GRID, 2)


def _tell(analysis: Analysis, column: str) -> tuple[tuple[str, ...], tuple[Colour, ...]]:
    """Return a row of the table and its colours; a mean that is of all strides is not early."""
    facts = analysis.metrics[column]
    label, early, late, change, _ = format_row(column, facts)
    if facts.is_compared:
        return (label, early, late, change), (INK, EARLY, LATE, INK)
    return (label, early, late, "mean of all strides"), (INK, INK, MUTED, MUTED)
