"""Fargate: client in the VPC -> WAF -> internal load balancer, TLS -> 2 to 8 tasks."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_logs as logs
from constructs import Construct

from mla_constructs.containers.built_image import BuiltImage
from mla_constructs.containers.fargate_task import FargateTask
from mla_constructs.containers.insights_cluster import InsightsCluster
from mla_constructs.network.private_load_balancer import PrivateLoadBalancer
from mla_constructs.network.private_vpc import PrivateVpc
from mla_constructs.network.self_signed_certificate import SelfSignedCertificate
from mla_constructs.network.web_acl import WebAcl
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.security.data_key import DataKey
from mla_constructs.storage.buckets import AccessLogBucket
from runtime.containers import inference
from stacks.deployment.ecs_serving.facts import FACTS
from stacks.reference_stack import ReferenceStack

PORT = 8080
