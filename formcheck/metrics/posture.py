"""How the runner holds themself: trunk, neck, upper back, pelvis."""

import numpy as np
from numpy.typing import NDArray

from formcheck.keypoints import OUTLINE_AT
from formcheck.metrics.registry import BEHIND, SIDE, StrideData, register

# Degrees of thoracic flexion per torso length of bulge: on rendered runners 12 degrees moved the
# bulge from 0.243 to 0.310 (one body, one camera: provisional, so slouch is a proxy).
SLOUCH_DEG_PER_BULGE = 12 / (0.310 - 0.243)
UPPER_BACK = (OUTLINE_AT > 0.29) & (OUTLINE_AT < 0.91)
# The elbow swings behind the back once a stride and hides it; the back itself is what remains at
# the lower end of the distances seen within the stride.
UNHIDDEN_PERCENTILE = 20
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
    caveat="an estimate from the back's outline, not a measurement of the spine",
)
def slouch(data: StrideData) -> NDArray[np.float64]:
    """Bulge of the back's outline over the hip-shoulder line, as degrees of thoracic flexion.

    Per stride: distance from that line to the outline at each height, in trunk lengths (low
    percentile over the stride, so that the elbow does not count), largest value over the upper
    back, times a constant gain. Absolute values carry body shape and clothing: only changes mean
    something, so the report counts from the baseline. A proxy: the pose has no thoracic point.
    """
    sides = data.profile.reshape(len(data.profile), 2, -1)
    back = sides[:, 0 if data.orientation.direction > 0 else 1][:, UPPER_BACK]
    outlines = data.frames_of_strides(back)
    enough = np.isfinite(outlines).all(axis=2).sum(axis=1) >= MIN_OUTLINES
    distance = _percentile_of_known(outlines, UNHIDDEN_PERCENTILE)
    bulge = distance.max(axis=1, initial=-np.inf, where=np.isfinite(distance))
    return np.where(enough, SLOUCH_DEG_PER_BULGE * bulge, np.nan)


def _percentile_of_known(values: NDArray[np.float64], percent: float) -> NDArray[np.float64]:
    """Percentile along axis 1, NaN left out; what `np.nanpercentile` does, without its loop."""
    ordered = np.sort(values, axis=1)  # NaN goes to the end
    count = np.isfinite(values).sum(axis=1, keepdims=True)
    rank = percent / 100 * np.maximum(count - 1, 0)
    below = np.floor(rank).astype(int)
    low = np.take_along_axis(ordered, below, axis=1)
    high = np.take_along_axis(ordered, np.minimum(below + 1, np.maximum(count - 1, 0)), axis=1)
    return np.asarray(low + (rank - below) * (high - low))[:, 0]


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
