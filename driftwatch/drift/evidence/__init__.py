"""Evidence of drift that stays valid however often one looks, against a false-alarm budget."""
