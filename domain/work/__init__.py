"""Background work about any resource: queue, leases, runner, progress, schedules. It knows no kind of work."""
