"""What `prebake init` writes for times, lists, text and ids runs as it is, and so does a spec without columns."""

from __future__ import annotations

import pytest
from prebake.schemas.manifest import read_manifest

from prebake.cli import main

ROWS = "born,tags,about,user_id,row,price\n" + "".join(
    f"{1 + i % 28:02}.{1 + i % 12:02}.{1950 + i % 50},{['a|b', 'b', 'a|c|b', ''][i % 4]},"
    f"the {['red', 'blue'][i % 2]} house of number {i},{i % 40},{1000 + i},{i}.5\n"
    for i in range(200)
)
FEATURES = ["about", "about_weights", "born_age", "born_season", "born_weekday", "tags", "user_id"]


@pytest.mark.parametrize("how", ["init", "no columns"])
def test_it_runs(tmp_path, monkeypatch, how):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text(ROWS)
    if how == "init":
        assert main(["init", "rows.csv", "--label", "price", "-o", "s.yaml"]) == 0
    else:
        (tmp_path / "s.yaml").write_text("data: {files: rows.csv, label: price}\n")
    assert main(["preprocess", "s.yaml", "--run", "run"]) == 0
    manifest = read_manifest("run/examples", "examples")
    assert [feature.name for feature in manifest.features] == FEATURES
    assert sum(split.rows for split in manifest.splits) == 200
