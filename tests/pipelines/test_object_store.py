"""In: CSV files in an S3-compatible object store, a server in this process. Out: the bytes of the same files on disk."""

from __future__ import annotations

import logging
import os
import pathlib
from collections.abc import Iterator

import boto3
import people
import pytest
from moto.server import ThreadedMotoServer
from prebake.pipelines.find_files import expand_patterns, fits
from prebake.pipelines.preprocess import extend, load, preprocess
from prebake.pipelines.range_reader import open_raw
from prebake.pipelines.runner import use_options
from prebake.schemas.errors import PrebakeError

from prebake.cli import main

BUCKET = "people"


class Store:
    """The server, and Beam's options that lead to it."""

    def __init__(self, address: str):
        self.beam_args = [f"--s3_endpoint_url={address}"]
        self._client = boto3.client("s3", endpoint_url=address)
        self._client.create_bucket(Bucket=BUCKET)

    def put(self, key: str, content: bytes) -> None:
        self._client.put_object(Bucket=BUCKET, Key=key, Body=content)

    def remove(self, key: str) -> None:
        self._client.delete_object(Bucket=BUCKET, Key=key)

    def upload(self, folder: str, key: str) -> None:
        for path in pathlib.Path(folder).rglob("*"):
            if path.is_file():
                self.put(f"{key}/{path.relative_to(folder).as_posix()}", path.read_bytes())


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
    names = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in names.items():
            patch.setenv(name, value)
        server.start()
        host, port = server.get_host_and_port()
        yield Store(f"http://{host}:{port}")
        server.stop()
        use_options([])


def remote_spec(folder: pathlib.Path, files: str) -> str:
    """The spec of `people` with its files elsewhere; returns its path."""
    return people.write_spec_file(folder, {"data": {"files": files}})


def test_the_bytes_of_local_files(store, people_folder, people_run, tmp_path, monkeypatch):
    """Header, index, ranges, statistics and examples; a row's identity is its path below the pattern's root."""
    monkeypatch.setattr("prebake.pipelines.index.RANGE_BYTES", 20_000)
    store.upload(os.path.join(people_folder, "data"), "in")
    spec = load(remote_spec(tmp_path, f"s3://{BUCKET}/in/**/*.csv"), store.beam_args)
    run = str(tmp_path / "run")
    preprocess(spec, run, beam_args=store.beam_args)
    found, wanted = people.reproducible(run), people.reproducible(people_run)
    assert found.keys() == wanted.keys()
    assert [path for path in wanted if found[path] != wanted[path]] == []
    assert extend(spec, run, beam_args=store.beam_args) == []


@pytest.mark.long
def test_other_processes_read_it_too(store, people_folder, people_run, tmp_path):
    """The options reach them."""
    store.upload(os.path.join(people_folder, "data"), "in")
    beam_args = [*store.beam_args, "--direct_num_workers=2", "--direct_running_mode=multi_processing"]
    preprocess(
        load(remote_spec(tmp_path, f"s3://{BUCKET}/in/**/*.csv"), beam_args),
        str(tmp_path / "run"),
        beam_args=beam_args,
    )
    found, wanted = people.reproducible(str(tmp_path / "run")), people.reproducible(people_run)
    assert [path for path in wanted if found.get(path) != wanted[path]] == []


def test_columns_that_are_inferred_from_there(store, tmp_path, capsys):
    """By the command line, whose options are Beam's only behind `--`."""
    rows = "".join(f"{number},{number * 0.5},{'ab'[number % 2]}\n" for number in range(300))
    store.put("small/one.csv", f"x,y,s\n{rows}".encode())
    store.put("small/.one.csv.swp", b"\0")
    spec = tmp_path / "small.yaml"
    spec.write_text(f"data: {{files: 's3://{BUCKET}/small/*', label: y}}\n")
    assert main(["preprocess", str(spec), "--run", str(tmp_path / "run"), "--", *store.beam_args]) == 0
    assert "300 rows read from 1 file, 0 rejected" in capsys.readouterr().out


def test_patterns(store):
    for key in (
        "g/a.csv",
        "g/b.csv",
        "g/sub/c.csv",
        "g/sub/deep/d.csv",
        "g/.h.csv",
        "g/.sub/e.csv",
        "g/a.txt",
    ):
        store.put(key, b"x")
    use_options(store.beam_args)

    def names(pattern: str) -> list[str]:
        return [
            path.removeprefix(f"s3://{BUCKET}/g/") for path in expand_patterns([f"s3://{BUCKET}/g/{pattern}"])
        ]

    assert names("*.csv") == ["a.csv", "b.csv"]
    assert names("**/*.csv") == ["a.csv", "b.csv", "sub/c.csv", "sub/deep/d.csv"]
    assert names("**") == ["a.csv", "a.txt", "b.csv", "sub/c.csv", "sub/deep/d.csv"]
    assert names("*/*.csv") == ["sub/c.csv"]
    assert names("[a-b].csv") == ["a.csv", "b.csv"]
    assert names("?.txt") == ["a.txt"]
    assert names(".*.csv") == [".h.csv"]
    assert names("sub/c.csv") == ["sub/c.csv"]


@pytest.mark.parametrize(
    "pattern",
    [
        "*.csv",
        "**/*.csv",
        "**",
        "*/*",
        "**/deep/*",
        "sub/**",
        "[ab]*",
        ".*",
        "**/.*",
        "a.csv",
        "*",
        "s*/d*/*",
    ],
)
def test_patterns_are_those_of_local_files(pattern, tmp_path, monkeypatch):
    """What glob finds on disk is what `fits` lets through."""
    files = (
        "a.csv",
        "b.txt",
        "sub/c.csv",
        "sub/deep/d.csv",
        ".h.csv",
        ".sub/e.csv",
        "sub/.f.csv",
        "sub/deep/er/g",
    )
    for name in files:
        people.write_file(str(tmp_path / name), b"x")
    monkeypatch.chdir(tmp_path)
    assert [name for name in sorted(files) if fits(name, pattern)] == expand_patterns([pattern])


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (f"s3://{BUCKET}/none/*.csv", "no file matches 's3://people/none/*.csv' (check the pattern)"),
        (f"s3://{BUCKET}/none.csv", "no file matches 's3://people/none.csv' (check the pattern)"),
        (
            "abc://bucket/*.csv",
            "'abc://bucket/*.csv' cannot be looked up: the library for this filesystem is not installed, or there is none",
        ),
    ],
)
def test_files_that_are_not_there(store, pattern, said, tmp_path, capsys):
    spec = remote_spec(tmp_path, pattern)
    assert main(["preprocess", spec, "--run", str(tmp_path / "run"), "--", *store.beam_args]) == 2
    assert capsys.readouterr().err.partition(": data.files[0]: ")[2] == f"{said}\n"
    assert not (tmp_path / "run").exists()


def test_a_library_that_is_missing(store, monkeypatch):
    monkeypatch.setattr("apache_beam.io.aws.clients.s3.boto3_client.boto3", None)
    use_options(store.beam_args)
    with pytest.raises(PrebakeError) as error:
        expand_patterns([f"s3://{BUCKET}/*.csv"])
    assert str(error.value) == (
        "spec: data.files: 's3://people/*.csv' cannot be looked up: the library for this filesystem is not installed, or "
        "there is none (pip install 'prebake[s3]')"
    )


def test_a_file_that_goes_away(store):
    use_options(store.beam_args)
    with pytest.raises(PrebakeError) as error:
        open_raw(f"s3://{BUCKET}/gone.csv")
    assert str(error.value) == "s3://people/gone.csv: cannot be read: Not found: s3://people/gone.csv"


def test_a_damaged_row_is_named_by_its_place_there(store, tmp_path):
    store.put("bad/one.csv", b"x,y\n" + b"1,2\n" * 20 + b"1,two\n")
    path = tmp_path / "bad.yaml"
    data = f"{{files: 's3://{BUCKET}/bad/*.csv', columns: {{x: float, y: float}}, label: y}}"
    path.write_text(f"data: {data}\nfeatures: {{x: standardize}}\n")
    with pytest.raises(PrebakeError) as error:
        preprocess(load(str(path), store.beam_args), str(tmp_path / "run"), beam_args=store.beam_args)
    assert str(error.value) == (
        "s3://people/bad/one.csv:22:y 'two' is not a number: digits with an optional '-', '.' and exponent, nothing else"
    )


@pytest.mark.parametrize("command", [["preprocess"], ["analyze", "--extend"], ["train"], ["export"]])
def test_a_run_directory_there_is_refused(command, people_folder, capsys):
    spec = os.path.join(people_folder, "spec.yaml")
    assert main([command[0], spec, "--run", f"s3://{BUCKET}/run", *command[1:]]) == 2
    assert capsys.readouterr().err == (
        f"prebake {command[0]}: s3://people/run: a run directory must be a folder that this host and all workers see: "
        "results are published by renaming, which object stores cannot; only data.files may lie there\n"
    )
    assert not os.path.exists("s3:")
