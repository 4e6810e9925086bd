"""FIT files as a watch writes them, made by a library that is not the one that reads them."""

from datetime import UTC, datetime, timedelta

import numpy as np
from fit_tool.fit_file_builder import FitFileBuilder
from fit_tool.profile.messages.activity_message import ActivityMessage
from fit_tool.profile.messages.file_id_message import FileIdMessage
from fit_tool.profile.messages.record_message import RecordMessage
from fit_tool.profile.messages.session_message import SessionMessage
from fit_tool.profile.profile_type import FileType, Manufacturer, Sport, SubSport

START = datetime(2026, 5, 1, 16, 30, tzinfo=UTC)
OFFSET = timedelta(hours=2)


def make_fit(
    *,
    start=START,
    duration_s=120,
    pause_s=0,
    speed_m_per_s=3.0,
    strides_per_min=82.5,
    sport=Sport.RUNNING,
    is_treadmill=True,
    has_records=True,
    has_session=True,
    offset=OFFSET,
):
    """Bytes of a run at even pace, with a record a second; a pause in the middle, if any."""
    builder = FitFileBuilder(auto_define=True, min_string_size=20)
    first = FileIdMessage()
    first.type = FileType.ACTIVITY
    first.manufacturer = Manufacturer.GARMIN.value
    first.product = 0
    first.time_created = _millis(start)
    first.serial_number = 1
    builder.add(first)
    moving = np.arange(duration_s + 1)
    if has_records:
        for second in moving:
            record = RecordMessage()
            at = int(second) + (pause_s if second > duration_s // 2 else 0)
            record.timestamp = _millis(start + timedelta(seconds=at))
            record.distance = float(second * speed_m_per_s)
            record.speed = speed_m_per_s
            record.cadence = int(strides_per_min)
            record.fractional_cadence = strides_per_min % 1
            if not is_treadmill:
                record.position_lat, record.position_long = 48.0, 11.0 + second * 4e-5
            builder.add(record)
    end = start + timedelta(seconds=duration_s + pause_s)
    if has_session:
        session = SessionMessage()
        session.timestamp = _millis(end)
        session.start_time = _millis(start)
        session.total_elapsed_time = float(duration_s + pause_s)
        session.total_timer_time = float(duration_s)
        session.total_distance = duration_s * speed_m_per_s
        session.sport = sport
        session.sub_sport = SubSport.TREADMILL if is_treadmill else SubSport.GENERIC
        session.avg_cadence = int(strides_per_min)
        session.avg_fractional_cadence = strides_per_min % 1
        builder.add(session)
    last = ActivityMessage()
    last.timestamp = _millis(end)
    if offset is not None:
        last.local_timestamp = int((end + offset).timestamp()) - FIT_EPOCH_S
    last.num_sessions = 1
    builder.add(last)
    return builder.build().to_bytes()


FIT_EPOCH_S = 631_065_600


def _millis(time):
    return round(time.timestamp() * 1000)
