"""The manifests of the inference container: what the API server takes, and what they promise."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from aws_cdk import aws_eks_v2 as eks

from mla_constructs.errors import InvalidArgument
from mla_constructs.kubernetes.auto_mode_cluster import VERSION, read_manifests
from runtime.containers.inference import server, settings
from runtime.kubernetes import inference

VALUES = {
    "image": "registry/repository@sha256:0",
    "architecture": "amd64",
    "min_replicas": "2",
    "max_replicas": "8",
    "cpu_target": "60",
    "vpc_cidr": "10.0.0.0/16",
    "target_group": "arn:of:a:target:group",
}
OWN_TO_EKS = {"TargetGroupBinding"}
"""Kinds that Auto Mode defines: Kubernetes has no schema of them."""

Object = dict[str, Any]


@pytest.fixture(scope="module")
def objects() -> list[Object]:
    return list(read_manifests(inference.MANIFESTS, VALUES))


def of_kind(objects: list[Object], kind: str) -> Object:
    (found,) = (item for item in objects if item["kind"] == kind)
    return found


@pytest.fixture(scope="module")
def pod(objects: list[Object]) -> Object:
    return dict(of_kind(objects, "Deployment")["spec"]["template"]["spec"])


@pytest.fixture(scope="module")
def container(pod: Object) -> Object:
    (only,) = pod["containers"]
    return dict(only)


def variables(container: Object) -> dict[str, str]:
    return {item["name"]: item["value"] for item in container["env"]}


# What the API server takes


def test_objects_fit_the_schema_of_the_clusters_version(objects: list[Object]) -> None:
    for item in objects:
        if item["kind"] not in OWN_TO_EKS:
            kubernetes_validate.validate(item, VERSION.version, strict=True)


def test_the_validator_would_say_so(objects: list[Object]) -> None:
    deployment = of_kind(objects, "Deployment")
    wrong = {**deployment, "spec": {**deployment["spec"], "replica": 2}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSION.version, strict=True)


def test_everything_is_in_the_namespace(objects: list[Object]) -> None:
    outside = {"Namespace": inference.NAMESPACE, "ConfigMap": "amazon-vpc-cni"}
    for item in objects:
        if item["kind"] in outside:
            assert item["metadata"]["name"] == outside[item["kind"]]
        else:
            assert item["metadata"]["namespace"] == inference.NAMESPACE, item["kind"]
            assert item["metadata"]["name"] == inference.NAME, item["kind"]


def test_whatever_refers_to_the_pods_finds_them(objects: list[Object]) -> None:
    labels = of_kind(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    spec = of_kind(objects, "Deployment")["spec"]
    assert spec["selector"]["matchLabels"].items() <= labels.items()
    assert of_kind(objects, "Service")["spec"]["selector"].items() <= labels.items()
    budget = of_kind(objects, "PodDisruptionBudget")["spec"]
    assert budget["selector"]["matchLabels"].items() <= labels.items()
    for spread in spec["template"]["spec"]["topologySpreadConstraints"]:
        assert spread["labelSelector"]["matchLabels"].items() <= labels.items()
    target = of_kind(objects, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", inference.NAME)
    binding = of_kind(objects, "TargetGroupBinding")["spec"]
    assert binding["serviceRef"] == {"name": inference.NAME, "port": inference.PORT}
    assert binding["targetType"] == "ip"


# What they promise


def test_pod_fits_the_restricted_standard_that_the_namespace_enforces(
    objects: list[Object], pod: Object, container: Object
) -> None:
    labels = of_kind(objects, "Namespace")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    own = container["securityContext"]
    assert own["allowPrivilegeEscalation"] is False
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert own["readOnlyRootFilesystem"] is True
    assert not {"hostNetwork", "hostPID", "hostIPC", "volumes"} & pod.keys()


def test_pod_runs_as_the_images_own_user(pod: Object) -> None:
    dockerfile = inference.MANIFESTS.parents[1] / "containers" / "inference" / "Dockerfile"
    (user,) = re.findall(r"^ARG RUN_AS=(\d+)$", dockerfile.read_text(), flags=re.MULTILINE)
    assert pod["securityContext"]["runAsUser"] == int(user)


def test_pod_has_no_way_to_the_api_server(objects: list[Object], pod: Object) -> None:
    assert of_kind(objects, "ServiceAccount")["automountServiceAccountToken"] is False
    assert pod["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == inference.NAME


def test_network_policy_lets_one_port_in_and_nothing_out(objects: list[Object]) -> None:
    policy = of_kind(objects, "NetworkPolicy")["spec"]
    assert policy["podSelector"] == {}
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert policy["egress"] == []
    (rule,) = policy["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": inference.PORT}]
    assert rule["from"] == [{"ipBlock": {"cidr": VALUES["vpc_cidr"]}}]
    switch = of_kind(objects, "ConfigMap")["data"]
    assert switch == {"enable-network-policy-controller": "true"}


def test_port_and_path_are_the_containers(container: Object) -> None:
    assert container["ports"] == [{"name": "http", "containerPort": settings.Settings().port}]
    routes = re.findall(r'"(/[a-z-]+)"', Path(server.__file__).read_text())
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] in routes


def test_variables_are_the_containers(container: Object) -> None:
    given = variables(container)
    read = settings.from_environment(given)
    assert read.workers == float(container["resources"]["limits"]["cpu"]) == 1
    assert read.max_bytes == settings.Settings().max_bytes
    assert given.keys() <= {"SERVING_WORKERS", "SERVING_MAX_BYTES"}


def test_pod_is_guaranteed_what_it_may_use(container: Object) -> None:
    assert container["resources"]["requests"] == container["resources"]["limits"]


def test_pod_ends_after_traffic_and_after_its_answers(pod: Object, container: Object) -> None:
    wait = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > wait + server.DRAIN_SECONDS


def test_liveness_is_more_patient_than_readiness(container: Object) -> None:
    def patience(probe: str) -> int:
        return int(container[probe]["periodSeconds"] * container[probe]["failureThreshold"])

    assert patience("readinessProbe") < patience("livenessProbe")
    assert patience("startupProbe") >= 60


def test_autoscaler_owns_the_number_of_pods(objects: list[Object]) -> None:
    assert "replicas" not in of_kind(objects, "Deployment")["spec"]
    scaling = of_kind(objects, "HorizontalPodAutoscaler")["spec"]
    assert (scaling["minReplicas"], scaling["maxReplicas"]) == (2, 8)
    (metric,) = scaling["metrics"]
    assert metric["resource"]["name"] == "cpu"
    assert metric["resource"]["target"] == {"type": "Utilization", "averageUtilization": 60}
    assert scaling["behavior"]["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert scaling["behavior"]["scaleDown"]["stabilizationWindowSeconds"] >= 300


def test_no_roll_out_and_no_drained_node_takes_a_pod_too_many(objects: list[Object]) -> None:
    strategy = of_kind(objects, "Deployment")["spec"]["strategy"]["rollingUpdate"]
    assert strategy == {"maxUnavailable": 0, "maxSurge": 1}
    assert of_kind(objects, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def test_pods_are_spread_over_zones(pod: Object) -> None:
    spread = {item["topologyKey"]: item for item in pod["topologySpreadConstraints"]}
    assert spread["topology.kubernetes.io/zone"]["whenUnsatisfiable"] == "DoNotSchedule"
    assert spread["topology.kubernetes.io/zone"]["maxSkew"] == 1


# Reading them


def test_a_value_that_is_not_given_is_named() -> None:
    fewer = {name: value for name, value in VALUES.items() if name != "image"}
    with pytest.raises(InvalidArgument, match=r"2-workload.yaml asks for \$image: give it"):
        list(read_manifests(inference.MANIFESTS, fewer))


def test_a_folder_without_manifests_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="name one that has YAML files"):
        list(read_manifests(tmp_path, {}))


def test_version_is_one_that_the_kubectl_layer_is_for() -> None:
    layer = next(
        line for line in REQUIREMENTS.read_text().splitlines() if "lambda-layer-kubectl" in line
    )
    minor = VERSION.version.removeprefix("1.")
    assert layer.startswith(f"aws-cdk.lambda-layer-kubectl-v{minor}==")
    assert isinstance(VERSION, eks.KubernetesVersion)


REQUIREMENTS = inference.MANIFESTS.parents[2] / "requirements.in"
