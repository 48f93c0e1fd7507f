"""Resources of every kind in an emulated account: whose they are, the name and tags tell."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from typing import Any

from moto.cloudformation.models import cloudformation_backends
from moto.resourcegroupstaggingapi.models import resourcegroupstaggingapi_backends
from moto.sagemaker.models import FakeEndpointConfig, sagemaker_backends

from tests.support.emulated_aws import ACCOUNT, REGION, EmulatedAws

# moto keeps a tuple there, and the tag index returns it as text.
FakeEndpointConfig.arn = property(  # type: ignore[attr-defined]
    lambda self: self.endpoint_config_arn, lambda _self, _value: None
)

PROJECT = {"project": "mla-reference-architectures"}
TEMPLATE = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
MAKERS: dict[str, Callable[[Estate, str, dict[str, str]], str]] = {}


class Estate:
    """Makes resources of a stack, by the kind that the command calls them."""

    def __init__(self, aws: EmulatedAws) -> None:
        self.aws = aws
        self.records: dict[str, dict[str, dict[str, Any]]] = {}
        self.networks: dict[str, tuple[str, str, str]] = {}
        self.number = count(1)
        for kind in ("Training", "Processing", "Transform"):
            self._jobs(kind)
        self._executions()
        self._components()
        self._model_packages()

    def make(self, kind: str, stack: str, *, ours: bool = True) -> str:
        """Makes a resource and returns its name."""
        tags = {"owner": "somebody"}
        if ours:
            tags = {**PROJECT, "architecture": stack}
        return MAKERS[kind](self, stack, tags)

    def stack(self, name: str, status: str = "CREATE_COMPLETE", *, ours: bool = True) -> str:
        """Makes a stack in a state, and returns its ID."""
        client = self.aws.client("cloudformation")
        tags = pairs({**PROJECT, "architecture": name} if ours else {})
        id = client.create_stack(StackName=name, TemplateBody=TEMPLATE, Tags=tags)["StackId"]  # noqa: A001
        cloudformation_backends[ACCOUNT][REGION].stacks[id].status = status
        return str(id)

    def network(self, stack: str, tags: dict[str, str]) -> tuple[str, str, str]:
        """Returns the VPC and two subnets of a stack."""
        if stack not in self.networks:
            ec2 = self.aws.client("ec2")
            vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=spec("vpc", tags))
            id = vpc["Vpc"]["VpcId"]  # noqa: A001
            subnets = [
                ec2.create_subnet(
                    VpcId=id,
                    CidrBlock=f"10.0.{zone}.0/24",
                    AvailabilityZone=f"{REGION}{'ab'[zone]}",
                    TagSpecifications=spec("subnet", tags),
                )["Subnet"]["SubnetId"]
                for zone in (0, 1)
            ]
            self.networks[stack] = (id, *subnets)
        return self.networks[stack]

    def equip(self, stack: str) -> None:
        """Fills the network of a stack with what keeps it from being deleted."""
        ec2 = self.aws.client("ec2")
        vpc, subnet, _ = self.networks[stack]
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        ec2.create_route_table(VpcId=vpc)
        groups = [
            ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
            for name in ("balancer", "tasks")
        ]
        for group, other in zip(groups, reversed(groups), strict=True):
            ec2.authorize_security_group_ingress(
                GroupId=group,
                IpPermissions=[
                    {
                        "IpProtocol": "tcp",
                        "FromPort": 8080,
                        "ToPort": 8080,
                        "UserIdGroupPairs": [{"GroupId": other}],
                    }
                ],
            )
        attached = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
        _, elsewhere, _ = self.network(f"{stack}-of-others", {})
        instance = ec2.run_instances(
            ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=elsewhere
        )["Instances"][0]
        ec2.attach_network_interface(
            NetworkInterfaceId=attached["NetworkInterfaceId"],
            InstanceId=instance["InstanceId"],
            DeviceIndex=1,
        )

    def _executions(self) -> None:
        """Moto's executions are over as soon as they begin, too."""
        self.records["Execution"] = {}

        def stop(asked: dict[str, Any]) -> dict[str, Any]:
            self.records["Execution"][asked["PipelineExecutionArn"]]["PipelineExecutionStatus"] = (
                "Stopped"
            )
            return {}

        self.aws.answers |= {
            "sagemaker:ListPipelineExecutions": lambda _: {
                "PipelineExecutionSummaries": [*self.records["Execution"].values()]
            },
            "sagemaker:StopPipelineExecution": stop,
        }

    def _jobs(self, kind: str) -> None:
        """Moto's jobs are over as soon as they begin: these run until they are stopped."""
        jobs = self.records.setdefault(kind, {})
        name = f"{kind}JobName"

        def running(_asked: dict[str, Any]) -> dict[str, Any]:
            return {f"{kind}JobSummaries": [job for job in jobs.values() if job["Status"] == "on"]}

        def stop(asked: dict[str, Any]) -> dict[str, Any]:
            jobs[asked[name]]["Status"] = "off"
            return {}

        self.aws.answers |= {
            f"sagemaker:List{kind}Jobs": running,
            f"sagemaker:Describe{kind}Job": lambda asked: jobs[asked[name]],
            f"sagemaker:Stop{kind}Job": stop,
        }

    def _model_packages(self) -> None:
        """Moto deletes neither versions nor groups, and SageMaker no group with a version."""
        versions = self.records.setdefault("Version", {})
        groups = sagemaker_backends[ACCOUNT][REGION].model_package_groups

        def listed(asked: dict[str, Any]) -> dict[str, Any]:
            of_group = [
                v for v in versions.values() if v["Group"] == asked["ModelPackageGroupName"]
            ]
            return {"ModelPackageSummaryList": of_group}

        def delete(asked: dict[str, Any]) -> dict[str, Any]:
            name = asked["ModelPackageGroupName"]
            assert not listed(asked)["ModelPackageSummaryList"], "the group is not empty"
            return groups.pop(name) and {}

        self.aws.answers |= {
            "sagemaker:ListModelPackages": listed,
            "sagemaker:DeleteModelPackage": lambda asked: (
                versions.pop(asked["ModelPackageName"]) and {}
            ),
            "sagemaker:DeleteModelPackageGroup": delete,
        }

    def _components(self) -> None:
        """Moto knows no inference components."""
        components = self.records.setdefault("Component", {})
        named = "InferenceComponentName"
        self.aws.answers |= {
            "sagemaker:ListInferenceComponents": lambda _: {
                "InferenceComponents": [*components.values()]
            },
            "sagemaker:DescribeInferenceComponent": lambda asked: components[asked[named]],
            "sagemaker:DeleteInferenceComponent": lambda asked: components.pop(asked[named]) and {},
            "resourcegroupstaggingapi:GetResources": self._tagged,
        }

    def _tagged(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Moto's tag index, and the components."""
        token, tagged = resourcegroupstaggingapi_backends[ACCOUNT][REGION].get_resources(
            tag_filters=asked["TagFilters"], pagination_token=asked.get("PaginationToken")
        )
        (wanted,) = asked["TagFilters"]
        found = [{"ResourceARN": each.arn, "Tags": pairs(each.tags)} for each in tagged]
        if not token:
            found += [
                {"ResourceARN": each["InferenceComponentArn"], "Tags": pairs(each["Tags"])}
                for each in self.records["Component"].values()
                if each["Tags"].get(wanted["Key"]) in wanted["Values"]
            ]
        return {"PaginationToken": token or "", "ResourceTagMappingList": found}


def pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def spec(kind: str, tags: dict[str, str]) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": pairs(tags)}] if tags else []


def maker(kind: str) -> Callable[..., Any]:
    def register(make: Callable[[Estate, str, dict[str, str]], str]) -> Any:
        MAKERS[kind] = make
        return make

    return register


@maker("schedules")
def schedules(estate: Estate, stack: str, tags: dict[str, str]) -> str:
    name = f"{stack}-Schedules-0937AB27"
    estate.aws.client("scheduler").create_schedule_group(Name=name, Tags=pairs(tags))
    return name


@maker("pipeline")
def pipeline(estate: Estate, stack: str, tags: dict[str, str]) -> str:
    estate.aws.client("sagemaker").create_pipeline(
        PipelineName=stack,
        PipelineDefinition='{"Version": "2020-12-01", "Steps": []}',
        RoleArn=role(stack),
        ClientRequestToken=f"{next(estate.number):032}",
        Tags=pairs(tags),
    )
    return stack


def role(stack: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{stack}-WorkspaceRoleDE0DA0F8-a1B2c3D4e5F6"


def job(kind: str) -> Callable[[Estate, str, dict[str, str]], str]:
    def make(estate: Estate, stack: str, _tags: dict[str, str]) -> str:
        name = f"workflow-{kind.lower()}-{next(estate.number)}"
        known = {"ModelName": f"{stack}-Model1A2B3C4D-a1B2c3D4e5F6"}
        if kind != "Transform":
            known = {"RoleArn": role(stack)}
        estate.records[kind][name] = {f"{kind}JobName": name, "Status": "on", **known}
        return name

    return make


for _kind in ("Training", "Processing", "Transform"):
    MAKERS[f"{_kind.lower()} job"] = job(_kind)


@maker("model")
def model(estate: Estate, stack: str, tags: dict[str, str]) -> str:
    name = f"{stack}-Model-{next(estate.number)}"
    estate.aws.client("sagemaker").create_model(
        ModelName=name,
        ExecutionRoleArn=role(stack),
        PrimaryContainer={"Image": "image", "ModelDataUrl": "s3://models/model.tar.gz"},
        Tags=pairs(tags),
    )
    return name


@maker("endpoint configuration")
def endpoint_configuration(estate: Estate, stack: str, tags: dict[str, str]) -> str:
    name = f"{stack}-Config-{next(estate.number)}"
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": model(estate, f"{stack}-of-{name}", {}),
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    estate.aws.client("sagemaker").create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[variant], Tags=pairs(tags)
    )
    return name


@maker("inference component")
def inference_component(estate: Estate, stack: str, tags: dict[str, str]) -> str:
    name = f"{stack}-onnx"
    estate.records["Component"][name] = {
        "InferenceComponentName": name,
        "InferenceComponentArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:inference-component/{name}",
        "CreationTime": 1_790_000_000,
        "EndpointArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{stack}",
        "EndpointName": stack,
        "VariantName": "AllTraffic",
        "Tags": tags,
    }
    return name


@maker("endpoint")
def endpoint(estate: Estate, stack: str, tags: dict[str, str]) -> str:
    estate.aws.client("sagemaker").create_endpoint(
        EndpointName=stack,
        EndpointConfigName=endpoint_configuration(estate, f"{stack}-of-it", {}),
        Tags=pairs(tags),
    )
    return stack


@maker("model package group")
def model_package_group(estate: Estate, stack: str, tags: dict[str, str]) -> str:
    sagemaker = estate.aws.client("sagemaker")
    arn = sagemaker.create_model_package_group(
        ModelPackageGroupName=stack, ModelPackageGroupDescription="Tumors", Tags=pairs(tags)
    )["ModelPackageGroupArn"]
    for number in (1, 2):
        version = f"{arn.replace('-group', '')}/{number}"
        estate.records["Version"][version] = {"ModelPackageArn": version, "Group": stack}
    return stack


@maker("load balancer")
def load_balancer(estate: Estate, stack: str, tags: dict[str, str]) -> str:
    _, *subnets = estate.network(f"{stack}-of-others", {})
    name = f"{stack}-Balancer"[-32:]
    estate.aws.client("elbv2").create_load_balancer(Name=name, Subnets=subnets, Tags=pairs(tags))
    return name


@maker("target group")
def target_group(estate: Estate, stack: str, tags: dict[str, str]) -> str:
    vpc, *_ = estate.network(f"{stack}-of-others", {})
    name = f"{stack}-Targets"[-32:]
    estate.aws.client("elbv2").create_target_group(
        Name=name, Port=8080, Protocol="HTTP", VpcId=vpc, Tags=pairs(tags)
    )
    return name


@maker("VPC endpoint")
def vpc_endpoint(estate: Estate, stack: str, tags: dict[str, str]) -> str:
    vpc, subnet, _ = estate.network(f"{stack}-of-others", {})
    made = estate.aws.client("ec2").create_vpc_endpoint(
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{REGION}.logs",
        VpcEndpointType="Interface",
        SubnetIds=[subnet],
        TagSpecifications=spec("vpc-endpoint", tags),
    )
    return str(made["VpcEndpoint"]["VpcEndpointId"])


@maker("NAT gateway")
def nat_gateway(estate: Estate, stack: str, tags: dict[str, str]) -> str:
    ec2 = estate.aws.client("ec2")
    _, subnet, _ = estate.network(f"{stack}-of-others", {})
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    made = ec2.create_nat_gateway(
        SubnetId=subnet, AllocationId=address, TagSpecifications=spec("natgateway", tags)
    )
    return str(made["NatGateway"]["NatGatewayId"])


@maker("Elastic IP")
def elastic_ip(estate: Estate, _stack: str, tags: dict[str, str]) -> str:
    made = estate.aws.client("ec2").allocate_address(
        Domain="vpc", TagSpecifications=spec("elastic-ip", tags)
    )
    return str(made["PublicIp"])


@maker("file system")
def file_system(estate: Estate, stack: str, tags: dict[str, str]) -> str:
    efs = estate.aws.client("efs")
    id = efs.create_file_system(CreationToken=stack, Tags=pairs(tags))["FileSystemId"]  # noqa: A001
    _, subnet, _ = estate.network(f"{stack}-of-others", {})
    efs.create_mount_target(FileSystemId=id, SubnetId=subnet)
    return str(id)


@maker("network interface")
def network_interface(estate: Estate, stack: str, tags: dict[str, str]) -> str:
    """Without tags of its own: it is its network that is ours."""
    _, subnet, _ = estate.network(stack, tags)
    made = estate.aws.client("ec2").create_network_interface(SubnetId=subnet)
    return str(made["NetworkInterface"]["NetworkInterfaceId"])


@maker("VPC")
def vpc(estate: Estate, stack: str, tags: dict[str, str]) -> str:
    return estate.network(stack, tags)[0]


@maker("volume")
def volume(estate: Estate, _stack: str, tags: dict[str, str]) -> str:
    made = estate.aws.client("ec2").create_volume(
        Size=1, AvailabilityZone=f"{REGION}a", TagSpecifications=spec("volume", tags)
    )
    return str(made["VolumeId"])


@maker("snapshot")
def snapshot(estate: Estate, stack: str, tags: dict[str, str]) -> str:
    made = estate.aws.client("ec2").create_snapshot(
        VolumeId=volume(estate, stack, {}), TagSpecifications=spec("snapshot", tags)
    )
    return str(made["SnapshotId"])


@maker("secret")
def secret(estate: Estate, stack: str, tags: dict[str, str]) -> str:
    estate.aws.client("secretsmanager").create_secret(
        Name=stack, SecretString="{}", Tags=pairs(tags)
    )
    return stack


@maker("image repository")
def image_repository(estate: Estate, stack: str, tags: dict[str, str]) -> str:
    ecr = estate.aws.client("ecr")
    ecr.create_repository(repositoryName=stack, tags=pairs(tags))
    media = "application/vnd.docker.distribution.manifest.v2+json"
    layers = {
        "schemaVersion": 2,
        "mediaType": media,
        "config": {"digest": f"sha256:{'0' * 64}"},
        "layers": [],
    }
    ecr.put_image(repositoryName=stack, imageManifest=json.dumps(layers), imageTag="latest")
    return stack


@maker("bucket")
def bucket(estate: Estate, stack: str, tags: dict[str, str]) -> str:
    s3 = estate.aws.client("s3")
    name = f"{stack}-capturedbucket-a1b2c3d4"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": pairs(tags)})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"first", b"second"):
        s3.put_object(Bucket=name, Key="object", Body=body)
    s3.delete_object(Bucket=name, Key="object")
    return name


@maker("alarm")
def alarm(estate: Estate, stack: str, tags: dict[str, str]) -> str:
    name = f"{stack}-ServerErrors"
    estate.aws.client("cloudwatch").put_metric_alarm(AlarmName=name, **ALARM, Tags=pairs(tags))
    return name


ALARM: dict[str, Any] = {
    "MetricName": "Invocation5XXErrors",
    "Namespace": "AWS/SageMaker",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
}


@maker("topic")
def topic(estate: Estate, stack: str, tags: dict[str, str]) -> str:
    estate.aws.client("sns").create_topic(Name=stack, Tags=pairs(tags))
    return stack


@maker("table")
def table(estate: Estate, stack: str, tags: dict[str, str]) -> str:
    estate.aws.client("dynamodb").create_table(
        TableName=stack,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        Tags=pairs(tags),
    )
    return stack


@maker("log group")
def log_group(estate: Estate, stack: str, tags: dict[str, str]) -> str:
    """Made anew by SageMaker after its stack was deleted: it has no tags."""
    assert tags
    name = f"/aws/sagemaker/Endpoints/{stack}"
    estate.aws.client("logs").create_log_group(logGroupName=name)
    return name


@maker("key")
def key(estate: Estate, _stack: str, tags: dict[str, str]) -> str:
    made = estate.aws.client("kms").create_key(
        Tags=[{"TagKey": key, "TagValue": value} for key, value in tags.items()]
    )
    return str(made["KeyMetadata"]["KeyId"])


def inventory(aws: EmulatedAws) -> dict[str, set[str]]:
    """Returns what is in the account, kind by kind, by the services' own lists."""
    client = aws.client
    sagemaker, ec2 = client("sagemaker"), client("ec2")

    def names(items: list[dict[str, Any]], field: str) -> set[str]:
        return {str(item[field]) for item in items}

    alive = [
        gateway
        for gateway in ec2.describe_nat_gateways()["NatGateways"]
        if gateway["State"] != "deleted"
    ]
    kms = client("kms")
    keys = [
        key["KeyId"]
        for key in kms.list_keys()["Keys"]
        if kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "Enabled"
    ]
    groups = client("logs").get_paginator("describe_log_groups").paginate()
    return {
        "schedules": names(client("scheduler").list_schedule_groups()["ScheduleGroups"], "Name"),
        "pipeline": names(sagemaker.list_pipelines()["PipelineSummaries"], "PipelineName"),
        **{
            f"{kind.lower()} job": names(
                getattr(sagemaker, f"list_{kind.lower()}_jobs")()[f"{kind}JobSummaries"],
                f"{kind}JobName",
            )
            for kind in ("Training", "Processing", "Transform")
        },
        "endpoint": names(sagemaker.list_endpoints()["Endpoints"], "EndpointName"),
        "endpoint configuration": names(
            sagemaker.list_endpoint_configs()["EndpointConfigs"], "EndpointConfigName"
        ),
        "model": names(sagemaker.list_models(MaxResults=100)["Models"], "ModelName"),
        "model package group": names(
            sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"],
            "ModelPackageGroupName",
        ),
        "load balancer": names(
            client("elbv2").describe_load_balancers()["LoadBalancers"], "LoadBalancerName"
        ),
        "target group": names(
            client("elbv2").describe_target_groups()["TargetGroups"], "TargetGroupName"
        ),
        "VPC endpoint": {
            endpoint["VpcEndpointId"]
            for endpoint in ec2.describe_vpc_endpoints()["VpcEndpoints"]
            if endpoint["State"] != "deleted"
        },
        "inference component": names(
            sagemaker.list_inference_components()["InferenceComponents"], "InferenceComponentName"
        ),
        "NAT gateway": names(alive, "NatGatewayId"),
        "Elastic IP": names(ec2.describe_addresses()["Addresses"], "PublicIp"),
        "file system": names(client("efs").describe_file_systems()["FileSystems"], "FileSystemId"),
        "network interface": names(
            ec2.describe_network_interfaces()["NetworkInterfaces"], "NetworkInterfaceId"
        ),
        "VPC": names(ec2.describe_vpcs()["Vpcs"], "VpcId"),
        "volume": names(ec2.describe_volumes()["Volumes"], "VolumeId"),
        "snapshot": names(ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"], "SnapshotId"),
        "secret": names(client("secretsmanager").list_secrets()["SecretList"], "Name"),
        "image repository": names(
            client("ecr").describe_repositories()["repositories"], "repositoryName"
        ),
        "bucket": names(client("s3").list_buckets()["Buckets"], "Name"),
        "alarm": names(client("cloudwatch").describe_alarms()["MetricAlarms"], "AlarmName"),
        "topic": {
            item["TopicArn"].rpartition(":")[2] for item in client("sns").list_topics()["Topics"]
        },
        "table": set(client("dynamodb").list_tables()["TableNames"]),
        "log group": {group["logGroupName"] for page in groups for group in page["logGroups"]},
        "key": set(keys),
    }
