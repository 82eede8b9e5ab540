"""Every default is written out, the same way every time, and a resolved spec resolves to itself."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.schemas import spec_pb2
from prebake.schemas.infer import ColumnProfile
from prebake.schemas.propose import propose_features, propose_label_kind
from prebake.schemas.spec import spec_text
from prebake.schemas.spec_check import check
from prebake.schemas.spec_defaults import resolve
from prebake.schemas.spec_textproto import parse_text_proto
from prebake.schemas.spec_yaml import parse_yaml

FLOAT, INT, STRING = spec_pb2.FLOAT, spec_pb2.INT, spec_pb2.STRING

MINIMAL = """\
data:
  files: a.csv
  columns: {age: int, city: string, y: float}
  label: y
"""

RESOLVED = """\
format_version: 2
seed: 0
data {
  files: "a.csv"
  dialect {
    delimiter: ","
    quoting: true
    header: true
  }
  columns {
    name: "age"
    type: INT
    required: false
  }
  columns {
    name: "city"
    type: STRING
    required: false
  }
  columns {
    name: "y"
    type: FLOAT
    required: true
  }
  label {
    column: "y"
    kind: REGRESSION
  }
  split {
    train: 0.8
    valid: 0.1
    test: 0.1
  }
  bad_rows {
    reject_up_to: 0.0
  }
}
features {
  name: "age"
  column: "age"
  standardize {
  }
  missing {
    fill: MEAN
  }
  encode {
    kind: NUMBER
  }
}
features {
  name: "city"
  column: "city"
  vocabulary {
    min_frequency: 1
    oov_buckets: 1
  }
  missing {
    fill: OWN_ID
  }
  encode {
    one_hot_up_to: 50
  }
}
examples {
  compression: COMPRESSION_NONE
  sample_rows: 512
}
model {
  hidden: 100
  hidden: 100
  hidden: 100
  activation: "selu"
  initializer: "lecun_normal"
  dropout: 0.0
  normalization: NORMALIZATION_NONE
  l1: 0.0
  l2: 0.0
  max_norm_axis: 0
}
training {
  name: "default"
  optimizer {
    beta_1: 0.9
    beta_2: 0.999
    epsilon: 1e-07
  }
  learning_rate: 0.001
  clipnorm: 1.0
  batch_size: 128
  epochs: 100
  schedule {
    factor: 0.5
    patience: 4
    monitor: "val_loss"
  }
  patience: 10
  shuffle_buffer: 16384
  checkpoint {
    minutes: 5.0
  }
  loss {
    kind: "mse"
  }
  zero_below: 0.0
  source: "examples"
}
export {
  prediction_tolerance: 1e-05
  samples: 0
}
"""


def resolved(text: str) -> spec_pb2.Spec:
    return resolve(parse_yaml(text, "s.yaml")[0])


def test_every_default():
    assert spec_text(resolved(MINIMAL)) == RESOLVED


def test_input_is_not_changed():
    spec = parse_yaml(MINIMAL, "s.yaml")[0]
    before = spec_text(spec)
    resolve(spec)
    assert spec_text(spec) == before


def test_what_is_given_stays():
    text = MINIMAL + (
        "  split: {train: 9, test: 1}\nseed: 5\nfeatures:\n"
        "  a: {column: age, min_max: {low: -1}, missing: {constant: 0}}\n"
        "  b: {column: city, vocabulary: {tokens: [x], oov_buckets: 0}}\n  c: {cross: [b, b]}\n"
        "training: {clipnorm: 0, patience: 0, schedule: constant}\nmodel: {hidden: 8, activation: relu}\n"
    )
    spec = resolved(text)
    assert (spec.seed, spec.data.split.train, spec.data.split.valid, spec.data.split.test) == (5, 9, 0, 1)
    a, b, c = spec.features
    assert (a.min_max.low, a.min_max.high, a.missing.fill) == (-1, 1, spec_pb2.CONSTANT)
    assert (b.vocabulary.oov_buckets, b.vocabulary.min_frequency) == (0, 0)
    assert (c.column, c.cross.buckets, c.HasField("missing"), c.encode.kind) == ("", 1000, False, 0)
    assert (spec.training.clipnorm, spec.training.patience) == (0, 0)
    assert not spec.training.schedule.HasField("factor")
    assert list(spec.model.hidden) == [8]


def test_time_split_gets_no_shares_and_needs_its_column():
    spec = resolved(MINIMAL + "  split: {time: {column: age, valid_from: 1, test_from: 2}}\n")
    assert not spec.data.split.HasField("train")
    assert [c.required for c in spec.data.columns] == [True, False, True]
    assert [f.name for f in spec.features] == ["city"]


def profile(type_, values):
    return ColumnProfile(type_, len(values), Counter(v for v in values if v))


def columns(**types):
    return [spec_pb2.Column(name=name, type=type_) for name, type_ in types.items()]


def test_proposals_by_type_and_sample():
    given_columns = columns(
        f=FLOAT, few=INT, many=INT, s=STRING, key=STRING,
        none=STRING, skip=spec_pb2.IGNORE, y=FLOAT,
    )  # fmt: skip
    profiles = {
        "f": profile(FLOAT, ["1", "2"]),
        "few": profile(INT, [str(i % 9) for i in range(100)]),
        "many": profile(INT, [str(i % 10) for i in range(100)]),
        "s": profile(STRING, [str(i % 94) for i in range(100)]),
        "key": profile(STRING, [str(i % 95) for i in range(100)]),
        "none": profile(STRING, [""] * 100),
    }
    features, notes = propose_features(given_columns, {"y"}, profiles)
    assert [(f.name, f.WhichOneof("transform")) for f in features] == [
        ("f", "standardize"),
        ("few", "vocabulary"),
        ("many", "standardize"),
        ("s", "vocabulary"),
    ]
    assert notes == [
        "column 'key' looks like an identifier (95 distinct values in 100 sampled rows): "
        "left out of the features",
        "column 'none' has no value in the sample: left out of the features",
    ]


def test_few_rows_are_no_identifier():
    features, notes = propose_features(
        columns(s=STRING), (), {"s": profile(STRING, [str(i) for i in range(49)])}
    )
    assert [f.name for f in features] == ["s"]
    assert notes == []


def test_names_of_proposed_features():
    names = ["Total ($)", "Total (€)", "weight", "label", "1st", "été", "a.b-c_d", "Total_", ""]
    features, _ = propose_features([spec_pb2.Column(name=name, type=FLOAT) for name in names], (), {})
    assert [f.name for f in features] == [
        "Total_", "Total__2", "weight_2", "label_2", "_1st", "_t_", "a.b-c_d", "Total__3", "_",
    ]  # fmt: skip
    assert [f.column for f in features] == names


@pytest.mark.parametrize(
    ("type_", "classes", "values", "kind"),
    [
        (FLOAT, [], None, spec_pb2.REGRESSION),
        (FLOAT, [], ["0", "1"], spec_pb2.REGRESSION),
        (STRING, [], ["a", "b"], spec_pb2.BINARY),
        (STRING, [], ["a", "b", "c"], spec_pb2.MULTICLASS),
        (STRING, ["a", "b", "c"], ["a", "b"], spec_pb2.MULTICLASS),
        (STRING, ["a", "b"], None, spec_pb2.BINARY),
        (STRING, [], None, spec_pb2.LABEL_AUTO),
        (INT, [], ["0", "1"], spec_pb2.BINARY),
        (INT, [], ["0", "2"], spec_pb2.REGRESSION),
        (INT, ["0", "1", "2"], ["0", "2"], spec_pb2.MULTICLASS),
        (INT, [], None, spec_pb2.LABEL_AUTO),
        (spec_pb2.COLUMN_TYPE_UNSPECIFIED, [], ["a"], spec_pb2.LABEL_AUTO),
    ],
)
def test_label_kind(type_, classes, values, kind):
    assert propose_label_kind(type_, classes, values and profile(type_, values)) == kind


def test_integer_regression_is_told():
    notices: list[str] = []
    spec = parse_yaml(MINIMAL.replace("label: y", "label: age"), "s.yaml")[0]
    resolve(spec, {"age": profile(INT, ["0", "1", "2"])}, notices.append)
    assert notices == ["label 'age' is taken as a number: give `kind: multiclass` if its values are classes"]


_NUMERIC = [
    {"as_is": {}}, {"standardize": {}}, {"min_max": {"low": -1.5}}, {"buckets": {"quantiles": 4}},
    {"buckets": {"boundaries": [0.1, 3.0]}},
]  # fmt: skip
_TOKENS = [{"vocabulary": {"top_k": 9}}, {"vocabulary": {"tokens": ["1", "2"]}}, {"hash": {"buckets": 3}}]


@st.composite
def valid_specs(draw):
    spec = spec_pb2.Spec(data=spec_pb2.Data(files=[draw(st.text(min_size=1, max_size=5))]))
    names = draw(st.lists(st.text(min_size=1, max_size=6), min_size=2, max_size=6, unique=True))
    types = [FLOAT] + [draw(st.sampled_from([FLOAT, INT, STRING])) for _ in names[1:]]
    for name, type_ in zip(names, types, strict=True):
        spec.data.columns.add(name=name, type=type_)
    spec.data.label.column = names[0]
    for index, (name, type_) in enumerate(zip(names[1:], types[1:], strict=True)):
        choices = {FLOAT: _NUMERIC, STRING: _TOKENS, INT: _NUMERIC + _TOKENS}[type_]
        spec.features.add(name=f"f{index}", column=name, **draw(st.sampled_from(choices)))
    spec.data.dialect.null_tokens.extend(draw(st.lists(st.text(max_size=4), max_size=2)))
    spec.training.learning_rate = draw(st.floats(min_value=1e-9, max_value=10))
    spec.seed = draw(st.integers(-(2**63), 2**63 - 1))
    return spec


@given(valid_specs())
@settings(max_examples=60, deadline=None)
def test_resolved_specs_round_trip_and_resolve_to_themselves(spec):
    full = resolve(spec)
    check(full)
    text = spec_text(full)
    again, source = parse_text_proto(text, "spec.pbtxt")
    assert again == full
    assert spec_text(again) == text
    assert resolve(again) == full
    lines = text.split("\n")
    for path, line in source.lines.items():
        leaf = path.rpartition(".")[2].partition("[")[0]
        if path.startswith("training."):
            assert lines[line - 1].strip().startswith(leaf)
