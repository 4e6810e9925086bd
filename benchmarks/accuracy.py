"""How far formcheck is from the truth, on rendered runs whose truth is known.

    make digital-runner                                  # what rendering needs, once
    python benchmarks/accuracy.py                        # the published scenes: 40 minutes
    python benchmarks/accuracy.py --set tuning --only stairs

Videos, and what the pose network saw in them, are kept in build/accuracy, each under the hash of
what made it: a change in formcheck's later stages is judged again in seconds.
"""

import argparse
import dataclasses
import hashlib
import json
import pickle
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from digital_runner.truth import SUFFIX, Truth
from scenes import Planned, published_scenes, tuning_scenes

from formcheck import Options
from formcheck.keypoints import INDEX
from formcheck.observe import Observation
from formcheck.pipeline import assess_run, watch
from formcheck.result import Analysis
from formcheck.video.reader import probe_video

HERE = Path(__file__).resolve().parent
STORE = HERE.parent / "build" / "accuracy"
PICTURE_CODE = ("digital_runner",)
PIXEL_CODE = ("observe.py", "video", "pose", "keypoints.py")
LEG_POINTS = ("knee", "ankle", "heel", "foot_index")
ARM_POINTS = ("elbow", "wrist")
AMBIGUOUS_LEGS = 0.04  # leg lengths: where both labellings are as near as that, either is right
MATCH_S = 0.15  # an event found further from a true one than this is another event

Floats = NDArray[np.float64]


# --- Rendering and watching, once ---------------------------------------------------------------


def hash_code(root: Path, names: Iterable[str]) -> str:
    """Hash of the source files under these names."""
    digest = hashlib.sha256()
    for name in names:
        path = root / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.read_bytes())
    return digest.hexdigest()


def video_of(planned: Planned) -> Path:
    """Return the path of the scene's video, rendering it if it is not there."""
    made_by = hash_code(HERE, PICTURE_CODE) + json.dumps(planned.scene.to_dict())
    folder = STORE / hashlib.sha256(made_by.encode()).hexdigest()[:12]
    path = folder / f"{planned.name}.mp4"
    if not path.exists():
        from digital_runner.film import film

        folder.mkdir(parents=True, exist_ok=True)
        film(planned.scene, folder)
    return path


def observation_of(video: Path, options: Options) -> Observation:
    """Return what formcheck's eyes saw in the video, watching it if that was not kept."""
    seen_by = hash_code(HERE.parent / "formcheck", PIXEL_CODE)[:12]
    path = video.with_suffix(
        f".{options.engine}-{options.model}-{options.precision}-{seen_by}.pickle"
    )
    if path.exists():
        return pickle.loads(path.read_bytes())  # our own file
    seen = watch(probe_video(video), options)
    engine = SimpleNamespace(
        name=seen.engine.name,
        model=seen.engine.model,
        device=seen.engine.device,
        precision=seen.engine.precision,
        note=None,
    )
    kept = dataclasses.replace(seen, engine=engine)
    draft = path.with_suffix(".partial")
    draft.write_bytes(pickle.dumps(kept))
    draft.replace(path)
    return kept


# --- One scene ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scored:
    """One scene against its truth; plain numbers, degrees unless the name says otherwise.

    Attributes
    ----------
    planned : Planned
    values : dict of (array, array)
        Per metric: found and true, per stride.
    changes : dict of (float, float, float)
        Per posture metric: change found, true change between the same strides, half-width of the
        95 % interval.
    contact_error_s, toe_off_error_s : array, shape (event,)
    contact_time_ms : tuple of float
        Mean found, mean true, stated uncertainty.
    legs_right, arms_right : float
        Share of the frames in which left is left.
    verdict, warnings, error, view, direction : as reported
    """

    planned: Planned
    error: str = ""
    values: dict[str, tuple[Floats, Floats]] = dataclasses.field(default_factory=dict)
    changes: dict[str, tuple[float, float, float]] = dataclasses.field(default_factory=dict)
    contact_error_s: Floats = dataclasses.field(default_factory=lambda: np.zeros(0))
    toe_off_error_s: Floats = dataclasses.field(default_factory=lambda: np.zeros(0))
    contact_time_ms: tuple[float, float, float] = (np.nan, np.nan, np.nan)
    legs_right: float = np.nan
    arms_right: float = np.nan
    verdict: str = ""
    warnings: tuple[str, ...] = ()
    view: str = ""
    direction: int = 0
    roll_deg: float | None = None
    verdict_uncorrected: str = ""
    lean_change_uncorrected: float = np.nan


def score(planned: Planned, options: Options) -> Scored:
    """Render, analyse and compare one scene."""
    video = video_of(planned)
    truth = Truth.read(video.with_suffix("").with_suffix(SUFFIX))
    observation = observation_of(video, options)
    factor = planned.scene.filming.slow_motion
    options = dataclasses.replace(options, slow_motion=factor if factor != 1 else None)
    try:
        found = assess_run(probe_video(video), observation, options)
    except Exception as error:
        return Scored(planned, error=f"{type(error).__name__}: {error}")
    scored = compare(planned, found, truth)
    if planned.bump:
        still = dataclasses.replace(
            observation.camera, roll_deg=np.zeros_like(observation.camera.roll_deg)
        )
        plain = assess_run(
            probe_video(video), dataclasses.replace(observation, camera=still), options
        )
        scored = dataclasses.replace(
            scored,
            verdict_uncorrected=plain.verdict.label,
            lean_change_uncorrected=plain.metrics["trunk_lean_deg"].change.value or np.nan,
        )
    return scored


def compare(planned: Planned, found: Analysis, truth: Truth) -> Scored:
    """Hold an analysis against the truth of its video."""
    strides = found.series.strides
    side = strides.foot
    run_s = truth.columns["run_s"]
    true = true_per_stride(truth, strides.start_s, strides.end_s, side)
    values = {
        column: (found.series.values[column], course)
        for column, course in true.items()
        if np.isfinite(found.series.values[column]).any()
    }
    changes = {}
    for column in ("trunk_lean_deg", "slouch_deg", "neck_flexion_deg", "cadence_spm"):
        facts = found.metrics[column]
        if facts.change.value is None or facts.change.ci95 is None:
            continue
        early, late = (
            true[column][(strides.middle_s >= part.from_s) & (strides.middle_s <= part.to_s)]
            for part in (facts.baseline, facts.late)
        )
        low, high = facts.change.ci95
        changes[column] = (
            facts.change.value, float(np.nanmean(late) - np.nanmean(early)), (high - low) / 2
        )  # fmt: skip
    contact = found.metrics["ground_contact_time_ms"]
    true_contact = true_contact_times(truth, side)
    roll = truth.columns["camera_roll_deg"]
    return (
        Scored(
            planned,
            values=values,
            changes=changes,
            contact_error_s=_nearest_error(strides.contact_s, truth.contact_s[side]),
            toe_off_error_s=_nearest_error(strides.toe_off_s, truth.toe_off_s[side]),
            contact_time_ms=(
                contact.mean if contact.mean is not None else np.nan,
                1000 * float(true_contact.mean()),
                contact.uncertainty if contact.uncertainty is not None else np.nan,
            ),
            legs_right=share_of_sides_right(found, truth, LEG_POINTS),
            arms_right=share_of_sides_right(found, truth, ARM_POINTS),
            verdict=found.verdict.label,
            warnings=tuple(w.code for w in found.capture.warnings),
            view=found.capture.view,
            direction=found.capture.direction,
            roll_deg=found.capture.camera.roll_deg if np.ptp(roll) or planned.bump else None,
        )
        if len(run_s)
        else Scored(planned, error="no frames")
    )


def true_contact_times(truth: Truth, side: str) -> Floats:
    """Duration of each whole stance of a foot, seconds."""
    contact, toe_off = truth.contact_s[side], truth.toe_off_s[side]
    toe_off = toe_off[toe_off > contact[0]]
    count = min(len(contact), len(toe_off))
    return toe_off[:count] - contact[:count]


def true_per_stride(truth: Truth, start_s: Floats, end_s: Floats, side: str) -> dict[str, Floats]:
    """Return the true value of each metric in each stride, as formcheck defines it."""
    run_s = truth.columns["run_s"]
    point = truth.joints_m
    middle = {
        joint: (point[f"left_{joint}"] + point[f"right_{joint}"]) / 2
        for joint in ("hip", "shoulder", "ear")
    }
    lean = truth.columns["lean_deg"]
    neck = middle["ear"] - middle["shoulder"]
    hip, knee, ankle = (point[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle"))
    leg_m = float(np.median(_length(knee - hip) + _length(ankle - knee)))
    knee_flexion = 180 - _angle(hip, knee, ankle)
    elbow = _angle(*(point[f"{side}_{joint}"] for joint in ("shoulder", "elbow", "wrist")))
    contact = truth.contact_s[side]

    def mean(course: Floats) -> Floats:
        return np.array([
            course[(run_s >= a) & (run_s < b)].mean() if ((run_s >= a) & (run_s < b)).any()
            else np.nan for a, b in zip(start_s, end_s, strict=True)
        ])  # fmt: skip

    def extent(course: Floats) -> Floats:
        inside = [(run_s >= a) & (run_s < b) for a, b in zip(start_s, end_s, strict=True)]
        return np.array([np.ptp(course[here]) if here.any() else np.nan for here in inside])

    def at_contact(course: Floats) -> Floats:
        """At the contact of the stance in which the stride begins."""
        last = np.clip(np.searchsorted(contact, start_s) - 1, 0, None)
        return np.interp(contact[last], run_s, course)

    mid_stance = start_s + 0.25 * (end_s - start_s)
    drop = np.interp(mid_stance, run_s, truth.columns["pelvic_obliquity_deg"])
    return {
        "trunk_lean_deg": mean(lean),
        "slouch_deg": mean(truth.columns["flexion_deg"]),
        "neck_flexion_deg": mean(np.degrees(np.arctan2(neck[:, 2], neck[:, 1])) - lean),
        "cadence_spm": mean(truth.columns["cadence_spm"]),
        "vertical_oscillation_pct": 100 * extent(middle["hip"][:, 1]) / leg_m,
        "overstride_pct": 100 * at_contact(ankle[:, 2] - middle["hip"][:, 2]) / leg_m,
        "knee_flexion_contact_deg": at_contact(knee_flexion),
        "knee_flexion_midstance_deg": np.interp(start_s, run_s, knee_flexion),
        "elbow_angle_deg": mean(elbow),
        "lateral_trunk_lean_deg": mean(truth.columns["lateral_lean_deg"]),
        "pelvic_drop_deg": drop,
    }


def share_of_sides_right(found: Analysis, truth: Truth, points: tuple[str, ...]) -> float:
    """Share of the frames in which left and right are those of the truth."""
    keypoints = found.series.keypoints
    frame = np.abs(keypoints.time_s[:, None] - truth.columns["run_s"]).argmin(axis=1)
    turned = _undo_roll(truth, found)
    cost = []
    for other in (False, True):
        distance = []
        for point in points:
            for side in ("left", "right"):
                true_side = {"left": "right", "right": "left"}[side] if other else side
                seen = keypoints.position[:, INDEX[f"{side}_{point}"]]
                name = f"{true_side}_{'toe' if point == 'foot_index' else point}"
                distance.append(_length(seen - turned(truth.joints_px[name])[frame]))
        cost.append(np.nanmean(distance, axis=0))
    leg_px = float(np.median(_length(
        truth.joints_px["left_knee"] - truth.joints_px["left_hip"]
    ))) * 2  # fmt: skip
    margin = (cost[1] - cost[0]) / leg_px
    known = np.isfinite(margin)
    return float((margin[known] > -AMBIGUOUS_LEGS).mean())


def _undo_roll(truth: Truth, found: Analysis) -> Callable[[Floats], Floats]:
    """Turn true pixels as formcheck turned what it saw: back to the camera's roll at the start."""
    roll = np.radians(truth.columns["camera_roll_deg"] - truth.columns["camera_roll_deg"][0])
    centre = np.array([found.video.width, found.video.height]) / 2
    c, s = np.cos(roll), np.sin(roll)

    def turn(points: Floats) -> Floats:
        x, y = (points - centre).T
        return np.stack([c * x - s * y, s * x + c * y], axis=1) + centre

    return turn


def _nearest_error(found_s: Floats, true_s: Floats) -> Floats:
    known = found_s[np.isfinite(found_s)]
    if not len(known) or not len(true_s):
        return np.zeros(0)
    error = known - true_s[np.abs(known[:, None] - true_s).argmin(axis=1)]
    return error[np.abs(error) < MATCH_S]


def _length(vector: Floats) -> Floats:
    return np.asarray(np.linalg.norm(vector, axis=-1))


def _angle(a: Floats, b: Floats, c: Floats) -> Floats:
    """Angle at b, degrees."""
    u, v = a - b, c - b
    cosine = (u * v).sum(axis=-1) / np.maximum(_length(u) * _length(v), 1e-9)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


# --- Tables -------------------------------------------------------------------------------------


def main() -> None:
    """Read the command line, score the scenes, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--set", choices=("published", "tuning"), default="published")
    parser.add_argument("--only", default="", help="scenes whose name begins so")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--engine", default=Options().engine)
    parser.add_argument("--model", default=Options().model)
    parser.add_argument("--precision", default="full")
    parser.add_argument("--each", action="store_true", help="a line for each scene too")
    arguments = parser.parse_args()
    scenes = published_scenes() if arguments.set == "published" else tuning_scenes()
    scenes = [planned for planned in scenes if planned.name.startswith(arguments.only)]
    options = Options(engine=arguments.engine, model=arguments.model, precision=arguments.precision)
    began = time.monotonic()
    with ProcessPoolExecutor(arguments.jobs) as pool:
        scored = list(
            track(
                pool.map(partial(score, options=options), scenes),
                "Scenes",
                len(scenes),
                console=Console(stderr=True),
            )
        )
    from accuracy_tables import print_each, print_tables

    console = Console(width=130, highlight=False)
    if arguments.each:
        print_each(console, scored)
    print_tables(console, scored)
    print(f"{len(scored)} scenes in {time.monotonic() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
