"""Pydantic models of the peer's requests and responses."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AliasGenerator, BaseModel, ConfigDict, Field, StringConstraints, field_serializer
from pydantic.alias_generators import to_camel

from domain.model.role import Role
from domain.model.service import DeployMethod, ServiceStatus
from domain.templates import MASK

CustomerId = Annotated[str, StringConstraints(pattern="^cust_[0-9a-z]+$", max_length=64)]
Slug = Annotated[str, StringConstraints(pattern="^[a-z0-9][a-z0-9-]*$", max_length=63)]


class RequestModel(BaseModel):
    """A request body or query. Unknown fields are rejected."""

    model_config = ConfigDict(extra="forbid")


class ResponseModel(BaseModel):
    """A response, created from a row or from the result of a rule."""

    model_config = ConfigDict(from_attributes=True)


class ListModel(ResponseModel):
    """A page of a list."""

    total: int
    page: int
    per_page: int
    has_more: bool


class Permission(ResponseModel):
    """A permission."""

    name: str
    operations: list[str]


class PermissionList(ListModel):
    """A page of permissions."""

    data: list[Permission]


class ServiceCheck(RequestModel):
    """The body of `POST /services/validate`."""

    compose: Annotated[str, StringConstraints(min_length=1, max_length=262144)]
    variables: dict[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)],
        Annotated[str, StringConstraints(max_length=65536)],
    ] = Field(default={}, max_length=200)


class Finding(ResponseModel):
    """A finding of the policy."""

    code: str
    severity: str
    message: str
    line: int
    pointer: str


class QuotaEffect(ResponseModel):
    """The quota that a service uses."""

    services: int
    containers: int
    cpu: float
    memory_mb: int
    storage_mb: int


class ServiceReport(ResponseModel):
    """The result of a validation."""

    valid: bool
    findings: list[Finding]
    quota_effect: QuotaEffect | None


class ServiceQuery(RequestModel):
    """The query parameters of `GET /services`."""

    page: int = Field(1, ge=1, le=1_000_000)
    per_page: int = Field(20, ge=1, le=100)
    sort: Literal["name", "status", "created_at", "updated_at"] = "created_at"
    order: Literal["asc", "desc"] = "desc"
    search: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    status: ServiceStatus | None = None
    template: Slug | None = None
    deploy_method: DeployMethod | None = None
    customer_id: CustomerId | None = None


class Resources(ResponseModel):
    """The resource usage of a service."""

    cpu_usage: float
    memory_usage_mb: float
    memory_limit_mb: int | None


class ServiceSummary(ResponseModel):
    """A service as in lists."""

    id: str
    name: str
    status: ServiceStatus
    url: str | None
    customer_id: str | None
    template: str | None
    deploy_method: DeployMethod
    created_at: datetime
    updated_at: datetime
    resources: Resources


class ServiceList(ListModel):
    """A page of services."""

    data: list[ServiceSummary]


class ServiceResources(Resources):
    """The resource usage and limits of a service."""

    cpu_limit: float | None
    storage_mb: float


class Variable(ResponseModel):
    """A variable of the environment."""

    name: str
    value: str
    secret: bool

    @field_serializer("value")
    def mask(self, value: str) -> str:
        """Mask the value of a secret."""
        return MASK if self.secret else value


class Health(ResponseModel):
    """The result of the last health check."""

    status: str
    last_check: datetime | None
    consecutive_failures: int


class HealthCheck(ResponseModel):
    """The health check of a service."""

    path: str
    port: int | None
    interval: int
    timeout: int


class Service(ServiceSummary):
    """A service."""

    customer_name: str | None
    image: str | None
    compose: str
    variables: list[Variable]
    custom_domains: list[str]
    port: int | None
    labels: dict[str, str]
    resources: ServiceResources
    health: Health
    healthcheck: HealthCheck | None
    deploy_timeout: int
    deployment_id: str | None
    operation_id: str | None
    pending_changes: bool
    deployed_at: datetime | None


class ApiKeyCreate(RequestModel):
    """The body of `POST /v1/api-keys`."""

    model_config = ConfigDict(alias_generator=to_camel)
    name: Annotated[
        str,
        StringConstraints(
            min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
        ),
    ]
    role: Role
    customer_id: CustomerId | None = None
    rate_limit_rpm: Annotated[int, Field(ge=1, le=100_000)] | None = None
    denied_permissions: Annotated[
        list[Annotated[str, StringConstraints(pattern=r"^[a-z_]+\.[a-z_]+$", max_length=63)]], Field(max_length=100)
    ] = []
    allowed_ips: Annotated[
        list[Annotated[str, StringConstraints(min_length=2, max_length=49)]], Field(max_length=64)
    ] = []
    expires_at: str | None = None


class ApiKeyWithSecret(ResponseModel):
    """An API key with its secret."""

    model_config = ConfigDict(alias_generator=AliasGenerator(serialization_alias=to_camel))
    id: str
    name: str
    key: str
    prefix: str
    role: Role
    customer_id: str | None
    rate_limit_rpm: int | None
    denied_permissions: list[str]
    allowed_ips: list[str]
    expires_at: datetime | None
    created_at: datetime
    created_by: str | None
    last_used_at: datetime | None
    last_used_ip: str | None
    request_count: int
    previous_secret_until: datetime | None = Field(validation_alias="previous_until")
