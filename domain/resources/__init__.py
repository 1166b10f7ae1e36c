"""What all resources share: queries, revisions, dry runs."""
