"""What policies cost: the evaluation of rules, and what a part of its own each measures."""
