"""In: nothing. Out: CSV shards with every type of column, and a spec with every family of feature."""

from __future__ import annotations

import base64
import csv
import os
import struct
import zlib

import numpy as np
import tensorflow as tf
import yaml
from prebake.pipelines.preprocess import load
from prebake.schemas.spec_pb2 import Spec

ROWS, FILES = 600, 3
# Cells that the other columns do not have: every row of `wild` and `huge` is one of these.
WILD = [
    "3.4e38", "-3.4e38", "1e-40", "-1e-45", "-0", "0", "1.17549435e-38", "NA", "-0.1", "0.1", "1.0000001", "1", "-1e30", "7",
]  # fmt: skip
HUGE = [
    2**63 - 1, -(2**63) + 1, 2**53, 2**53 + 1, -(2**53) - 1, 2**62, -(2**62), 2**31, 2**31 - 1, -(2**31), 0, -1, 16_777_217,
]  # fmt: skip
# Tokens with what a CSV may hold; beside them each shard has some that no other row has.
CODES = ["A", "b", "Ж", "x\ny", 'say "hi", she said', " padded ", "e\u0301", "é", "NA", "", "🦉", "a\tb"]
WORDS = ["über", "the", "quick", "Brown", "fox", "jumps", "a", "lazy", "dog", "naïve", "café"]
TAGS = ["Action", "Comedy", "Drama", "Film-Noir", "日本"]

SPEC = """\
seed: 3
data:
  files: data/*.csv
  dialect: {null_tokens: [NA]}
  label: {column: price, log: true, standardize: true}
  weight: weight
  columns:
    age: float
    rooms: int
    constant: float
    empty: float
    big: int
    row: int
    wild: float
    huge: int
    code: string
    city: string
    tags: {type: string, separators: "|"}
    tag_weights: {type: float, separators: "|"}
    sizes: {type: float, separators: " ", length: 3}
    steps: {type: int, separators: ";"}
    names: {type: string, separators: ["|", " "]}
    title: string
    seen: {type: time, format: "%d.%m.%Y %H:%M"}
    picture: file
    packed: base64
    weight: float
    price: float
features:
  as_is: {column: age, as_is: {}}
  standardize: {column: age, standardize: {}, missing: {indicator: true}}
  in_city: {column: age, standardize: {by: city}}
  span_in_city: {column: rooms, min_max: {by: city}}
  min_max: {column: rooms, min_max: {low: -1, high: 1}, missing: median}
  robust: {column: age, before: [{clip: {low_quantile: 0.05, high_quantile: 0.95}}], robust: {}}
  gaussian: {column: age, gaussian: {}}
  logged: {column: age, before: [log1p, {power: 2}, {clip: {low: 0}}], standardize: {}, missing: {constant: "0"}}
  constant: standardize
  empty: {standardize: {}, missing: mean}
  empty_gaussian: {column: empty, gaussian: {}}
  side_by_side: {columns: [age, rooms, constant], standardize: {}}
  place: {column: age, buckets: {quantiles: 6, interpolate: true}}
  ple: {column: age, piecewise_linear: 5}
  pca: {columns: [age, rooms, constant], pca: {dimension: 2, whiten: true, standardize: true}}
  sizes: {min_max: {}}
  steps: {standardize: {}}
  steps_in_order: {column: steps, as_is: {}, sequence: true}
  buckets: {column: age, buckets: {boundaries: [20, 40, 60]}}
  quantiles: {column: age, buckets: 4, encode: embedding}
  wide: {column: age, buckets: {equal_width: 5}}
  rooms_id: {column: rooms, identity: 6}
  big: {vocabulary: {top_k: 3, oov_buckets: 2}}
  big_hash: {column: big, hash: 11}
  city: {vocabulary: {}, missing: most_frequent}
  city_given: {column: city, vocabulary: {tokens: [Oslo, Rome]}}
  city_file: {column: city, vocabulary: {file: cities.txt}}
  city_hash: {column: city, hash: 9}
  city_price: {column: city, target: {smoothing: 5, folds: 4}}
  cross: {cross: {of: [buckets, city_given], buckets: 100}}
  cross_of_lists: {cross: {of: [city_given, tags], buckets: 13}}
  tags: {vocabulary: {min_frequency: 2}, value_weights: tag_weights, encode: counts}
  tags_embedded: {column: tags, hash: 20, encode: {kind: embedding, dimension: 3, combiner: sqrtn}}
  tags_shared: {column: tags, hash: 20, encode: {kind: embedding, share: tags_embedded}}
  names: {vocabulary: {top_k: 20}, encode: {kind: embedding, dimension: 2}}
  words:
    column: title
    before: [lower, {replace: {pattern: "[0-9]+", by: "#"}}, {split: words}]
    vocabulary: {top_k: 9}
    tf_idf: true
  pairs: {column: title, before: [{split: whitespace}, {ngrams: [1, 2]}], hash: 30}
  letters: {column: title, before: [{split: characters}], vocabulary: {}, sequence: true}
  vectors: {column: title, before: [lower, {split: words}], word_vectors: vectors.txt}
  hour: {column: seen, time_part: hour}
  weekday: {column: seen, time_part: day_of_week}
  season: {column: seen, cyclical: day_of_year}
  age_in_days: {column: seen, before: [{age: 01.01.2024 00:00}], standardize: {}}
  picture: {image: {height: 4, width: 3, channels: 1}}
  packed: {tensor: {shape: [2]}}
  row: {identity: 2048, encode: {kind: embedding, dimension: 1}}
  wild: {standardize: {}, missing: {indicator: true}}
  wild_in_city: {column: wild, standardize: {by: city}}
  wild_span: {column: wild, min_max: {by: code}}
  wild_place: {column: wild, buckets: {quantiles: 5, interpolate: true}, missing: median}
  wild_ple: {column: wild, piecewise_linear: 4}
  wild_gaussian: {column: wild, gaussian: {}}
  wild_id: {column: wild, buckets: {boundaries: [-0.1, 0, 0.1, 1]}}
  huge: {vocabulary: {top_k: 9, oov_buckets: 3}}
  huge_hash: {column: huge, hash: 13}
  huge_scaled: {column: huge, standardize: {}}
  code: {vocabulary: {oov_buckets: 2}}
  code_hash: {column: code, hash: 16, missing: most_frequent}
examples: {train_shards: 2, sample_rows: 40}
training: {epochs: 2}
"""


def png(shade: int) -> bytes:
    """An 8 x 8 picture of one grey, written by hand."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    rows = b"".join(b"\0" + bytes([shade, (shade * 7 + row * 30) % 256] * 4) for row in range(8))
    head = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def make_rows(count: int, seed: int) -> list[dict[str, str]]:
    """Cells with every edge: missing, unseen, empty lists, missing elements, newlines in tokens."""
    generator, others = np.random.default_rng(seed), np.random.default_rng([seed, 1])
    rows = []
    for number in range(count):
        tags = [TAGS[i] for i in generator.integers(0, len(TAGS), generator.integers(0, 4))]
        if number % 31 == 5 and tags:
            tags.append("")
        words = [WORDS[i] for i in generator.integers(0, len(WORDS), generator.integers(0, 7))]
        if number % 19 == 3:
            words.append(str(number))
        steps = [str(value) for value in generator.integers(-5, 90, generator.integers(0, 5))]
        packed = tf.io.serialize_tensor(tf.constant([number, 0.5], tf.float32)).numpy()
        age = generator.lognormal(3.5, 0.4)
        if number % 27 == 11:  # on a boundary of `buckets`
            age = float([20, 40, 60][number % 3])
        code = f"only {seed} {number}" if number % 9 == 4 else CODES[int(others.integers(0, len(CODES)))]
        rows.append(
            {
                "age": "NA" if number % 13 == 2 else f"{age:.2f}",
                "rooms": "" if number % 17 == 4 else str(int(generator.integers(-1, 9))),
                "constant": "5",
                "empty": "",
                "big": str(2**53 + int(generator.integers(0, 6))),
                "row": str(seed * 512 + number),
                "wild": WILD[int(others.integers(0, len(WILD)))],
                "huge": "" if number % 15 == 7 else str(HUGE[int(others.integers(0, len(HUGE)))]),
                "code": code,
                "city": ["Oslo", "Rome", "Bonn", "Ulm\nDonau", "", "Zürich"][int(generator.integers(0, 6))],
                "tags": "|".join(tags),
                "tag_weights": "|".join("" if number % 7 == 0 else f"{0.5 + i}" for i in range(len(tags))),
                "sizes": ""
                if number % 11 == 6
                else " ".join(f"{value:.1f}" for value in generator.normal(0, 9, 3)),
                "steps": ";;" if number % 37 == 9 else ";".join(steps),
                "names": "|".join(
                    f"{one} {other}" for one, other in zip(words[::2], words[1::2], strict=False)
                ),
                "title": " ".join(words),
                "seen": ""
                if number % 23 == 1
                else f"{1 + number % 28:02d}.{1 + number % 12:02d}.{1950 + number % 90} {number % 24:02d}:30",
                "picture": "" if number % 29 == 8 else f"pictures/{number % 5}.png",
                "packed": "" if number % 41 == 7 else base64.b64encode(packed).decode(),
                "weight": f"{number % 3}.5",
                "price": f"{age * 3 + generator.normal(0, 5) + 40:.2f}",
            }
        )
    return rows


def write(folder: str | os.PathLike, spec: str = SPEC) -> Spec:
    """Writes shards, pictures, vocabulary, vectors and the spec below `folder`; returns the resolved spec."""
    data = os.path.join(folder, "data")
    os.makedirs(os.path.join(data, "pictures"), exist_ok=True)
    for shade in range(5):
        with open(os.path.join(data, "pictures", f"{shade}.png"), "wb") as file:
            file.write(png(shade * 50))
    for number in range(FILES):
        write_shard(data, number)
    with open(os.path.join(folder, "cities.txt"), "w", encoding="utf-8") as file:
        file.write("Zürich\nOslo\n")
    with open(os.path.join(folder, "vectors.txt"), "w", encoding="utf-8") as file:
        file.writelines(f"{word.lower()} {number} {number / 4} -1.5\n" for number, word in enumerate(WORDS))
    path = os.path.join(folder, "every.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(spec)
    return load(path)


def write_shard(data: str, number: int) -> None:
    rows = make_rows(ROWS // FILES, number)
    with open(os.path.join(data, f"{number}.csv"), "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def with_features(*names: str) -> str:
    """The spec with these features alone."""
    spec = yaml.safe_load(SPEC)
    spec["features"] = {name: spec["features"][name] for name in names}
    return yaml.safe_dump(spec, allow_unicode=True)
