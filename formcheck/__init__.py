"""Tell from a video of a run whether posture held to the end.

Names are loaded when they are first used, so that `formcheck.system` can be asked what is missing
on a machine where nothing else works yet.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from formcheck.errors import FormcheckError
    from formcheck.pipeline import Options, analyze
    from formcheck.result import Analysis

__all__ = ["Analysis", "FormcheckError", "Options", "analyze"]

_HOMES = {
    "analyze": "formcheck.pipeline",
    "Options": "formcheck.pipeline",
    "Analysis": "formcheck.result",
    "FormcheckError": "formcheck.errors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'formcheck' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
