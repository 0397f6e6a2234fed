"""The parts of ``benchmarks.soak``: a fast clock, the daemon that goes by it, its traffic, and who watches them."""
