"""What the documentation takes from the code: a page for every command, and the filming guide.

A Sphinx extension. The pages of the commands are written into docs/commands as a build starts, so a
command that is registered has its page, and its man page.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.rst import escape

from formcheck.cli.app import app
from formcheck.guide import GUIDE, render_guide

FOLDER = Path(__file__).parent / "commands"
REPOSITORY_LINK = re.compile(r"\[([^\]]+)\]\(((?!docs/|http)[^)]+)\)")
VERBATIM = "\b"  # begins a paragraph of a help text whose lines stay as they are


def find_commands(
    command: Any = None, path: tuple[str, ...] = ("formcheck",)
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Give every command of the program with the words that call it, groups before their own."""
    command = command or typer.main.get_command(app)
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from find_commands(child, (*path, name))


def man_pages_of_commands() -> list[tuple[str, str, str, str, int]]:
    """Return what Sphinx's `man_pages` wants: source, name, description, authors, section."""
    return [
        (f"commands/{'-'.join(path)}", "-".join(path), _first_line(command), "", 1)
        for path, command in find_commands()
    ]


def write_command_pages(folder: Path = FOLDER) -> None:
    """Write a page for each command, and remove others; one that is right stays untouched."""
    folder.mkdir(exist_ok=True)
    pages = {
        folder / f"{'-'.join(path)}.rst": "\n".join(_page(path, command)) + "\n"
        for path, command in find_commands()
    }
    for path in set(folder.iterdir()) - set(pages):
        path.unlink()
    for path, page in pages.items():
        if not path.exists() or path.read_text(encoding="utf-8") != page:
            path.write_text(page, encoding="utf-8")


def _first_line(command: Any) -> str:
    return str(command.help or "").partition("\n")[0]


def _page(path: tuple[str, ...], command: Any) -> Iterator[str]:
    """Give the lines of a command's page, reStructuredText."""
    title = " ".join(path)
    context = command.make_context(title, [], resilient_parsing=True)
    yield from (title, "=" * len(title), "")
    help_text = str(command.help or "").split("\n\n")
    yield from (escape(help_text[0]), "", "::", "")
    yield from (f"   {command.get_usage(context).removeprefix('Usage: ')}", "")
    for paragraph in help_text[1:]:
        yield from _paragraph(paragraph)
    records = [(p.param_type_name, p.get_help_record(context)) for p in command.get_params(context)]
    yield from ("", f".. program:: {'-'.join(path)}", "")
    for kind, heading in (("argument", "Arguments"), ("option", "Options")):
        if shown := [record for of_kind, record in records if of_kind == kind and record]:
            yield from (heading, "-" * len(heading), "")
            for names, text in shown:
                yield from (f".. option:: {names}", "", f"   {escape(text)}", "")
    if children := [name for name, _ in getattr(command, "commands", {}).items()]:
        yield from ("Commands", "--------", "", ".. toctree::", "   :maxdepth: 1", "")
        yield from (f"   {'-'.join((*path, name))}" for name in children)


def _paragraph(text: str) -> Iterator[str]:
    if not text.startswith(VERBATIM):
        yield from (escape(" ".join(text.split())), "")
        return
    heading, *lines = text.removeprefix(VERBATIM).strip("\n").splitlines()
    heading = heading.removesuffix(":")
    yield from (heading, "-" * len(heading), "", "::", "")
    yield from (f"   {line}" for line in (*lines, ""))


class FilmingGuide(SphinxDirective):
    """The drawing and every point of the guide, each under its anchor.

    Its content is for those who read the source, and left out.
    """

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return a section for each part."""
        drawing = nodes.raw("", render_guide("filming_drawing.html"), format="html")
        return [drawing, *(node for part in GUIDE for node in self._part(part))]

    def _part(self, part: Any) -> Iterator[nodes.Node]:
        yield nodes.rubric("", part.title)
        points = nodes.definition_list(classes=["film-points"])
        for point in part.points:
            term = nodes.term("", point.do, ids=[point.anchor], names=[point.anchor])
            reason = nodes.definition("", nodes.paragraph("", point.why))
            points += nodes.definition_list_item("", term, reason)
        yield points


def unlink_what_is_no_page(sphinx: Sphinx, path: Path, parent: str, content: list[str]) -> None:
    """Name files of the checkout that README links to, and that have no page here."""
    content[:] = [REPOSITORY_LINK.sub(_as_words, text) for text in content]


def _as_words(link: re.Match[str]) -> str:
    words, target = link.groups()
    return f"`{target}`" if words == target else f"{words}: `{target}`"


def setup(sphinx: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    sphinx.add_directive("filming-guide", FilmingGuide)
    sphinx.connect("include-read", unlink_what_is_no_page)
    sphinx.connect("builder-inited", lambda _: write_command_pages())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
