"""Each thing that cannot work is one error with file, line, field, reason and hint."""

# ruff: noqa: E501 (a mistake and its message stand side by side)

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.schemas import model_check
from prebake.schemas.errors import SpecError
from prebake.schemas.spec_check import check, check_sources
from prebake.schemas.spec_defaults import resolve
from prebake.schemas.spec_yaml import parse_yaml

GOOD = """\
data:
  files: data/*.csv
  columns:
    age: int
    income: float
    city: string
    day: string
    w: float
    junk: ignore
    y: float
  label: y
"""


def run(text: str) -> None:
    spec, source = parse_yaml(text, "s.yaml")
    check_sources(spec, source)
    check(resolve(spec), source)


def data_with(line: str) -> str:
    """The good spec with a line added to data."""
    return GOOD + textwrap.indent(line, "  ")


def features(lines: str) -> str:
    return GOOD + "features:\n" + textwrap.indent(lines, "  ")


def test_good_specs_pass():
    run(GOOD)
    run(data_with("weight: w\nsplit: {train: 1, group: city}"))
    run(data_with("split: {time: {column: day, valid_from: 2020, test_from: 2021}}"))
    run(
        features(
            "a: {column: age, vocabulary: {tokens: [1, 2]}, encode: {dimension: 3}}\n"
            "b: {column: income, buckets: {boundaries: [-1, 0]}, missing: median, intermediate: true}\n"
            "c: {column: city, hash: 7, missing: {constant: x, indicator: true}}\n"
            "d: {cross: [a, b]}\n"
            "e: {cross: {of: [d, c], buckets: 50}, encode: embedding}\n"
        )
    )


CASES = [
    ("data: {label: y}", "s.yaml:1: data: has no files (files: data/*.csv)"),
    ("seed: 1", "s.yaml: data: has no files (files: data/*.csv)"),
    ("data:\n  files: a.csv", "s.yaml:1: data: has no label (label: and the name of the column to predict)"),
    (data_with("split: {files: {train: a.csv}}"), "s.yaml:12: data.split.files: is given beside data.files (keep one of the two)"),
    ("data: {label: y, split: {files: {test: a}}}", "s.yaml:1: data.split.files: has no files for train (train: data/train-*.csv)"),
    (data_with('dialect: {delimiter: ";;"}'), "s.yaml:12: data.dialect.delimiter: ';;' cannot be a delimiter (one ASCII character, not a quote or newline; a tab is \"\\t\")"),
    (data_with('dialect: {delimiter: "\\n"}'), "s.yaml:12: data.dialect.delimiter: '\\n' cannot be a delimiter (one ASCII character, not a quote or newline; a tab is \"\\t\")"),
    ("data: {files: a, label: y, dialect: {header: false}}", "s.yaml:1: data.dialect.header: is false, and data.columns is missing (name the columns in file order)"),
    (GOOD.replace("age: int", "age:"), "s.yaml:4: data.columns.age: has no type (one of float, int, string, time, file, base64, ignore)"),
    (GOOD.replace("age: int", "age: {type: int, values: [1, x]}"), "s.yaml:4: data.columns.age.values: 'x' is no value of a column of type int"),
    (GOOD.replace("city: string", "city: {type: string, min: 1}"), "s.yaml:6: data.columns.city.min: has no meaning for type string (leave it out, or list `values`)"),
    (GOOD.replace("age: int", "age: {type: int, min: 3, max: 2}"), "s.yaml:4: data.columns.age.max: must be at least min, which is 3, not 2"),
    (GOOD.replace("y: float", "y: {type: float, required: false}"), "s.yaml:10: data.columns.y.required: must be true: the label needs a value in every row (leave it out)"),
    (GOOD.replace("label: y", "label: citi"), "s.yaml:11: data.label.column: no column 'citi' (did you mean 'city'?)"),
    (GOOD.replace("label: y", "label: junk"), "s.yaml:11: data.label.column: column 'junk' is not read: its type is ignore (give it another type)"),
    (GOOD.replace("label: y", "label: {column: city, kind: regression}"), "s.yaml:11: data.label.kind: regression needs numbers, and 'city' is string (binary or multiclass; or declare the column float)"),
    (GOOD.replace("label: y", "label: {column: y, classes: [a]}"), "s.yaml:11: data.label.classes: a regression has no classes (leave them out, or give kind)"),
    (GOOD.replace("label: y", "label: {column: y, kind: binary}"), "s.yaml:11: data.label.kind: binary needs classes, and 'y' is float (declare the column int or string)"),
    (GOOD.replace("label: y", "label: {column: age, classes: [1, b]}"), "s.yaml:11: data.label.classes: 'b' is no value of an int column"),
    (GOOD.replace("label: y", "label: {column: age, classes: ['1', '01']}"), "s.yaml:11: data.label.classes: '01' is given twice"),
    (GOOD.replace("label: y", "label: {column: city, classes: [b, b]}"), "s.yaml:11: data.label.classes: 'b' is given twice"),
    (GOOD.replace("label: y", "label: {column: city, kind: binary, classes: [a, b, c]}"), "s.yaml:11: data.label.classes: must be 2 classes for a binary label, not 3"),
    (GOOD.replace("label: y", "label: {column: city, kind: multiclass, classes: [a]}"), "s.yaml:11: data.label.classes: must be at least 2 classes, not 1"),
    (GOOD.replace("label: y", "label: city"), "s.yaml:11: data.label.kind: cannot be told (give one of regression, binary, multiclass)"),
    (data_with("weight: ww"), "s.yaml:12: data.weight: no column 'ww' (did you mean 'w'?)"),
    (data_with("weight: city"), "s.yaml:12: data.weight: must be a number, and 'city' is string"),
    (data_with("weight: y"), "s.yaml:12: data.weight: 'y' is the label (name another column)"),
    (data_with("split: {train: -1, test: 3}"), "s.yaml:12: data.split.train: must be a number of at least 0, not -1"),
    (data_with("split: {test: 0.2}"), "s.yaml:12: data.split: gives no row to train (e.g. train: 0.8, valid: 0.1, test: 0.1)"),
    (data_with("split: {group: cty}"), "s.yaml:12: data.split.group: no column 'cty' (did you mean 'city'?)"),
    (data_with("split: {train: 1, time: {column: day}}"), "s.yaml:12: data.split.train: has no meaning beside time (leave it out)"),
    (data_with("split: {group: city, time: {column: day}}"), "s.yaml:12: data.split.group: has no meaning beside time (leave it out)"),
    (data_with("split: {time: {valid_from: a}}"), "s.yaml:12: data.split.time: has no column (column: the column to split by)"),
    (data_with("split: {time: {column: day, valid_from: a}}"), "s.yaml:12: data.split.time: has no test_from (test_from: the first value of that split)"),
    (data_with("split: {time: {column: age, valid_from: a, test_from: 2}}"), "s.yaml:12: data.split.time.valid_from: 'a' is not a number by prebake's grammar"),
    (data_with("split: {time: {column: age, valid_from: 9, test_from: 10}}\nbad_rows: {reject_up_to: 1}"), "s.yaml:13: data.bad_rows.reject_up_to: must be at least 0 and below 1, not 1"),
    (data_with("split: {time: {column: day, valid_from: 9, test_from: 10}}"), "s.yaml:12: data.split.time.test_from: '10' does not come after '9'"),
    (features("1a: {column: age, as_is: }"), "s.yaml:13: features.1a: '1a' cannot be a feature's name (letters, digits, _ . and -, the first a letter or _; any name may stand in `column`)"),
    (features("weight: {column: w, as_is: }"), "s.yaml:13: features.weight: the name 'weight' is taken by prebake (call it otherwise, and give `column: weight`)"),
    (GOOD + "features:\n- {name: age, as_is: }\n- {name: age, as_is: }", "s.yaml:14: features.age: is given twice"),
    (features("age: {as_is: , missing: {indicator: true}}\nage_missing: {column: w, as_is: }"), "s.yaml:13: features.age.missing.indicator: its indicator 'age_missing' is the name of another feature (rename that one)"),
    (features("age: {missing: mean}"), "s.yaml:13: features.age: has no transform (one of as_is, standardize, min_max, robust, gaussian, buckets, piecewise_linear, "
     "vocabulary, identity, hash, target, cross, time_part, cyclical, pca, …)"),
    (features("agee: standardize"), "s.yaml:13: features.agee.column: no column 'agee' (did you mean 'age'?)"),
    (features("x:\n  column: junk\n  as_is:"), "s.yaml:14: features.x.column: column 'junk' is not read: its type is ignore (give it another type)"),
    (features("y: standardize"), "s.yaml:13: features.y.column: 'y' is the label: the model would be told the answer (leave this feature out)"),
    (data_with("weight: w\n") + "features: {w: as_is}", "s.yaml:13: features.w.column: 'w' is the row weight (leave this feature out)"),
    (features("city: standardize"), "s.yaml:13: features.city.standardize: needs a float or int column, and 'city' is string (use vocabulary or hash)"),
    (features("income: vocabulary"), "s.yaml:13: features.income.vocabulary: needs a string or int column, and 'income' is float (use buckets, or declare the column int or string)"),
    (features("income: {hash: 9}"), "s.yaml:13: features.income.hash: needs a string or int column, and 'income' is float (use buckets, or declare the column int or string)"),
    (features("city: {hash: 9, missing: mean}"), "s.yaml:13: features.city.missing: mean needs numbers, and hash reads tokens (own_id or most_frequent)"),
    (features("age: {as_is: , missing: own_id}"), "s.yaml:13: features.age.missing: own_id needs ids, and as_is gives a number (mean, median, most_frequent or constant)"),
    (features("age: {as_is: , missing: {fill: mean, constant: 3}}"), "s.yaml:13: features.age.missing.constant: is given, and fill is mean (keep one of the two)"),
    (features("age: {as_is: , missing: constant}"), "s.yaml:13: features.age.missing: has no constant (missing: {constant: …})"),
    (features("age: {as_is: , missing: {constant: 1.5}}"), "s.yaml:13: features.age.missing.constant: '1.5' is no value of the int column 'age'"),
    (features("income: {as_is: , missing: {constant: nan}}"), "s.yaml:13: features.income.missing.constant: 'nan' is no value of the float column 'income'"),
    (features("income: {as_is: , missing: {constant: 1e39}}"), "s.yaml:13: features.income.missing.constant: '1e39' is no value of the float column 'income'"),
    (features("age: {min_max: {low: 1}}"), "s.yaml:13: features.age.min_max.high: must be above low, which is 1, not 1"),
    (features("age: buckets"), "s.yaml:13: features.age.buckets: has no number of buckets (e.g. buckets: 10)"),
    (features("age: {buckets: 1}"), "s.yaml:13: features.age.buckets.quantiles: must be at least 2, not 1"),
    (features("age: {buckets: {quantiles: 3, boundaries: [1]}}"), "s.yaml:13: features.age.buckets: has both quantiles and boundaries (keep one of the two)"),
    (features("age:\n  buckets:\n    boundaries:\n    - 2\n    - 2.0"), "s.yaml:17: features.age.buckets.boundaries[1]: must be above the one before, 2, not 2"),
    (features("city: {vocabulary: {top_k: -2}}"), "s.yaml:13: features.city.vocabulary.top_k: must be at least 1, not -2"),
    (features("city: {vocabulary: {oov_buckets: -1}}"), "s.yaml:13: features.city.vocabulary.oov_buckets: must be at least 1, not -1"),
    (features("city: {vocabulary: {oov_buckets: 0}}"), "s.yaml:13: features.city.vocabulary.oov_buckets: must be at least 1, not 0"),
    (features("city: {vocabulary: {tokens: a, top_k: 3}}"), "s.yaml:13: features.city.vocabulary.top_k: has no meaning beside tokens (leave it out)"),
    (features("city: {vocabulary: {tokens: [a, a]}}"), "s.yaml:13: features.city.vocabulary.tokens[1]: 'a' is given twice"),
    (features("age: {vocabulary: {tokens: ['7', '07']}}"), "s.yaml:13: features.age.vocabulary.tokens[1]: '07' is given twice"),
    (features('city: {vocabulary: {tokens: "a\\nb"}}'), "s.yaml:13: features.city.vocabulary.tokens[0]: 'a\\nb' cannot be a token (one line of text, not empty)"),
    (features("age: {vocabulary: {tokens: [1, x]}}"), "s.yaml:13: features.age.vocabulary.tokens[1]: 'x' is no value of the int column 'age'"),
    (features("city: hash"), "s.yaml:13: features.city.hash: has no number of buckets (e.g. hash: 1000)"),
    (features("city: {hash: -4}"), "s.yaml:13: features.city.hash.buckets: must be at least 1, not -4"),
    (features("income: {as_is: , encode: embedding}"), "s.yaml:13: features.income.encode: embedding needs ids, and as_is gives a number (use buckets, vocabulary or hash)"),
    (features("city: {hash: 4, encode: number}"), "s.yaml:13: features.city.encode: number needs a number, and hash gives ids (one_hot or embedding)"),
    (features("city: {hash: 4, encode: {kind: one_hot, dimension: 2}}"), "s.yaml:13: features.city.encode.dimension: has no meaning for one_hot (leave it out)"),
    (features("city: {hash: 4}\nc: {cross: city}"), "s.yaml:14: features.c.cross.of: must be at least 2 features, not 1"),
    (features("city: {hash: 4}\nc: {cross: [city, city]}"), "s.yaml:14: features.c.cross.of: 'city' is given twice"),
    (features("city: {hash: 4}\nc: {cross: [city, age]}"), "s.yaml:14: features.c.cross.of: 'age' is a column, and a cross reads features (add a feature that makes ids of it: buckets, vocabulary or hash)"),
    (features("city: {hash: 4}\nc: {cross: [city, citi]}"), "s.yaml:14: features.c.cross.of: no feature 'citi' (did you mean 'city'?)"),
    (features("city: {hash: 4}\ninc: {column: income, standardize: }\nc: {cross: [city, inc]}"), "s.yaml:15: features.c.cross.of: 'inc' gives a number (standardize), and a cross needs ids (cross a bucketised one: inc_buckets: {column: income, buckets: 10, intermediate: true})"),
    (features("city: {hash: 4}\nc: {column: age, cross: [city, c]}"), "s.yaml:14: features.c.column: a cross reads features, not a column (leave it out)"),
    (features("city: {hash: 4}\nc: {cross: [city, c]}"), "s.yaml:14: features.c.cross.of: is a circle: c → c (break it)"),
    (features("city: {hash: 4}\nc: {cross: [city, d]}\nd: {cross: [city, c]}"), "s.yaml:14: features.c.cross.of: is a circle: c → d → c (break it)"),
    (features("city: {hash: 4}\nage: {buckets: 4}\nc: {cross: [city, age], missing: mean}"), "s.yaml:15: features.c.missing: a cross has no missing values (give `missing` to the features that it crosses)"),
    (features("city: {hash: 4, intermediate: true}"), "s.yaml:13: features.city.intermediate: no cross uses this feature (leave `intermediate` out)"),
    ("data: {files: a, label: y, columns: {y: float}}", "s.yaml: features: no feature reaches the model (name at least one)"),
    (GOOD + "examples: {train_shards: -1}", "s.yaml:12: examples.train_shards: must be at least 1, not -1"),
    (GOOD + "examples: {compression: zstd}", "s.yaml:12: examples.compression: TFRecord files cannot be zstd (none or gzip)"),
    (GOOD + "examples: {sample_rows: 0}", "s.yaml:12: examples.sample_rows: must be at least 1, not 0"),
    (GOOD + "model: {hidden: [10, -1]}", "s.yaml:12: model.hidden[1]: must be at least 1, not -1"),
    (GOOD + "model: {activation: rellu}", "s.yaml:12: model.activation: unknown activation 'rellu' (did you mean 'relu'?)"),
    (GOOD + "model: {initializer: he_norm}", "s.yaml:12: model.initializer: unknown initializer 'he_norm' (did you mean 'he_normal'?)"),
    (GOOD + "model: {dropout: 1}", "s.yaml:12: model.dropout: must be at least 0 and below 1, not 1"),
    (GOOD + "training: {name: ../x}", "s.yaml:12: training.name: '../x' is not a plain folder name (letters, digits, _ . and -)"),
    (GOOD + "training: {optimizer: lion}", "s.yaml:12: training.optimizer: unknown value 'lion' (one of nadam, adam, sgd, momentum, nesterov, adagrad, rmsprop, adamax, adamw, ftrl)"),
    (GOOD + "training: {learning_rate: 0}", "s.yaml:12: training.learning_rate: must be a number above 0, not 0"),
    (GOOD + "training: {clipnorm: -1}", "s.yaml:12: training.clipnorm: must be a number of at least 0, not -1"),
    (GOOD + "training: {batch_size: -1}", "s.yaml:12: training.batch_size: must be at least 1, not -1"),
    (GOOD + "training: {patience: -1}", "s.yaml:12: training.patience: must be at least 0, not -1"),
    (GOOD + "training: {schedule: {factor: 1}}", "s.yaml:12: training.schedule.factor: must be above 0 and below 1, not 1"),
    (GOOD + "training: {schedule: {patience: 0}}", "s.yaml:12: training.schedule.patience: must be at least 1, not 0"),
    (GOOD + "training: {checkpoint: {minutes: -1}}",
     "s.yaml:12: training.checkpoint.minutes: must be a number of at least 0, not -1"),
    (GOOD + "training: {checkpoint: {steps: -1}}", "s.yaml:12: training.checkpoint.steps: must be at least 0, not -1"),
    (GOOD + "export: {prediction_tolerance: -1}", "s.yaml:12: export.prediction_tolerance: must be a number of at least 0, not -1"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), CASES, ids=range(len(CASES)))
def test_mistake(text, message):
    with pytest.raises(SpecError) as caught:
        run(text)
    assert str(caught.value) == message


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize(
    ("part", "field", "message"),
    [
        ("model", "dropout", "spec: model.dropout: must be at least 0 and below 1, not {}"),
        ("training", "learning_rate", "spec: training.learning_rate: must be a number above 0, not {}"),
        ("training", "clipnorm", "spec: training.clipnorm: must be a number of at least 0, not {}"),
    ],
)
def test_not_finite(part, field, message, value):
    spec = resolve(parse_yaml(GOOD, "s.yaml")[0])
    setattr(getattr(spec, part), field, value)
    with pytest.raises(SpecError) as caught:
        check(spec)
    assert str(caught.value) == message.format(value)


def test_a_long_chain_of_crosses_passes():
    lines = ["x0: {column: city, hash: 4}", "x1: {column: age, hash: 4}"]
    lines += [f"x{i}: {{cross: [x{i - 1}, x{i - 2}]}}" for i in range(2, 1500)]
    run(features("\n".join(lines)))


def test_names_are_known_to_keras():
    import keras

    for name in set(model_check.ACTIVATIONS) - {"safe_softplus"}:  # prebake's own
        assert callable(keras.activations.get(name))
    for name in model_check.CONSTRAINTS:
        assert isinstance(keras.constraints.get(name), keras.constraints.Constraint)
    for name in model_check.INITIALIZERS:
        assert isinstance(keras.initializers.get(name), keras.initializers.Initializer)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_any_message_gives_one_line_or_passes(data):
    """Resolving and checking never fail otherwise than by a SpecError, whatever was put together in Python."""
    spec = parse_yaml(features("age: standardize\ncity: {hash: 4}\nc: {cross: [city, city]}"), "s.yaml")[0]
    for _ in range(data.draw(st.integers(1, 4))):
        message = data.draw(
            st.sampled_from(
                [spec, spec.data, spec.data.dialect, spec.data.label, spec.data.split, spec.data.split.time]
                + [spec.data.columns[0], *spec.features, spec.features[1].encode, spec.features[2].cross]
                + [spec.features[0].missing, spec.model, spec.training, spec.training.schedule, spec.export]
            )
        )
        field = data.draw(st.sampled_from(list(message.DESCRIPTOR.fields)))
        if field.message_type is not None or field.is_repeated:
            message.ClearField(field.name)
        elif field.enum_type is not None:
            setattr(message, field.name, data.draw(st.sampled_from(list(field.enum_type.values))).number)
        elif field.type == field.TYPE_STRING:
            setattr(
                message, field.name, data.draw(st.sampled_from(["", "age", "city", "y", "zzz", "1", "\n"]))
            )
        elif field.type == field.TYPE_BOOL:
            setattr(message, field.name, data.draw(st.booleans()))
        else:
            setattr(message, field.name, data.draw(st.sampled_from([-1, 0, 1, 2])))
        if not (spec.features and len(spec.features) == 3 and spec.data.columns):
            break
    message = ""
    try:
        check(resolve(spec))
    except SpecError as error:
        message = str(error)
    assert "\n" not in message
