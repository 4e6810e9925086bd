"""Tell from a video of a run whether posture held to the end.

Names are loaded when they are first used, so that `formcheck.system` can be asked what is missing
on a machine where nothing else works yet.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from formcheck.drift import assess_drift
    from formcheck.errors import FormcheckError
    from formcheck.keypoints import Keypoints
    from formcheck.metrics import compute_metrics
    from formcheck.observe import observe_video
    from formcheck.options import Options
    from formcheck.pipeline import analyze, assess_run
    from formcheck.report import write_report
    from formcheck.result import Analysis
    from formcheck.signals.cleaning import clean_keypoints
    from formcheck.signals.orientation import find_orientation
    from formcheck.signals.rhythm import find_rhythm
    from formcheck.signals.strides import find_strides

__all__ = [
    "Analysis",
    "FormcheckError",
    "Keypoints",
    "Options",
    "analyze",
    "assess_drift",
    "assess_run",
    "clean_keypoints",
    "compute_metrics",
    "find_orientation",
    "find_rhythm",
    "find_strides",
    "observe_video",
    "write_report",
]

_HOMES = {
    "analyze": "formcheck.pipeline",
    "Options": "formcheck.options",
    "Analysis": "formcheck.result",
    "FormcheckError": "formcheck.errors",
    "Keypoints": "formcheck.keypoints",
    "observe_video": "formcheck.observe",
    "clean_keypoints": "formcheck.signals.cleaning",
    "find_orientation": "formcheck.signals.orientation",
    "find_rhythm": "formcheck.signals.rhythm",
    "find_strides": "formcheck.signals.strides",
    "compute_metrics": "formcheck.metrics",
    "assess_drift": "formcheck.drift",
    "assess_run": "formcheck.pipeline",
    "write_report": "formcheck.report",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'formcheck' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
