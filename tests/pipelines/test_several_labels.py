"""In: rows with three labels. Out: examples that hold each as it is learnt; what is bad of one is set aside."""

from __future__ import annotations

import csv
import json
import math
import os

import numpy as np
import people
import pytest
import tensorflow as tf
from prebake.pipelines.preprocess import preprocess
from prebake.schemas.errors import DataError, SpecError
from prebake.transforms.summary import statistics_summary
from several_labels import HEADER, KINDS, ROWS, duty_unit, examples_of, one_batch, spec_of, write

from prebake.explain import explain


def test_examples_hold_each_label_as_it_is_learnt(several_run, several_rows):
    mean, deviation = duty_unit(several_rows)
    for split in ROWS:
        # Rows are shuffled: each is found by its price.
        by_price = {np.float32(row["price"]): row for row in several_rows[split]}
        found = examples_of(several_run, split)
        assert len(found) == len(several_rows[split])
        for example in found:
            row = by_price[np.float32(example["label"])]
            assert sorted(example) == ["city", "label", "label_duty", "label_kind", "weight", "x"]
            assert example["label_kind"] == KINDS.index(row["kind"])
            wanted = (math.log1p(float(row["duty"])) - mean) / deviation
            assert example["label_duty"] == pytest.approx(wanted, abs=2e-6)


def test_rows_that_a_further_label_makes_bad_are_set_aside(several_run):
    with open(os.path.join(several_run, "rejected", "rows.csv"), encoding="utf-8") as file:
        assert list(csv.reader(file))[1:] == [
            [
                "test.csv", "9", "kind", "odd",
                "is a class that no row of the training split has: name it in data.more_labels.kind.classes or drop the row",
            ],
            ["test.csv", "11", "duty", "", "is missing, but the column needs a value in every row"],
        ]  # fmt: skip


def test_a_logarithm_needs_more_than_minus_one(tmp_path):
    write(str(tmp_path))
    people.write_file(tmp_path / "data" / "low.csv", f"{','.join(HEADER)}\n1,a,1,2,-1,low\n".encode())
    changes = {"data": {"split": {"files": {"test": "data/low.csv"}}, "bad_rows": {"reject_up_to": 0.5}}}
    preprocess(spec_of(str(tmp_path), changes), str(tmp_path / "run"))
    with open(tmp_path / "run" / "rejected" / "rows.csv", encoding="utf-8") as file:
        (_, row) = csv.reader(file)
    assert row == ["low.csv", "2", "duty", "-1", "is not above -1, which data.more_labels.duty.log needs"]


def test_further_labels_change_nothing_of_the_features_and_the_first_label(several_run, tmp_path):
    """A file without those two rows, and a spec that does not read the further labels' columns."""
    write(str(tmp_path))
    path = tmp_path / "data" / "test.csv"
    lines = path.read_text().splitlines()
    path.write_text("".join(f"{line}\n" for number, line in enumerate(lines, 1) if number not in (9, 11)))
    changes = {
        "data": {"columns": {"duty": "ignore", "kind": "ignore"}, "more_labels": None},
        "training": {"outputs": None, "schedule": None},
    }
    preprocess(spec_of(str(tmp_path), changes), str(tmp_path / "run"))
    for split in ("train", "valid"):
        without = examples_of(str(tmp_path / "run"), split)
        found = examples_of(several_run, split)
        for one in found:
            del one["label_duty"], one["label_kind"]
        assert found == without
    statistics = [
        people.tree(os.path.join(one, "transform", "vocabularies")) for one in (several_run, tmp_path / "run")
    ]
    assert sorted(statistics[0]) == ["city.txt", "label_kind.txt"]
    assert statistics[1] == {"city.txt": statistics[0]["city.txt"]}


def test_the_parser_beside_the_examples_gives_the_labels_by_name(several_run):
    directory = os.path.join(several_run, "examples")
    code: dict = {}
    with open(os.path.join(directory, "parse_examples.py"), encoding="utf-8") as file:
        exec(file.read(), code)
    with open(os.path.join(directory, "feature_spec.json"), encoding="utf-8") as file:
        spec = json.load(file)
    assert [one["name"] for one in spec["more_labels"]] == ["label_duty", "label_kind"]
    assert spec["more_labels"][1]["classes"] == KINDS
    files = [os.path.join(directory, path) for path in spec["splits"]["valid"]["files"]]
    (batch,) = tf.data.TFRecordDataset(files).batch(1000).map(code["parse"])
    features, labels, weights = batch
    ours = one_batch(several_run, "valid")
    assert sorted(features) == sorted(ours[0]) == ["city", "x"]
    assert {name: one.dtype.name for name, one in labels.items()} == {
        "label": "float32", "label_duty": "float32", "label_kind": "int64",
    }  # fmt: skip
    both = np.concatenate([one.numpy().astype(np.float32) for one in labels.values()], axis=1)
    np.testing.assert_array_equal(both, ours[1].numpy())
    np.testing.assert_array_equal(weights.numpy(), ours[2].numpy())


def test_people_are_told_of_every_label(several_folder, several_run, several_rows):
    assert "labels price; duty; kind, 3 classes; in " in statistics_summary(
        os.path.join(several_run, "transform")
    )
    text = explain(several_run, spec_of(several_folder), csv=f"{several_folder}/data/train.csv:2")
    labels = text[text.index("label\n") :].splitlines()
    assert labels[::3] == ["label", "label_duty", "label_kind", "weight"]
    assert labels[1] == f"  raw          price = '{several_rows['train'][0]['price']}'"
    assert labels[5].split("   ")[-1].startswith("regression: ln(1 + label); mean ")
    kind = several_rows["train"][0]["kind"]
    assert labels[8] == f"  transformed  {KINDS.index(kind)}   3 classes: {KINDS.index(kind)} is '{kind}'"


def test_a_label_that_the_header_lacks_is_named(tmp_path):
    write(str(tmp_path))
    path = tmp_path / "data" / "valid.csv"
    path.write_text(path.read_text().replace("kind\n", "Kind\n", 1))
    with pytest.raises(DataError) as error:
        preprocess(spec_of(str(tmp_path)), str(tmp_path / "run"))
    assert str(error.value) == (
        f"{path}:1:kind: the header lacks this column; it has 'x', 'city', 'w', 'price', 'duty', 'Kind'; 'Kind' is close: "
        "rename it there or in the spec"
    )


def test_classes_of_a_further_label_are_counted(tmp_path):
    write(str(tmp_path))
    changes = {"data": {"more_labels": {"kind": {"kind": "binary"}}}, "training": {"outputs": {"kind": None}}}
    with pytest.raises(SpecError) as error:
        preprocess(spec_of(str(tmp_path), changes), str(tmp_path / "run"))
    assert str(error.value) == (
        "spec: data.more_labels.kind.kind: is binary, and 'kind' has 3 classes in the training split: high, low, mid "
        "(give kind: multiclass)"
    )
