"""In: deploy/flink/kubernetes.yaml. Out: a cluster as the tests run it, and a job whose options Beam understands."""

from __future__ import annotations

from apache_beam.options.pipeline_options import FlinkRunnerOptions, PortableOptions
from beam_options import check_options
from linters import DEPLOY, check_kubernetes, lint, manifests
from prebake.deploy.flink_cluster import OPENS, SETTINGS
from prebake.deploy.flink_install import FLINK
from prebake.deploy.flink_runner import FlinkFolder
from prebake.pipelines.preprocess import split_beam_args

from prebake.cli import make_parser

# Of the operator's FlinkDeployment and of what it has in jobManager and taskManager.
FIELDS = {
    "image",
    "flinkVersion",
    "serviceAccount",
    "mode",
    "flinkConfiguration",
    "jobManager",
    "taskManager",
}
PODS = {"replicas", "resource", "podTemplate"}


def test_yaml():
    rules = "{extends: default, rules: {line-length: {max: 125}}}"
    assert lint("yamllint", "--strict", "-d", rules, DEPLOY) == ""


def test_manifest():
    cluster, job = manifests(DEPLOY / "flink" / "kubernetes.yaml")
    assert (cluster["apiVersion"], cluster["kind"]) == ("flink.apache.org/v1beta1", "FlinkDeployment")
    assert cluster["spec"].keys() == FIELDS
    for name in ("jobManager", "taskManager"):
        assert cluster["spec"][name].keys() <= PODS
        assert cluster["spec"][name]["resource"].keys() == {"memory", "cpu"}
    check_kubernetes(job)


def test_pods_of_the_cluster():
    """The operator fills in the main container: an image of its own makes it what Kubernetes checks."""
    cluster, _ = manifests(DEPLOY / "flink" / "kubernetes.yaml")
    template = cluster["spec"]["taskManager"]["podTemplate"]
    main, pool = template["spec"]["containers"]
    assert main["name"] == "flink-main-container"
    main["image"] = cluster["spec"]["image"]
    check_kubernetes({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}, **template})
    volumes = {volume["name"] for volume in template["spec"]["volumes"]}
    assert {mount["name"] for one in (main, pool) for mount in one["volumeMounts"]} == volumes
    assert cluster["spec"]["flinkConfiguration"]["io.tmp.dirs"] == main["volumeMounts"][0]["mountPath"]


def test_configuration_is_that_of_the_tests():
    cluster, _ = manifests(DEPLOY / "flink" / "kubernetes.yaml")
    found = cluster["spec"]["flinkConfiguration"]
    assert {key: str(value) for key, value in SETTINGS.items()}.items() <= found.items()
    assert found["env.java.opts.all"].split() == OPENS
    assert all(isinstance(value, str) for value in found.values())
    major, minor, _ = FLINK.split("==")[1].split(".")
    assert cluster["spec"]["flinkVersion"] == f"v{major}_{minor}"


def test_driver():
    """Its command is one of prebake's, its options are Beam's, and name the cluster and the workers of this file."""
    cluster, job = manifests(DEPLOY / "flink" / "kubernetes.yaml")
    (driver,) = job["spec"]["template"]["spec"]["containers"]
    ours, beam_args = split_beam_args(driver["args"])
    args = make_parser().parse_args(ours)
    assert args.takes_beam_args
    options = check_options(beam_args)
    flink = options.view_as(FlinkRunnerOptions)
    assert flink.flink_master == f"{cluster['metadata']['name']}-rest:8081"
    assert options.view_as(FlinkFolder).flink_folder == "/opt/prebake/flink"
    portable = options.view_as(PortableOptions)
    pool = cluster["spec"]["taskManager"]["podTemplate"]["spec"]["containers"][1]
    port = dict(one.split("=") for one in pool["args"])["--service_port"]
    assert (portable.environment_type, portable.environment_config) == ("EXTERNAL", f"localhost:{port}")
    folders = {one["volumeMounts"][0]["mountPath"] for one in (driver, pool)}
    assert len(folders) == 1
    assert all(path.startswith(f"{folder}/") for path in (args.spec, args.run) for folder in folders)
