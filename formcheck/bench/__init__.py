"""How fast this machine is: each stage alone and the whole, beside MediaPipe's usual loop."""

from formcheck.bench.run import run_bench
from formcheck.bench.table import print_bench

__all__ = ["print_bench", "run_bench"]
