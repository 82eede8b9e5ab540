"""In: deploy/train/. Out: a Kubernetes job and a Slurm script that agree with themselves and with the launcher."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import kubernetes_validate
import pytest
from linters import DEPLOY, check_kubernetes, lint, manifests
from prebake.training.hosts import expand_hosts
from prebake.training.launch import main as launch

KUBERNETES = DEPLOY / "train" / "kubernetes.yaml"
SLURM = DEPLOY / "train" / "slurm.sh"


def test_kubernetes_knows_each_field():
    for manifest in manifests(KUBERNETES):
        check_kubernetes(manifest)


def test_a_field_that_kubernetes_does_not_know_is_found():
    """The check itself."""
    service, job = manifests(KUBERNETES)
    job["spec"]["completion"] = 4
    with pytest.raises(kubernetes_validate.ValidationError, match="'completion' was unexpected"):
        check_kubernetes(job)


def test_hosts_of_the_job():
    """The names that --hosts gives are those of the pods: JOB-INDEX.SUBDOMAIN, of a service without an address."""
    service, job = manifests(KUBERNETES)
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    arguments = dict(one.split("=") for one in container["args"] if one.startswith("--"))
    assert pod["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"].items() <= job["spec"]["template"]["metadata"]["labels"].items()
    assert spec["completionMode"] == "Indexed"
    assert spec["completions"] == spec["parallelism"]
    assert expand_hosts(arguments["--hosts"]) == [
        f"{job['metadata']['name']}-{index}.{pod['subdomain']}" for index in range(spec["completions"])
    ]
    ports = {container["ports"][0]["containerPort"], service["spec"]["ports"][0]["port"]}
    assert ports == {int(arguments["--port"])}
    assert container["args"][0].startswith(container["volumeMounts"][0]["mountPath"] + "/")


def test_what_ends_the_job_and_what_starts_a_pod_again(monkeypatch, tmp_path):
    """The exit code that is not tried again is the launcher's for a mistake."""
    _, job = manifests(KUBERNETES)
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    codes, disruption = job["spec"]["podFailurePolicy"]["rules"]
    assert pod["restartPolicy"] == "Never"  # the job makes another pod: podFailurePolicy asks for it
    assert (codes["action"], codes["onExitCodes"]["containerName"]) == ("FailJob", container["name"])
    assert disruption["action"] == "Ignore"
    # The pod's own command on a run that is not there.
    assert container["command"][:-1] == ["python", "-P", "-m"]
    assert container["command"][-1] == launch.__module__
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "1")
    code = launch([str(tmp_path), *container["args"][1:]])
    assert codes["onExitCodes"]["values"] == [code]


def test_slurm_script():
    assert lint("shellcheck", SLURM) == ""


# Says what it was called with; then one of its tasks as Slurm would start it.
SRUN = """#!/bin/sh
printf '%s\\n' "$@" > "$OUT/arguments"
while [ "${1#--}" != "$1" ]; do shift; done
SLURM_PROCID=1 exec "$@"
"""
PYTHON = """#!/bin/sh
shift 3
exec {python} -c 'import json, os, sys
from prebake.training import launch
launch._start = lambda command, config: launch.subprocess.Popen(
    [sys.executable, "-c", "import json, sys; print(json.dumps(sys.argv[1:]))", config, *command[3:]]
)
sys.exit(launch.main())' "$@"
"""


def test_what_slurm_starts(tmp_path):
    """The script itself, with an `srun` that runs one task of it here."""
    (tmp_path / "srun").write_text(SRUN)
    (tmp_path / "python").write_text(PYTHON.format(python=sys.executable))
    for name in ("srun", "python"):
        (tmp_path / name).chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "OUT": str(tmp_path),
        "SLURM_JOB_NODELIST": "n[08-10,12]",
        "SLURM_JOB_ID": "123456",
    }
    done = subprocess.run(
        ["bash", SLURM, "/runs/one", "--name", "two"], env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    config, *command = json.loads(done.stdout)
    assert json.loads(config) == {
        "cluster": {"worker": ["n08:10456", "n09:10456", "n10:10456", "n12:10456"]},
        "task": {"type": "worker", "index": 1},
    }
    assert command == ["/runs/one", "--name", "two"]
    assert (tmp_path / "arguments").read_text().splitlines()[:2] == ["--kill-on-bad-exit=1", "python"]


def test_slurm_script_without_a_run():
    done = subprocess.run(
        ["bash", SLURM], env=os.environ | {"SLURM_JOB_ID": "1"}, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert done.stderr.endswith("usage: sbatch slurm.sh RUN\n")
