"""Metrics per stride; importing this package fills the registry, in the order of the report."""

from formcheck.metrics import posture, stride
from formcheck.metrics.registry import REGISTRY, Metric, StrideData, compute_metrics

__all__ = ["REGISTRY", "Metric", "StrideData", "compute_metrics", "posture", "stride"]
