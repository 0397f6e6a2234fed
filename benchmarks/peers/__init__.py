"""False positives, power and delay of driftwatch and its peers on the same real texts: ``python -m benchmarks.peers``.

Two processes measure, one in driftwatch's environment and one in the peers' own. They meet in a folder of ``.npz``
arrays without pickles and JSON files: the same embeddings, windows, streams and seeds.
"""
