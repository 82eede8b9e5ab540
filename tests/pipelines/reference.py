"""In: rows of cells by file. Out: their splits, statistics and features by plain Python and numpy."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import tensorflow as tf
from prebake.schemas import identity

MISSING = ("", "?")


def split_names(rows: dict[str, list[dict[str, str]]], seed: int = 0) -> dict[tuple[str, int], str]:
    """Split of each (file, record number): 0.8, 0.1, 0.1 of the range of the hash."""
    splits = {}
    for path, cells in rows.items():
        numbers = np.arange(2, 2 + len(cells))
        hashes = identity.row_hashes(identity.path_key(path, seed), numbers, identity.SPLIT)
        for number, hash_ in zip(numbers.tolist(), hashes.tolist(), strict=True):
            share = hash_ / 2**64
            splits[path, number] = "train" if share < 0.8 else "valid" if share < 0.9 else "test"
    return splits


def numbers(cells: list[str]) -> np.ndarray:
    """float32, NaN is missing."""
    return np.array([math.nan if cell in MISSING else float(cell) for cell in cells], np.float64).astype(
        np.float32
    )


def weighed(cells: list[str], weights: list[str]) -> dict[str, Fraction]:
    """The weight of each present value."""
    totals: dict[str, Fraction] = {}
    for cell, weight in zip(cells, weights, strict=True):
        if cell not in MISSING:
            totals[cell] = totals.get(cell, Fraction(0)) + Fraction(float(np.float32(float(weight))))
    return totals


def vocabulary(cells: list[str], weights: list[str]) -> list[str]:
    """Present values, heaviest first, ties by the bytes of the value."""
    totals = weighed(cells, weights)
    return sorted(totals, key=lambda cell: (-float(totals[cell]), cell.encode()))


def moments(values: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Weighted mean and population variance of the present values, exact but for the last rounding."""
    present = ~np.isnan(values)
    pairs = [
        (Fraction(float(x)), Fraction(float(w)))
        for x, w in zip(values[present], weights[present], strict=True)
    ]
    total = sum(w for _, w in pairs)
    mean = sum(x * w for x, w in pairs) / total
    return float(mean), float(sum((x - mean) ** 2 * w for x, w in pairs) / total)


def quantiles(values: np.ndarray, weights: np.ndarray, buckets: int) -> np.ndarray:
    """The smallest value that more than i / buckets of the weight does not lie above, for each i."""
    pairs = sorted((x, w) for x, w in zip(values.tolist(), weights.tolist(), strict=True) if x == x and w)
    below = np.cumsum([w for _, w in pairs])
    return np.unique(
        [pairs[int(np.searchsorted(below, i / buckets * below[-1], "right"))][0] for i in range(1, buckets)]
    ).astype(np.float32)


def median(values: np.ndarray, weights: np.ndarray) -> float:
    """Half of the weight lies on either side."""
    pairs = sorted((x, w) for x, w in zip(values.tolist(), weights.tolist(), strict=True) if x == x and w)
    below = np.cumsum([w for _, w in pairs])
    first = int(np.searchsorted(below, below[-1] / 2, "left"))
    second = first + (below[first] == below[-1] / 2)
    return (pairs[first][0] + pairs[second][0]) / 2


def features(train: list[dict[str, str]], rows: list[dict[str, str]]) -> dict[str, np.ndarray]:
    """What `people.SPEC` makes of `rows` by what `train` shows."""

    def cells(name: str) -> list[str]:
        return [row[name] for row in rows]

    def learnt(name: str) -> list[str]:
        return [row[name] for row in train]

    def ids(name: str, tokens: list[str]) -> list[int | None]:
        known = {token: number for number, token in enumerate(tokens)}
        return [known.get(cell) for cell in cells(name)]

    def filled(x: np.ndarray, value: float) -> np.ndarray:
        return np.where(np.isnan(x), np.float32(value), x)

    weights, row_weights = learnt("weight"), numbers(learnt("weight")).astype(np.float64)

    def standardized(x: np.ndarray, seen: np.ndarray) -> np.ndarray:
        mean, variance = moments(seen, row_weights)
        return (x - np.float32(mean)) * np.float32(1 / math.sqrt(variance))

    age, seen_age = numbers(cells("age")), numbers(learnt("age"))
    income, seen_income = numbers(cells("income")), numbers(learnt("income"))
    rooms, seen_rooms = numbers(cells("rooms")), numbers(learnt("rooms"))
    age_bounds = quantiles(seen_age, row_weights, 5)
    low, high = float(np.nanmin(seen_income)), float(np.nanmax(seen_income))
    income_mean = moments(seen_income, row_weights)[0]
    room_tokens = vocabulary(learnt("rooms"), weights)
    city_tokens, note_tokens = vocabulary(learnt("city"), weights), vocabulary(learnt("note"), weights)
    note_counts = weighed(learnt("note"), weights)
    note_tokens = [token for token in note_tokens if note_counts[token] >= 2 and "\n" not in token]
    room_ids = [known if known is not None and known < 5 else None for known in ids("rooms", room_tokens)]
    most_frequent = [
        0 if cell in MISSING else known for cell, known in zip(cells("rooms"), room_ids, strict=True)
    ]
    rooms_bucket = np.where(np.isnan(rooms), 3, (rooms >= 2).astype(int) + (rooms >= 4.5))
    city = [
        len(city_tokens) + 1 if not cell else len(city_tokens) if known is None else known
        for cell, known in zip(cells("city"), ids("city", city_tokens), strict=True)
    ]
    city_hash = [
        7 if not cell else int(tf.strings.to_hash_bucket_fast([cell], 7)[0]) for cell in cells("city")
    ]
    return {
        "age": standardized(filled(age, median(seen_age, row_weights)), seen_age),
        "age_missing": np.isnan(age).astype(np.float32),
        "age_bucket": np.where(np.isnan(age), 5, (age[:, None] >= age_bounds).sum(axis=1)),
        "income": np.float32(-1) + (filled(income, income_mean) - np.float32(low)) * np.float32(2 / (high - low)),
        "income_raw": filled(income, -1.5),
        "rooms": standardized(filled(rooms, moments(seen_rooms, row_weights)[0]), seen_rooms),
        # Other rooms than the five most frequent share two ids by a hash: which of them is not judged here.
        "rooms_id": np.array([-1 if known is None else known for known in most_frequent]),
        "rooms_bucket": rooms_bucket,
        "city": np.array(city),
        "city_hash": np.array(city_hash),
        "city_x_rooms": np.array(city) * 4 + rooms_bucket,
        "note": np.array(
            [len(note_tokens) if known is None else known for known in ids("note", note_tokens)]
        ),
        "label": np.array([cell == "yes" for cell in cells("bought")]).astype(np.int64),
        "weight": numbers(cells("weight")),
    }  # fmt: skip
