"""A user's own TFT `preprocessing_fn` beside the features of the spec."""

from __future__ import annotations

import os

import every_family
import pytest
from prebake.pipelines.preprocess import extend, preprocess
from prebake.schemas.errors import ArtifactError
from prebake.schemas.manifest import read_manifest
from prebake.transforms.graph import load_graph
from prebake.transforms.saved_graph import load_saved_graph
from shard_rows import raw_rows, row_bits

USER = """\
import tensorflow_transform as tft

def preprocessing_fn(inputs):
    return {
        "age_scaled": tft.scale_to_0_1(inputs["constant"]),
        "city_id": tft.compute_and_apply_vocabulary(inputs["city"], num_oov_buckets=1),
    }
"""


def test_a_tft_function_beside_the_features(tmp_path):
    text = "preprocessing_fn: mine.py\n" + every_family.with_features("standardize")
    (tmp_path / "mine.py").write_text(USER, encoding="utf-8")
    spec = every_family.write(tmp_path, text)
    run = str(tmp_path / "run")
    preprocess(spec, run)
    manifest = read_manifest(os.path.join(run, "examples"), "examples")
    assert [feature.name for feature in manifest.features] == [
        "age_scaled", "city_id", "standardize", "standardize_missing",
    ]  # fmt: skip
    assert manifest.features[1].cardinality > 3
    graph, saved = (
        load_graph(os.path.join(run, "transform")),
        load_saved_graph(os.path.join(run, "transform", "graph")),
    )
    raw, _ = raw_rows(str(tmp_path), graph, 0)
    found, again = graph.apply(raw), saved.features(raw)
    assert {name: row_bits(x.numpy()) for name, x in found.items()} == {
        name: row_bits(x.numpy()) for name, x in again.items()
    }
    with pytest.raises(ArtifactError, match="has a preprocessing_fn, whose statistics cannot be extended"):
        extend(spec, run)
