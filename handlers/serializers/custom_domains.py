"""The JSON of the tag `custom_domains`."""

from domain.custom_domains import DomainDetail
from domain.custom_domains.proofs import file_of, record_of
from domain.model.custom_domain import CustomDomain, DomainStatus
from handlers.serializers.values import Json, timestamp


def custom_domain(detail: DomainDetail) -> Json:
    row = detail.domain
    return {
        "id": row.id,
        "host": row.host,
        "path": row.path,
        "service_id": row.service_id,
        "customer_id": row.customer_id,
        "redirect_to": row.redirect_to,
        "force_https": row.force_https,
        "status": row.status,
        "verification": domain_verification(row),
        "routing": {"active": row.status is DomainStatus.ACTIVE, "error": row.routing_error},
        "dns": {
            "status": row.dns.status,
            "addresses": list(row.dns.addresses),
            "expected": list(row.dns.expected),
            "checked_at": timestamp(row.dns.checked_at),
        },
        "certificate": domain_certificate(detail),
        "next_step": detail.next_step,
        "created_at": timestamp(row.created_at),
        "updated_at": timestamp(row.updated_at),
    }


def domain_verification(row: CustomDomain) -> Json:
    record, file = record_of(row), file_of(row)
    return {
        "verified_at": timestamp(row.verified_at),
        "error": row.verification_error,
        "record": {"type": "TXT", "name": record.name, "value": record.value},
        "file": {"url": file.url, "content": file.content} if file else None,
    }


def domain_certificate(detail: DomainDetail) -> Json:
    certificate = detail.domain.certificate
    return {
        "source": "uploaded" if certificate else "automatic",
        "status": detail.certificate_status,
        "issuer": certificate.issuer if certificate else None,
        "names": list(certificate.names) if certificate else [],
        "not_before": timestamp(certificate.not_before) if certificate else None,
        "not_after": timestamp(certificate.not_after) if certificate else None,
    }
