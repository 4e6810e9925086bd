"""Runs for the log, made up: only what a test speaks of is said."""

import uuid
from datetime import UTC, datetime, timedelta

from formcheck.runlog.run import Activity, Filmed, Run, When

DAY_0 = datetime(2026, 3, 1, 18, 0, tzinfo=UTC)


def make_filmed(*, lean=(1.0, 0.5, 1.5), slouch=(0.5, -0.5, 1.5), sha256=None, **facts):
    """What an analysis said; lean and slouch as value, low, high."""
    lean, slouch = (values or (None, None, None) for values in (lean, slouch))
    usual = {
        "path": "run.mp4",
        "recorded_s": 1500.0,
        "view": "side",
        "verdict": "held",
        "spoilers": "",
        "lean_verdict": "stable",
        "slouch_verdict": "stable",
        "onset_s": None,
        "onset_low_s": None,
        "onset_high_s": None,
        "cadence_spm": 165.0,
        "cadence_low_spm": 164.5,
        "cadence_high_spm": 165.5,
        "slow_motion_factor": 1.0,
        "formcheck_version": "0",
        "result_path": "/nowhere/run",
    }
    changes = {
        f"{name}_{part}_deg": value
        for name, values in (("lean", lean), ("slouch", slouch))
        for part, value in zip(("change", "low", "high"), values, strict=True)
    }
    return Filmed(sha256=sha256 or uuid.uuid4().hex, **changes, **(usual | facts))


def make_activity(*, sha256=None, **facts):
    usual = {
        "name": "morning.fit",
        "format": "fit",
        "started": DAY_0,
        "distance_m": 9000.0,
        "elapsed_s": 3100.0,
        "moving_s": 3000.0,
        "cadence_spm": 165.0,
    }
    return Activity(sha256=sha256 or uuid.uuid4().hex, **(usual | facts))


def make_run(day=0.0, **facts):
    when = When(DAY_0 + timedelta(days=day), "video")
    return Run(**({"id": 0, "uid": uuid.uuid4().hex, "when": when} | facts))
