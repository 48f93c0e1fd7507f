"""The cluster with Container Insights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mla_constructs.containers.insights_cluster import InsightsCluster

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


def test_log_group_of_the_insights_is_there_first_and_encrypted(parts: Parts) -> None:
    InsightsCluster(parts.stack, "Cluster", vpc=parts.vpc, **parts.kept)
    (cluster,) = parts.template.find_resources("AWS::ECS::Cluster").values()
    (logs,) = cluster["DependsOn"]
    group = parts.template.find_resources("AWS::Logs::LogGroup")[logs]["Properties"]
    assert group["LogGroupName"] == {
        "Fn::Join": [
            "",
            ["/aws/ecs/containerinsights/", cluster["Properties"]["ClusterName"], "/performance"],
        ]
    }
    assert group["KmsKeyId"]


def test_insights_are_on(parts: Parts) -> None:
    InsightsCluster(parts.stack, "Cluster", vpc=parts.vpc, **parts.kept)
    assert parts.properties("AWS::ECS::Cluster")["ClusterSettings"] == [
        {"Name": "containerInsights", "Value": "enabled"}
    ]
