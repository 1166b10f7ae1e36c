"""What tenants may take: quotas."""
