"""In: specs that say where rows come from. Out: what cannot work is one line with line, field, reason and hint."""

from __future__ import annotations

import pytest
from prebake.schemas.errors import SpecError
from prebake.schemas.spec import load_spec
from prebake.schemas.spec_pb2 import CACHE_MEMORY, MULTICLASS

CSV = "data: {files: data/*.csv, label: y, columns: {x: float, g: string, t: int, y: float}%s}\n"
DIGITS = "data: {label: {column: label, kind: multiclass}%s}\n"


def load(tmp_path, text: str):
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "a.csv").write_text("x,g,t,y\n1,a,1,2\n")
    path = tmp_path / "spec.yaml"
    path.write_text(text)
    return load_spec(str(path))


def test_a_data_set_needs_no_files_columns_or_features(tmp_path):
    spec = load(
        tmp_path,
        DIGITS % ", columns: {name: ignore}"
        + "training: {source: 'tfds:mnist/plain:3.0.1', cache: memory}\n",
    )
    assert (spec.data.label.kind, spec.training.loss.kind, spec.training.cache) == (
        MULTICLASS, "cross_entropy", CACHE_MEMORY
    )  # fmt: skip
    assert not spec.features
    assert (spec.data.split.train, spec.data.split.valid) == (0.8, 0.1)


def test_folds_go_with_examples_and_csv(tmp_path):
    for source in ("examples", "csv"):
        spec = load(
            tmp_path, CSV % "" + f"training: {{folds: 5, source: {source}}}\nexamples: {{train_shards: 5}}\n"
        )
        assert spec.training.folds == 5


@pytest.mark.parametrize(
    ("data", "rest", "error"),
    [
        (CSV % "", "training: {source: cvs}", "2: training.source: 'cvs' is no source of rows (did you mean 'csv'?)"),
        (CSV % "", "training: {data_dir: here}",
         "2: training.data_dir: has no meaning with source: examples (source: tfds:NAME)"),
        (CSV % "", "training: {folds: 1}", "2: training.folds: must be at least 2 (0: none), not 1"),
        (CSV % ", split: {group: g}", "training: {folds: 2}",
         "2: training.folds: does not go with data.split.group: rows of one 'g' would be in several folds (leave it out)"),
        (CSV % ", split: {time: {column: t, valid_from: 3, test_from: 5}}", "training: {folds: 2}",
         "2: training.folds: does not go with data.split.time: a model would be measured on rows before its own "
         "(leave it out)"),
        (CSV % "", "examples: {train_shards: 4}\ntraining: {folds: 5}",
         "2: examples.train_shards: is 4, and training.folds needs a shard for each of the 5 folds "
         "(train_shards: 5, or a multiple)"),
        (DIGITS % "", "training: {source: 'tfds:mnist', folds: 2}",
         "2: training.folds: does not go with tfds: the rows of a data set are in a shard by their place, not by their "
         "identity (leave it out)"),
        (DIGITS % "", "training: {source: 'tfds:'}",
         "2: training.source: names no data set (tfds:mnist, or tfds:NAME/CONFIG:VERSION)"),
        (DIGITS % ", files: data/*.csv", "training: {source: 'tfds:mnist'}",
         "1: data.files: has no meaning with source: tfds:mnist, whose rows are read as they are (leave it out)"),
        (DIGITS % "", "features: {image: standardize}\ntraining: {source: 'tfds:mnist'}",
         "2: features: has no meaning with source: tfds:mnist, whose rows are read as they are (leave it out)"),
        (DIGITS % ", columns: {image: float}", "training: {source: 'tfds:mnist'}",
         "1: data.columns[0]: 'image': with source: tfds:mnist the types are those of the data set (ignore, for a feature "
         "that the model must not read)"),
        ("data: {label: label}\n", "training: {source: 'tfds:mnist'}",
         "1: data.label.kind: cannot be told before the data set is opened (regression, binary or multiclass)"),
        ("data: {label: {column: y, kind: regression, log: true}}\n", "training: {source: 'tfds:mnist'}",
         "1: data.label.log: has no meaning with source: tfds:mnist, whose rows are read as they are (leave it out)"),
        ("data: {split: {train: 0.5}}\n", "training: {source: 'tfds:mnist'}",
         "1: data: has no label (label: and the name of the feature to predict)"),
        (DIGITS % ", split: {train: 0, valid: 1}", "training: {source: 'tfds:mnist'}",
         "1: data.split: gives no row to train (e.g. train: 0.9, valid: 0.1)"),
    ],
)  # fmt: skip
def test_mistake_is_one_line(tmp_path, data, rest, error):
    with pytest.raises(SpecError) as found:
        load(tmp_path, data + rest + "\n")
    assert str(found.value) == f"{tmp_path}/spec.yaml:{error}"
