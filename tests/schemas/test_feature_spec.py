"""In: manifests of examples. Out: the JSON and the Python file that say how to parse them."""

from __future__ import annotations

import ast
import json

import pytest
from prebake.schemas.feature_spec import feature_spec, parser_source, write_feature_spec
from prebake.schemas.manifest_pb2 import OUTPUT_FLOAT, OUTPUT_INT64, Manifest, OutputFeature
from prebake.schemas.spec_pb2 import BINARY, COMPRESSION_GZIP, COMPRESSION_NONE, REGRESSION


def small_manifest() -> Manifest:
    manifest = Manifest(weighted=True)
    manifest.label.kind, manifest.label.log, manifest.label.mean = REGRESSION, True, 2.5
    manifest.features.extend(
        [
            OutputFeature(name="age", type=OUTPUT_FLOAT),
            OutputFeature(name="genres", type=OUTPUT_INT64, cardinality=20, shape=[-1]),
            OutputFeature(name="genres_weights", type=OUTPUT_FLOAT, shape=[-1], weights_of="genres"),
            OutputFeature(name="pixels", type=OUTPUT_FLOAT, shape=[28, 28, 1]),
        ]
    )
    split = manifest.splits.add(name="train", rows=7, compression=COMPRESSION_GZIP)
    split.shards.add(path="train/part-00000-of-00001.tfrecord.gz", rows=7)
    return manifest


def entry(dtype: str, shape: list[int], **other) -> dict:
    plain = {"sequence": False, "cardinality": 0, "padding": None, "weights_of": None}
    return {"dtype": dtype, "shape": shape, **plain, **other}


def test_golden_json(tmp_path):
    write_feature_spec(str(tmp_path), small_manifest())
    assert json.loads((tmp_path / "feature_spec.json").read_text(encoding="utf-8")) == {
        "format_version": 1,
        "kind": "example",
        "features": {
            "age": entry("float32", []),
            "genres": entry("int64", [-1], cardinality=20, padding=-1),
            "genres_weights": entry("float32", [-1], padding="nan", weights_of="genres"),
            "pixels": entry("float32", [28, 28, 1]),
        },
        "label": {
            "name": "label",
            "dtype": "float32",
            "kind": "regression",
            "classes": [],
            "log": True,
            "mean": 2.5,
            "deviation": 1.0,
        },
        "weight": "weight",
        "splits": {
            "train": {
                "rows": 7,
                "files": ["train/part-00000-of-00001.tfrecord.gz"],
                "compression": "GZIP",
            }
        },
    }


def test_one_sequence_makes_sequence_examples_and_classes_are_named():
    manifest = Manifest()
    manifest.features.add(name="steps", type=OUTPUT_INT64, shape=[-1, -1], sequence=True, cardinality=4)
    manifest.label.kind = BINARY
    manifest.label.classes.extend(["nein", "ja"])
    manifest.splits.add(name="train", compression=COMPRESSION_NONE)
    spec = feature_spec(manifest)
    assert spec["kind"] == "sequence_example"
    assert spec["features"] == {"steps": entry("int64", [-1, -1], sequence=True, cardinality=4, padding=-1)}
    assert spec["label"] == {
        "name": "label",
        "dtype": "int64",
        "kind": "binary",
        "classes": ["nein", "ja"],
    }
    assert spec["weight"] is None
    assert spec["splits"] == {"train": {"rows": 0, "files": [], "compression": ""}}


def test_golden_source():
    assert (
        parser_source(feature_spec(small_manifest()))
        == '''"""In: a batch of serialized tf.Examples from this directory. Out: (features, label, weight), as dense tensors.

Written by prebake beside the examples that it describes; needs TensorFlow alone. From this directory:

    split = json.load(open("feature_spec.json"))["splits"]["train"]
    batches = tf.data.TFRecordDataset(split["files"], split["compression"]).batch(512).map(parse)
"""

import tensorflow as tf

CONTEXT = {
    "age": tf.io.FixedLenFeature([], tf.float32),
    "genres": tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64),
    "genres_weights": tf.io.RaggedFeature(tf.float32, row_splits_dtype=tf.int64),
    "pixels": tf.io.FixedLenFeature([28, 28, 1], tf.float32),
    "label": tf.io.FixedLenFeature([1], tf.float32),
    "weight": tf.io.FixedLenFeature([], tf.float32),
}
PADDING = {
    "genres": -1,
    "genres_weights": float("nan"),
}


def parse(serialized):
    """string [batch] -> (features, label, weight).

    A feature is [batch, ...] with the shape that feature_spec.json gives; lists are as long as the longest and padded.
    """
    features = tf.io.parse_example(serialized, CONTEXT)
    for name, value in PADDING.items():
        features[name] = features[name].to_tensor(value)
    return features, features.pop("label"), features.pop("weight")
'''
    )


@pytest.mark.parametrize("name", ['"', "\\", "\n\x00\x7f", "Größe", "\u2028{0}", "😀", "a'b"])
def test_any_name_is_the_same_name_in_python(name):
    manifest = Manifest()
    manifest.features.add(name=name, type=OUTPUT_FLOAT)
    tree = ast.parse(parser_source(feature_spec(manifest)))
    (context,) = [node.value for node in tree.body if isinstance(node, ast.Assign)]
    assert isinstance(context, ast.Dict)
    assert [key.value for key in context.keys if isinstance(key, ast.Constant)] == [name, "label"]
