"""In: graphs made by hand, one raw row. Out: golden text: what each family shows of the row on its way to the model."""

from __future__ import annotations

import numpy as np
import pytest
from google.protobuf import text_format
from hand_made import INT_MISSING, make_spec
from prebake.schemas.errors import SpecError
from prebake.schemas.statistics_pb2 import Statistics
from prebake.transforms.explain import explain_row
from prebake.transforms.graph import TransformGraph

COLUMNS = (
    "{x: float, n: int, s: string, tags: {type: string, separators: '|'}, w: {type: float, separators: '|'}, "
    "t: {type: time, format: '%d.%m.%Y'}, weight: float, y: float}"
)
STATISTICS = """
rows: 8 weight: 8 label_mean: 2 label_variance: 0.25
columns { name: "n" present: 6 missing: 2 mean: 2.5 variance: 4 min: -1 max: 9 median: 2 }
columns { name: "s" present: 7 missing: 1 most_frequent: "Bonn" }
columns {
  name: "s|lower|split(by: WORDS)" present: 7
  vocabularies { feature: "words" document_frequency: 2 document_frequency: 1 document_frequency: 4 }
}
columns {
  name: "x" present: 7 missing: 1 mean: 1 variance: 4 min: -3 max: 5 median: 0.5
  quantiles { buckets: 4 boundaries: 0 boundaries: 1 boundaries: 2.5 }
  ranks { rank: 0.25 value: 0 } ranks { rank: 0.75 value: 2.5 } ranks { rank: 0.1 value: -2 }
  l_moments: 1 l_moments: 0 l_moments: 0 l_moments: 0
}
columns { name: "x|clip(low_quantile: 0.1 high: 3)" present: 7 mean: 1 variance: 1 }
columns { name: "tags" present: 7 mean: 1 }
groups { feature: "x_in_s" groups { key: "Bonn" mean: 2 variance: 4 min: 0 max: 4 } }
targets {
  feature: "target" folds: 2
  all { weight: 4 label: 8 } all { weight: 4 label: 4 }
  values { key: "Bonn" folds { weight: 2 label: 6 } folds { weight: 1 label: 3 } }
}
covariances { feature: "pca" mean: 1 mean: 2.5 covariance: 4 covariance: 0 covariance: 0 covariance: 1 }
"""
VOCABULARIES = {"words": [b"bonn", b"am", b"rhein"], "tags": [b"red", b"blue"]}
ROW = {
    "x": ("2.5", np.array([2.5], np.float32)),
    "n": ("", np.array([INT_MISSING])),
    "s": ("Bonn", np.array([b"Bonn"], object)),
    "tags": ("blue||green", np.array([b"blue||green"], object)),
    "w": ("2||0.5", np.array([b"2||0.5"], object)),
    "t": ("29.02.2024", np.array([1709164800])),
    "weight": ("3", np.array([3], np.float32)),
    "y": ("19.0", np.array([19], np.float32)),
}


def text_of(features: str, vectors: dict[str, bytes] | None = None, label: str = "y", **cells) -> str:
    row = ROW | cells
    spec = make_spec(features, columns=COLUMNS, label=label)
    spec.data.weight = "weight"
    graph = TransformGraph(spec, text_format.Parse(STATISTICS, Statistics()), VOCABULARIES, vectors)
    raw = {name: value for name, (_, value) in row.items()}
    texts = {name: text for name, (text, _) in row.items() if text is not None}
    lines = []
    for one in explain_row(graph, raw, texts):
        if one.name not in ("label", "weight") or "label" in features:
            lines += [one.name, *(f"  {stage}: {text}" for stage, text in one.stages)]
    return "\n".join(lines)


def shown(features: str, *lines: str, **cells) -> None:
    assert text_of(features, **cells).splitlines() == list(lines)


RAW_X = ("  raw: x = '2.5'", "  parsed: 2.5")
RAW_N = ("  raw: n = ''", "  parsed: (missing)")
RAW_TAGS = ("  raw: tags = 'blue||green'", "  parsed: ['blue', (missing), 'green']")


@pytest.mark.parametrize(
    ("feature", "text"),
    [
        ("as_is: {}", "2.5   as_is"),
        ("standardize: {}", "0.75   standardize: mean 1, deviation 2"),
        ("min_max: {low: -1}", "0.375   min_max: -3 … 5 to -1 … 1"),  # -1 + 5.5 * 2 / 8
        ("robust: {}", "0.8   robust: median 0.5, quartiles 0 and 2.5"),
        ("gaussian: {}", "0   gaussian: location 1, scale 0, tails 0 and 0"),
        ("buckets: {boundaries: [0, 2.5, 7]}", "2   4 buckets, boundaries 0, 2.5, 7: 2 is from 2.5 to below 7"),
        ("buckets: 4", "3   4 buckets, boundaries 0, 1, 2.5: 3 is 2.5 and above"),
        ("buckets: {equal_width: 2}", "1   2 buckets, boundaries 1: 1 is 1 and above"),
        (
            "buckets: {boundaries: [0, 2, 4], interpolate: true}",  # 1/2 of the way, and half of the next
            "0.625   buckets: from 2 to below 4, of 0, 2, 4",
        ),
        (
            "piecewise_linear: 4",  # edges -3, 0, 1, 2.5, 5
            "[1, 1, 1, 0]   piecewise_linear: from 2.5 to below 5, of -3, 0, 1, 2.5, 5",
        ),
    ],
)  # fmt: skip
def test_numbers(feature, text):
    shown(f"x: {{{feature}}}", "x", *RAW_X, f"  transformed: {text}")


def test_steps_one_by_one_and_what_a_missing_number_becomes():
    steps = "[{clip: {low_quantile: 0.1, high: 3}}, {power: 2}, log1p]"
    features = f"f: {{column: x, before: {steps}, as_is: {{}}, missing: {{constant: '2'}}}}"
    shown(
        features,
        "f",
        *RAW_X,
        "  clip: 2.5   at least -2, at most 3",
        "  power: 6.25   exponent 2",
        "  log1p: 1.981001",
        "  transformed: 1.981001   as_is",
    )
    missing = ("NA", np.array([np.nan], np.float32))
    # What stands in for it goes through the steps as well: 2² = 4, ln 5.
    shown(
        features,
        "f",
        "  raw: x = 'NA'",
        "  parsed: (missing)",
        "  clip: (missing)   at least -2, at most 3",
        "  power: (missing)   exponent 2",
        "  log1p: (missing)",
        "  filled: 1.609438   missing becomes '2'",
        "  transformed: 1.609438   as_is",
        x=missing,
    )


def test_an_indicator_and_a_mean():
    shown(
        "n: {standardize: {}, missing: {indicator: true}}",
        "n",
        *RAW_N,
        "  filled: 2.5   missing becomes the mean",
        "  transformed: 0   standardize: mean 2.5, deviation 2",
        "n_missing",
        "  transformed: 1   1 if n is missing",
    )


def test_groups():
    feature = "x_in_s: {column: x, standardize: {by: s}}"
    head = ("x_in_s", *RAW_X)
    shown(feature, *head, "  transformed: 0.25   standardize: mean 2, deviation 2, of rows with s 'Bonn'")
    all_rows = "  transformed: 0.75   standardize: mean 1, deviation 2, of all rows: s "
    shown(feature, *head, f"{all_rows}'Ulm' is unseen", s=("Ulm", np.array([b"Ulm"], object)))
    shown(feature, *head, f"{all_rows}is missing", s=("", np.array([b""], object)))


def test_several_columns():
    shown(
        "both: {columns: [x, n], standardize: {}}",
        "both",
        *RAW_X,
        *RAW_N,
        "  filled: 2.5   missing becomes the mean",
        "  transformed: [0.75, 0]   standardize: x: mean 1, deviation 2; n: mean 2.5, deviation 2",
    )
    # The first component is x, of variance 4.
    shown(
        "pca: {columns: [x, n], pca: {dimension: 1, whiten: true}}",
        "pca",
        *RAW_X,
        *RAW_N,
        "  filled: 2.5   missing becomes the mean",
        "  transformed: [0.75]   pca: 2 columns less their means 1, 2.5, whiten",
    )


@pytest.mark.parametrize(
    ("feature", "text"),
    [
        ("vocabulary: {tokens: [Ulm, Bonn]}", "1   vocabulary of 2 tokens: 1 is 'Bonn'"),
        ("vocabulary: {tokens: [Ulm]}", "1   vocabulary of 1 token: 1 is unseen"),
        ("hash: 5", "4   hash into 5"),
    ],
)
def test_ids_of_text(feature, text):
    shown(f"s: {{{feature}}}", "s", "  raw: s = 'Bonn'", f"  transformed: {text}")


def test_ids_of_missing_values():
    shown(
        "n: {vocabulary: {tokens: ['7']}}",
        "n",
        *RAW_N,
        "  transformed: 2   vocabulary of 1 token: 2 is missing",
    )
    shown("n: {identity: 3}", "n", *RAW_N, "  transformed: 4   identity, ids below 3: 4 is missing")
    shown(
        "s: {vocabulary: {tokens: [Bonn]}, missing: most_frequent}",
        "s",
        "  raw: s has no cell",
        "  parsed: (missing)",
        "  filled: 'Bonn'   missing becomes the most frequent",
        "  transformed: 0   vocabulary of 1 token: 0 is 'Bonn'",
        s=(None, np.array([b""], object)),
    )


def test_lists_with_weights():
    shown(
        "tags: {vocabulary: {}, value_weights: w}",
        "tags",
        *RAW_TAGS,
        "  transformed: [1, 2]   vocabulary of 2 tokens: 1 is 'blue', 2 is unseen",
        "tags_weights",
        "  transformed: [2, 0.5]   from w = '2||0.5'; missing ones are 1",
    )


def test_text_with_tf_idf():
    # idf by the three tokens' rows: ln(9 / 3) + 1, ln(9 / 2) + 1; the weights scaled to length 1.
    both = np.array([np.log(3) + 1, np.log(4.5) + 1])
    both /= np.sqrt((both**2).sum())
    shown(
        "words: {column: s, before: [lower, {replace: {pattern: '[0-9]', by: ''}}, {split: words}], vocabulary: {}, "
        "tf_idf: true}",
        "words",
        "  raw: s = 'Bonn 5 AM'",
        "  lower: 'bonn 5 am'",
        "  replace: 'bonn  am'   '[0-9]' by ''",
        "  split: ['bonn', 'am']   words",
        "  transformed: [0, 1]   vocabulary of 3 tokens: 0 is 'bonn', 1 is 'am'",
        "words_weights",
        f"  transformed: [{both[0]:.7g}, {both[1]:.7g}]   tf-idf of each value, scaled to length 1",
        s=("Bonn 5 AM", np.array([b"Bonn 5 AM"], object)),
    )


def test_target():
    # Σ label / Σ weight: 9 / 3 of Bonn, 12 / 8 of all; (9 + 1.5 * 5) / (3 + 5).
    shown(
        "target: {column: s, target: {smoothing: 5, folds: 2}}",
        "target",
        "  raw: s = 'Bonn'",
        "  transformed: 2.0625   target: the mean of 3 training rows with 'Bonn' is 3; the mean of all is 1.5; "
        "drawn to it by 5 rows",
    )
    shown(
        "target: {column: s, target: {smoothing: 5, folds: 2}}",
        "target",
        "  raw: s = 'Ulm'",
        "  transformed: 1.5   target: 'Ulm' is unseen; the mean of all is 1.5",
        s=("Ulm", np.array([b"Ulm"], object)),
    )


def test_crosses_name_their_ingredients():
    shown(
        "b: {column: x, buckets: {boundaries: [0, 1]}, intermediate: true}\n"
        "tags: {vocabulary: {}, intermediate: true}\n"
        "c: {cross: {of: [b, tags]}}",
        "b",
        *RAW_X,
        "  transformed: 2   3 buckets, boundaries 0, 1: 2 is 1 and above",
        "tags",
        *RAW_TAGS,
        "  transformed: [1, 2]   vocabulary of 2 tokens: 1 is 'blue', 2 is unseen",
        "c",
        "  transformed: [7, 8]   cross of b 2 x tags [1, 2]",  # 2 * 3 + 1, 2 * 3 + 2
    )


def test_times():
    raw = ("  raw: t = '29.02.2024'", "  parsed: 2024-02-29 00:00:00 UTC")
    shown("t: {time_part: month}", "t", *raw, "  transformed: 1   time_part: month: 1 is February")
    shown(
        "t: {time_part: day_of_week}", "t", *raw, "  transformed: 3   time_part: day_of_week: 3 is Thursday"
    )
    shown(
        "t: {cyclical: hour}",
        "t",
        *raw,
        "  transformed: [0, 1]   cyclical: sine and cosine of the place in the day",
    )
    shown(
        "t: {before: [{age: '01.03.2024'}], as_is: {}}",
        "t",
        *raw,
        "  age: 1   days to 01.03.2024",
        "  transformed: 1   as_is",
    )


def test_word_vectors():
    text = text_of(
        "v: {column: s, before: [{split: words}], word_vectors: v.txt}",
        vectors={"v": b"Bonn 1 2\nam 3 6\n"},
        s=("Bonn am Rhein", np.array([b"Bonn am Rhein"], object)),
    )
    assert text.splitlines()[2:] == [
        "  split: ['Bonn', 'am', 'Rhein']   words",
        "  transformed: [2, 4]   word_vectors: mean of the vectors of 'Bonn', 'am'; the file lacks 'Rhein'",
    ]


def test_label_and_weight():
    # (ln 20 - 2) / 0.5 = 1.991465
    shown(
        "label_and: {column: x, as_is: {}}",
        "label_and",
        *RAW_X,
        "  transformed: 2.5   as_is",
        "label",
        "  raw: y = '19.0'",
        "  transformed: 1.991465   regression: ln(1 + label); mean 2, deviation 0.5",
        "weight",
        "  raw: weight = '3'",
        label="{column: y, kind: regression, log: true, standardize: true}",
    )  # fmt: skip
    text = text_of(
        "label_and: {column: x, as_is: {}}",
        label="{column: s, kind: multiclass, classes: [a, Bonn]}",
    )
    assert text.splitlines()[5:7] == ["  raw: s = 'Bonn'", "  transformed: 1   2 classes: 1 is 'Bonn'"]
    text = text_of(
        "label_and: {column: x, as_is: {}}", label="{column: s, kind: multiclass, classes: [a, b]}"
    )
    assert text.splitlines()[6] == "  transformed: -1   2 classes: -1 is not in the training split: a bad row"


def test_the_values_are_those_of_the_graph():
    spec = make_spec("x: standardize\ntags: {vocabulary: {}}", columns=COLUMNS, label="y")
    graph = TransformGraph(spec, text_format.Parse(STATISTICS, Statistics()), VOCABULARIES)
    raw = {name: value for name, (_, value) in ROW.items()}
    applied = graph.apply({name: raw[name] for name in graph.raw_spec})
    for one in explain_row(graph, raw, {}):
        assert one.output is not None
        assert one.value is not None
        assert one.value.tobytes() == applied[one.name].numpy()[0].tobytes()


def test_a_constant_that_the_steps_make_missing_is_refused():
    # Only the statistics tell: 0 -> -3 -> no logarithm. It would reach the model as NaN.
    spec = make_spec(
        "x: {before: [{clip: {high_quantile: 0.5}}, log1p], as_is: {}, missing: {constant: '0'}}",
        columns=COLUMNS,
        label="y",
    )
    statistics = Statistics()
    statistics.columns.add(name="x").ranks.add(rank=0.5, value=-3)
    with pytest.raises(SpecError) as error:
        TransformGraph(spec, statistics, {"label": []})
    assert str(error.value) == (
        "spec: features.x.missing.constant: '0' is missing itself after the steps of `before`: give another one"
    )


def test_a_shared_embedding_has_the_dimension_of_the_other():
    spec = make_spec(
        "a: {column: s, hash: 90, encode: {kind: embedding, dimension: 3}}\n"
        "b: {column: s, hash: 90, encode: {kind: embedding, share: a}}",
        columns=COLUMNS,
        label="y",
    )
    graph = TransformGraph(spec, Statistics(), {})
    assert [output.dimension for output in graph.features] == [3, 3]
