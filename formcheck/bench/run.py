"""The order of a measurement: take the clip, warm up, time in turn."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from formcheck.bench.clip import Clip, find_sample_video, take_clip
from formcheck.bench.clock import Stage, Tell, time_in_turn
from formcheck.bench.findings import BASELINE, WHOLE_PROCESS, Bench, Case, EngineUsed, Skipped
from formcheck.bench.machine import describe_machine, describe_versions
from formcheck.bench.stages import list_stages, open_engine
from formcheck.errors import FormcheckError
from formcheck.video.reader import probe_video

PRECISIONS = {"blazepose": ("full", "reduced"), "mediapipe": ("full",)}


def run_bench(
    video: Path | None,
    *,
    engines: Sequence[str],
    models: Sequence[str],
    seconds: float,
    repeats: int,
    show: Callable[[str], Tell] = lambda what: lambda share: None,
) -> Bench:
    """Measure how fast a video is analysed on this machine.

    Parameters
    ----------
    video : Path or None
        None takes the sample video of a source checkout.
    engines, models : sequence of str
        Each engine is measured with each model, in each precision that it has.
    seconds : float
        Of the video, from its start, that are used.
    repeats : int
        How many times each thing is timed.
    show : callable, optional
        Makes, from a word on what is done, something to tell the share done, 0 to 1.

    Returns
    -------
    Bench
        What a case that doesn't run here would have shown is in its `skipped`.

    Raises
    ------
    VideoError
        There is no such video, or it can't be read.
    """
    video = video or find_sample_video()
    info = probe_video(video)
    machine = describe_machine()
    cases = [Case(e, model, p) for e in engines for model in models for p in PRECISIONS[e]]
    with tempfile.TemporaryDirectory(prefix="formcheck_bench_") as folder:
        clip = take_clip(info, seconds, Path(folder))
        stages, skipped = warm_up([*cases, BASELINE], clip, show("Warming up"))
        measurements = time_in_turn(stages, repeats, show("Measuring"))
    ran = dict.fromkeys(measured.case for measured in measurements if measured.case != BASELINE)
    opened = [(case, open_engine(case)) for case in ran]
    return Bench(
        video=video,
        clip=clip.info,
        clip_frames=clip.frames,
        repeats=repeats,
        machine=machine,
        versions=describe_versions(),
        engines=[EngineUsed(case, e.device, e.precision, e.note) for case, e in opened],
        measurements=measurements,
        skipped=skipped,
    )


def warm_up(cases: Sequence[Case], clip: Clip, tell: Tell) -> tuple[list[Stage], list[Skipped]]:
    """Run the stages once; return those that can be timed here, and why others can't."""
    stages, skipped = [], []
    for done, case in enumerate(cases, 1):
        try:
            for stage in list_stages(case, clip):
                if stage.name != WHOLE_PROCESS:  # which starts anew each time
                    stage.run()
                stages.append(stage)
        except FormcheckError as error:
            skipped.append(Skipped(case, " ".join(str(error).split())))
        tell(done / len(cases))
    return stages, skipped
