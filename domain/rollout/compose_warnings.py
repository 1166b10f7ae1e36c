"""Warnings about the compose text of a release, in the log of its deployment."""

from domain.ports.progress import Progress
from domain.rollout.release import Release

_MOST_WARNINGS = 20


def note_warnings(release: Release, progress: Progress) -> None:
    """Log what the compose text means here, as far as it differs from what compose makes of it."""
    for warning in release.warnings[:_MOST_WARNINGS]:
        progress.note(f"Warning: {warning}")
    if len(release.warnings) > _MOST_WARNINGS:
        progress.note(f"Warning: {len(release.warnings) - _MOST_WARNINGS} more; validate the compose text to see all")
