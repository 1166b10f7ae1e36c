"""The repository of custom domains."""

from sqlalchemy import ForeignKeyConstraint, Index, func, or_, select

from domain.adapters.sql.repository import Repository
from domain.adapters.sql.search import TextSearch
from domain.adapters.sql.tables import entity_table, list_indexes
from domain.model import host_name
from domain.model.custom_domain import CustomDomain
from domain.ports.repositories import custom_domains as ports

custom_domains = entity_table(
    "custom_domains", CustomDomain, ForeignKeyConstraint(["service_id"], ["services.id"], ondelete="CASCADE")
)
_IS_VERIFIED = custom_domains.c.verified_at.is_not(None)
Index(
    "custom_domains_claim",
    func.coalesce(custom_domains.c.customer_id, ""),
    custom_domains.c.host,
    custom_domains.c.path,
    unique=True,
)
Index(
    "custom_domains_host",
    custom_domains.c.host,
    custom_domains.c.path,
    unique=True,
    sqlite_where=_IS_VERIFIED,
    postgresql_where=_IS_VERIFIED,
)
list_indexes(custom_domains, "created_at id", "host id", "status id", "customer_id created_at id")
list_indexes(custom_domains, "service_id created_at id")


class CustomDomains(Repository[CustomDomain], ports.CustomDomains):
    """Custom domains. A customer has one for each host and path, and the installation one that is verified."""

    table = custom_domains
    entity = CustomDomain
    filters = frozenset({"customer_id", "service_id", "status"})
    sorts = frozenset({"host", "status", "created_at"})
    search = TextSearch(custom_domains.c.host)
    conflicts = {  # noqa: RUF012 - as declared
        "custom_domains_claim": ("This host and path belong to one of your services already", "conflict"),
        "custom_domains_host": ("Another customer has just proved this host", "domain_taken"),
    }

    def of_service(self, service_id: str) -> list[CustomDomain]:
        """Return the domains of a service, by host and path."""
        this = self.table.c
        return self._fetch_all(select(self.table).where(this.service_id == service_id).order_by(this.host, this.path))

    def holder(self, host: str, customer_id: str | None) -> CustomDomain | None:
        """Return a verified domain of another customer that requests for this host can be for."""
        self._lock_names(host)
        this = self.table.c
        names = [host, f"*.{host_name.parent(host)}"]
        same = this.host.in_(names)
        named = or_(same, this.host.like(f"%.{host_name.plain(host)}")) if host_name.is_wildcard(host) else same
        others = this.customer_id.is_distinct_from(customer_id)
        found = self._fetch_all(select(self.table).where(_IS_VERIFIED, named, others).order_by(this.id))
        return next((domain for domain in found if host_name.overlap(domain.host, host)), None)

    def verified(self) -> list[CustomDomain]:
        """Return all domains whose ownership is proved, by ID."""
        return self._fetch_all(select(self.table).where(_IS_VERIFIED).order_by(self.table.c.id))

    def _lock_names(self, host: str) -> None:
        """Let one block at a time judge a host and the wildcard above it; SQLite has one writer anyway."""
        if self._journal is not None and self._connection.dialect.name == "postgresql":
            key = func.hashtextextended(host_name.parent(host), 0)
            self._connection.execute(select(func.pg_advisory_xact_lock(key)))
