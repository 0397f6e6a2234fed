"""What retraining costs, gains and forgets: ``python -m benchmarks.retraining``."""
