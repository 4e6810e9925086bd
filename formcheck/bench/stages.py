"""What is timed of each case: the stages one by one, each on all cores, and the whole."""

import copy
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from statistics import median
from typing import Any, cast

from formcheck.bench import usual_loop
from formcheck.bench.clip import Clip
from formcheck.bench.clock import Cost, Stage, measure_process, measure_work
from formcheck.bench.findings import BASELINE, END_TO_END, WHOLE_PROCESS, Case
from formcheck.bench.replay import Jobs, watch_engine
from formcheck.errors import FormcheckError
from formcheck.models import model_path
from formcheck.observe import WORKING_SIDE_PX, observe_video
from formcheck.options import Options
from formcheck.pipeline import analyze, assess_run, choose_mask_interval, create_engine
from formcheck.pose.blazepose_engine import BlazePoseEngine
from formcheck.pose.engine import PoseEngine
from formcheck.pose.mediapipe_engine import (
    NO_WAY_OUT,
    MediaPipeEngine,
    _nothing_leaves_this_machine,
)
from formcheck.report import write_report
from formcheck.runner import follow_runner
from formcheck.system import has_fast_bfloat16, require_system_libraries
from formcheck.video.frame import Frame
from formcheck.video.reader import read_frames
from formcheck.video.sampling import Sampling
from formcheck.video.spans import Span, cut_into_spans

EVERY_FRAME = 100_000.0  # frames a second: none is left out, as none is by the usual loop
METRICS_TRIALS = 5  # a difference of two times scatters more than either
SHORTEST_S = 1e-3


def list_stages(case: Case, clip: Clip) -> Iterator[Stage]:
    """Yield what is to be timed, one after the other, as far as it can be.

    Raises
    ------
    FormcheckError
        The engine does not run here, or nobody runs in the clip.
    """
    if case == BASELINE:
        yield from _baseline_stages(clip)
        return
    engine, options = open_engine(case), _options(case)
    yield _decode_stage(case, clip, engine.threads)
    observation = observe_video(clip.info, partial(create_engine, options))
    analysis = assess_run(clip.info, observation, options)
    if isinstance(engine, BlazePoseEngine):
        yield from _blazepose_stages(case, clip, engine)
    else:
        run = partial(_run_mediapipe, clip.sample, case.model)
        yield Stage("network", case, len(clip.sample) - 1, run)

    def stage(name: str, run: Callable[[], Cost]) -> Stage:
        return Stage(name, case, clip.frames, run)

    clean = partial(measure_work, partial(follow_runner, observation, options, 1.0))
    assess = partial(measure_work, partial(assess_run, clip.info, observation, options))
    write = partial(measure_work, partial(write_report, analysis, clip.folder / "report"))
    yield stage("cleaning", clean)
    yield stage("metrics", partial(_measure_difference, assess, clean))  # assessing cleans as well
    yield stage("report", write)
    yield stage(END_TO_END, partial(_analyze, case, clip))
    yield stage(WHOLE_PROCESS, partial(measure_process, _analyze_command(case, clip)))


def open_engine(case: Case) -> PoseEngine:
    """Open the engine of a case; FormcheckError where it can't run, or not in that precision."""
    if case.engine == "mediapipe":
        require_mediapipe()
    if case.precision == "reduced" and not has_fast_bfloat16():
        raise FormcheckError("this processor is not made for bfloat16 (it has no amx_bf16)")
    engine = create_engine(_options(case), 1)
    if case.precision == "reduced" and engine.note:
        raise FormcheckError("OpenVINO does not run here (pip install 'formcheck[fast]')")
    return engine


def require_mediapipe() -> None:
    """Say in one line what MediaPipe lacks here."""
    require_system_libraries()
    try:
        import mediapipe  # noqa: F401
    except (ImportError, OSError) as error:
        raise FormcheckError(
            f"MediaPipe does not load here ({error}); install it: pip install mediapipe"
        ) from error


def _options(case: Case) -> Options:
    return Options(
        engine=cast(Any, case.engine),
        model=cast(Any, case.model),
        precision=cast(Any, case.precision),
        sampling=Sampling("all"),
        max_fps=EVERY_FRAME,
    )


def _decode_stage(case: Case, clip: Clip, threads: int) -> Stage:
    """Decode as the engine is fed: spans side by side, or in order and made into RGB."""
    spans = cut_into_spans(clip.info) if threads > 1 else [Span()]

    def decode(span: Span) -> None:
        for frame in read_frames(
            clip.info.path,
            max_side_px=WORKING_SIDE_PX,
            from_s=span.from_s,
            until_s=span.until_s,
            threads=None if len(spans) == 1 else 1,
        ):
            if threads == 1:
                _ = frame.rgb

    jobs: Jobs = [partial(decode, span) for span in spans]
    return Stage("decode", case, clip.frames, partial(_do_side_by_side, jobs, threads))


def _blazepose_stages(case: Case, clip: Clip, engine: BlazePoseEngine) -> Iterator[Stage]:
    interval_s = choose_mask_interval(clip.info.promised_duration_s or 0.0)
    replay = watch_engine(engine._networks, case.model, clip.sample, interval_s)
    parts = {"crop": replay.crops, "network": replay.reads, "masks": replay.outlines}
    for name, jobs in parts.items():
        run = partial(_do_side_by_side, jobs, engine.threads)
        yield Stage(name, case, len(clip.sample), run)


def _do_side_by_side(jobs: Jobs, threads: int) -> Cost:
    """Do all jobs in as many threads as the engine runs in."""

    def do_part(first: int) -> None:
        for job in jobs[first::threads]:
            job()

    def do_all() -> None:
        with ThreadPoolExecutor(threads) as pool:
            deque(pool.map(do_part, range(threads)), maxlen=0)  # raises what was raised

    return measure_work(do_all)


def _run_mediapipe(sample: list[Frame], model: str) -> Cost:
    """Find the points in pictures that are RGB already, as the mediapipe engine does."""
    frames = [copy.copy(frame) for frame in sample]
    for frame in frames:
        _ = frame.rgb
    with closing(MediaPipeEngine(model, masks=True).track(frames)) as tracked:
        next(tracked)  # opens the network
        return measure_work(lambda: deque(tracked, maxlen=0))


def _measure_difference(whole: Callable[[], Cost], part: Callable[[], Cost]) -> Cost:
    trials = [whole().seconds - part().seconds for _ in range(METRICS_TRIALS)]
    return Cost(max(median(trials), SHORTEST_S))


def _analyze(case: Case, clip: Clip) -> Cost:
    """Do what `formcheck analyze --sample all` does, from the file to the files of the report."""
    open_engine(case)  # only the networks of the last two cases are kept open
    return measure_work(
        lambda: write_report(analyze(clip.info.path, _options(case)), clip.folder / "report")
    )


def _analyze_command(case: Case, clip: Clip) -> list[str]:
    return [
        *(sys.executable, "-m", "formcheck.cli", "analyze", str(clip.info.path.absolute())),
        *(f"--engine={case.engine}", f"--model={case.model}", f"--precision={case.precision}"),
        *("--sample=all", f"--max-fps={EVERY_FRAME:g}"),
        *("--quiet", f"--out={clip.folder / 'report'}"),
    ]


def _baseline_stages(clip: Clip) -> Iterator[Stage]:
    require_mediapipe()
    video, bundle = os.fspath(clip.info.path), os.fspath(model_path(BASELINE.model))

    def run_here() -> Cost:
        with _nothing_leaves_this_machine():
            return measure_work(partial(usual_loop.run_usual_loop, video, bundle))

    # -P: the script's folder is no place to import from
    command = [sys.executable, "-P", usual_loop.__file__, video, bundle]
    yield Stage(END_TO_END, BASELINE, clip.frames, run_here)
    yield Stage(WHOLE_PROCESS, BASELINE, clip.frames, partial(measure_process, command, NO_WAY_OUT))
