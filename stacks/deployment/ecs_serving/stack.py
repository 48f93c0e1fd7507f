"""Fargate: client in the VPC -> WAF -> internal load balancer, TLS -> 2 to 8 tasks."""

from __future__ import annotations

PORT = 8080
