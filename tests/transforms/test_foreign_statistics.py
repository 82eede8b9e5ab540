"""statistics.pb from elsewhere, which its manifest agrees with: one line, and no file outside the directory is read."""

from __future__ import annotations

import pytest
from prebake.schemas.errors import ArtifactError
from prebake.schemas.spec_pb2 import Spec
from prebake.schemas.statistics_pb2 import Statistics
from prebake.transforms.learnt import read_learnt, read_statistics

WHOLE = Statistics(format_version=1, rows=5, label_mean=0.25)


@pytest.mark.parametrize(
    "content",
    [
        WHOLE.SerializeToString()[:-1],
        b"\x12\xff\xff\xff\xff\x07x",  # field 2, said to be 2^31 - 1 bytes long
        b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x",  # and 2^64 - 1
        b"\x1b" * 10_000,  # groups in groups
        b"\xff" * 50,
    ],
)
def test_what_are_no_statistics(tmp_path, content):
    path = tmp_path / "statistics.pb"
    path.write_bytes(WHOLE.SerializeToString())
    assert read_statistics(str(tmp_path)) == WHOLE
    path.write_bytes(content)
    with pytest.raises(ArtifactError) as caught:
        read_statistics(str(tmp_path))
    assert str(caught.value) == (
        f"{path}: does not hold statistics: run `prebake analyze` again with --replace"
    )


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/passwd", "vocabularies/../../secret.txt"])
def test_a_vocabulary_outside(tmp_path, name):
    (tmp_path / "secret.txt").write_text("secret\n")
    directory = tmp_path / "transform"
    directory.mkdir()
    statistics = Statistics(format_version=1, rows=1)
    statistics.columns.add(name="city").vocabularies.add(feature="city", path=name)
    (directory / "statistics.pb").write_bytes(statistics.SerializeToString())
    with pytest.raises(ArtifactError) as caught:
        read_learnt(str(directory), Spec())
    assert str(caught.value) == (
        f"{directory}: the manifest names '{name}', outside the directory: do not use it"
    )
