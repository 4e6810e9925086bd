"""Parts of a video that can be watched apart from each other, at the same time.

Where they begin depends on the video alone, not on how many are watched at once, so that the result
is the same on every machine.
"""

from dataclasses import dataclass

import numpy as np

from formcheck.video.reader import VideoInfo, find_keyframes

SHORTEST_S, LONGEST_S = 4.0, 20.0
USUAL_COUNT = 8
# A tracker that starts anew sees the first frames less well, so the part before goes on over them.
OVERLAP_S = 0.25


@dataclass(frozen=True)
class Span:
    """A part of a video.

    Attributes
    ----------
    from_s : float or None
        Decoding begins here, at a keyframe; None = at the very start.
    until_s : float or None
        Decoding ends before this time; None = at the end.
    counts_from_s : float
        Frames before this time belong to the span before.
    """

    from_s: float | None = None
    until_s: float | None = None
    counts_from_s: float = -np.inf


def cut_into_spans(info: VideoInfo) -> list[Span]:
    """Cut a video at keyframes, a few seconds apart; one span where that can't be done."""
    length_s = info.promised_duration_s or 0.0
    step_s = float(np.clip(length_s / USUAL_COUNT, SHORTEST_S, LONGEST_S))
    wanted = np.arange(1, int(length_s / step_s)) * step_s if length_s > 0 else np.zeros(0)
    found = find_keyframes(info.path, wanted) if len(wanted) else []
    # from one keyframe to the next may be longer than a step
    edges = [edge for edge in sorted(set(found)) if edge > SHORTEST_S / 2]
    return [
        Span(
            from_s=start,
            until_s=None if end is None else end + OVERLAP_S,
            counts_from_s=-np.inf if start is None else start + OVERLAP_S,
        )
        for start, end in zip([None, *edges], [*edges, None], strict=True)
    ]
