"""Services: create, read, update, delete, validate and export them."""

from domain.services.create import create_service
from domain.services.delete import delete_service
from domain.services.read import Export, ServiceDetail, export_service, get_service, list_services
from domain.services.update import update_service
from domain.services.validate import ValidationResult, validate_service

__all__ = [
    "Export",
    "ServiceDetail",
    "ValidationResult",
    "create_service",
    "delete_service",
    "export_service",
    "get_service",
    "list_services",
    "update_service",
    "validate_service",
]
