"""From a video to an analysis: the order in which the stages stand."""

import dataclasses
import math
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from formcheck.capture import Parts, describe_camera, find_warnings
from formcheck.drift import Change, Part, assess_drift, choose_parts
from formcheck.errors import NoRunnerError, SlowMotionError
from formcheck.keypoints import Keypoints
from formcheck.metrics import REGISTRY, Metric, StrideData, compute_metrics
from formcheck.observe import Observation, Progress, observe_video
from formcheck.pose.engine import PoseEngine
from formcheck.pose.people import Person
from formcheck.result import (
    Analysis,
    Capture,
    EngineFacts,
    GaitFacts,
    MetricFacts,
    Operation,
    Series,
    VideoFacts,
)
from formcheck.signals.body import find_whole_bodies
from formcheck.signals.cleaning import CleaningSettings, CleanPose, clean_keypoints
from formcheck.signals.gait import Rhythm, Strides, find_rhythm, find_strides
from formcheck.signals.orientation import Orientation, View, find_orientation
from formcheck.signals.steady import SteadyKeypoints, undo_camera_roll
from formcheck.verdict import reach_verdict
from formcheck.video.reader import VideoInfo, hash_file, is_variable_rate, probe_video

POSSIBLE_CADENCE = (100.0, 260.0)  # steps per minute of a running pattern at real speed
USUAL_CADENCE = 165.0  # of a recreational runner, to guess a slow-motion factor from
CAPTURE_FPS = (50.0, 60.0, 100.0, 120.0, 240.0, 480.0, 960.0)  # that phones offer
PLAUSIBLE_CADENCE = (135.0, 210.0)  # with which one of those is believed
MIN_SEEN_SHARE = 0.3  # of the frames in which somebody must be seen
MIN_WHOLE_SHARE = 0.5  # of those, with the whole body
MIN_STRIDES = 2
# Contact time found minus true: -4 ms against a hand count, +60 ms on the drawn sample video.
CONTACT_TIME_BIAS_S = 0.06
CANDIDATE_SHARE = 0.2  # of the most-seen person's frames, to be a candidate for the runner


@dataclass(frozen=True)
class Options:
    """What the user may set.

    Attributes
    ----------
    model : {'lite', 'full', 'heavy'}
    device : {'cpu', 'gpu'}
    view, direction : optional
        Overrule what is found; direction is +1 for facing image right, -1 for left.
    slow_motion : float, optional
        How many times slower than life the video plays.
    capture_fps : float, optional
        Frames per second at which it was captured: another way to say the same.
    height_cm : float, optional
        Stature, for vertical oscillation in centimetres.
    lean_threshold, slouch_threshold : float, optional
        Smallest change worth reporting, degrees.
    cleaning : CleaningSettings
    """

    model: Literal["lite", "full", "heavy"] = "full"
    device: Literal["cpu", "gpu"] = "cpu"
    view: View | None = None
    direction: int | None = None
    slow_motion: float | None = None
    capture_fps: float | None = None
    height_cm: float | None = None
    lean_threshold: float | None = None
    slouch_threshold: float | None = None
    cleaning: CleaningSettings = dataclasses.field(default_factory=CleaningSettings)

    def threshold(self, metric: Metric) -> float | None:
        """Smallest change of a metric worth reporting."""
        chosen = {"trunk_lean_deg": self.lean_threshold, "slouch_deg": self.slouch_threshold}
        return chosen.get(metric.column) or metric.threshold


def analyze(
    path: str | Path, options: Options | None = None, *, progress: Progress | None = None
) -> Analysis:
    """Analyse the video of a run.

    Parameters
    ----------
    path : str or Path
    options : Options, optional
    progress : callable, optional
        Told the share of the video done, 0 to 1.

    Returns
    -------
    Analysis
        The content of report.json, typed, plus the arrays behind it.

    Raises
    ------
    FormcheckError
        The video cannot be analysed; the message says why and what to do.
    """
    options = options or Options()
    info = probe_video(Path(path))

    def create_engine(people: int) -> PoseEngine:
        from formcheck.pose.mediapipe_engine import MediaPipeEngine

        return MediaPipeEngine(options.model, options.device, people=people, masks=True)

    observation = observe_video(info, create_engine, progress)
    return assess_run(info, observation, options)


def assess_run(info: VideoInfo, observation: Observation, options: Options) -> Analysis:
    """From observed people to the analysis: everything after the pixels.

    Raises
    ------
    NoRunnerError, SlowMotionError
        As `analyze`.
    """
    video = _describe_video(info, observation)
    factor = _slow_motion_factor(options, video.fps)
    runner = _follow_runner(observation, options, factor)
    video = dataclasses.replace(video, frames_analysed=runner.person.frames_seen)
    _refuse_wrong_speed(runner.rhythm, factor, video.fps, is_told=factor != 1.0)
    cuts_s = (observation.camera.cuts_s / factor).tolist()
    strides = find_strides(
        runner.pose.keypoints,
        runner.orientation,
        runner.rhythm,
        runner.pose.leg_length_px,
        cuts_s=cuts_s,
    )
    if len(strides) < MIN_STRIDES:
        raise NoRunnerError(
            f"only {len(strides)} whole strides are to be seen, and two are the least; "
            "film at least ten seconds with the whole body in the picture"
        )
    data = StrideData(
        keypoints=runner.pose.keypoints,
        orientation=runner.orientation,
        strides=strides,
        leg_length_px=runner.pose.leg_length_px,
        profile=runner.person.profile,
        height_cm=options.height_cm,
    )
    values = compute_metrics(data)
    parts = Parts(*choose_parts(strides.middle_s))
    capture = Capture(
        view=runner.orientation.view,
        direction=runner.orientation.direction,
        turned_deg=runner.orientation.turned_deg,
        near_side=runner.orientation.near_side,
        slow_motion_factor=factor,
        camera=describe_camera(observation.camera, runner.steady),
        warnings=find_warnings(
            info=info,
            log=observation.log,
            camera=observation.camera,
            steady=runner.steady,
            pose=runner.pose,
            data=data,
            parts=parts,
            people=runner.people,
            fps=video.fps * factor,
            slow_motion_factor=factor,
        ),
    )
    metrics = {
        column: _assess_metric(metric, values, data, parts, options)
        for column, metric in REGISTRY.items()
    }
    recorded_s = float(np.ptp(runner.pose.keypoints.time_s))
    return Analysis(
        formcheck_version=formcheck_version(),
        video=video,
        engine=EngineFacts(
            observation.engine.name,
            observation.engine.model,
            observation.engine.device,
            observation.engine.note,
        ),
        capture=capture,
        gait=_describe_gait(strides, runner.pose.keypoints),
        metrics=metrics,
        verdict=reach_verdict(metrics, capture, recorded_s),
        provenance=_list_operations(runner, parts, options, factor),
        series=Series(
            keypoints=runner.pose.keypoints,
            video_time_s=observation.video_time_s,
            angles=data.angles,
            strides=strides,
            values=values,
            swapped=runner.pose.swapped,
            camera_roll_deg=runner.steady.removed_roll_deg,
        ),
    )


@dataclass(frozen=True)
class _Runner:
    """The person who is followed, and what was found about them."""

    person: Person
    steady: SteadyKeypoints
    pose: CleanPose
    orientation: Orientation
    rhythm: Rhythm
    whole_share: float
    people: int


def formcheck_version() -> str:
    """Version of this package, or '0' where it runs uninstalled."""
    try:
        return version("formcheck")
    except PackageNotFoundError:
        return "0"


def _describe_video(info: VideoInfo, observation: Observation) -> VideoFacts:
    time_s = observation.video_time_s
    if len(time_s) < 2:
        raise NoRunnerError(
            f"'{info.path.name}' holds only {len(time_s)} picture; name the video of a run"
        )
    return VideoFacts(
        path=str(info.path),
        sha256=hash_file(info.path),
        duration_s=float(time_s[-1] - time_s[0] + np.median(np.diff(time_s))),
        fps=float(1 / np.median(np.diff(time_s))),
        variable_frame_rate=is_variable_rate(time_s),
        width=info.width,
        height=info.height,
        rotation_deg=info.rotation_deg,
        codec=info.codec,
        frames_decoded=observation.log.frames_decoded,
        frames_analysed=0,
    )


def _slow_motion_factor(options: Options, fps: float) -> float:
    if options.slow_motion:
        return options.slow_motion
    return options.capture_fps / fps if options.capture_fps else 1.0


def _follow_runner(observation: Observation, options: Options, factor: float) -> _Runner:
    """Choose the person with a running pattern, else the largest, and refuse who can't run."""
    people = observation.people
    frames = len(observation.video_time_s)
    if not people or people[0].frames_seen < MIN_SEEN_SHARE * frames:
        raise NoRunnerError(
            "no person is to be seen for most of the video; film the whole body from the side, "
            "in good light, filling at least a third of the picture's height"
        )
    enough = [p for p in people if p.frames_seen >= CANDIDATE_SHARE * people[0].frames_seen]
    candidates = [_examine(p, observation, options, factor, len(enough)) for p in enough]
    whole = [c for c in candidates if c.whole_share >= MIN_WHOLE_SHARE]
    if not whole:
        raise NoRunnerError(
            "no whole body is to be seen, only a part of it (for instance the legs); step back "
            "until head and feet are in the picture all the time"
        )
    runner = max(whole, key=lambda c: (c.rhythm.is_running, c.person.size_px))
    if not runner.rhythm.is_gait:
        raise NoRunnerError(
            "the person in the video does not run: no steady rhythm of the legs was found; "
            "film at least ten seconds of steady running"
        )
    if not runner.rhythm.is_running:
        raise NoRunnerError(
            "the person in the video does not run: the hips don't rise between the steps as in "
            "running (is this walking?); formcheck judges running only"
        )
    return runner


def _examine(
    person: Person, observation: Observation, options: Options, factor: float, people: int
) -> _Runner:
    real = dataclasses.replace(person.keypoints, time_s=observation.video_time_s / factor)
    steady = undo_camera_roll(real, observation.camera, observation.video_time_s)
    pose = clean_keypoints(
        steady.keypoints, options.cleaning, cuts_s=(observation.camera.cuts_s / factor).tolist()
    )
    seen = pose.keypoints.confidence.max(axis=1) > 0
    whole = find_whole_bodies(pose.keypoints, pose.leg_length_px)
    orientation = find_orientation(pose.keypoints, view=options.view, direction=options.direction)
    return _Runner(
        person=person,
        steady=steady,
        pose=pose,
        orientation=orientation,
        rhythm=find_rhythm(pose.keypoints, orientation, pose.leg_length_px),
        whole_share=float(whole[seen].mean()) if seen.any() else 0.0,
        people=people,
    )


def _refuse_wrong_speed(rhythm: Rhythm, factor: float, fps: float, *, is_told: bool) -> None:
    low, high = POSSIBLE_CADENCE
    if low <= rhythm.cadence_spm <= high:
        return
    guess = guess_slow_motion(rhythm.cadence_spm / factor, fps)
    told = f" with --slow-motion {factor:.3g}" if is_told else ""
    looks = "slowed down" if guess > 1 else "sped up"
    raise SlowMotionError(
        f"the steps come at {rhythm.cadence_spm:.0f} a minute{told}, which nobody runs: the video "
        f"looks {looks}, about {guess if guess > 1 else 1 / guess:.1f} times (slow motion?); run "
        f"again with --slow-motion {guess:.2g} or --capture-fps {guess * fps:.0f}"
    )


def guess_slow_motion(cadence_spm: float, fps: float) -> float:
    """Guess how many times a video is slowed from the cadence it shows.

    Parameters
    ----------
    cadence_spm : float
        Steps per minute on the video's own clock.
    fps : float
        Frames per second on that clock.

    Returns
    -------
    float
        The factor of a usual capture rate (120, 240, ... frames/s) where that gives a cadence of
        135 to 210, else the one that gives 165.
    """
    by_cadence = USUAL_CADENCE / cadence_spm
    usual = [
        rate / fps
        for rate in CAPTURE_FPS
        if PLAUSIBLE_CADENCE[0] <= cadence_spm * rate / fps <= PLAUSIBLE_CADENCE[1]
        and rate > 1.2 * fps
    ]
    return min(usual, key=lambda factor: abs(math.log(factor / by_cadence)), default=by_cadence)


def _describe_gait(strides: Strides, keypoints: Keypoints) -> GaitFacts:
    duration = strides.duration_s
    mean = float(duration.mean())
    spread = float(duration.std(ddof=1))
    cadence = 120 / mean
    half = cadence * 1.96 * spread / mean / math.sqrt(len(duration))
    return GaitFacts(
        cadence_spm=cadence,
        cadence_ci95=(cadence - half, cadence + half),
        strides=len(strides),
        stride_time_s=mean,
        stride_time_cv_pct=100 * spread / mean,
        foot=strides.foot,
        frame_interval_ms=1000 * keypoints.frame_interval_s,
    )


def _assess_metric(
    metric: Metric,
    values: dict[str, NDArray[np.float64]],
    data: StrideData,
    parts: Parts,
    options: Options,
) -> MetricFacts:
    value = values[metric.column]
    drift = assess_drift(
        data.strides.middle_s,
        value,
        threshold=options.threshold(metric),
        parts=(parts.baseline, parts.late),
    )
    known = value[np.isfinite(value)]
    origin = 0.0
    if metric.is_relative and len(known):
        origin = drift.baseline.mean if drift.baseline.mean is not None else float(known.mean())
    if not len(known):
        return MetricFacts(
            label=metric.label,
            unit=metric.unit,
            mean=None,
            sd=None,
            uncertainty=None,
            baseline=drift.baseline,
            late=drift.late,
            change=Change(None, None, "insufficient_data"),
            trend_per_hour=None,
            onset_s=None,
            note=_why_unknown(metric, data),
        )
    sd = float(known.std(ddof=1)) if len(known) > 1 else None
    return MetricFacts(
        label=metric.label,
        unit=metric.unit,
        mean=float(known.mean()) - origin,
        sd=sd,
        uncertainty=_uncertainty(metric, known, data),
        baseline=_shift(drift.baseline, origin),
        late=_shift(drift.late, origin),
        change=drift.change,
        trend_per_hour=drift.trend_per_hour,
        onset_s=drift.onset_s,
        note=metric.caveat,
    )


def _why_unknown(metric: Metric, data: StrideData) -> str:
    if data.orientation.view not in metric.views:
        return f"not measurable from the {data.orientation.view}"
    if metric.column == "vertical_oscillation_cm" and data.height_cm is None:
        return "needs --height-cm"
    return "not seen in enough strides"


def _shift(part: Part, origin: float) -> Part:
    return part if part.mean is None else dataclasses.replace(part, mean=part.mean - origin)


def _uncertainty(metric: Metric, known: NDArray[np.float64], data: StrideData) -> float | None:
    """Half-width of the 95 % interval of the mean, with what the frame interval leaves open.

    Each foot event is known to about half a frame interval, in the same way in every stride, so
    more strides don't average that away: a difference of two events is open by one interval. The
    bias of the pose network's feet comes on top.
    """
    if len(known) < 2:
        return None
    random = 1.96 * float(known.std(ddof=1)) / math.sqrt(len(known))
    if not metric.frame_limited:
        return random
    interval_s = data.keypoints.frame_interval_s
    per_second = 100 / float(data.strides.duration_s.mean()) if "pct" in metric.column else 1000.0
    return math.hypot(random, interval_s * per_second, CONTACT_TIME_BIAS_S * per_second)


def _list_operations(
    runner: _Runner, parts: Parts, options: Options, factor: float
) -> list[Operation]:
    return [
        Operation("find_pose", {"model": options.model, "people_followed": 1}),
        Operation("scale_time", {"slow_motion_factor": factor}),
        Operation("undo_camera_roll", {"applied": runner.steady.is_corrected}),
        Operation(
            "clean_keypoints",
            dataclasses.asdict(options.cleaning)
            | {
                "cutoff_applied_hz": runner.pose.cutoff_hz,
                "removed_share": runner.pose.removed_share,
                "legs_swapped_back_share": float(runner.pose.swapped["legs"].mean()),
                "arms_swapped_back_share": float(runner.pose.swapped["arms"].mean()),
                "leg_length_px": runner.pose.leg_length_px,
            },
        ),
        Operation(
            "find_rhythm",
            {
                "cadence_spm": runner.rhythm.cadence_spm,
                "regularity": runner.rhythm.regularity,
                "flight": runner.rhythm.flight,
            },
        ),
        Operation("compute_metrics", {"per": "stride"}),
        Operation(
            "assess_drift",
            {
                "baseline_s": list(parts.baseline),
                "late_s": list(parts.late),
                "thresholds": {
                    column: options.threshold(metric)
                    for column, metric in REGISTRY.items()
                    if metric.is_posture
                },
            },
        ),
    ]
