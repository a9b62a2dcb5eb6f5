"""The embedded demo models: their data, their training and their evaluation. `python -m benchmarks.train_embedded` runs it."""
