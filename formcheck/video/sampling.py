"""What of a video is watched: one frame of how many, and which parts of a long one.

The parts are windows spread evenly from its start to its end.
"""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from formcheck.video.reader import VideoInfo, find_keyframes
from formcheck.video.spans import LONGEST_LEAD_S, Span

READ_ALL_UP_TO_S = 300.0  # a video this long is read whole, unless told otherwise
WINDOW_S = 7.5  # real time: eight strides of a slow runner, and what the ends cost
SHORTEST_WINDOW_S = 3.0
# Enough windows for the statistics' slow swings (drift.py) with some of them lost.
USUAL_WINDOWS = 28
WARM_UP_S = 0.25  # in which a tracker that starts anew sees less well
MIN_SAVING = 0.8  # windows that make up a larger share of the video save too little
MOST_EXTRA_WINDOWS = 4  # around the onset
RATE_TOLERANCE = 0.02  # a video of 119.88 frames/s is one of 120


@dataclass(frozen=True)
class Sampling:
    """How much of a video is watched.

    Attributes
    ----------
    kind : {'auto', 'all', 'windows'}
        'auto' reads a short video whole, and windows of a longer one.
    window_s, every_s : float
        For 'windows': their length, and the time from the start of one to that of the next;
        seconds of real time.
    """

    kind: Literal["auto", "all", "windows"] = "auto"
    window_s: float = WINDOW_S
    every_s: float = WINDOW_S

    @classmethod
    def parse(cls, text: str) -> "Sampling":
        """Read 'auto', 'all' or LEN/EVERY, for instance '8s/60s' or '10/2min'.

        Raises
        ------
        ValueError
            It is none of these, or the windows would overlap.
        """
        if text == "auto":
            return cls("auto")
        if text == "all":
            return cls("all")
        lengths = [_read_seconds(part) for part in text.split("/")]
        if len(lengths) != 2 or None in lengths:
            raise ValueError(f"{text!r} is neither auto, all nor LEN/EVERY, such as 8s/60s")
        window_s, every_s = (float(length) for length in lengths if length is not None)
        if not SHORTEST_WINDOW_S <= window_s <= every_s:
            raise ValueError(
                f"in {text!r} a window must last {SHORTEST_WINDOW_S:g} s at least, enough for "
                "some strides, and end before the next begins"
            )
        return cls("windows", window_s, every_s)

    def __str__(self) -> str:
        return self.kind if self.kind != "windows" else f"{self.window_s:g}s/{self.every_s:g}s"


def _read_seconds(text: str) -> float | None:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|min)?", text.strip())
    return None if match is None else float(match[1]) * (60 if match[2] == "min" else 1)


def thin_out(info: VideoInfo, max_fps: float, slow_motion: float) -> int:
    """Return of how many frames one is watched, so that at least `max_fps` a real second are."""
    real_fps = (info.nominal_fps or 0.0) * slow_motion
    return max(1, int(real_fps / max_fps + RATE_TOLERANCE))


def plan_windows(info: VideoInfo, sampling: Sampling, slow_motion: float) -> list[Span]:
    """Choose the windows in which a video is watched.

    Parameters
    ----------
    info : VideoInfo
    sampling : Sampling
    slow_motion : float
        How many times slower than life the video plays.

    Returns
    -------
    list of Span
        Empty where the whole video is to be read: it is short, that was asked for, or single places
        in it can't be found quickly (no index, or few keyframes).
    """
    length_s = info.promised_duration_s or 0.0
    real_s = length_s / slow_motion
    window_s = sampling.window_s * slow_motion + WARM_UP_S
    if sampling.kind == "all" or (sampling.kind == "auto" and real_s <= READ_ALL_UP_TO_S):
        return []
    asked = max(2, round(real_s / sampling.every_s))
    count = USUAL_WINDOWS if sampling.kind == "auto" else asked
    if count * window_s > MIN_SAVING * length_s:
        return []
    return _place_windows(info, np.linspace(0.0, length_s - window_s, count), window_s)


def plan_around(
    info: VideoInfo, from_s: float, to_s: float, known: list[Span], slow_motion: float
) -> list[Span]:
    """Choose further windows between two times of the video, clear of those that are known."""
    window_s = WINDOW_S * slow_motion + WARM_UP_S
    wanted = np.linspace(from_s, to_s, MOST_EXTRA_WINDOWS + 2)[1:-1] - window_s / 2
    kept: list[Span] = []
    for window in _place_windows(info, np.clip(wanted, 0.0, None), window_s):
        if not any(_overlap(window, other) for other in (*known, *kept)):
            kept.append(window)
    return kept


def _overlap(one: Span, other: Span) -> bool:
    return one.from_s < other.until_s and other.from_s < one.until_s


def _place_windows(info: VideoInfo, starts_s: NDArray[np.float64], window_s: float) -> list[Span]:
    """Let windows begin at the keyframes before their places; none where those are far.

    Where keyframes lie so far apart that a window would run into the next, it is left out.
    """
    keyframes = find_keyframes(info.path, starts_s.tolist())
    if len(keyframes) < len(starts_s):
        return []
    if np.max(starts_s - np.array(keyframes), initial=0.0) > LONGEST_LEAD_S:
        return []
    windows: list[Span] = []
    for start in sorted(set(keyframes)):
        if windows and start < windows[-1].until_s:
            continue
        counts_from = -np.inf if start <= 0 else start + WARM_UP_S
        windows.append(Span(max(start, 0.0), start + window_s, counts_from))
    return windows
