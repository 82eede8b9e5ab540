"""In: checkpoints, whole, cut and altered. Out: what was written, or the one before and a line; never none."""

from __future__ import annotations

import errno
import os

import google_crc32c
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from prebake.schemas.errors import ArtifactError
from prebake.training.checkpoint_file import Checkpoint, read_checkpoint, write_checkpoint
from prebake.training.checkpoints import (
    Checkpoints,
    Place,
    best_epochs,
    drop_leftovers,
    open_checkpoints,
    places_to_keep,
)

PARTS = {"examples": "1a", "training": "2b"}
DTYPES = st.sampled_from([np.float32, np.float64, np.int64, np.uint32, np.bool_])


def checkpoint(epoch: int) -> Checkpoint:
    return Checkpoint({"epoch": epoch}, {"a": np.arange(epoch, epoch + 4, dtype=np.float32)})


def fill(directory: str, losses: list[float]) -> None:
    """A checkpoint at the end of each epoch."""
    with open_checkpoints(directory, PARTS) as opened:
        for epoch in range(1, len(losses) + 1):
            opened.write(Place(epoch, 0), losses[:epoch], checkpoint(epoch))


def newest(directory: str, parts: dict[str, str] = PARTS, **options) -> tuple[int | None, list[str]]:
    """The epoch of the newest that is whole, and what was said of others."""
    lines: list[str] = []
    with open_checkpoints(directory, parts) as opened:
        found = opened.newest(lines.append, **options)
    return None if found is None else found.record["epoch"], lines


def files(directory: str) -> list[str]:
    folder, name = os.path.split(directory)
    return sorted(os.listdir(os.path.join(folder, f".unfinished-{name}")))


def path_of(directory: str, epoch: int) -> str:
    folder, name = os.path.split(directory)
    return os.path.join(folder, f".unfinished-{name}", Place(epoch, 0).file)


@pytest.fixture
def directory(tmp_path) -> str:
    return str(tmp_path / "training" / "default")


@given(
    arrays=st.dictionaries(st.text(max_size=5), DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(
        min_dims=0, max_dims=3, min_side=0, max_side=4))), max_size=4),
    numbers=st.lists(st.floats(allow_nan=False)),
)  # fmt: skip
@settings(deadline=None, max_examples=60)
def test_what_is_written_is_read(tmp_path_factory, arrays, numbers):
    path = str(tmp_path_factory.mktemp("file") / "one.checkpoint")
    write_checkpoint(path, Checkpoint({"numbers": numbers, "name": "ä"}, arrays))
    record, found = read_checkpoint(path)
    assert record == {"numbers": numbers, "name": "ä"}
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes()


@pytest.mark.fault(46)
def test_any_byte_that_is_cut_or_altered_is_noticed(tmp_path):
    path = str(tmp_path / "one.checkpoint")
    write_checkpoint(path, checkpoint(1))
    with open(path, "rb") as file:
        content = file.read()
    assert len(content) < 200
    broken = [content[:size] for size in range(len(content))]
    broken += [content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :] for at in range(len(content))]
    broken.append(content + b"x")
    for wrong in broken:
        with open(path, "wb") as file:
            file.write(wrong)
        with pytest.raises(ArtifactError, match=r"altered|no checkpoint"):
            read_checkpoint(path)


def test_best_epochs_are_those_with_a_new_smallest_loss():
    # Worked by hand: 5 is the first, 3 and 2 are smaller than all before; an equal one is not.
    assert best_epochs([5.0, 6.0, 3.0, 3.0, 2.0, 4.0]) == [1, 3, 5]
    assert best_epochs([]) == []


def test_which_checkpoints_stay():
    """Losses 5 6 3 4 2 7 7 7: best epochs 1, 3, 5."""
    losses = [5.0, 6.0, 3.0, 4.0, 2.0, 7.0, 7.0, 7.0]
    ends = [Place(epoch, 0) for epoch in range(1, 9)]
    # The last three, 5 for its weights, and 3, to go back to if 5 is damaged.
    assert places_to_keep(ends, losses) == {Place(epoch, 0) for epoch in (3, 5, 6, 7, 8)}
    # In the middle of epoch 9; a place within an epoch is never its end.
    within = [*ends[4:], Place(8, 10), Place(8, 20), Place(5, 10)]
    assert places_to_keep(within, losses) == {Place(5, 0), Place(8, 0), Place(8, 10), Place(8, 20)}
    # Losses 5 4 6 3 2 1: the last three are their own best; 4 stays, as the last but two, and 3 is nobody's.
    assert places_to_keep(ends[:6], [5.0, 4.0, 6.0, 3.0, 2.0, 1.0]) == {Place(4, 0), Place(5, 0), Place(6, 0)}
    # The last three are 3, 4, 5; of 3 the best is 2, which is not among the last two best ones (4, 5).
    assert places_to_keep(ends[:5], [5.0, 4.0, 6.0, 3.0, 2.0]) == {Place(epoch, 0) for epoch in (2, 3, 4, 5)}


def test_writing_removes_what_is_needed_no_more(directory):
    fill(directory, [5.0, 6.0, 3.0, 4.0, 2.0, 7.0, 7.0, 7.0])
    assert files(directory) == ["checkpoints.json", *(Place(epoch, 0).file for epoch in (3, 5, 6, 7, 8))]
    assert newest(directory) == (8, [])


def truncate(path: str) -> None:
    os.truncate(path, os.path.getsize(path) - 1)


def flip(path: str) -> None:
    with open(path, "r+b") as file:
        file.seek(90)
        byte = file.read(1)[0]
        file.seek(90)
        file.write(bytes([byte ^ 4]))


DAMAGES = pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (truncate, "is cut or altered: its CRC32C does not match"),
        (flip, "is cut or altered: its CRC32C does not match"),
        (os.unlink, "is missing"),
        (lambda path: os.truncate(path, 0), "is no checkpoint of this version of prebake"),
    ],
    ids=["cut", "flipped", "removed", "emptied"],
)


@pytest.mark.fault(46)
@DAMAGES
def test_damaged_newest_falls_back_to_the_one_before(directory, damage, reason):
    fill(directory, [3.0, 2.0, 1.0])
    damage(path_of(directory, 3))
    assert newest(directory) == (
        2,
        [f"{path_of(directory, 3)}: {reason}: going back to the checkpoint before it"],
    )
    # It is gone, so that it is not in the way of what is written next.
    assert Place(3, 0).file not in files(directory)


@pytest.mark.fault(46)
@DAMAGES
def test_damaged_best_epoch_falls_back_to_the_best_before_it(directory, damage, reason):
    """Losses 5 4 6 6 6: the result needs epoch 2; without it only epoch 1 can be gone on from."""
    fill(directory, [5.0, 4.0, 6.0, 6.0, 6.0])
    damage(path_of(directory, 2))
    line = f"{path_of(directory, 2)}: {reason}: going back to the checkpoint before it"
    assert newest(directory) == (1, [line])  # once, though 5, 4 and 3 need it as well


@pytest.mark.fault(46)
@DAMAGES
def test_all_damaged_is_an_error_and_not_the_start(directory, damage, reason):
    fill(directory, [2.0, 1.0])
    for epoch in (1, 2):
        damage(path_of(directory, epoch))
    for _ in range(2):  # the second time too
        with pytest.raises(ArtifactError) as error, open_checkpoints(directory, PARTS) as opened:
            opened.newest(lambda text: None)
        assert str(error.value) == (
            f"{os.path.dirname(path_of(directory, 1))}: every checkpoint is damaged: "
            "add --restart to train from the start"
        )
    with open_checkpoints(directory, PARTS, restart=True) as opened:
        assert opened.newest(pytest.fail) is None


@pytest.mark.fault(46)
@pytest.mark.parametrize("content", ["", "[[1", '{"a": 1}', "[7]", '[["x", 0]]'])
def test_damaged_list_does_not_hide_the_checkpoints(directory, content):
    fill(directory, [2.0, 1.0])
    path = os.path.join(os.path.dirname(path_of(directory, 1)), "checkpoints.json")
    with open(path, "w") as file:
        file.write(content)
    assert newest(directory) == (2, [f"{path}: is damaged: taking the checkpoints that are there"])


@pytest.mark.fault(46)
def test_checkpoint_under_anothers_name_is_not_taken_for_it(directory):
    fill(directory, [2.0, 1.0])
    os.replace(path_of(directory, 1), path_of(directory, 2))
    with pytest.raises(ArtifactError, match="every checkpoint is damaged"):
        newest(directory)


def test_checkpoint_that_was_not_listed_any_more_is_found(directory):
    """Killed between the two: the file is whole, the list does not have it."""
    fill(directory, [2.0])
    with open_checkpoints(directory, PARTS) as opened:
        opened._write_list = lambda places: None
        opened.write(Place(2, 0), [2.0, 1.0], checkpoint(2))
    assert newest(directory) == (2, [])


def test_another_trainings_checkpoints_are_never_gone_on_from(directory):
    fill(directory, [2.0, 1.0])
    other = {**PARTS, "training": "3c"}
    with pytest.raises(ArtifactError) as error:
        newest(directory, other)
    assert str(error.value) == (
        f"{os.path.dirname(path_of(directory, 1))}: is an unfinished training (2 epochs) from other training: "
        "add --restart to drop it, or give training.name another value"
    )
    assert newest(directory) == (2, [])
    drop_leftovers(directory, other)
    assert newest(directory) == (2, [])
    assert newest(directory, other, drop_others=True) == (None, [])
    assert os.listdir(os.path.dirname(directory)) == []


def test_leftovers_of_a_published_training_go(directory):
    fill(directory, [2.0, 1.0])
    drop_leftovers(directory, PARTS)
    assert os.listdir(os.path.dirname(directory)) == []


@pytest.mark.fault(38)
def test_one_process_at_a_time(directory):
    fill(directory, [1.0])
    with open_checkpoints(directory, PARTS):
        with pytest.raises(ArtifactError) as error, open_checkpoints(directory, PARTS):
            pass
        drop_leftovers(directory, PARTS)  # not while another one is at it
    assert str(error.value) == (
        f"{os.path.dirname(path_of(directory, 1))}: another process is at this training: wait until it ends, or "
        "give training.name another value"
    )
    assert newest(directory) == (1, [])


def test_directory_removed_while_waiting_is_made_anew(directory, monkeypatch):
    """The process that held it ended and removed it between this one's opening and its lock."""
    fill(directory, [1.0])
    real, held = os.open, []

    def slow_open(path, flags, *args, **options):
        descriptor = real(path, flags, *args, **options)
        if not held:
            held.append(path)
            Checkpoints(os.path.dirname(path_of(directory, 1)), PARTS).remove()
        return descriptor

    monkeypatch.setattr(os, "open", slow_open)
    assert newest(directory) == (None, [])


@pytest.mark.fault(37)
def test_full_disk_leaves_the_checkpoint_before(directory, monkeypatch):
    fill(directory, [2.0])

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched, open_checkpoints(directory, PARTS) as opened:
        patched.setattr(os, "fsync", full)
        with pytest.raises(ArtifactError) as error:
            opened.write(Place(2, 0), [2.0, 1.0], checkpoint(2))
    assert str(error.value) == (
        f"{path_of(directory, 2)}: could not be written: No space left on device: free some space and run again, to "
        "go on from the last checkpoint"
    )
    assert files(directory) == ["checkpoints.json", Place(1, 0).file]
    assert newest(directory) == (1, [])


def test_nothing_written_leaves_nothing(directory):
    with open_checkpoints(directory, PARTS):
        assert os.listdir(os.path.dirname(directory)) == [".unfinished-default"]
    assert os.listdir(os.path.dirname(directory)) == []


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"record": {}, "arrays": [["w", "O", [1]]]}',
        b'{"record": {}, "arrays": [["w", "<f4", [9, 9]]]}',
        b'{"record": {}, "arrays": [["w", "<f4", [-1]]]}',
        b'{"record": {}, "arrays": [["w", "<f4", [1e300]]]}',
        b'{"record": {}, "arrays": [["w"]]}',
    ],
)
def test_a_crafted_head_with_a_right_checksum(tmp_path, head):
    """Of a run from elsewhere; nothing in it is run, and one line says that it is none."""
    content = b"prebake checkpoint 1\n" + len(head).to_bytes(8, "little") + head + bytes(4)
    path = tmp_path / "c"
    path.write_bytes(content + google_crc32c.value(content).to_bytes(4, "little"))
    with pytest.raises(ArtifactError) as error:
        read_checkpoint(str(path))
    assert str(error.value) == f"{path}: is no checkpoint: its head does not describe what follows"
