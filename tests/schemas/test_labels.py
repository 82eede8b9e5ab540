"""Further labels of a spec: how they may be written, what they become, and what is refused, each with one line."""

from __future__ import annotations

import pytest
import yaml
from google.protobuf import text_format
from prebake.schemas.errors import SpecError
from prebake.schemas.labels import label_feature, labels_of, loss_weight, part_of, prefix_of
from prebake.schemas.loss_check import metric_names
from prebake.schemas.spec_check import check
from prebake.schemas.spec_defaults import resolve
from prebake.schemas.spec_pb2 import MULTICLASS, REGRESSION, Spec
from prebake.schemas.spec_textproto import parse_text_proto
from prebake.schemas.spec_yaml import parse_yaml

BASE = {
    "data": {
        "files": "rows.csv",
        "columns": {
            "x": "float", "w": "float", "price": "float", "tax": "float", "kind": "string", "day": "time",
            "a-b": "float", "pr": "string", "auc": "float",
        },
        "label": "price",
        "more_labels": ["tax", {"column": "kind", "kind": "multiclass"}],
    },
    "features": {"x": "standardize"},
}  # fmt: skip


def merged(base: dict, changes: dict) -> dict:
    result = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


def spec_of(changes: dict | None = None) -> Spec:
    """Resolved and checked."""
    text = yaml.safe_dump(merged(BASE, changes or {}), sort_keys=False)
    spec, source = parse_yaml(text, "s.yaml")
    resolved = resolve(spec)
    check(resolved, source)
    return resolved


def test_a_list_of_columns_and_a_mapping_from_the_name_are_the_same():
    listed = spec_of()
    mapped = spec_of({"data": {"more_labels": {"tax": None, "kind": {"kind": "multiclass"}}}})
    assert listed == mapped
    assert [(one.name, one.column, one.kind) for one in listed.data.more_labels] == [
        ("tax", "tax", REGRESSION),
        ("kind", "kind", MULTICLASS),
    ]
    one = spec_of({"data": {"more_labels": "tax"}})
    assert one.data.more_labels[:] == listed.data.more_labels[:1]
    renamed = spec_of({"data": {"more_labels": {"duty": "a-b"}}})
    assert [(one.name, one.column) for one in renamed.data.more_labels] == [("duty", "a-b")]
    assert resolve(listed) == listed
    assert parse_text_proto(text_format.MessageToString(listed), "s.pbtxt")[0] == listed


def test_each_further_label_has_the_defaults_of_its_kind():
    spec = spec_of({"training": {"outputs": {"kind": {"loss": "focal", "metrics": ["recall"]}, "tax": 0.25}}})
    price, tax, kind = labels_of(spec.data)
    assert [output.name for output in spec.training.outputs] == ["tax", "kind"]  # as the labels stand
    assert [part_of(spec.training, one).loss.kind for one in (price, tax, kind)] == ["mse", "mse", "focal"]
    assert part_of(spec.training, kind).loss.gamma == 2
    assert [loss_weight(spec.training, one) for one in (price, tax, kind)] == [1, 0.25, 1]
    assert [label_feature(one) for one in (price, tax, kind)] == ["label", "label_tax", "label_kind"]
    assert [prefix_of(one) for one in (price, tax, kind)] == ["", "tax_", "kind_"]
    assert metric_names(spec) == [
        "rmse", "mae", "tax_rmse", "tax_mae", "kind_accuracy", "kind_log_loss", "kind_recall",
    ]  # fmt: skip
    assert all(column.required == (column.name in ("price", "tax", "kind")) for column in spec.data.columns)


def test_a_spec_without_further_labels_says_nothing_of_them():
    changes = {"data": {"more_labels": None}}
    spec = merged(BASE, changes)
    del spec["data"]["more_labels"]
    resolved = resolve(parse_yaml(yaml.safe_dump(spec), "s.yaml")[0])
    text = text_format.MessageToString(resolved)
    assert "more_labels" not in text
    assert "outputs" not in text
    assert "name" not in text_format.MessageToString(resolved.data.label)


def test_proposed_features_leave_further_labels_out_and_keep_clear_of_their_names():
    spec, _ = parse_yaml(yaml.safe_dump(merged(BASE, {"features": {}})), "s.yaml")
    spec.ClearField("features")
    spec.data.columns.add(name="label_tax", type=1)
    names = {feature.name: feature.column for feature in resolve(spec).features}
    assert {"tax", "kind", "price"}.isdisjoint(names.values())
    assert names["label_tax_2"] == "label_tax"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"data": {"more_labels": ["tex"]}},
            "s.yaml:15: data.more_labels.tex.column: no column 'tex' (did you mean 'tax'?)",
        ),
        (
            {"data": {"more_labels": ["price"]}},
            "s.yaml:15: data.more_labels.price: 'price' is a label already (name each column once)",
        ),
        (
            {"data": {"more_labels": {"tax": None, "duty": "tax"}}},
            "s.yaml:16: data.more_labels.duty: 'tax' is a label already (name each column once)",
        ),
        (
            {"data": {"more_labels": ["tax", "tax"]}},
            "s.yaml:16: data.more_labels.tax: is given twice",
        ),
        (
            {"data": {"more_labels": [{"kind": "regression"}]}},
            "s.yaml:15: data.more_labels[0]: has no column (column: the column to predict)",
        ),
        (
            {"data": {"more_labels": ["a-b"]}},
            "s.yaml:15: data.more_labels.a-b: 'a-b' cannot be the name of an output (letters, digits and _, the first a "
            "letter: {name: a_b, column: a-b})",
        ),
        (
            {"data": {"more_labels": ["w"], "weight": "w"}},
            "s.yaml:15: data.more_labels.w: 'w' is the row weight (name another column)",
        ),
        (
            {"data": {"more_labels": ["day"]}},
            "s.yaml:15: data.more_labels.day.kind: cannot be told (give one of regression, binary, multiclass)",
        ),
        (
            {"data": {"more_labels": [{"column": "kind", "kind": "regression"}]}},
            "s.yaml:16: data.more_labels.kind.kind: regression needs numbers, and 'kind' is string (binary or multiclass; "
            "or declare the column float)",
        ),
        (
            {"data": {"more_labels": [{"column": "kind", "kind": "binary", "classes": ["a", "b", "c"]}]}},
            "s.yaml:17: data.more_labels.kind.classes: must be 2 classes for a binary label, not 3",
        ),
        (
            {"data": {"label": {"column": "price", "name": "p"}}},
            "s.yaml:15: data.label.name: is of a further label: nothing stands before the answers of the first one (leave "
            "it out)",
        ),
        (
            {"features": {"tax": "standardize"}},
            "s.yaml:20: features.tax.column: 'tax' is a further label: the model would be told the answer (leave this "
            "feature out)",
        ),
        (
            {"features": {"label_tax": {"column": "x", "standardize": {}}}},
            "s.yaml:20: features.label_tax: the name 'label_tax' is taken by prebake (call it otherwise, and give `column: "
            "label_tax`)",
        ),
        (
            {"features": {"x": {"standardize": {"by": "kind"}}}},
            "s.yaml:21: features.x.standardize.by: 'kind' is the label: the model would be told the answer (name another "
            "column)",
        ),
        (
            {"training": {"outputs": {"kinds": 0.5}}},
            "s.yaml:22: training.outputs.kinds: data.more_labels has no 'kinds' (did you mean 'kind'?)",
        ),
        (
            {"training": {"outputs": {"price": 0.5}}},
            "s.yaml:22: training.outputs.price: 'price' is the first label (training.loss, training.metrics and "
            "training.class_weights are its own)",
        ),
        (
            {"training": {"outputs": {"kind": -1}}},
            "s.yaml:22: training.outputs.kind.loss_weight: must be a number of at least 0, not -1",
        ),
        (
            {"training": {"outputs": {"kind": {"loss": "mae"}}}},
            "s.yaml:23: training.outputs.kind.loss.kind: 'mae' is no loss of classes (one of cross_entropy, focal)",
        ),
        (
            {"training": {"outputs": {"tax": {"metrics": ["accuracy"]}}}},
            "s.yaml:24: training.outputs.tax.metrics[0]: 'accuracy' is a metric of classes, and the label is a regression "
            "(one of rmse, mae, mse, huber, coverage)",
        ),
        (
            {"training": {"class_weights": {"low": 2}}},
            "s.yaml:21: training.class_weights: the label is a regression: it has no classes (those of 'kind': "
            "training.outputs.kind.class_weights)",
        ),
        (
            {
                "data": {
                    "label": {"column": "pr", "kind": "binary", "classes": ["no", "yes"]},
                    "more_labels": [{"column": "kind", "kind": "binary", "classes": ["low", "high"]}],
                },
                "training": {"class_weights": {"low": 2}},
            },
            "s.yaml:29: training.class_weights.low: data.label.classes has no 'low' (a class of 'kind': "
            "training.outputs.kind.class_weights)",
        ),
        (
            {"model": {"kind": "ensemble"}},
            "s.yaml:21: model.kind: ensemble does not go with data.more_labels: its members are averaged by what the first "
            "label is (kind: dnn, or leave more_labels out)",
        ),
        (
            {"training": {"schedule": {"monitor": "val_accuracy"}}},
            "s.yaml:22: training.schedule.monitor: 'val_accuracy' is not measured (did you mean 'val_kind_accuracy'?)",
        ),
        (
            # Its accuracy, val_accuracy, would be that of the first label on the validation split.
            {
                "data": {
                    "label": {"column": "pr", "kind": "binary"},
                    "more_labels": {"val": {"column": "kind", "kind": "binary"}},
                }
            },
            "s.yaml:17: data.more_labels.val: its metric would be called 'val_accuracy', as another one is (give it another "
            "name)",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_learnt_is_refused_with_one_line(changes, message):
    with pytest.raises(SpecError) as error:
        spec_of(changes)
    assert str(error.value) == message


def test_a_data_set_of_tensorflow_datasets_has_one_label():
    text = (
        "data: {label: {column: label, kind: multiclass}, more_labels: [size]}\n"
        "training: {source: 'tfds:mnist', data_dir: /data}\n"
    )
    spec, source = parse_yaml(text, "s.yaml")
    with pytest.raises(SpecError) as error:
        check(resolve(spec), source)
    assert str(error.value) == (
        "s.yaml:1: data.more_labels: has no meaning with source: tfds:mnist, whose rows are read as they are (leave it out)"
    )
