"""Crosses that learn which combinations there are: which are counted, in which pass, and what the others get."""

from __future__ import annotations

import csv
import os
from collections import Counter

import every_family
import people
import pytest
import tensorflow as tf
from prebake.pipelines.preprocess import extend, load, preprocess
from prebake.schemas.errors import SpecError
from prebake.schemas.manifest import read_manifest
from prebake.transforms.graph import load_graph
from prebake.transforms.summary import statistics_summary

ROWS = [
    # color, size, tags; the label is of no interest.
    ("red", "1", "a|b"),
    ("red", "1", "a"),
    ("red", "2", ""),
    ("blue", "2", "b"),
    ("blue", "2", "a|b"),
    ("blue", "9", "a"),
    ("red", "", "b"),
    ("blue", "2", "a"),
]
SPEC = """\
data:
  files: rows.csv
  columns: {{color: string, size: int, tags: {{type: string, separators: "|"}}, weight: float, y: float}}
  label: y
  weight: {weight}
  split: {{train: 1}}
features:
{features}
"""


def write(folder, features: str, weights: list[float] | None = None):
    with open(folder / "rows.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["color", "size", "tags", "weight", "y"])
        for place, row in enumerate(ROWS):
            writer.writerow([*row, weights[place] if weights else 1, 0.5])
    lines = "".join(f"  {line}\n" for line in features.splitlines())
    weight = "weight" if weights else '""'
    (folder / "s.yaml").write_text(SPEC.format(features=lines, weight=weight))
    return load(str(folder / "s.yaml"))


def raw() -> dict[str, tf.Tensor]:
    sizes = [int(size) if size else -(2**63) for _, size, _ in ROWS]
    return {
        "color": tf.constant([color for color, _, _ in ROWS]),
        "size": tf.constant(sizes, tf.int64),
        "tags": tf.constant([tags for _, _, tags in ROWS]),
    }


# Four rows each, and ties go by bytes: blue is 0 and red is 1. Sizes: 2 is 0 (4 times), 1 is 1, 9 is 2, then the unseen, 3,
# and the missing, 4.
VOCABULARIES = "color: {vocabulary: {}}\nsize: {vocabulary: {}}\n"


def test_of_learnt_ids_by_hand(tmp_path):
    text = VOCABULARIES + (
        "both: {cross: {of: [color, size], min_frequency: 1}}\n"
        "two: {cross: {of: [color, size], top_k: 2}}\n"
        "many: {cross: {of: [color, size], min_frequency: 3}}"
    )
    run = str(tmp_path / "run")
    preprocess(write(tmp_path, text), run, steps=["analyze"])
    graph = load_graph(os.path.join(run, "transform"))
    # blue × 2 three times, red × 1 twice, then once each: blue × 9, red × 2, red × missing, by their ids as text.
    assert graph.learnt.tokens("both") == [b"0 0", b"1 1", b"0 2", b"1 0", b"1 4"]
    assert graph.learnt.tokens("two") == [b"0 0", b"1 1"]
    assert graph.learnt.tokens("many") == [b"0 0"]
    found = graph.apply(raw())
    assert found["both"].numpy().tolist() == [1, 1, 3, 0, 0, 2, 4, 0]
    assert found["two"].numpy().tolist() == [1, 1, 2, 0, 0, 2, 2, 0]
    assert found["many"].numpy().tolist() == [1, 1, 1, 0, 0, 1, 1, 0]
    sizes = {feature.name: feature.cardinality for feature in graph.features}
    assert (sizes["both"], sizes["two"], sizes["many"]) == (6, 3, 2)
    # A pair that nobody saw, and an unseen color: the last id.
    others = {"color": tf.constant(["blue", "green"]), "size": tf.constant([1, 1], tf.int64)}
    assert graph.apply(others)["both"].numpy().tolist() == [5, 5]
    assert statistics_summary(os.path.join(run, "transform")).splitlines()[1] == (
        "2 passes over the training split: 1. statistics of raw columns; "
        "2. the combinations of both, many, two"
    )


def test_weights_count(tmp_path):
    text = VOCABULARIES + "both: {cross: {of: [color, size], top_k: 1}}"
    # As often weighed as blue × 2 is seen, and a half more.
    spec = write(tmp_path, text, weights=[1.5, 2.0, 1, 1, 1, 1, 1, 1])
    preprocess(spec, str(tmp_path / "run"), steps=["analyze"])
    graph = load_graph(str(tmp_path / "run" / "transform"))
    # By weight red is the first of the colors now: 0, and size 2 still is (4 of 3.5).
    assert graph.learnt.tokens("both") == [b"0 1"]


def test_of_lists_and_of_other_crosses(tmp_path):
    text = (
        "color: {hash: 7}\n"
        "tags: {vocabulary: {tokens: [a, b]}}\n"
        "pairs: {cross: {of: [color, tags], min_frequency: 2}}\n"
        "size: {identity: 3}\n"
        "color_size: {cross: {of: [color, size], min_frequency: 1}}\n"
        "all: {cross: {of: [color_size, tags], min_frequency: 1}}"
    )
    spec = write(tmp_path, text)
    run = str(tmp_path / "run")
    preprocess(spec, run)
    graph = load_graph(os.path.join(run, "transform"))
    found = {name: x.numpy().tolist() for name, x in graph.apply(raw()).items()}
    ids = {color: found["color"][place] for place, (color, _, _) in enumerate(ROWS)}
    counts = Counter(
        f"{ids[color]} {'ab'.index(tag)}" for color, _, tags in ROWS for tag in tags.split("|") if tag
    )
    expected = [
        pair for pair, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])) if count >= 2
    ]
    assert [token.decode() for token in graph.learnt.tokens("pairs")] == expected
    for place, (color, _, tags) in enumerate(ROWS):
        wanted = [f"{ids[color]} {'ab'.index(tag)}" for tag in tags.split("|") if tag]
        assert [one for one in found["pairs"][place] if one >= 0] == [
            expected.index(pair) if pair in expected else len(expected) for pair in wanted
        ]
    # Two passes: the cross of a learnt cross must wait for it, and nothing else has to.
    assert (
        statistics_summary(os.path.join(run, "transform"))
        .splitlines()[1]
        .endswith("1. statistics of raw columns; 2. the combinations of all")
    )
    manifest = read_manifest(os.path.join(run, "examples"), "examples")
    cardinality = {feature.name: feature.cardinality for feature in manifest.features}
    assert cardinality["all"] == len(graph.learnt.tokens("all")) + 1


def test_too_many_combinations(tmp_path):
    text = "".join(
        f"c{place}: {{column: color, hash: 2000000000, encode: {{kind: embedding, dimension: 1}}}}\n"
        for place in range(3)
    )
    spec = write(tmp_path, text + "all: {cross: {of: [c0, c1, c2], top_k: 5}}")
    with pytest.raises(SpecError) as caught:
        preprocess(spec, str(tmp_path / "run"))
    assert str(caught.value) == (
        "spec: features.all.cross: has 8,000,000,012,000,000,006,000,000,001 combinations, too many to count "
        "(give `buckets` instead)"
    )
    assert not (tmp_path / "run" / "transform").exists()


def test_extended_by_new_files_it_is_the_full_analysis(tmp_path):
    text = every_family.with_features("city", "big_hash").replace(
        "features:", "features:\n  both: {cross: {of: [city, big_hash], min_frequency: 2}}"
    )
    full = every_family.write(tmp_path / "full", text)
    preprocess(full, str(tmp_path / "full" / "run"), steps=["analyze"])
    spec = every_family.write(tmp_path / "part", text)
    late = tmp_path / "part" / "data" / "2.csv"
    content = late.read_bytes()
    late.unlink()
    run = str(tmp_path / "part" / "run")
    preprocess(spec, run, steps=["analyze"])
    late.write_bytes(content)
    assert any(line.startswith("vocabulary of both: ") for line in extend(spec, run))
    assert people.reproducible(run) == people.reproducible(str(tmp_path / "full" / "run"))
