"""In: nothing. Out: small CSV shards about people, the specs that read them, and what a run directory holds as bytes.

3,000 rows in four files, one of them in a subfolder and one with nothing but a header: floats, integers and texts with
missing values, quoted newlines, weights, and a label of two classes.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping

import numpy as np
import yaml
from prebake.pipelines.preprocess import load, preprocess
from prebake.schemas.spec_pb2 import Spec

HEADER = ["age", "rooms", "city", "note", "signup", "weight", "income", "bought"]
FILES = {"a.csv": 1100, "b.csv": 900, "empty.csv": 0, "sub/c.csv": 1000}
CITIES = ["Oslo", "Rome", "Bonn", "Ulm", "Zürich", "Paris, Texas", 'The "Hague"', ""]

# Every transform, fill and type at least once.
SPEC = {
    "seed": 0,
    "data": {
        "files": "data/**/*.csv",
        "dialect": {"null_tokens": ["?"]},
        "columns": {
            "age": "float",
            "rooms": "int",
            "city": "string",
            "note": "string",
            "signup": "string",
            "weight": "float",
            "income": "float",
            "bought": "string",
        },
        "label": "bought",
        "weight": "weight",
    },
    "features": {
        "age": {"standardize": {}, "missing": {"fill": "median", "indicator": True}},
        "age_bucket": {"column": "age", "buckets": {"quantiles": 5}},
        "income": {"min_max": {"low": -1, "high": 1}},
        "income_raw": {"column": "income", "as_is": {}, "missing": {"constant": "-1.5"}},
        "rooms": "standardize",
        "rooms_id": {
            "column": "rooms",
            "vocabulary": {"top_k": 5, "oov_buckets": 2},
            "missing": "most_frequent",
        },
        "rooms_bucket": {"column": "rooms", "buckets": {"boundaries": [2, 4.5]}},
        "city": {"vocabulary": {}, "missing": "own_id"},
        "city_hash": {"column": "city", "hash": {"buckets": 7}},
        "city_x_rooms": {"cross": {"of": ["city", "rooms_bucket"], "buckets": 1000}},
        "note": {"vocabulary": {"min_frequency": 2}, "missing": {"constant": "nothing"}},
    },
    "examples": {"train_shards": 3, "valid_shards": 2, "sample_rows": 50},
}


def make_rows(count: int, seed: int) -> list[dict[str, str]]:
    """Rows of cells as they stand in a CSV."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        income = float(np.float32(generator.lognormal(3, 0.7)))
        age = generator.normal(40, 12)
        rooms = int(generator.integers(0, 9))
        rows.append(
            {
                "age": "" if number % 17 == 3 else f"{age:.3f}",
                "rooms": "?" if number % 23 == 7 else str(rooms),
                "city": CITIES[int(generator.integers(0, len(CITIES)))],
                "note": f"first line\nline {number % 40}" if number % 5 == 0 else f"n{number % 61}",
                "signup": f"20{number % 24:02d}-0{1 + number % 9}-1{number % 10}",
                "weight": f"{0.5 + number % 4}",
                "income": "" if number % 29 == 11 else repr(income),
                "bought": "yes" if age + 3 * rooms + generator.normal(0, 9) > 50 else "no",
            }
        )
    return rows


def csv_bytes(rows: list[dict[str, str]], header: list[str] = HEADER, newline: str = "\n") -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator=newline)
    writer.writerow(header)
    writer.writerows([row[name] for name in header] for row in rows)
    return buffer.getvalue().encode()


def write_data(folder: str) -> dict[str, list[dict[str, str]]]:
    """Writes FILES below `folder`; returns their rows by relative path."""
    written = {}
    for number, (path, count) in enumerate(FILES.items()):
        written[path] = make_rows(count, number)
        write_file(os.path.join(folder, path), csv_bytes(written[path]))
    return written


def write_file(path: str | os.PathLike, content: bytes) -> None:
    os.makedirs(os.path.dirname(os.fspath(path)), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def merged(base: Mapping, changes: Mapping) -> dict:
    """`base` with the entries of `changes` put over it; None takes an entry away."""
    result = dict(base)
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def write_spec_file(folder: str | os.PathLike, changes: Mapping | None = None, base: Mapping = SPEC) -> str:
    path = os.path.join(folder, "people.yaml")
    with open(path, "w", encoding="utf-8") as file:
        yaml.safe_dump(merged(base, changes or {}), file, sort_keys=False, allow_unicode=True)
    return path


def people_spec(folder: str | os.PathLike, changes: Mapping | None = None, base: Mapping = SPEC) -> Spec:
    """The resolved spec of the files in `folder/data`."""
    return load(write_spec_file(folder, changes, base))


# Enough for all that is about files and rows, and quick to analyze.
SMALL = merged(SPEC, {"features": None, "examples": None}) | {
    "features": {"age": "standardize", "city": {"vocabulary": {}, "missing": "own_id"}},
    "examples": {"sample_rows": 5},
}


def run(
    folder: str | os.PathLike,
    changes: Mapping | None = None,
    *,
    base: Mapping = SPEC,
    name: str = "run",
    **how,
) -> str:
    """Preprocesses `folder/data` into `folder/<name>`, which is returned."""
    run_dir = os.path.join(folder, name)
    preprocess(people_spec(folder, changes, base), run_dir, **how)
    return run_dir


def tree(directory: str) -> dict[str, bytes]:
    """Content of every file below a directory, by relative path."""
    found = {}
    for folder, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, directory)] = file.read()
    return found


def reproducible(run_dir: str) -> dict[str, bytes]:
    """All bytes that the same input, spec and seed must give again: everything but the saved graph and its CRC32C."""
    kept = {}
    for path, content in tree(run_dir).items():
        if not path.startswith(os.path.join("transform", "graph")) and path != os.path.join(
            "transform", "manifest.pbtxt"
        ):
            kept[path] = content
    return kept


def visible(run_dir: str | os.PathLike) -> list[str]:
    """What a reader could take for a result, and temporary directories left behind."""
    return sorted(os.listdir(run_dir)) if os.path.isdir(run_dir) else []
