"""Parts of a video that can be watched apart from each other, at the same time.

Where they begin depends on the video alone, not on how many are watched at once, so that the result
is the same on every machine.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from formcheck.video.reader import VideoInfo, find_keyframes

SHORTEST_S, LONGEST_S = 4.0, 20.0
USUAL_COUNT = 8  # or multiples of it: falls to two, four and eight cores alike
NEAR_SHARE = 0.15  # of a span's length
LONGEST_LEAD_S = 12.0  # where keyframes lie further apart, too much would be decoded twice
# A tracker that starts anew sees the first frames less well, so the part before goes on over them.
OVERLAP_S = 0.25


@dataclass(frozen=True)
class Span:
    """A part of a video.

    Attributes
    ----------
    from_s : float
        Frames are seen from this time on.
    until_s : float
        Decoding ends before this time.
    counts_from_s : float
        Frames before this time belong to the span before.
    """

    from_s: float = -np.inf
    until_s: float = np.inf
    counts_from_s: float = -np.inf


def total_length_s(spans: Sequence[Span]) -> float:
    """Return how long spans with a start and an end are together, seconds."""
    return sum(span.until_s - span.from_s for span in spans)


def cut_into_spans(info: VideoInfo) -> list[Span]:
    """Cut a video into spans of equal length, a few seconds each; one where that can't be done.

    A span begins at the keyframe before its place if that is near. If it is not, the pictures in
    between are decoded for nothing, which costs less than a core that has nothing to do at the end.
    """
    length_s = info.promised_duration_s or 0.0
    count = _choose_count(length_s)
    if count < 2:
        return [Span()]
    step_s = length_s / count
    wanted = np.arange(1, count) * (length_s / count)
    end = find_keyframes(info.path, wanted[-1:].tolist())
    if not end or wanted[-1] - end[0] > LONGEST_LEAD_S:  # as where a length is promised that isn't
        return [Span()]
    keyframes = np.array(find_keyframes(info.path, wanted.tolist()))
    if len(keyframes) < len(wanted) or np.max(wanted - keyframes) > LONGEST_LEAD_S:
        return [Span()]
    is_near = wanted - keyframes < NEAR_SHARE * step_s
    edges = np.where(is_near, keyframes, wanted).tolist()
    return [
        Span(start, end + OVERLAP_S, start + OVERLAP_S)
        for start, end in pairwise([-np.inf, *edges, np.inf])
    ]


def _choose_count(length_s: float) -> int:
    if length_s >= USUAL_COUNT * SHORTEST_S:
        return USUAL_COUNT * math.ceil(length_s / (USUAL_COUNT * LONGEST_S))
    count = USUAL_COUNT // 2
    while count > 1 and length_s < count * SHORTEST_S:
        count //= 2
    return count
