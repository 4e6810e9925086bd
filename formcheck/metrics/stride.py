"""How the runner strides: rhythm, bounce, contact, reach, knee, elbow."""

import warnings

import numpy as np
from numpy.typing import NDArray

from formcheck.metrics.registry import ANY, SIDE, StrideData, register


@register(
    "cadence_spm",
    label="Cadence",
    unit="steps/min",
    views=ANY,
    explanation="Steps per minute, both feet counted.",
    threshold=5.0,
)
def cadence(data: StrideData) -> NDArray[np.float64]:
    """Two steps per stride: 120 / stride time in seconds."""
    return 120 / data.strides.duration_s


@register(
    "stride_time_ms",
    label="Stride time",
    unit="ms",
    views=ANY,
    explanation="Time from one step of a foot to the next step of the same foot.",
    threshold=20.0,
    decimals=0,
)
def stride_time(data: StrideData) -> NDArray[np.float64]:
    """From one mid-stance of the foot to its next."""
    return 1000 * data.strides.duration_s


@register(
    "vertical_oscillation_pct",
    label="Vertical oscillation",
    unit="% of leg length",
    views=ANY,
    explanation="How far the hips go up and down within a stride.",
    threshold=1.0,
)
def vertical_oscillation(data: StrideData) -> NDArray[np.float64]:
    """Highest minus lowest height of mid-hip in the stride, % of thigh plus shank length."""
    return 100 * _peak_to_peak(data) / data.leg_length_px


@register(
    "vertical_oscillation_cm",
    label="Vertical oscillation",
    unit="cm",
    views=ANY,
    explanation="The same in centimetres, scaled by the height you gave.",
    threshold=1.0,
)
def vertical_oscillation_cm(data: StrideData) -> NDArray[np.float64]:
    """As % of leg length, scaled by leg length = 0.491 x stature; NaN without `--height-cm`."""
    scale = data.cm_per_px
    return _peak_to_peak(data) * (np.nan if scale is None else scale)


def _peak_to_peak(data: StrideData) -> NDArray[np.float64]:
    height = data.frames_of_strides(-data.keypoints.middle("hip")[:, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # strides without hips are NaN
        return np.nanmax(height, axis=1) - np.nanmin(height, axis=1)


@register(
    "ground_contact_time_ms",
    label="Ground contact time",
    unit="ms",
    views=SIDE,
    explanation="How long a foot stays on the ground.",
    threshold=15.0,
    frame_limited=True,
    decimals=0,
)
def ground_contact_time(data: StrideData) -> NDArray[np.float64]:
    """Toe-off minus initial contact of the stance in which the stride begins."""
    return 1000 * _contact_time_s(data)


@register(
    "duty_factor_pct",
    label="Duty factor",
    unit="% of stride",
    views=SIDE,
    explanation="Share of the stride a foot is on the ground; under 50 % is running.",
    threshold=2.0,
    frame_limited=True,
)
def duty_factor(data: StrideData) -> NDArray[np.float64]:
    """Ground contact time / stride time."""
    return 100 * _contact_time_s(data) / data.strides.duration_s


def _contact_time_s(data: StrideData) -> NDArray[np.float64]:
    return data.strides.toe_off_s - data.strides.contact_s


@register(
    "overstride_pct",
    label="Overstride",
    unit="% of leg length",
    views=SIDE,
    explanation="How far the ankle is ahead of the hip as the foot lands.",
    threshold=3.0,
)
def overstride(data: StrideData) -> NDArray[np.float64]:
    """Horizontal distance ankle minus mid-hip at initial contact, + = ahead, % of leg length."""
    ankle = data.keypoints.point(f"{data.strides.foot}_ankle")[:, 0]
    ahead = data.orientation.direction * (ankle - data.keypoints.middle("hip")[:, 0])
    return 100 * data.value_at(ahead, data.strides.contact_s) / data.leg_length_px


@register(
    "knee_flexion_contact_deg",
    label="Knee flexion at contact",
    unit="°",
    views=SIDE,
    explanation="Bend of the knee as the foot lands; 0 is straight.",
    threshold=4.0,
)
def knee_flexion_at_contact(data: StrideData) -> NDArray[np.float64]:
    """180° minus the angle hip-knee-ankle at initial contact."""
    return data.value_at(data.angles.knee_flexion_deg, data.strides.contact_s)


@register(
    "knee_flexion_midstance_deg",
    label="Knee flexion at mid-stance",
    unit="°",
    views=SIDE,
    explanation="Bend of the knee as the ankle passes under the hip.",
    threshold=4.0,
)
def knee_flexion_at_midstance(data: StrideData) -> NDArray[np.float64]:
    """180° minus the angle hip-knee-ankle as the ankle passes under the hip."""
    return data.value_at(data.angles.knee_flexion_deg, data.strides.start_s)


@register(
    "elbow_angle_deg",
    label="Elbow angle",
    unit="°",
    views=SIDE,
    explanation="Inner angle of the near elbow, mean over the stride; 180 is a straight arm.",
    threshold=5.0,
)
def elbow_angle(data: StrideData) -> NDArray[np.float64]:
    """Stride mean of the angle shoulder-elbow-wrist of the near arm, in the image plane."""
    return data.mean_over_strides(data.angles.elbow_angle_deg)
