"""EKS Auto Mode: client in the VPC -> internal load balancer, TLS -> 2 to 8 pods on AWS's nodes."""

from __future__ import annotations

from aws_cdk import Duration, Tags
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_logs as logs
from constructs import Construct

from mla_constructs.containers.built_image import BuiltImage
from mla_constructs.kubernetes.auto_mode_cluster import AutoModeCluster
from mla_constructs.kubernetes.container_insights import ContainerInsights
from mla_constructs.network.private_load_balancer import PrivateLoadBalancer
from mla_constructs.network.private_vpc import PrivateVpc
from mla_constructs.network.self_signed_certificate import SelfSignedCertificate
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.security.data_key import DataKey
from mla_constructs.storage.buckets import AccessLogBucket
from runtime.containers import inference
from runtime.kubernetes import inference as workload
from stacks.deployment.eks_serving.facts import FACTS
from stacks.reference_stack import ReferenceStack

RETENTION = logs.RetentionDays.ONE_MONTH
