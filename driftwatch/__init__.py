"""driftwatch: tells when production text has drifted from what a language model learned, and what to do about it."""

__version__ = "0.1.0"
