"""What the peer takes and answers, as models of pydantic."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AliasGenerator, BaseModel, ConfigDict, Field, StringConstraints, field_serializer
from pydantic.alias_generators import to_camel

from domain.model.role import Role
from domain.model.service import DeployMethod, ServiceStatus
from domain.templates import MASK

CustomerId = Annotated[str, StringConstraints(pattern="^cust_[0-9a-z]+$", max_length=64)]
Slug = Annotated[str, StringConstraints(pattern="^[a-z0-9][a-z0-9-]*$", max_length=63)]


class Given(BaseModel):
    """What is sent: nothing that has no name here."""

    model_config = ConfigDict(extra="forbid")


class Shown(BaseModel):
    """What is answered, made from a row or from what a rule returned."""

    model_config = ConfigDict(from_attributes=True)


class Listed(Shown):
    """A page of a list."""

    total: int
    page: int
    per_page: int


class Permission(Shown):
    """One permission."""

    name: str
    operations: list[str]


class PermissionList(Listed):
    """A page of them."""

    data: list[Permission]


class ServiceCheck(Given):
    """What `POST /services/validate` takes."""

    compose: Annotated[str, StringConstraints(min_length=1, max_length=262144)]
    variables: dict[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)],
        Annotated[str, StringConstraints(max_length=65536)],
    ] = Field(default={}, max_length=200)


class Finding(Shown):
    """What the policy says of one place."""

    code: str
    severity: str
    message: str
    line: int
    pointer: str


class QuotaEffect(Shown):
    """What a project takes."""

    services: int
    containers: int
    cpu: float
    memory_mb: int
    storage_mb: int


class ServiceReport(Shown):
    """What the policy says."""

    valid: bool
    findings: list[Finding]
    quota_effect: QuotaEffect | None


class ServiceQuery(Given):
    """How a list of services is asked for."""

    page: int = Field(1, ge=1, le=1_000_000)
    per_page: int = Field(20, ge=1, le=100)
    sort: Literal["name", "status", "created_at", "updated_at"] = "created_at"
    order: Literal["asc", "desc"] = "desc"
    search: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    status: ServiceStatus | None = None
    template: Slug | None = None
    deploy_method: DeployMethod | None = None
    customer_id: CustomerId | None = None


class Resources(Shown):
    """What a service takes."""

    cpu_usage: float
    memory_usage_mb: float
    memory_limit_mb: int | None


class ServiceSummary(Shown):
    """A service in a list."""

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


class ServiceList(Listed):
    """A page of them."""

    data: list[ServiceSummary]


class AllResources(Resources):
    """What a service takes and may take."""

    cpu_limit: float | None
    storage_mb: float


class Variable(Shown):
    """One variable of the environment."""

    name: str
    value: str
    secret: bool

    @field_serializer("value")
    def mask(self, value: str) -> str:
        """Secrets are never shown."""
        return MASK if self.secret else value


class Health(Shown):
    """What the last look found."""

    status: str
    last_check: datetime | None
    consecutive_failures: int


class HealthCheck(Shown):
    """How a service is looked at."""

    path: str
    port: int | None
    interval: int
    timeout: int


class Service(ServiceSummary):
    """The whole service."""

    customer_name: str | None
    image: str | None
    compose: str
    variables: list[Variable]
    custom_domains: list[str]
    port: int | None
    labels: dict[str, str]
    resources: AllResources
    health: Health
    health_check: HealthCheck | None
    deploy_timeout: int
    deployment_id: str | None
    operation_id: str | None
    pending_changes: bool
    deployed_at: datetime | None


class NewApiKey(Given):
    """What `POST /v1/api-keys` takes."""

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


class ApiKeyWithSecret(Shown):
    """An API key, and this once its text."""

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
