"""The reference page of the metrics, made from the registry.

python -m formcheck.metrics.docs > docs/metrics.md
"""

import inspect

from formcheck.metrics import REGISTRY, Metric


def to_markdown() -> str:
    """Return the page: a table of all metrics, then formula, sign and source of each."""
    rows = [
        f"| `{m.column}` | {m.label} | {m.unit} | {', '.join(m.views)} | {_threshold(m)} |"
        for m in REGISTRY.values()
    ]
    sections = [_section(metric) for metric in REGISTRY.values()]
    return "\n".join(
        [
            "# Metrics",
            "",
            "One value per stride; made from the registry by `python -m formcheck.metrics.docs`.",
            "A change smaller than the threshold is not called a change.",
            "",
            "| column | name | unit | views | threshold |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
            *sections,
        ]
    )


def _threshold(metric: Metric) -> str:
    return "-" if metric.threshold is None else f"{metric.threshold:g}"


def _section(metric: Metric) -> str:
    parts = [f"## `{metric.column}`", metric.explanation, inspect.getdoc(metric.compute) or ""]
    if metric.caveat:
        parts.append(f"Bear in mind: {metric.caveat}.")
    if metric.frame_limited:
        parts.append(
            "Its uncertainty has a frame interval and the feet's bias in it: strides don't help."
        )
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    print(to_markdown(), end="")
