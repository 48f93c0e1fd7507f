"""What the roles of a template are for: every request that somebody makes under one of them."""

from __future__ import annotations

from catalogue.template import Template
from tests.support.needs import code, delivery, hosting, services, workflows
from tests.support.needs.deployed import Deployed, Need

SOURCES = (
    code.functions,
    code.logs,
    delivery.build_projects,
    delivery.deployments_of,
    delivery.pipelines,
    hosting.endpoints,
    hosting.models,
    services.callers,
    services.canaries,
    services.clusters,
    services.devices,
    services.flow_logs,
    services.rules,
    services.schedules,
    services.tasks,
    services.topic_rules,
    workflows.airflow,
    workflows.pipelines,
    workflows.state_machines,
)
"""Each yields what a kind of resources asks for."""


def needs(template: Template) -> list[Need]:
    """Returns every need of a template's roles."""
    deployed = Deployed(template)
    return [need for source in SOURCES for need in source(deployed)]
