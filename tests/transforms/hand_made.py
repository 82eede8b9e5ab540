"""In: features as YAML. Out: resolved specs, statistics, graphs and raw rows made by hand, with every edge in them."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from prebake.schemas.spec_check import check
from prebake.schemas.spec_defaults import resolve
from prebake.schemas.spec_pb2 import Spec
from prebake.schemas.spec_yaml import parse_yaml
from prebake.schemas.statistics_pb2 import Statistics
from prebake.transforms.graph import TransformGraph

INT_MISSING = -(2**63)
COLUMNS = (
    "{x: float, n: int, s: string, r: {type: string, required: true}, flat: float, void: float, y: string}"
)
LABEL = "{column: y, kind: binary, classes: ['no', 'yes']}"

# Binary fractions, so that the numbers below can be worked by hand and be compared exactly.
STATISTICS = """
format_version: 1
rows: 8
columns { name: "flat" present: 8 mean: 5 variance: 0 min: 5 max: 5 median: 5 quantiles { buckets: 4 } }
columns { name: "n" present: 6 missing: 2 mean: 2.5 variance: 4 min: -1 max: 9 median: 2 most_frequent: "7" }
columns { name: "s" present: 7 missing: 1 most_frequent: "Bonn" }
columns {
  name: "void" missing: 8 mean: 0 variance: 0 min: 0 max: 0 median: 0 quantiles { buckets: 4 }
}
columns {
  name: "x" present: 7 missing: 1 mean: 1 variance: 4 min: -3 max: 5 median: 0.5 most_frequent: "2.5"
  quantiles { buckets: 4 boundaries: 0 boundaries: 1 boundaries: 2.5 }
}
"""
CITIES = [b"Bonn", "Köln".encode(), b"Oslo"]

RAW: dict[str, list] = {
    "x": [math.nan, -3.0, 0.0, 2.5, 5.0, 1.0],
    "n": [INT_MISSING, -1, 4, 2**53 + 1, 7, 0],
    "s": [b"", b"Bonn", "Köln".encode(), b"unseen", b"a\nb", b"Oslo"],
    "r": [b"", b"Bonn", "Köln".encode(), b"unseen", b"a\nb", b"Oslo"],
    "flat": [math.nan, 5.0, 5.0, 7.0, 5.0, 5.0],
    "void": [math.nan, math.nan, math.nan, 1.0, math.nan, math.nan],
}
DTYPES = {"x": tf.float32, "n": tf.int64, "flat": tf.float32, "void": tf.float32}


def make_spec(features: str, columns: str = COLUMNS, label: str = LABEL, dialect: str = "{}") -> Spec:
    """A resolved and checked spec; `features` is the lines below `features:`."""
    lines = "".join(f"  {line}\n" for line in features.splitlines())
    text = f"data:\n  files: a.csv\n  columns: {columns}\n  label: {label}\n  dialect: {dialect}\nfeatures:\n{lines}"
    spec, source = parse_yaml(text, "s.yaml")
    resolved = resolve(spec)
    check(resolved, source)
    return resolved


def make_graph(
    features: str, vocabularies: dict[str, list[bytes]] | None = None, **spec: str
) -> TransformGraph:
    """The graph of the features; a learnt vocabulary is CITIES unless it is given."""
    resolved = make_spec(features, **spec)
    tokens = {feature.name: CITIES for feature in resolved.features if feature.HasField("vocabulary")}
    return TransformGraph(
        resolved, text_format.Parse(STATISTICS, Statistics()), tokens | (vocabularies or {})
    )


def tensors(rows: dict[str, list]) -> dict[str, tf.Tensor]:
    return {name: tf.constant(values, DTYPES.get(name, tf.string)) for name, values in rows.items()}


def many_rows(count: int) -> dict[str, tf.Tensor]:
    """Random rows, among them every row of RAW."""
    generator = np.random.default_rng(0)
    chosen = {name: [values[i % 6] for i in range(count)] for name, values in RAW.items()}
    for place in range(6, count):
        if place % 3:
            chosen["x"][place] = float(np.float32(generator.normal(0, 10)))
            chosen["flat"][place] = float(np.float32(generator.normal(0, 1e30)))
            chosen["n"][place] = int(generator.integers(-(2**62), 2**62))
            chosen["s"][place] = generator.bytes(3).hex().encode()
    return tensors(chosen)


def bits(x) -> list:
    """The values, floats by their bit patterns: NaN equals itself, and 0.0 is not -0.0."""
    array = np.asarray(x)
    return array.view(np.int32).tolist() if array.dtype == np.float32 else array.tolist()
