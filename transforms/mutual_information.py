"""In: how often each token goes with each class. Out: each token's mutual information with the class, in bits.

I(token; class) = Σ over "has the token" and "has it not" and all classes of p(t, c) · log2(p(t, c) / (p(t) · p(c))), as
tft.vocabulary ranks tokens when it is given labels (Cover and Thomas, "Elements of Information Theory", eq. 2.28).
"""

from __future__ import annotations

import math
from collections.abc import Mapping


def mutual_information(
    pairs: Mapping[bytes, Mapping[bytes, float]], classes: Mapping[bytes, float]
) -> dict[bytes, float]:
    """By token.

    Args:
      pairs: weight of the rows with each token, by class.
      classes: weight of all rows, by class.
    """
    total = math.fsum(classes.values())
    return {token: _information(by_class, classes, total) for token, by_class in pairs.items()}


def _information(by_class: Mapping[bytes, float], classes: Mapping[bytes, float], total: float) -> float:
    with_token = math.fsum(by_class.values())
    # Not total - with_token, which rounding may make 0 although some rows lack the token.
    without = math.fsum(classes[name] - by_class.get(name, 0.0) for name in classes)
    terms = []
    for name in sorted(classes):
        weight = classes[name]
        joint = by_class.get(name, 0.0)
        for both, marginal in ((joint, with_token), (weight - joint, without)):
            if both > 0:
                terms.append(both / total * math.log2(both * total / (weight * marginal)))
    return math.fsum(terms)
