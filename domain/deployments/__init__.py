"""Deployments: deploy, start, stop, restart, scale and roll back services, and read the history."""

from domain.deployments.deploy import deploy_pushed, deploy_service, rollback_service, scale_service
from domain.deployments.detail import DeploymentDetail
from domain.deployments.differences import Difference
from domain.deployments.history import Log, cancel_deployment, get_deployment, get_deployment_logs, list_deployments
from domain.deployments.operate import restart_service, start_service, stop_service

__all__ = [
    "DeploymentDetail",
    "Difference",
    "Log",
    "cancel_deployment",
    "deploy_pushed",
    "deploy_service",
    "get_deployment",
    "get_deployment_logs",
    "list_deployments",
    "restart_service",
    "rollback_service",
    "scale_service",
    "start_service",
    "stop_service",
]
