"""The colours of the pages, for pictures: read from palette.css, the one place that has them."""

import re
from importlib.resources import files

Colour = tuple[int, int, int]  # RGB


def _read_palettes() -> list[dict[str, Colour]]:
    """Return the colours of each block of the style sheet by name, but for see-through ones."""
    text = (files("formcheck.report") / "templates" / "palette.css").read_text(encoding="utf-8")
    return [
        {name: _to_rgb(digits) for name, digits in re.findall(r"--([\w-]+): #(\w{6});", block)}
        for block in re.findall(r":root \{(.*?)\}", text, re.DOTALL)
    ]


def _to_rgb(digits: str) -> Colour:
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


LIGHT, DARK, _PAPER = _read_palettes()
