"""What runs on a phone: converted for LiteRT without Flex and run on rows with every edge, against the host's graph."""

import re

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from hand_made import CITIES, STATISTICS, bits, make_spec
from prebake.schemas.spec_pb2 import Column, Feature, Step
from prebake.schemas.statistics_pb2 import Statistics
from prebake.transforms.device_graph import DeviceGraph
from prebake.transforms.graph import TransformGraph
from prebake.transforms.portability import (
    DEVICE_DIFFERENCE,
    HOST_ONLY,
    NOT_IN_A_BROWSER,
    PORTABLE_OPS,
    needs_host,
)

pytestmark = pytest.mark.filterwarnings(
    # TensorFlow's own interpreter; its successor is a package that nothing else here needs.
    "ignore:.*tf.lite.Interpreter is deprecated:UserWarning"
)

COLUMNS = (
    "{x: float, n: int, s: string, flat: float, void: float, t: time, b: base64, l: {type: int, separators: '|'}, "
    "y: string}"
)
# Every transform and step that can run on a phone.
FEATURES = """\
as_is: {column: x, as_is: {}, missing: {indicator: true}}
standardized: {column: x, standardize: {}}
integers: {column: n, standardize: {}, missing: most_frequent}
missing_integers: {column: n, buckets: {boundaries: [0]}, missing: {indicator: true}}
in_s: {column: x, standardize: {by: s}}
in_n: {column: x, min_max: {by: n}}
scaled: {column: x, min_max: {low: -0.3, high: 0.7}, missing: median}
constant: {column: flat, standardize: {}}
empty: {column: void, min_max: {}}
robust: {column: x, robust: {}}
clipped: {column: x, before: [{clip: {low: -1, high: 2.5}}], as_is: {}}
log1p: {column: x, before: [log1p], as_is: {}}
power: {column: x, before: [{power: 1.5}], as_is: {}}
gaussian: {column: x, gaussian: {}}
side_by_side: {columns: [x, n, flat], standardize: {}}
interpolate: {column: x, buckets: {quantiles: 4, interpolate: true}}
piecewise_linear: {column: x, piecewise_linear: 4}
pca: {columns: [x, n], pca: {dimension: 2, whiten: true}}
quantiles: {column: x, buckets: 4}
given: {column: n, buckets: {boundaries: [0.1, 7]}, missing: mean}
wide: {column: x, buckets: {equal_width: 5}}
identity: {column: n, identity: 6}
tokens: {column: s, vocabulary: {}}
filled: {column: s, vocabulary: {}, missing: most_frequent}
constant_text: {column: s, vocabulary: {tokens: [Oslo, Bonn]}, missing: {constant: Oslo}}
numbers: {column: n, vocabulary: {tokens: ['7', '-1', '9007199254740993', '9223372036854775807'], oov_buckets: 4}}
one_number: {column: n, vocabulary: {tokens: ['7']}}
no_number: {column: n, vocabulary: {top_k: 3}}
hashed: {column: n, hash: 100, missing: {constant: 7}}
target: {column: s, target: {smoothing: 2, folds: 2}}
target_of_numbers: {column: n, target: {smoothing: 2, folds: 2}}
small: {cross: [quantiles, tokens]}
large: {cross: {of: [small, hashed], buckets: 50}}
hour: {column: t, time_part: hour}
minute: {column: t, time_part: minute}
second: {column: t, time_part: second}
weekday: {column: t, time_part: day_of_week}
day: {column: t, time_part: day_of_month}
day_of_year: {column: t, time_part: day_of_year}
month: {column: t, time_part: month}
cyclical: {column: t, cyclical: day_of_year}
cyclical_hour: {column: t, cyclical: hour}
age: {column: t, before: [{age: '2024-01-01 00:00:00'}], as_is: {}}
year: {column: t, before: [year], as_is: {}}
"""
# The key of the difference that is allowed.
INEXACT = {"cyclical_hour": "cyclical"} | {name: name for name in DEVICE_DIFFERENCE}
MORE_STATISTICS = """
columns {
  name: "x" present: 7 missing: 1 mean: 1 variance: 4 min: -3 max: 5 median: 0.5 most_frequent: "2.5"
  quantiles { buckets: 4 boundaries: 0 boundaries: 1 boundaries: 2.5 }
  ranks { rank: 0.25 value: 0.1 } ranks { rank: 0.75 value: 2.75 }
  l_moments: 0.3 l_moments: 1.1 l_moments: 0.2 l_moments: 0.4
}
groups { feature: "in_s" groups { key: "Bonn" mean: 2 variance: 3 } groups { key: "Oslo" mean: 1 variance: 0 } }
groups { feature: "in_n" groups { key: "7" min: -1 max: 2 } groups { key: "-1" min: 0 max: 0.3 } }
targets {
  feature: "target" folds: 2 all { weight: 3 label: 1 } all { weight: 5 label: 2 }
  values { key: "Bonn" folds { weight: 2 label: 1 } folds { weight: 2 label: 1 } }
}
targets {
  feature: "target_of_numbers" folds: 2 all { weight: 3 label: 1 } all { weight: 5 label: 2 }
  values { key: "7" folds { weight: 2 label: 1 } folds { weight: 2 label: 1 } }
}
covariances { feature: "pca" mean: 1 mean: 2.5 covariance: 4 covariance: 1 covariance: 1 covariance: 4 }
"""
# Columns of which a row holds any edge.
INT_MISSING = -(2**63)
EDGES = {
    "x": [np.nan, -3.0, 0.0, -0.0, 2.5, 5.0, 1.0, np.nextafter(np.float32(1), np.float32(0)), 1e-40, -1e-40, 1e-7, -0.99],
    "n": [INT_MISSING, INT_MISSING + 1, 2**63 - 1, -1, 0, 4, 7, 2**53 + 1, 2**53, -(2**62), 2**62, 2**31, -(2**31) - 1],
    "s": [b"", b"Bonn", "Köln".encode(), b"unseen", b"a\nb", b"Oslo", b"\xff\xfe", "日本".encode(), b" ", b"oslo"],
    "flat": [np.nan, 5.0, 7.0, -1e30],
    "void": [np.nan, 1.0, 3.4e38],
    # Missing; 1970; the years 1, 1900, 2000-02-29, 2023-12-31 23:59:59, 2100-02-28, 9999.
    "t": [INT_MISSING, 0, -1, -62135596800, -2208988800, 951782400, 1704067199, 4107456000, 253402300799],
}  # fmt: skip
# Of these the binary32 of a device goes another way than the host's binary64.
EXTREMES = [np.inf, -np.inf, 3.4e38, -3.4e38]
ROWS = 60


def statistics() -> Statistics:
    entries = text_format.Parse(STATISTICS, Statistics())
    kept = [entry for entry in entries.columns if entry.name != "x"]
    del entries.columns[:]
    entries.columns.extend(kept)
    return text_format.Merge(MORE_STATISTICS, entries)


def rows(extremes: bool = False) -> dict[str, tf.Tensor]:
    """Every edge of every column, in steps that differ so that they meet; the first rows hold each once."""
    edges = EDGES | {"x": EXTREMES, "flat": EXTREMES} if extremes else EDGES
    dtypes = {"n": tf.int64, "t": tf.int64, "s": tf.string}
    return {
        name: tf.constant(
            [values[place % len(values)] for place in range(ROWS)], dtypes.get(name, tf.float32)
        )
        for name, values in edges.items()
    }


def build(kind: type[TransformGraph], features: str = FEATURES) -> TransformGraph:
    spec = make_spec(features, columns=COLUMNS)
    tokens = {"tokens": CITIES, "filled": CITIES, "no_number": []}
    return kind(spec, statistics(), tokens)


@pytest.fixture(scope="module")
def host() -> TransformGraph:
    return build(TransformGraph)


@pytest.fixture(scope="module")
def device() -> TransformGraph:
    return build(DeviceGraph)


@pytest.fixture(scope="module")
def phone(device, tmp_path_factory):
    """The converted graph: a function of raw columns as keyword arguments."""
    directory = str(tmp_path_factory.mktemp("device"))
    module = tf.Module()
    module.graph = device
    signature = {name: tf.TensorSpec([None], spec.dtype, name=name) for name, spec in device.raw_spec.items()}
    module.features = tf.function(lambda **raw: device.apply(raw), autograph=False)
    tf.saved_model.save(module, directory, signatures=module.features.get_concrete_function(**signature))
    converter = tf.lite.TFLiteConverter.from_saved_model(directory)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    model = converter.convert()
    return tf.lite.Interpreter(model_content=model).get_signature_runner()


def on_phone(phone, raw: dict[str, tf.Tensor], size: int = ROWS) -> dict[str, np.ndarray]:
    parts = [
        phone(**{name: x[start : start + size].numpy() for name, x in raw.items()})
        for start in range(0, ROWS, size)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def assert_same(found: dict[str, np.ndarray], expected: dict[str, tf.Tensor]) -> None:
    assert set(found) == set(expected)
    for name, value in expected.items():
        wanted = value.numpy()
        assert found[name].dtype == wanted.dtype, name
        if name in INEXACT:
            allowed = DEVICE_DIFFERENCE[INEXACT[name]] * np.maximum(np.abs(wanted), 1)
            assert (np.abs(found[name] - wanted) <= allowed).all(), name
        else:
            assert bits(found[name]) == bits(wanted), name


def test_a_phone_gives_the_features_of_the_host(host, phone):
    assert_same(on_phone(phone, rows()), host.apply(rows()))


@pytest.mark.parametrize("size", [1, 7])
def test_in_batches_of_any_size(phone, size):
    whole = on_phone(phone, rows())
    found = on_phone(phone, rows(), size)
    # XNNPACK may compute a row in another way at another place.
    assert_same(found, {name: tf.constant(value) for name, value in whole.items()})


def test_extreme_numbers_on_a_phone(host, phone):
    found, expected = on_phone(phone, rows(extremes=True)), host.apply(rows(extremes=True))
    exact = {name: value for name, value in expected.items() if name not in INEXACT}
    assert_same({name: found[name] for name in exact}, exact)


def test_the_device_graph_runs_on_the_host_too(host, device):
    expected = host.apply(rows())
    assert_same({name: value.numpy() for name, value in device.apply(rows()).items()}, expected)


def test_operations_are_the_stated_ones(device):
    traced = tf.function(device.apply, input_signature=[device.raw_spec], autograph=False)
    definition = traced.get_concrete_function().graph.as_graph_def()
    assert not definition.library.function
    assert {node.op for node in definition.node} == PORTABLE_OPS
    assert not any(
        attribute.type == tf.float64.as_datatype_enum
        for node in definition.node
        for attribute in node.attr.values()
    )


def test_the_host_computes_in_binary64_and_looks_integers_up(host):
    traced = tf.function(host.apply, input_signature=[host.raw_spec], autograph=False).get_concrete_function()
    nodes = traced.graph.as_graph_def().node
    wide = {node.op for node in nodes if node.attr["T"].type == tf.float64.as_datatype_enum}
    assert {"Log", "Log1p", "Pow", "Sin", "Sqrt"} <= wide
    lookups = [node.attr["Tin"].type for node in nodes if node.op == "LookupTableFindV2"]
    assert tf.int64.as_datatype_enum in lookups


def test_every_transform_and_step_is_on_the_phone_or_host_only():
    spec = make_spec(FEATURES, columns=COLUMNS)
    shown = {feature.WhichOneof("transform") for feature in spec.features}
    shown |= {step.WhichOneof("step") for feature in spec.features for step in feature.before}
    every = {field.name for field in Feature.DESCRIPTOR.oneofs_by_name["transform"].fields}
    every |= {field.name for field in Step.DESCRIPTOR.oneofs_by_name["step"].fields}
    assert every == shown | (set(HOST_ONLY) - {"separators", "hash of text"})
    assert "separators" in Column.DESCRIPTOR.fields_by_name
    assert not any(needs_host(feature, spec) for feature in spec.features)


HOST = [
    ("x: {column: l, vocabulary: {tokens: ['1']}}", ["separators"]),
    ("x: {column: l, standardize: {}}", ["separators"]),
    ("x: {column: s, hash: 9}", ["hash of text"]),
    ("x: {column: s, vocabulary: {oov_buckets: 2}}", ["hash of text"]),
    ("x: {column: n, hash: 9}", []),
    ("x: {column: s, before: [lower], vocabulary: {}}", ["lower"]),
    ("x: {column: s, before: [{replace: {pattern: a}}], vocabulary: {}}", ["replace"]),
    ("x: {column: s, before: [lower, {split: words}, {ngrams: [1, 2]}], hash: 5}",
     ["hash of text", "lower", "ngrams", "split"]),
    ("x: {column: s, before: [{split: words}], word_vectors: v.txt}", ["split", "word_vectors"]),
    ("x: {column: b, image: {height: 2, width: 2}}", ["image"]),
    ("x: {column: b, tensor: {shape: [2]}}", ["tensor"]),
    ("s: {hash: 9}\nn: {identity: 3}\nx: {cross: [s, n]}", ["hash of text"]),
    ("s: {vocabulary: {}}\nn: {identity: 3}\nx: {cross: [s, n]}", []),
]  # fmt: skip


@pytest.mark.parametrize(("features", "expected"), HOST)
def test_what_needs_the_host(features, expected):
    spec = make_spec(features, columns=COLUMNS)
    by_name = {feature.name: feature for feature in spec.features}
    assert needs_host(by_name["x"], spec) == expected


def test_reasons_are_short_lines():
    for reason in [*HOST_ONLY.values(), *NOT_IN_A_BROWSER.values()]:
        assert re.fullmatch(r"[^\n]{5,80}[^.\n]", reason)
