"""The JSON of dry runs, which several tags answer."""

from dataclasses import asdict

from domain.resources.dry_run import DryRun
from handlers.serializers.values import Json


def dry_run(result: DryRun) -> Json:
    return {
        "dry_run": True,
        "changes": [asdict(change) for change in result.changes],
        "quotas": [asdict(use) for use in result.quotas],
        "overruns": [asdict(overrun) for overrun in result.overruns],
    }
