"""In: options that name no cluster. Out: one line. With a cluster: tests/pipelines/test_flink.py."""

from __future__ import annotations

import apache_beam as beam
import pytest
from prebake.pipelines.runner import make_pipeline, run
from prebake.schemas.errors import PrebakeError


@pytest.mark.parametrize("master", ["localhost:1", "http://localhost:1"])
def test_no_cluster(master):
    name = "prebake.deploy.flink_runner.FlinkSessionRunner"
    command = '--environment_config={"command": "worker"}'
    pipeline = make_pipeline(
        [f"--runner={name}", f"--flink_master={master}", "--environment_type=PROCESS", command]
    )
    _ = pipeline | beam.Create([1])
    with pytest.raises(PrebakeError) as error:
        run(pipeline)
    assert str(error.value) == (
        "no Flink cluster answers at http://localhost:1: <urlopen error [Errno 111] Connection refused>: "
        "see --flink_master"
    )
