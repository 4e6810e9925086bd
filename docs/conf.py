"""How the documentation is built: `make docs`, or sphinx-build -W -n docs build/docs/html."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from from_code import man_pages_of_commands

from formcheck.pipeline import formcheck_version

project = "formcheck"
author = "the formcheck authors"
project_copyright = author
version = release = formcheck_version()

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "from_code"]
exclude_patterns = ["images"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

highlight_language = "none"

html_theme = "furo"
html_title = "formcheck"
html_static_path = ["_static"]
html_css_files = ["colours.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b6e8f", "color-brand-content": "#0b6e8f"},
    "dark_css_variables": {"color-brand-primary": "#5cc3e6", "color-brand-content": "#5cc3e6"},
}
man_pages = man_pages_of_commands()

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say types, with shapes and units
napoleon_google_docstring = False
# Types that docstrings name and that have no page here; nothing is fetched to look them up.
nitpick_ignore_regex = [("py:(class|exc)", ".*")]
