"""How deployments go live, and how what runs is kept as it should be."""
