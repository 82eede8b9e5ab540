"""What `prebake explain` shows of a row is what the run's saved graph gives for it, bit by bit, for every family."""

from __future__ import annotations

import os

from prebake.pipelines.preprocess import load
from prebake.transforms.explain import explain_row
from prebake.transforms.graph import load_graph
from prebake.transforms.saved_graph import load_saved_graph
from shard_rows import raw_rows, row_bits

from prebake.explain import explain


def test_values_are_those_of_the_saved_graph(every):
    folder, run = every
    graph = load_graph(os.path.join(run, "transform"))
    saved = load_saved_graph(os.path.join(run, "transform", "graph"))
    raw, _ = raw_rows(folder, graph, 0)
    for row in range(0, 60, 4):
        one = {name: value.numpy()[row : row + 1] for name, value in raw.items()}
        wanted = saved.features({name: value[row : row + 1] for name, value in raw.items()})
        shown = {each.name: each.value for each in explain_row(graph, one, {}) if each.output is not None}
        assert shown.keys() == wanted.keys()
        for name, value in wanted.items():
            assert row_bits(shown[name][None]) == row_bits(value.numpy()), name


def test_every_feature_of_the_spec_is_shown_in_its_order(every):
    folder, run = every
    spec = load(os.path.join(folder, "every.yaml"))
    text = explain(run, spec, csv=os.path.join(folder, "data", "0.csv") + ":2")
    names = [line for line in text.splitlines() if not line.startswith(" ")]
    assert [name for name in names if name in {feature.name for feature in spec.features}] == [
        feature.name for feature in spec.features
    ]
    assert names[-2:] == ["label", "weight"]
    assert "note:" not in text
