"""What other rules would have done on the windows that were: decided on once more, in a world that follows."""

from driftwatch.policy.replay.replayer import Difference, Replayer
from driftwatch.policy.replay.runs import Fate, Fates, PastRun, past_runs
from driftwatch.policy.replay.tally import Acted, Tally
from driftwatch.policy.replay.world import World, WorldRun

__all__ = ["Acted", "Difference", "Fate", "Fates", "PastRun", "Replayer", "Tally", "World", "WorldRun", "past_runs"]
