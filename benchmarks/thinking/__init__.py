"""What `benchmarks/cot.py` measures with: tasks, streams, models that are asked each thing once, and intervals."""
