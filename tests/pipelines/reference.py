"""In: rows of cells by file. Out: their splits, statistics and features by plain Python and numpy."""

from __future__ import annotations

import math
from collections import Counter

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


def vocabulary(cells: list[str]) -> list[str]:
    """Present values, most frequent first, ties by the bytes of the value."""
    counts = Counter(cell for cell in cells if cell not in MISSING)
    return sorted(counts, key=lambda cell: (-counts[cell], cell.encode()))


def quantiles(values: np.ndarray, buckets: int) -> np.ndarray:
    """The value of rank floor(i n / buckets) for each i."""
    ordered = np.sort(values[~np.isnan(values)])
    return np.unique([ordered[i * len(ordered) // buckets] for i in range(1, buckets)])


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

    def standardized(x: np.ndarray, seen: np.ndarray) -> np.ndarray:
        present = seen[~np.isnan(seen)].astype(np.float64)
        return (x - np.float32(present.mean())) * np.float32(1 / present.std())

    age, seen_age = numbers(cells("age")), numbers(learnt("age"))
    income, seen_income = numbers(cells("income")), numbers(learnt("income"))
    rooms, seen_rooms = numbers(cells("rooms")), numbers(learnt("rooms"))
    age_bounds = quantiles(seen_age, 5)
    low, high = float(np.nanmin(seen_income)), float(np.nanmax(seen_income))
    income_mean = float(np.nanmean(seen_income.astype(np.float64)))
    room_tokens = vocabulary(learnt("rooms"))
    city_tokens, note_tokens = vocabulary(learnt("city")), vocabulary(learnt("note"))
    note_counts = Counter(learnt("note"))
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
        "age": standardized(filled(age, float(np.nanmedian(seen_age.astype(np.float64)))), seen_age),
        "age_missing": np.isnan(age).astype(np.float32),
        "age_bucket": np.where(np.isnan(age), 5, (age[:, None] >= age_bounds).sum(axis=1)),
        "income": np.float32(-1) + (filled(income, income_mean) - np.float32(low)) * np.float32(2 / (high - low)),
        "income_raw": filled(income, -1.5),
        "rooms": standardized(filled(rooms, float(np.nanmean(seen_rooms.astype(np.float64)))), seen_rooms),
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
