"""In: factors, their values, and which pairs of values cannot go together. Out: few combinations that hold every other pair.

Greedy, one combination at a time: begins with a pair that is not held yet and adds of each other factor the value that holds
the most new pairs, the first of equals. Deterministic.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence, Set

Value = tuple[str, str]  # factor, value


def all_pairs(factors: Mapping[str, Sequence[str]]) -> list[tuple[Value, Value]]:
    """Every two values of two different factors, in the factors' order."""
    return [
        ((one, a), (other, b))
        for one, other in itertools.combinations(factors, 2)
        for a in factors[one]
        for b in factors[other]
    ]


def cover(factors: Mapping[str, Sequence[str]], illegal: Set[tuple[Value, Value]]) -> list[dict[str, str]]:
    """Combinations of one value of each factor.

    Args:
      factors: values by factor; the first value of each goes with every other value.
      illegal: pairs, in the order of the factors, that no combination may hold.
    """
    left = dict.fromkeys(pair for pair in all_pairs(factors) if pair not in illegal)
    order = {factor: number for number, factor in enumerate(factors)}

    def pair(a: Value, b: Value) -> tuple[Value, Value]:
        return (a, b) if order[a[0]] < order[b[0]] else (b, a)

    found = []
    while left:
        chosen = dict(next(iter(left)))
        for factor in factors:
            if factor in chosen:
                continue
            best, most = None, -1
            for value in factors[factor]:
                pairs = [pair((factor, value), other) for other in chosen.items()]
                if any(one in illegal for one in pairs):
                    continue
                new = sum(one in left for one in pairs)
                if new > most:
                    best, most = value, new
            assert best is not None, f"nothing of {factor} goes with {chosen}"
            chosen[factor] = best
        for one in itertools.combinations([(factor, chosen[factor]) for factor in factors], 2):
            left.pop(one, None)
        found.append({factor: chosen[factor] for factor in factors})
    return found
