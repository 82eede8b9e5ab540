"""Every declaration of a feature that cannot work: one line, with what to do."""

import pytest
from prebake.schemas.errors import SpecError
from prebake.schemas.spec_check import check
from prebake.schemas.spec_defaults import resolve
from prebake.schemas.spec_yaml import parse_yaml

COLUMNS = """\
    x: float
    n: int
    s: string
    t: {type: time, format: "%Y-%m-%d"}
    f: file
    tags: {type: string, separators: "|"}
    nested: {type: string, separators: ["|", " "]}
    sizes: {type: float, separators: " ", length: 3}
    w: {type: float, separators: "|"}
    y: string
"""


def read(text: str) -> None:
    spec, source = parse_yaml(text, "s.yaml")
    check(resolve(spec), source)


def problem(feature: str, *, label: str = "{column: y, kind: binary}", columns: str = COLUMNS) -> str:
    text = f"data:\n  files: a.csv\n  label: {label}\n  columns:\n{columns}features:\n"
    text += "".join(f"  {line}\n" for line in feature.splitlines())
    with pytest.raises(SpecError) as caught:
        read(text)
    file, line, message = str(caught.value).split(":", 2)
    assert (file, int(line) > 0) == ("s.yaml", True)
    return message.strip()


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        # What a transform reads.
        ("s: gaussian", "features.s.gaussian: needs a float or int column, and 's' is string (use vocabulary or hash)"),
        ("x: vocabulary", "features.x.vocabulary: needs a string or int column, and 'x' is float "
         "(use buckets, or declare the column int or string)"),
        ("x: {target: {}}", "features.x.target: needs a string or int column, and 'x' is float "
         "(use buckets, or declare the column int or string)"),
        ("s: {identity: 3}", "features.s.identity: needs an int column, and 's' is string (use vocabulary or hash)"),
        ("n: {time_part: hour}", "features.n.time_part: needs a time column, and 'n' is int "
         "(use a column `{type: time, format: …}`)"),
        ("t: standardize", "features.t.standardize: needs a float or int column, and 't' is time (use vocabulary or hash)"),
        ("s: {image: {height: 2, width: 2}}", "features.s.image: needs a file or base64 column, and 's' is string "
         "(use a column of type file or base64)"),
        ("tags: {target: {}}", "features.tags.target: reads one value, and 'tags' is a list of string "
         "(use as_is, standardize, min_max, robust, gaussian, buckets, vocabulary, hash, identity)"),
        ("s: {word_vectors: v.txt}", "features.s.word_vectors: needs a list of tokens, and 's' is string "
         "(use `before: [lower, {split: words}]` on a string column)"),
        # Steps.
        ("s: {before: [log1p], hash: 3}", "features.s.before[0]: log1p needs numbers, and it is given string "
         "(number steps are of float and int columns)"),
        ("x: {before: [lower], standardize: {}}", "features.x.before[0]: lower needs text, and it is given float "
         "(text steps are of string columns)"),
        ("t: {before: [log1p], standardize: {}}", "features.t.before[0]: log1p needs numbers, and it is given time "
         "(put `age` before it)"),
        ("x: {before: [{age: 2020-01-01}], as_is: {}}", "features.x.before[0]: age needs a time, and it is given float "
         "(declare 'x' as `{type: time, format: …}`)"),
        ("t: {before: [{age: 2020}], as_is: {}}", "features.t.before[0]: '2020' is not a time like %Y-%m-%d"),
        ("s: {before: [{split: words}, {split: words}], hash: 3}",
         "features.s.before[1]: split needs one text, and it is given a list of string (leave it out)"),
        ("s: {before: [{ngrams: 2}], hash: 3}",
         "features.s.before[0]: needs a list of tokens (put {split: words} before it)"),
        ("s: {before: [{ngrams: [2, 2]}], hash: 3}", "features.s.before[0]: the length 2 is given twice"),
        ("x: {before: [{clip: {}}], as_is: {}}", "features.x.before[0]: limits nothing "
         "(e.g. {clip: {low: 0, high: 10}} or low_quantile, high_quantile)"),
        ("x: {before: [{clip: {low: 3, high: 3}}], as_is: {}}",
         "features.x.before[0].clip.high: must be above low, which is 3, not 3"),
        ("x: {before: [{clip: {low: 3, low_quantile: 0.1}}], as_is: {}}",
         "features.x.before[0]: has both low and low_quantile (keep one of the two)"),
        ("x: {before: [{clip: {low_quantile: 1.5}}], as_is: {}}",
         "features.x.before[0].clip.low_quantile: must be from 0 to 1, not 1.5"),
        ("x: {before: [power], as_is: {}}", "features.x.before[0]: has no exponent (e.g. {power: 0.5})"),
        ("x: {before: [{power: -1}], as_is: {}}", "features.x.before[0]: must be an exponent above 0, not -1"),
        ("x: {before: [lgo1p], as_is: {}}", "features.x.before[0]: unknown step 'lgo1p' (did you mean 'log1p'?)"),
        ("x: {before: [{log1p: {}, power: 2}], as_is: {}}",
         "features.x.before[0]: has 2 keys (a step is one key, its name)"),
        ("x: {before: {log1p: {}}, as_is: {}}",
         "features.x.before: must be a list, not a mapping (each step on a line with `- `)"),
        # Fields of the transforms.
        ("x: {buckets: {quantiles: 3, equal_width: 3}}",
         "features.x.buckets: has both quantiles and equal_width (keep one of the two)"),
        ("x: {buckets: {boundaries: [1, 3, 2]}}",
         "features.x.buckets.boundaries[2]: must be above the one before, 3, not 2"),
        ("x: {piecewise_linear: 1}", "features.x.piecewise_linear.quantiles: must be at least 2, not 1"),
        ("s: {target: {folds: 1}}", "features.s.target.folds: must be at least 2, not 1"),
        ("s: {target: {smoothing: -1}}", "features.s.target.smoothing: must be a number of at least 0, not -1"),
        ("n: identity", "features.n.identity: has no size (e.g. identity: 24)"),
        ("t: time_part", "features.t.time_part: has no part (e.g. time_part: day_of_week)"),
        ("t: {cyclical: day_of_month}", "features.t.cyclical: a day_of_month has no cycle of its own "
         "(one of minute, hour, day_of_week, day_of_year)"),
        ("f: {image: {height: 2}}", "features.f.image: has no width (e.g. image: {height: 32, width: 32})"),
        ("f: {image: {height: 2, width: 2, channels: 2}}", "features.f.image.channels: must be 1 or 3, not 2"),
        ("f: tensor", "features.f.tensor: has no shape (e.g. tensor: {shape: [16]})"),
        ("x: {standardize: {by: x2}}", "features.x.standardize.by: no column 'x2' (did you mean 'x'?)"),
        ("x: {standardize: {by: y}}", "features.x.standardize.by: 'y' is the label: the model would be told the answer "
         "(name another column)"),
        ("n: {standardize: {by: x}}",
         "features.n.standardize.by: 'x' is float, and groups are values of a string or int column"),
        ("n: {min_max: {by: tags}}",
         "features.n.min_max.by: 'tags' holds lists, and a group needs one value (name another column)"),
        ("s: {vocabulary: {tokens: [a], file: v.txt}}",
         "features.s.vocabulary: has both tokens and file (keep one of the two)"),
        ("s: {vocabulary: {file: v.txt, top_k: 3}}",
         "features.s.vocabulary.top_k: has no meaning beside file (leave it out)"),
        # Several columns.
        ("p: {columns: [x, n], pca: 3}", "features.p.pca.dimension: must be at most the 2 columns, not 3"),
        ("p: {pca: 1}", "features.p.pca: has no columns (columns: [a, b, c], or a pattern like [p*])"),
        ("p: {columns: [x, n], vocabulary: {}}", "features.p.columns: vocabulary reads one column "
         "(as_is, standardize, min_max, robust, gaussian, pca can; or name one `column`)"),
        ("p: {columns: [q*], as_is: {}}", "features.p.columns: no column matches 'q*'"),
        ("p: {columns: [x, x], as_is: {}}", "features.p.columns: 'x' is given twice"),
        ("p: {column: x, columns: [n], as_is: {}}", "features.p.columns: is given beside `column` (keep one of the two)"),
        ("p: {columns: [x, w], as_is: {}}",
         "features.p.columns: 'w' holds lists (name it as the `column` of a feature of its own)"),
        ("p: {columns: [x, n], as_is: {}, missing: {indicator: true}}",
         "features.p.missing.indicator: is of one value a row, and this is several columns (leave it out)"),
        # Lists and encodings.
        ("s: {hash: 3, sequence: true}", "features.s.sequence: is of lists, and this feature is none "
         "(give the column `separators`, or the feature `before: [{split: words}]`)"),
        ("tags: {hash: 3, tf_idf: true}",
         "features.tags.tf_idf: needs a vocabulary, and this is hash (vocabulary: {…})"),
        ("tags: {vocabulary: {}, tf_idf: true, value_weights: w}",
         "features.tags.value_weights: is given beside tf_idf (keep one of the two)"),
        ("tags: {vocabulary: {}, value_weights: x}",
         "features.tags.value_weights: 'x' holds float, and a list of numbers is needed"),
        ("w: {standardize: {}, tf_idf: true}",
         "features.w.tf_idf: is of ids, and standardize gives numbers (leave it out)"),
        ("tags: {hash: 3, encode: one_hot}",
         "features.tags.encode: one_hot is of one id, and this feature is a list (multi_hot or counts)"),
        ("s: {hash: 3, encode: multi_hot}",
         "features.s.encode: multi_hot is of a list, and this feature is one id (one_hot or embedding)"),
        ("x: {standardize: {}, encode: embedding}",
         "features.x.encode: embedding needs ids, and standardize gives a number (use buckets, vocabulary or hash)"),
        ("x: {buckets: {quantiles: 3, interpolate: true}, encode: one_hot}",
         "features.x.encode: one_hot needs ids, and buckets gives a number (use buckets, vocabulary or hash)"),
        ("s: {hash: 3, encode: {kind: embedding, combiner: combiner_sum}}", "features.s.encode.combiner: "
         "unknown value 'combiner_sum' (one of mean, sum, sqrtn)"),
        ("s: {hash: 3, encode: {kind: embedding, combiner: sum}}",
         "features.s.encode.combiner: has no meaning for one id (leave it out)"),
        ("s: {hash: 3, encode: {kind: embedding, share: z}}", "features.s.encode.share: no other feature 'z'"),
        ("s: {hash: 3, encode: {kind: embedding, share: z}}\nz: {column: s, hash: 3}",
         "features.s.encode.share: 'z' has no embedding for sure (give z `encode: embedding`)"),
        ("tags: {hash: 3, missing: {indicator: true}}",
         "features.tags.missing.indicator: is of one value a row, and this is a list (leave it out)"),
        ("s: {target: {}, missing: most_frequent}",
         "features.s.missing: target knows what a missing value is (leave the fill out)"),
        ("c: {cross: [x, s]}\nx: standardize\ns: {hash: 3}", "features.c.cross.of: 'x' gives a number (standardize), "
         "and a cross needs ids (cross a bucketised one: x_buckets: {column: x, buckets: 10, intermediate: true})"),
    ],
)  # fmt: skip
def test_bad_features(feature, message):
    assert problem(feature) == message


def test_mutual_information_needs_classes():
    assert problem("s: {vocabulary: {rank: mutual_information}}", label="x") == (
        "features.s.vocabulary.rank: mutual_information needs a label with classes, and 'x' is a number (leave it out)"
    )


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (
            "{type: time, separators: ' '}",
            "separators: lists of type time are not read (float, int or string)",
        ),
        ("{type: int, separators: [a, b, c]}", "separators: 3 are given (at most 2: lists of lists)"),
        ("{type: int, separators: ['|', '|']}", "separators: '|' is given twice"),
        ("{type: int, length: 3}", "length: is of lists, and the column has no separators (separators: '|')"),
        ("{type: int, format: '%Y'}", "format: has no meaning for type int (type: time)"),
        ("{type: time, format: '%Y-%m'}", "format: '%Y-%m' has no %d (e.g. %Y-%m-%d %H:%M:%S)"),
    ],
)
def test_bad_columns(column, message):
    columns = COLUMNS + f"    z: {column}\n"
    assert problem("x: as_is", columns=columns) == f"data.columns.z.{message}"


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("{column: y, kind: binary, log: true}",
         "data.label.log: is of a regression, and this label is binary (leave it out)"),
        ("{column: tags, kind: binary}",
         "data.label.column: 'tags' holds lists, and the label needs one value (name another column)"),
        ("{column: t, kind: binary}", "data.label.column: 't' is a time (declare it int or string)"),
    ],
)  # fmt: skip
def test_bad_labels(label, message):
    assert problem("x: as_is", label=label) == message
