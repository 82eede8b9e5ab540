"""A list and its weights: rows where they do not go together are bad rows, whichever of several weights it is."""

from __future__ import annotations

import pytest
from prebake.pipelines.preprocess import load, preprocess
from prebake.schemas.errors import DataError

SPEC = """\
data:
  files: rows.csv
  columns:
    tags: {type: string, separators: "|"}
    u: {type: float, separators: "|"}
    v: {type: float, separators: "|"}
    y: float
  label: y
  split: {train: 1}
features:
  by_u: {column: tags, hash: 5, value_weights: u}
  by_v: {column: tags, hash: 5, value_weights: v}
"""


@pytest.mark.fault(54)
@pytest.mark.parametrize(("row", "column"), [("a|b,1,1|2,0", "u"), ("a|b,1|2,1,0", "v")])
def test_each_weights_column_is_checked(tmp_path, row, column):
    (tmp_path / "s.yaml").write_text(SPEC, encoding="utf-8")
    rows = tmp_path / "rows.csv"
    rows.write_text(f"tags,u,v,y\na|b,1|2,3|4,1\n{row}\n", encoding="utf-8")
    with pytest.raises(DataError) as error:
        preprocess(load(str(tmp_path / "s.yaml")), str(tmp_path / "run"))
    assert str(error.value) == f"{rows}:3:{column} '1' has not one weight for each value of 'tags'"
