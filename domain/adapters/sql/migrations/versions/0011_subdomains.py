"""Subdomains of services, unique in the installation. Of services with one name, the oldest keeps it."""

from alembic import op
from sqlalchemy import Column, String

revision = "0011"
down_revision = "0010"

RESERVED = (
    "account accounts admin api app auth autoconfig autodiscover cdn console dashboard dns docs ftp imap internal"
    " localhost login mail metrics mta-sts ns1 ns2 panel pop pop3 postmaster registry root smtp ssl sso static status"
    " support system webmail webmaster wpad ws www"
)


def upgrade() -> None:
    """Add the column. A URL changes at the next deployment of its service."""
    op.add_column("services", Column("subdomain", String().with_variant(String(collation="C"), "postgresql")))
    reserved = ", ".join(f"'{name}'" for name in RESERVED.split())
    op.execute(
        f"UPDATE services SET subdomain = name WHERE name NOT IN ({reserved})"  # noqa: S608 - our own words
        " AND id = (SELECT min(other.id) FROM services AS other WHERE other.name = services.name)"
    )
    op.execute(
        "UPDATE services SET subdomain = rtrim(substr(name, 1, 56), '-') || '-' || substr(id, length(id) - 5)"
        " WHERE subdomain IS NULL"
    )
    op.create_index("services_subdomain", "services", ["subdomain"], unique=True)
