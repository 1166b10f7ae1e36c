"""Tenancy: what tenants may use."""
