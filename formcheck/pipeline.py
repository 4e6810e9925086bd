"""From a video to an analysis: the order in which the stages stand."""

import dataclasses
from concurrent.futures import Executor
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from formcheck.capture import Parts, describe_camera, find_warnings
from formcheck.drift import choose_parts
from formcheck.errors import NoRunnerError
from formcheck.metrics import REGISTRY, StrideData, compute_metrics
from formcheck.observe import Observation, Progress, observe_video, watch_more
from formcheck.options import Options
from formcheck.pose.engine import PoseEngine
from formcheck.result import (
    Analysis,
    Capture,
    EngineFacts,
    Operation,
    SamplingFacts,
    Series,
    VideoFacts,
)
from formcheck.runner import Runner, follow_runner, refuse_wrong_speed
from formcheck.signals.strides import find_strides
from formcheck.summary import assess_metric, count_from_baseline, describe_gait
from formcheck.system import give_back_memory
from formcheck.verdict import reach_verdict
from formcheck.video.reader import VideoInfo, hash_file, is_variable_rate, probe_video
from formcheck.video.sampling import plan_around, plan_windows, thin_out
from formcheck.video.spans import total_length_s

MIN_STRIDES = 2
# Masks, for slouch, are drawn seven times in a stride, and more often in a short video: what is
# known of a change rests on how many there are in all.
LONGEST_MASK_INTERVAL_S = 0.1
ENOUGH_MASKS = 900


def analyze(
    path: str | Path,
    options: Options | None = None,
    *,
    progress: Progress | None = None,
    pool: Executor | None = None,
) -> Analysis:
    """Analyse the video of a run.

    Parameters
    ----------
    path : str or Path
    options : Options, optional
    progress : callable, optional
        Told the share of the video done, 0 to 1.
    pool : Executor, optional
        Of processes that watch parts of a long video, here or on other machines that see the file
        under the same path. The answer is the same.

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

    observation = watch(info, options, progress, pool)
    analysis = assess_run(info, observation, options)
    onset = analysis.onset
    if not observation.sights or onset is None:
        return analysis
    # the answer rests on when it began: look there more closely
    slow_motion = analysis.capture.slow_motion_factor
    from_s, to_s = (bound * slow_motion for bound in onset.ci95)
    more = plan_around(info, from_s, to_s, observation.windows, slow_motion)
    if not more:
        return analysis
    return assess_run(info, watch_more(info, observation, more, progress), options)


def watch(
    info: VideoInfo,
    options: Options,
    progress: Progress | None = None,
    pool: Executor | None = None,
) -> Observation:
    """Watch as much of a video as the options say."""
    slow_motion = slow_motion_factor(options, info.nominal_fps)
    windows = plan_windows(info, options.sampling, slow_motion)
    length_s = total_length_s(windows) or info.promised_duration_s or np.inf
    mask_interval_s = choose_mask_interval(length_s, slow_motion)
    return observe_video(
        info,
        partial(create_engine, options, mask_interval_s=mask_interval_s),
        progress,
        windows=windows,
        every=thin_out(info, options.max_fps, slow_motion),
        resumable=bool(windows) and options.sampling.kind == "auto",
        pool=pool,
    )


def choose_mask_interval(length_s: float, slow_motion: float = 1.0) -> float:
    """Return how often masks are drawn, seconds of the video, where so much of it is watched."""
    return min(length_s / ENOUGH_MASKS, LONGEST_MASK_INTERVAL_S * slow_motion)


def create_engine(options: Options, people: int, mask_interval_s: float = 0.0) -> PoseEngine:
    """Make the engine that the options name, for up to so many people.

    `mask_interval_s` is how often it need draw masks; MediaPipe draws them on every frame.
    """
    if options.engine == "mediapipe":  # imported only where it is asked for
        from formcheck.pose.mediapipe_engine import MediaPipeEngine

        return MediaPipeEngine(options.model, options.device, people=people, masks=True)
    from formcheck.pose.blazepose_engine import BlazePoseEngine

    return BlazePoseEngine(
        options.model,
        options.device,
        options.precision,
        people=people,
        masks=True,
        mask_interval_s=mask_interval_s,
    )


def assess_run(info: VideoInfo, observation: Observation, options: Options) -> Analysis:
    """From observed people to the analysis: everything after the pixels.

    Raises
    ------
    NoRunnerError, SlowMotionError
        As `analyze`.
    """
    video = _describe_video(info, observation)
    factor = slow_motion_factor(options, video.fps)
    give_back_memory()  # decoders and networks have left much
    runner = follow_runner(observation, options, factor)
    video = dataclasses.replace(video, frames_analysed=runner.person.frames_seen)
    refuse_wrong_speed(runner.rhythm, factor, video.fps, is_told=factor != 1.0)
    cuts_s = (observation.camera.cuts_s / factor).tolist()
    timeline = runner.timeline
    strides = timeline.restore_strides(
        find_strides(
            timeline.close_up(runner.pose.keypoints),
            runner.orientation,
            runner.rhythm,
            runner.pose.leg_length_px,
            cuts_s=timeline.close_up_times(cuts_s),
        )
    )
    if len(strides) < MIN_STRIDES:
        raise NoRunnerError(
            f"only {len(strides)} whole strides of running are to be seen, and two are the least "
            "(is this walking?); film at least ten seconds with the whole body in the picture"
        )
    data = StrideData(
        keypoints=runner.pose.keypoints,
        orientation=runner.orientation,
        strides=strides,
        leg_length_px=runner.pose.leg_length_px,
        profile=runner.person.profile,
        height_cm=options.height_cm,
    )
    counts = _find_evenly_watched(observation, strides.middle_s * factor)
    parts = Parts(*choose_parts(strides.middle_s[counts]))
    values = count_from_baseline(compute_metrics(data), strides.middle_s, parts, counts)
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
            watched_until_s=max((w.until_s for w in observation.windows), default=np.inf),
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
        column: assess_metric(metric, values, data, parts, options, counts)
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
            observation.engine.precision,
        ),
        capture=capture,
        gait=describe_gait(strides, runner.pose.keypoints),
        metrics=metrics,
        verdict=reach_verdict(
            metrics, capture, recorded_s, all_was_watched=not observation.windows
        ),
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
        moments=observation.moments,
    )


def _find_evenly_watched(
    observation: Observation, video_time_s: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Tell which times don't lie in the windows that were chosen for what was to be seen there."""
    closer = np.zeros(len(video_time_s), dtype=bool)
    for window in observation.closer:
        closer |= (video_time_s >= window.from_s) & (video_time_s < window.until_s)
    return ~closer


def formcheck_version() -> str:
    """Version of this package, or '0' where it runs uninstalled."""
    try:
        return version("formcheck")
    except PackageNotFoundError:
        return "0"


def _describe_video(info: VideoInfo, observation: Observation) -> VideoFacts:
    time_s = observation.video_time_s
    if len(time_s) < 2:
        lasts = "lasts only an instant" if observation.every > 1 else "holds only 1 picture"
        raise NoRunnerError(f"'{info.path.name}' {lasts}; name the video of a run")
    watched_fps = float(1 / np.median(np.diff(time_s)))
    # a container may promise more frames than it holds
    is_thinned = round((info.nominal_fps or 0.0) / watched_fps) == observation.every > 1
    return VideoFacts(
        path=str(info.path),
        sha256=observation.sha256 or hash_file(info.path),
        duration_s=max(
            float(time_s[-1] - time_s[0] + np.median(np.diff(time_s))),
            (info.promised_duration_s or 0.0) if observation.windows else 0.0,
        ),
        fps=info.nominal_fps if is_thinned and info.nominal_fps else watched_fps,
        watched_fps=watched_fps,
        variable_frame_rate=is_variable_rate(time_s),
        width=info.width,
        height=info.height,
        rotation_deg=info.rotation_deg,
        codec=info.codec,
        frames_decoded=observation.log.frames_decoded,
        frames_analysed=0,
        sampling=_describe_sampling(observation),
    )


def _describe_sampling(observation: Observation) -> SamplingFacts | None:
    if not observation.windows:
        return None
    watched = (*observation.windows, *observation.closer)
    lengths = [window.until_s - window.from_s for window in watched]
    return SamplingFacts(len(lengths), float(np.median(lengths)), float(sum(lengths)))


def slow_motion_factor(options: Options, fps: float | None) -> float:
    """How many times slower than life a video of so many frames a second plays."""
    if options.slow_motion is not None:
        return options.slow_motion
    return options.capture_fps / fps if options.capture_fps and fps else 1.0


def _list_operations(
    runner: Runner, parts: Parts, options: Options, factor: float
) -> list[Operation]:
    return [
        Operation("sample_video", {"sampling": str(options.sampling), "max_fps": options.max_fps}),
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
        Operation("compute_metrics", {"per": "stride", "height_cm": options.height_cm}),
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
