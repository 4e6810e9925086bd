"""How the runner holds themself: trunk, neck, upper back, pelvis."""

import numpy as np
from numpy.typing import NDArray

from formcheck.keypoints import OUTLINE_AT
from formcheck.metrics.registry import BEHIND, SIDE, StrideData, register
from formcheck.signals.clock import mean_of_lowest

# Degrees of thoracic flexion per trunk length of bulge: on 20 rendered runners, flexion in steps
# from 0 to 20 degrees, 0.0018 trunk lengths a degree, SD 13 % from body to body, and 0.2 SD 0.5
# degrees for a degree of lean (benchmarks/slouch_candidates.py, which also shows the signs that
# were not taken).
SLOUCH_DEG_PER_BULGE = 1 / 0.0018
SLOUCH_GAIN_SD, SLOUCH_LEAN_LEAK_SD = 0.13, 0.5
# The chord's ends, over the hip and at the nape: means of some stations, since hair or a collar
# can change the outline at one.
LOWER_BACK = (OUTLINE_AT > 0.04) & (OUTLINE_AT < 0.16)
NAPE = (OUTLINE_AT > 1.04) & (OUTLINE_AT < 1.21)
BACK = (OUTLINE_AT > 0.09) & (OUTLINE_AT < 1.13)  # between those ends' middles
# The elbow swings behind the back once a stride and hides it; the back itself is the mean of the
# nearest of the outlines seen within the stride. On 15 tuning scenes that left an error of change
# of 0.9 degrees (RMS), the 20th percentile 1.4.
UNHIDDEN_SHARE = 0.3
MIN_OUTLINES = 4  # in a stride


@register(
    "trunk_lean_deg",
    label="Trunk lean",
    unit="°",
    views=SIDE,
    explanation="Angle of the trunk (hips to shoulders) against the vertical; + is forward.",
    threshold=2.0,
    is_posture=True,
)
def trunk_lean(data: StrideData) -> NDArray[np.float64]:
    """Stride mean of the angle of mid-hip to mid-shoulder against the vertical, + = forward."""
    return data.mean_over_strides(data.angles.trunk_lean_deg)


@register(
    "slouch_deg",
    label="Slouch",
    unit="°",
    views=SIDE,
    explanation="Rounding of the upper back since the start, estimated from the back's outline; "
    "+ is rounder.",
    threshold=3.0,
    is_posture=True,
    is_relative=True,
    gain_sd=SLOUCH_GAIN_SD,
    lean_leak_sd=SLOUCH_LEAN_LEAK_SD,
    caveat="an estimate from the back's outline, not a measurement of the spine",
)
def slouch(data: StrideData) -> NDArray[np.float64]:
    """Bulge of the back's outline over its own chord, as degrees of thoracic flexion.

    Per stride: distance from the hip-shoulder line to the outline at each height, in trunk lengths
    (mean of the nearest 30 % of the stride's outlines, so that the elbow does not count); its mean
    over the straight line from the lower back to the nape; times a constant gain. Absolute values
    carry body shape and clothing: only changes mean something, so the report counts from the
    baseline. A proxy: the pose has no thoracic point.
    """
    sides = data.profile.reshape(len(data.profile), 2, -1)
    outlines = data.frames_of_strides(sides[:, 0 if data.orientation.direction > 0 else 1])
    enough = np.isfinite(outlines[..., BACK]).all(axis=2).sum(axis=1) >= MIN_OUTLINES
    distance = mean_of_lowest(outlines, UNHIDDEN_SHARE)
    low, high = (
        (OUTLINE_AT[end].mean(), distance[:, end].mean(axis=1, keepdims=True))
        for end in (LOWER_BACK, NAPE)
    )
    share = (OUTLINE_AT[BACK] - low[0]) / (high[0] - low[0])
    bulge = (distance[:, BACK] - (1 - share) * low[1] - share * high[1]).mean(axis=1)
    return np.where(enough, SLOUCH_DEG_PER_BULGE * bulge, np.nan)


@register(
    "neck_flexion_deg",
    label="Neck flexion",
    unit="°",
    views=SIDE,
    explanation="Angle of shoulder to ear against the trunk; + is head forward.",
    threshold=3.0,
)
def neck_flexion(data: StrideData) -> NDArray[np.float64]:
    """Stride mean of the angle of mid-shoulder to mid-ear against the trunk, + = forward."""
    return data.mean_over_strides(data.angles.neck_flexion_deg)


@register(
    "lateral_trunk_lean_deg",
    label="Lateral trunk lean",
    unit="°",
    views=BEHIND,
    explanation="Sideways angle of the trunk against the vertical; + is to the runner's right.",
    threshold=2.0,
)
def lateral_trunk_lean(data: StrideData) -> NDArray[np.float64]:
    """Stride mean of mid-hip to mid-shoulder against the vertical, frontal view, + = right."""
    return data.mean_over_strides(data.angles.lateral_trunk_lean_deg)


@register(
    "pelvic_drop_deg",
    label="Pelvic drop",
    unit="°",
    views=BEHIND,
    explanation="How far the pelvis sinks on the swing side while the left foot stands.",
    threshold=2.0,
    caveat="a camera above hip height makes it look smaller: compare only clips filmed alike",
)
def pelvic_drop(data: StrideData) -> NDArray[np.float64]:
    """Line of the hips against the level at left mid-stance, + = swing (right) side lower.

    The stride begins as the left foot comes down past the right one; its mid-stance follows a
    quarter of a stride later.
    """
    mid_stance = data.strides.start_s + 0.25 * data.strides.duration_s
    return data.value_at(data.angles.pelvic_obliquity_deg, mid_stance)
