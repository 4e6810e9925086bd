"""Which sign of a rounded upper back follows the truth best: the candidates side by side.

    python benchmarks/slouch_candidates.py

On the tuning scenes of `accuracy.py`, whose thoracic flexion goes in steps of 0, 6, 12 and 20°
while lean goes in steps of its own. In each scene every candidate, stride by stride, is laid out as

    a + gain x flexion + cross x lean + rest

and all are shown in degrees of flexion: one divided by its own mean gain. A good candidate has the
same gain on everybody, little rest, and little of it comes from lean.
"""

import argparse
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from accuracy import SUFFIX, Floats, Truth, observation_of, true_per_stride, video_of
from rich.console import Console
from rich.table import Table
from scenes import Planned, tuning_scenes

from formcheck import Options
from formcheck.keypoints import OUTLINE_AT
from formcheck.pipeline import assess_run
from formcheck.result import Analysis
from formcheck.video.reader import probe_video

CROSS_LEAN_DEG = 5.0  # the cross-talk shown is that of so much lean


def outline(found: Analysis, profile: Floats, percentile: float = 20.0) -> Floats:
    """Return the back's distance from the hip-shoulder line, (stride, station), trunk lengths."""
    sides = profile.reshape(len(profile), 2, -1)
    back = sides[:, 0 if found.capture.direction > 0 else 1]
    strides, time_s = found.series.strides, found.series.keypoints.time_s
    return np.array([
        np.nanpercentile(back[(time_s >= a) & (time_s < b)], percentile, axis=0)
        for a, b in zip(strides.start_s, strides.end_s, strict=True)
    ])  # fmt: skip


def station(at: float) -> int:
    """Index of a height."""
    return int(np.abs(OUTLINE_AT - at).argmin())


def sagitta(back: Floats, low: float, high: float) -> Floats:
    """Largest distance of the outline from the chord between two of its own points."""
    i, j = station(low), station(high)
    share = (OUTLINE_AT[i : j + 1] - OUTLINE_AT[i]) / (OUTLINE_AT[j] - OUTLINE_AT[i])
    chord = back[:, [i]] * (1 - share) + back[:, [j]] * share
    return np.asarray((back[:, i : j + 1] - chord).max(axis=1))


def mean_bulge(back: Floats, low: list[float], high: list[float]) -> Floats:
    """Mean distance of the outline from the chord between the means of some of its points."""
    ends = [(np.mean(at), back[:, [station(a) for a in at]].mean(axis=1)) for at in (low, high)]
    inside = (ends[0][0] - 0.01 < OUTLINE_AT) & (ends[1][0] + 0.01 > OUTLINE_AT)
    share = (OUTLINE_AT[inside] - ends[0][0]) / (ends[1][0] - ends[0][0])
    chord = ends[0][1][:, None] * (1 - share) + ends[1][1][:, None] * share
    return np.asarray((back[:, inside] - chord).mean(axis=1))


def candidates(found: Analysis, profile: Floats) -> dict[str, Floats]:
    """Every candidate per stride, in its own unit."""
    back = outline(found, profile)
    points = found.series.keypoints
    strides = found.series.strides

    def mean(course: Floats) -> Floats:
        return np.array([
            np.nanmean(course[(points.time_s >= a) & (points.time_s < b)])
            for a, b in zip(strides.start_s, strides.end_s, strict=True)
        ])  # fmt: skip

    trunk = np.linalg.norm(points.middle("shoulder") - points.middle("hip"), axis=1)
    leg = next(
        o.settings["leg_length_px"] for o in found.provenance if "leg_length_px" in o.settings
    )
    upper = (OUTLINE_AT > 0.29) & (OUTLINE_AT < 0.91)
    signs = {
        "neck flexion (°)": found.series.values["neck_flexion_deg"],
        "trunk length / leg length": -mean(trunk) / leg,
        "bulge over the hip-shoulder line, largest": np.nanmax(back[:, upper], axis=1),
    }
    for low in (0.0, 0.1, 0.2, 0.3):
        for high in (0.9, 1.0, 1.1, 1.2, 1.3):
            signs[f"bulge over the outline's chord, {low} to {high}"] = sagitta(back, low, high)
    for low in (0.0, 0.1):
        for high in (1.1, 1.15, 1.2):
            name = f"mean bulge over the outline's chord, {low} to {high}"
            signs[name] = mean_bulge(back, [low], [high])
    signs["the same between means at its ends, as formcheck does"] = mean_bulge(
        back, [0.05, 0.1, 0.15], [1.05, 1.1, 1.15, 1.2]
    )
    return signs


def fit_scene(planned: Planned) -> dict[str, tuple[float, float, float]] | None:
    """Gain, cross-talk of lean and SD of the rest of each candidate in one scene."""
    video = video_of(planned)
    observation = observation_of(video, Options())
    try:
        found = assess_run(probe_video(video), observation, Options())
    except Exception as error:
        print(f"{planned.name}: {error}", file=sys.stderr)
        return None
    truth = Truth.read(video.with_suffix("").with_suffix(SUFFIX))
    strides = found.series.strides
    true = true_per_stride(truth, strides.start_s, strides.end_s, strides.foot)
    best = max(observation.people, key=lambda p: p.frames_seen)
    if len(best.profile) != len(found.series.keypoints.time_s):
        return None
    given = np.column_stack([np.ones(len(strides)), true["slouch_deg"], true["trunk_lean_deg"]])
    fitted = {}
    for name, value in candidates(found, best.profile).items():
        known = np.isfinite(value) & np.isfinite(given).all(axis=1)
        if known.sum() < 12:
            continue
        weights, *_ = np.linalg.lstsq(given[known], value[known], rcond=None)
        rest = value[known] - given[known] @ weights
        fitted[name] = (float(weights[1]), float(weights[2]), float(rest.std()))
    return fitted


def main() -> None:
    """Fit all scenes and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    scenes = [planned for planned in tuning_scenes() if planned.kind == "stairs"]
    with ProcessPoolExecutor(arguments.jobs) as pool:
        fitted = [one for one in pool.map(fit_scene, scenes) if one]
    table = Table("candidate", "scenes", "mean gain", "SD of the gain", "rest in a stride",
                  f"{CROSS_LEAN_DEG:.0f}° of lean add", "worst",
                  title="Signs of a rounded upper back, in degrees of flexion")  # fmt: skip
    number: Callable[[float], str] = "{:.2f}".format
    for name in fitted[0]:
        rows = np.array([one[name] for one in fitted if name in one])
        gain = rows[:, 0].mean()
        cross = CROSS_LEAN_DEG * rows[:, 1] / gain
        table.add_row(
            name, str(len(rows)), f"{gain:.4f}", number(rows[:, 0].std() / gain),
            number(np.sqrt((rows[:, 2] ** 2).mean()) / abs(gain)) + "°", f"{cross.mean():+.2f}°",
            f"{cross[np.abs(cross).argmax()]:+.2f}°",
        )  # fmt: skip
    Console(width=130, highlight=False).print(table)


if __name__ == "__main__":
    main()
