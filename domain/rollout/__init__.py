"""Deployments going live, and running services kept as they should be."""
