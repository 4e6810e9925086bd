"""The watch's cadence beside the video's: two measurements of one thing."""

from dataclasses import dataclass

from formcheck.runlog.run import Run

AGREE_SHARE = 0.03
# Half, double, eight times: the video's clock or the watch's feet are told wrongly.
FACTOR_SHARE = 0.05
LARGEST_FACTOR = 16


@dataclass(frozen=True)
class CadenceCheck:
    """Whether they agree, and watch minus video in words, with the video's 95 % interval."""

    agrees: bool
    text: str


def compare_cadence(run: Run) -> CadenceCheck | None:
    """Compare them, or return None where one is missing."""
    if run.filmed is None or run.activity is None or run.activity.cadence_spm is None:
        return None
    watch, filmed = run.activity.cadence_spm, run.filmed
    low, high = watch - filmed.cadence_high_spm, watch - filmed.cadence_low_spm
    # beyond 3 % even with the end of the interval that lies nearer to the watch
    nearest = max(0.0, low, -high)
    agrees = nearest <= AGREE_SHARE * watch
    numbers = (
        f"watch {watch:.1f}, video {filmed.cadence_spm:.1f} steps/min "
        f"({watch - filmed.cadence_spm:+z.1f}, 95 %: {low:+z.1f} to {high:+z.1f})"
    )
    words = "they agree" if agrees else _explain(watch / filmed.cadence_spm, filmed.recorded_s, run)
    return CadenceCheck(agrees, f"Cadence: {numbers}: {words}.")


def _explain(ratio: float, recorded_s: float, run: Run) -> str:
    """Say what a disagreement could mean; `ratio` is watch over video."""
    factor = round(max(ratio, 1 / ratio))
    if 2 <= factor <= LARGEST_FACTOR and abs(max(ratio, 1 / ratio) / factor - 1) <= FACTOR_SHARE:
        if ratio > 1:
            return (
                f"the watch has {factor} times the video's; was it filmed in slow motion? Then "
                f"say so: analyze --slow-motion {factor}"
            )
        return (
            f"the video has {factor} times the watch's; a slow motion that was told wrongly, or a "
            "watch that counts one foot"
        )
    part = (
        ""
        if run.lasted_s is None or recorded_s > 0.8 * run.lasted_s
        else "; or the part that was filmed was run at another pace"
    )
    return (
        "they differ by more than 3 %: perhaps another run, or a slow motion that was told wrongly"
        + part
    )
