"""What `benchmarks/near.py --fit` found on its own streams: the model of the score, and how often each band of it was wrong."""

from __future__ import annotations

from typing import Final

WEIGHTS: Final = (6.91, -0.73, -0.35, -2.34, -0.17, 0.0, -1.08, 0.0)
"""One for each of `perdure.cot.judgement.near.features`."""
EDGES: Final = (0.95, 0.98, 0.99, 0.995)
"""The lower ends of the bands of the score, upwards."""
PRIOR: Final = ((638, 210), (1070, 213), (824, 30), (6183, 4))
"""Would-be hits of each band, and how many of them were wrong."""
