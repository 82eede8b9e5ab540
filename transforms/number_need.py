"""What is needed of a number source besides its moments and range."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass
class NumberNeed:
    """Order statistics to find.

    Attributes:
      quantiles: numbers of buckets of equal share.
      ranks: shares of the values that lie below the value wanted.
      l_moments: the first four are needed.
    """

    quantiles: set[int] = dataclasses.field(default_factory=set)
    ranks: set[float] = dataclasses.field(default_factory=set)
    l_moments: bool = False
