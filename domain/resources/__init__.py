"""What all resources share: visibility, list queries, revisions, dry runs."""
