"""The evidence measured: false alarms against the budget, delays, blocks, duplicates, scenarios and cost."""

import os

# One thread for numpy's products, as in the daemon's worker: two wait for one another at full speed.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
