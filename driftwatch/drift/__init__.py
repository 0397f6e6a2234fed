"""Has the text drifted, how much, and in what: references, detectors, explanations and their pages."""
