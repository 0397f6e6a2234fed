"""When the drift began: the change point of the hits of the channel that carries the evidence."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def change_point(hits: npt.NDArray[np.bool_], rate: float) -> int:
    """Return the place from which on the hits are most unlike their null rate.

    The maximum-likelihood estimate of a change to a higher rate that lasts to the end, profiled over that rate.

    Source: Hinkley 1970 (Biometrika 57), for one known rate.

    Args:
        hits: bool [n], oldest first.
        rate: null rate, within 0 and 1.

    Examples:
        >>> import numpy as np
        >>> change_point(np.repeat([False, True], [90, 10]), 0.05)
        90
    """
    tail_hits = np.cumsum(hits[::-1])[::-1].astype(np.float64)
    tail = np.arange(len(hits), 0, -1, dtype=np.float64)
    share = tail_hits / tail
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = share * np.log(share / rate) + (1 - share) * np.where(share < 1, np.log((1 - share) / (1 - rate)), 0.0)
    gain = np.where(share > rate, np.nan_to_num(gain), 0.0)
    return int(np.argmax(tail * gain))
