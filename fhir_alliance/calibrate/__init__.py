"""How often a policy cries wolf, and how often it sees: on simulated clients, or on a site's own scores."""

from .bench import Bench, bench
from .result import AlertRates, Result
from .setting import Planted, Setting

__all__ = ["AlertRates", "Bench", "Planted", "Result", "Setting", "bench"]
