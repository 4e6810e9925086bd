"""Many clips: each analysed as `analyze` would, nothing lost, one summary."""

from formcheck.batch.guard import Limits
from formcheck.batch.row import Row
from formcheck.batch.run import Standing, analyze_batch

__all__ = ["Limits", "Row", "Standing", "analyze_batch"]
