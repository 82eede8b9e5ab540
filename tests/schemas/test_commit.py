"""A step's directory is there complete, or it is as it was before."""

import errno
import os
import re
import signal
import subprocess
import sys
import textwrap

import pytest
from prebake.schemas import commit
from prebake.schemas.commit import is_current, publish, temporary_directory
from prebake.schemas.errors import ArtifactError
from prebake.schemas.manifest import MANIFEST, read_manifest, set_fingerprint
from prebake.schemas.manifest_pb2 import Manifest


def manifest(**parts: str) -> Manifest:
    made = Manifest(step="examples")
    set_fingerprint(made, parts or {"data": "1"})
    return made


def write(directory: str, content: str, *, replace: bool = False, **parts: str) -> None:
    with publish(directory, manifest(**parts), replace=replace) as temporary:
        os.mkdir(os.path.join(temporary, "train"))
        with open(os.path.join(temporary, "train", "part-0"), "w") as file:
            file.write(content)


def content(directory: str) -> str:
    read_manifest(directory, "examples")
    with open(os.path.join(directory, "train", "part-0")) as file:
        return file.read()


@pytest.fixture
def directory(tmp_path) -> str:
    return str(tmp_path / "run" / "examples")


def is_alone(directory: str) -> bool:
    """No temporary directory is left beside it."""
    return os.listdir(os.path.dirname(directory)) == [os.path.basename(directory)]


def test_publish(directory):
    made = manifest()
    with publish(directory + "/", made) as temporary:
        assert os.path.dirname(temporary) == os.path.dirname(directory)
        assert os.path.basename(temporary).startswith(".tmp-examples-")
        assert not os.path.exists(directory)
        with open(os.path.join(temporary, "a"), "w") as file:
            file.write("x")
        made.weighted = True
    found = read_manifest(directory, "examples")
    assert found.weighted
    assert [entry.path for entry in found.files] == ["a"]
    assert is_alone(directory)


def test_publish_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("here", "x")
    assert content("here") == "x"
    assert os.listdir() == ["here"]


@pytest.mark.parametrize(
    "error", [ValueError, KeyboardInterrupt, SystemExit, OSError(errno.ENOSPC, "disk full")]
)
def test_an_exception_publishes_nothing(directory, error):
    def fail() -> None:
        with publish(directory, manifest()) as temporary:
            with open(os.path.join(temporary, "half"), "w") as file:
                file.write("x")
            raise error

    with pytest.raises(type(error) if isinstance(error, OSError) else error):
        fail()
    assert os.listdir(os.path.dirname(directory)) == []


def test_an_exception_leaves_what_is_there(directory):
    write(directory, "old")

    def fail() -> None:
        with publish(directory, manifest(data="2"), replace=True):
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert content(directory) == "old"
    assert is_alone(directory)


@pytest.mark.parametrize("step", ["fill_files", "write_manifest", "_flush"])
def test_a_fault_after_the_block_publishes_nothing(directory, monkeypatch, step):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    write(directory, "old")
    monkeypatch.setattr(commit, step, full)
    with pytest.raises(OSError, match="No space left on device"):
        write(directory, "new", replace=True, data="2")
    assert content(directory) == "old"
    assert is_alone(directory)


def test_a_directory_that_is_there_is_not_touched(directory):
    write(directory, "old")
    text = f"{directory}: is there already: add --replace, or choose another --run"
    with pytest.raises(ArtifactError, match=f"^{re.escape(text)}$"):
        write(directory, "new")
    assert content(directory) == "old"
    assert is_alone(directory)


def test_replace(directory):
    write(directory, "old")
    write(directory, "new", replace=True, data="2")
    assert content(directory) == "new"
    assert is_alone(directory)


def test_replace_nothing(directory):
    write(directory, "new", replace=True)
    assert content(directory) == "new"


@pytest.mark.parametrize("replace", [False, True])
def test_the_second_publisher_loses(directory, replace):
    text = f"{directory}: another run published it first; this run's result is dropped"

    def both() -> None:
        with publish(directory, manifest(data="late"), replace=replace):
            write(directory, "first")
            if replace:
                # As if the other run had published between this run's two renames.
                real = commit.os.rename

                def rename(old: str, new: str) -> None:
                    real(old, new)
                    if old == directory:
                        write(directory, "first")

                patch.setattr(commit.os, "rename", rename)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(ArtifactError, match=f"^{re.escape(text)}$"):
        both()
    assert content(directory) == "first"
    assert not [name for name in os.listdir(os.path.dirname(directory)) if name.startswith(".tmp-examples")]


def test_a_rename_that_fails_brings_the_old_one_back(directory, monkeypatch):
    write(directory, "old")
    real = os.rename

    def rename(old: str, new: str) -> None:
        if new == directory and ".tmp-old" not in old:
            raise OSError(errno.EROFS, "Read-only file system")
        real(old, new)

    monkeypatch.setattr(commit.os, "rename", rename)
    text = f"{directory}: could not be published: Read-only file system"
    with pytest.raises(ArtifactError, match=f"^{re.escape(text)}$"):
        write(directory, "new", replace=True, data="2")
    assert content(directory) == "old"
    assert is_alone(directory)


def test_a_file_in_the_way(directory):
    def late() -> None:
        with publish(directory, manifest()), open(directory, "w") as file:
            file.write("somebody else's")

    with pytest.raises(
        ArtifactError, match=f"^{re.escape(directory)}: could not be published: Not a directory$"
    ):
        late()
    assert is_alone(directory)


def current(directory: str, text: str | None, *, replace: bool = False, **parts: str) -> bool | None:
    """What is_current returns, or None if it raises exactly this text."""
    if text is None:
        return is_current(directory, manifest(**parts), replace=replace)
    with pytest.raises(ArtifactError) as caught:
        is_current(directory, manifest(**parts), replace=replace)
    assert str(caught.value) == text
    return None


def test_is_current(directory):
    assert current(directory, None) is False
    write(directory, "x", data="1", seed="0", spec="a")
    assert current(directory, None, data="1", seed="0", spec="a") is True
    assert current(directory, None, data="1", seed="0", spec="a", replace=True) is True
    current(
        directory,
        f"{directory}: was made from other seed, spec: add --replace, or choose another --run",
        data="1", seed="1", spec="b",
    )  # fmt: skip
    current(
        directory,
        f"{directory}: was made from other more, seed, spec: add --replace, or choose another --run",
        data="1", more="x",
    )  # fmt: skip
    assert current(directory, None, data="2", replace=True) is False


def test_a_damaged_one_is_not_current(directory):
    write(directory, "abc")
    part = os.path.join(directory, "train", "part-0")
    with open(part, "w") as file:
        file.write("abd")
    current(directory, f"{part}: does not have the CRC32C of the manifest: run the step again with --replace")
    assert current(directory, None, replace=True) is False


@pytest.mark.parametrize("replace", [False, True])
def test_somebody_elses_directory_is_never_replaced(directory, replace):
    os.makedirs(directory)
    text = f"{directory}: is in the way: it has no manifest, so prebake did not write it; move it away"
    current(directory, text, replace=replace)


PUBLISHER = """
    import os, sys, time
    from prebake.schemas import commit
    from prebake.schemas.manifest_pb2 import Manifest

    def stop(*args):
        print("ready", flush=True)
        time.sleep(600)

    if sys.argv[2] != "block":
        setattr(commit, sys.argv[2], stop)
    with commit.publish(sys.argv[1], Manifest(step="examples"), replace=True) as temporary:
        with open(os.path.join(temporary, "part-0"), "w") as file:
            file.write("half")
            if sys.argv[2] == "block":
                stop()
"""


@pytest.mark.parametrize("moment", ["block", "write_manifest", "_flush", "_rename"])
def test_kill_9_leaves_nothing_that_is_seen(directory, moment):
    write(directory, "old")
    arguments = [sys.executable, "-c", textwrap.dedent(PUBLISHER), directory, moment]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        beside = [name for name in os.listdir(os.path.dirname(directory)) if name != "examples"]
        assert len(beside) == 1
        # A step that is at work is left alone.
        with temporary_directory(os.path.dirname(directory), "examples"):
            assert os.path.exists(os.path.join(os.path.dirname(directory), beside[0]))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert content(directory) == "old"
    assert beside[0].startswith(".tmp-")
    write(directory, "new", replace=True, data="2")
    assert content(directory) == "new"
    assert is_alone(directory)


def test_a_kill_between_the_two_renames_is_mended_by_the_next_run(directory):
    write(directory, "old")
    os.rename(directory, os.path.join(os.path.dirname(directory), ".tmp-old-examples-0123abcd"))
    assert current(directory, None) is False
    write(directory, "new")
    assert content(directory) == "new"
    assert is_alone(directory)


def test_the_manifest_is_written_last(directory, monkeypatch):
    seen: list[list[str]] = []
    real = commit.write_manifest

    def write_last(made: Manifest, temporary: str) -> None:
        seen.append(sorted(os.listdir(temporary)))
        real(made, temporary)

    monkeypatch.setattr(commit, "write_manifest", write_last)
    write(directory, "x")
    assert seen == [["train"]]
    assert sorted(os.listdir(directory)) == [MANIFEST, "train"]
