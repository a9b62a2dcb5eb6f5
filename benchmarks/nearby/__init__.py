"""The stream of questions for `benchmarks/near.py`: drawings whose truth is known, what happens to pictures and to words."""
