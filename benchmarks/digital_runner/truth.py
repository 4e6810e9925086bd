"""What is true in a video: one Parquet file beside it, a row a frame, events and scene as metadata.

Columns: `time_s` of the container, `run_s` of the real run (slower by the slow motion), `lean_deg`,
`flexion_deg`, `head_deg`, `lateral_lean_deg`, `pelvic_obliquity_deg`, `cadence_spm`,
`camera_roll_deg`, and of each joint `<name>_x_mm`, `_y_mm`, `_z_mm` (x to the runner's left, y up,
z where the runner runs to, from the belt's middle; whole millimetres) and `<name>_x_px10`,
`_y_px10` (tenths of a pixel of the upright picture, from its upper left corner).

The joints are the joint centres of the skeleton (hip, knee, ankle, shoulder, elbow, wrist) and
points on the skin (nose, eyes, ears, heels, toes). A pose network puts its points elsewhere, most
of all at hip and shoulder; `benchmarks/accuracy.py` measures that offset apart from gain and drift.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SUFFIX = ".truth.parquet"
KEY = b"digital_runner"
METRES = ("mm", "xyz", 1000)  # how joints are stored: unit, axes, factor
PIXELS = ("px10", "xy", 10)


@dataclass(frozen=True)
class Truth:
    """What is true in one video.

    Attributes
    ----------
    columns : dict of array, shape (time,)
        All per-frame numbers but the joints.
    joints_m : dict of array, shape (time, 3)
    joints_px : dict of array, shape (time, 2)
        In the upright picture.
    contact_s, toe_off_s : dict of array
        Initial contacts and toe-offs per foot, seconds of the real run.
    scene : dict
        Everything that decided the video.
    """

    columns: dict[str, Floats]
    joints_m: dict[str, Floats]
    joints_px: dict[str, Floats]
    contact_s: dict[str, Floats]
    toe_off_s: dict[str, Floats]
    scene: dict[str, Any]

    def write(self, path: Path) -> None:
        """Write the file: times to 10 µs, degrees to 0.01."""
        table: dict[str, NDArray[Any]] = {
            name: np.round(values, 5) if name.endswith("_s") else _short(values)
            for name, values in self.columns.items()
        }
        for joints, (unit, axes, factor) in ((self.joints_m, METRES), (self.joints_px, PIXELS)):
            for name, values in joints.items():
                for axis, course in zip(axes, values.T, strict=True):
                    table[f"{name}_{axis}_{unit}"] = np.round(factor * course).astype(np.int32)
        packed = {name: "DELTA_BINARY_PACKED" for name in table if table[name].dtype == np.int32}
        events = {
            which: {side: np.round(times, 5).tolist() for side, times in by_foot.items()}
            for which, by_foot in (("contact_s", self.contact_s), ("toe_off_s", self.toe_off_s))
        }
        meta = json.dumps({"scene": self.scene, **events}).encode()
        pq.write_table(
            pa.table(table).replace_schema_metadata({KEY: meta}),
            path,
            compression="zstd",
            compression_level=19,
            use_dictionary=False,
            column_encoding=packed,
        )

    @staticmethod
    def read(path: Path) -> "Truth":
        """Read a file that `write` wrote."""
        table = pq.read_table(path)
        meta = json.loads(table.schema.metadata[KEY])
        columns = {name: table[name].to_numpy().astype(float) for name in table.column_names}
        names = [name.removesuffix("_x_mm") for name in columns if name.endswith("_x_mm")]

        def joined(unit: str, axes: str, factor: int) -> dict[str, Floats]:
            return {
                name: np.stack([columns.pop(f"{name}_{axis}_{unit}") for axis in axes], 1) / factor
                for name in names
            }

        joints_m, joints_px = joined(*METRES), joined(*PIXELS)
        events = (
            {side: np.array(times) for side, times in meta[which].items()}
            for which in ("contact_s", "toe_off_s")
        )
        return Truth(columns, joints_m, joints_px, *events, meta["scene"])


def _short(values: Floats) -> NDArray[np.float32]:
    return np.round(values, 2).astype(np.float32)
