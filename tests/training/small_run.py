"""In: nothing. Out: small run directories (spec, transform, examples) made without Beam and TensorFlow Transform."""

from __future__ import annotations

import csv
import io
import json
import math
import os

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from prebake.schemas.commit import publish
from prebake.schemas.manifest import set_fingerprint
from prebake.schemas.manifest_pb2 import OUTPUT_FLOAT, Manifest
from prebake.schemas.spec_pb2 import COMPRESSION_GZIP, COMPRESSION_NONE, FLOAT, INT, REGRESSION, Spec
from prebake.schemas.statistics_pb2 import Statistics
from prebake.transforms.graph import load_graph
from prebake.transforms.vocabulary_files import write_vocabulary

HEADER = ["income", "rooms", "city", "hours-per-week", "note", "y"]
CITIES = [b"Rome", b"Oslo", b"Bonn"]
BANDS = {"regression": [], "binary": [b"low", b"high"], "multiclass": [b"low", b"mid", b"high"]}

SPEC = """
format_version: 2
seed: 7
data {
  files: "rows.csv"
  dialect { delimiter: "," quoting: true header: true null_tokens: "?" }
  columns { name: "income" type: FLOAT }
  columns { name: "rooms" type: INT }
  columns { name: "city" type: STRING }
  columns { name: "hours-per-week" type: FLOAT }
  columns { name: "note" type: IGNORE }
  columns { name: "y" type: %(type)s required: true }
  label { column: "y" kind: %(kind)s }
}
features {
  name: "income" column: "income" standardize {} missing { fill: MEAN indicator: true } encode { kind: NUMBER }
}
features { name: "rooms" column: "rooms" min_max { low: 0 high: 1 } missing { fill: MEDIAN } encode { kind: NUMBER } }
features { name: "city" column: "city" vocabulary { oov_buckets: 1 } missing { fill: OWN_ID } }
features {
  name: "city_hash" column: "city" hash { buckets: 8 } missing { fill: OWN_ID } encode { kind: EMBEDDING dimension: 2 }
}
features {
  name: "shift" column: "hours-per-week" buckets { boundaries: 20 boundaries: 40 } missing { fill: OWN_ID }
}
features { name: "city_x_shift" cross { of: "city" of: "shift" buckets: 1000 } }
model { hidden: 8 activation: "selu" initializer: "lecun_normal" }
training {
  name: "default" optimizer { kind: SGD } learning_rate: 0.01 clipnorm: 1 batch_size: 32 epochs: 3 patience: 10
  shuffle_buffer: 64 schedule { kind: PERFORMANCE } loss { kind: "%(loss)s" }
}
export { prediction_tolerance: 1e-5 }
"""


def make_spec(kind: str) -> Spec:
    """The resolved spec of a run with a label of this kind."""
    column_type = "FLOAT" if kind == "regression" else "STRING"
    loss = "mse" if kind == "regression" else "cross_entropy"
    return text_format.Parse(SPEC % {"type": column_type, "kind": kind.upper(), "loss": loss}, Spec())


def raw_tensors(spec: Spec, rows: list[dict[str, str]]) -> dict[str, tf.Tensor]:
    """Raw columns of cells, by Python's own parsers."""
    missing = ("", "?")
    raw = {}
    for column in spec.data.columns:
        cells = [row[column.name] for row in rows]
        if column.type == FLOAT:
            numbers = [math.nan if cell in missing else float(cell) for cell in cells]
            raw[column.name] = tf.constant(np.array(numbers, np.float64).astype(np.float32))
        elif column.type == INT:
            raw[column.name] = tf.constant(
                [-(2**63) if cell in missing else int(cell) for cell in cells], tf.int64
            )
        else:
            raw[column.name] = tf.constant(["" if cell in missing else cell for cell in cells])
    return raw


def make_rows(count: int, kind: str) -> list[dict[str, str]]:
    """Rows of cells; a few are missing, and one city is not in the vocabulary."""
    generator = np.random.default_rng(0)
    rows = []
    for number in range(count):
        income, rooms = generator.normal(50.0, 9.0), int(generator.integers(1, 9))
        city = str(generator.choice(["Rome", "Oslo", "Bonn", 'Ulm, "Neu"', ""]))
        hours = 40.0 if number % 10 == 2 else float(generator.integers(10, 60))  # 40 is a boundary
        y = income / 10 + rooms + len(city) + generator.normal() * 0.1
        bands = BANDS[kind]
        label = bands[min(len(bands) - 1, int(y > 12) + int(y > 14))].decode() if bands else repr(y)
        rows.append(
            {
                "income": "?" if number % 11 == 3 else repr(income),
                "rooms": "" if number % 13 == 5 else str(rooms),
                "city": city,
                "hours-per-week": repr(hours),
                "note": f"row {number}",
                "y": label,
            }
        )
    return rows


def write_csv(path: str | os.PathLike, header: list[str], rows: list[dict[str, str]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, header, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_transform(run: str, spec: Spec, bands: list[bytes]) -> None:
    """`transform/` with statistics that need no data: round numbers, and three cities."""
    statistics = Statistics(format_version=1, rows=100)
    city = statistics.columns.add(name="city", present=100)
    statistics.columns.add(name="hours-per-week", present=100, mean=35, variance=200, min=10, max=59)
    statistics.columns.add(name="income", present=100, mean=50.123456789, variance=81.7, min=20, max=80)
    statistics.columns.add(name="rooms", present=100, mean=4.5, variance=6, min=1, max=8, median=4)
    label = statistics.columns.add(name="y", present=100)
    manifest = Manifest(step="transform")
    set_fingerprint(manifest, {"spec": text_format.MessageToString(spec)})
    with publish(os.path.join(run, "transform"), manifest) as temporary:
        city.vocabularies.append(write_vocabulary(temporary, "city", CITIES, dict.fromkeys(CITIES, 9), 100))
        if bands:
            label.vocabularies.append(
                write_vocabulary(temporary, "label", bands, dict.fromkeys(bands, 9), 100)
            )
        with open(os.path.join(temporary, "statistics.pb"), "wb") as file:
            file.write(statistics.SerializeToString())
        with open(os.path.join(temporary, "spec.pbtxt"), "w", encoding="utf-8") as file:
            file.write(text_format.MessageToString(spec))


def encode_examples(
    features: dict[str, np.ndarray], label: np.ndarray, weight: np.ndarray | None
) -> list[bytes]:
    """Serialised tf.Examples, one a row."""
    columns = {**features, "label": label, **({} if weight is None else {"weight": weight})}
    serialized = []
    for row in range(len(label)):
        example = tf.train.Example()
        for name, column in columns.items():
            feature = example.features.feature[name]
            if column.dtype == np.float32:
                feature.float_list.value.append(column[row])
            else:
                feature.int64_list.value.append(column[row])
        serialized.append(example.SerializeToString())
    return serialized


def write_records(path: str, records: list[bytes], compression: str = "") -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with tf.io.TFRecordWriter(path, compression) as writer:
        for record in records:
            writer.write(record)


def write_examples(
    run: str, spec: Spec, splits: dict[str, list[dict[str, str]]], *, shards: int = 4, weighted: bool = False,
    compressed: bool = False,
) -> None:  # fmt: skip
    """`examples/` of these rows; the weight of row i of a split is 1 + i % 3."""
    graph = load_graph(os.path.join(run, "transform"))
    manifest = Manifest(step="examples", features=graph.features, label=graph.label, weighted=weighted)
    set_fingerprint(manifest, {"spec": text_format.MessageToString(spec), "splits": repr(splits)})
    with publish(os.path.join(run, "examples"), manifest) as temporary:
        for name, rows in splits.items():
            entry = manifest.splits.add(
                name=name, rows=len(rows), compression=COMPRESSION_GZIP if compressed else COMPRESSION_NONE
            )
            os.makedirs(os.path.join(temporary, name))
            raw = raw_tensors(spec, rows)
            features = {key: value.numpy() for key, value in graph.apply(raw).items()}
            for feature in graph.features:
                assert features[feature.name].dtype == (
                    np.float32 if feature.type == OUTPUT_FLOAT else np.int64
                )
            weight = (1 + np.arange(len(rows)) % 3).astype(np.float32) if weighted else None
            records = encode_examples(features, graph.apply_label(raw["y"]).numpy(), weight)
            count = shards if name == "train" else 1
            cuts = np.array_split(np.arange(len(rows)), count)
            for number, cut in enumerate(cuts):
                path = f"{name}/part-{number:05d}-of-{count:05d}.tfrecord" + (".gz" if compressed else "")
                write_records(
                    os.path.join(temporary, path), [records[i] for i in cut], "GZIP" if compressed else ""
                )
                entry.shards.add(path=path, rows=len(cut))
            entry.sample = f"{name}/sample.jsonl"
            with open(os.path.join(temporary, entry.sample), "w", encoding="utf-8") as file:
                for i in cuts[0][:20]:
                    line = {"file": f"{name}.csv", "row": int(i) + 2, "header": ",".join(HEADER)}
                    file.write(json.dumps({**line, "record": record_text(rows[i])}) + "\n")


def record_text(row: dict[str, str]) -> str:
    """A row as it would stand in a CSV file, without its line end."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow([row[name] for name in HEADER])
    return buffer.getvalue()


def make_run(
    run: str, kind: str = "regression", *, rows: int = 300, shards: int = 4, weighted: bool = False,
    compressed: bool = False, splits: tuple[str, ...] = ("train", "valid", "test"),
) -> Spec:  # fmt: skip
    """A run directory, ready to be trained on: two thirds of the rows train, the others half and half."""
    spec = make_spec(kind)
    os.makedirs(run, exist_ok=True)
    with open(os.path.join(run, "spec.pbtxt"), "w", encoding="utf-8") as file:
        file.write(text_format.MessageToString(spec))
    write_transform(run, spec, BANDS[kind])
    cells = make_rows(rows, kind)
    cut = [0, rows * 4 // 6, rows * 5 // 6, rows]
    parts = {name: cells[cut[i] : cut[i + 1]] for i, name in enumerate(("train", "valid", "test"))}
    write_examples(
        run,
        spec,
        {name: parts[name] for name in splits},
        shards=shards,
        weighted=weighted,
        compressed=compressed,
    )
    assert (spec.data.label.kind == REGRESSION) == (kind == "regression")
    return spec
