"""Background work about any resource: queue, leases, runner, progress, schedules. It knows no kind of work.

A rule calls `queue.enqueue`. A worker claims the operation and calls `runner.run_operation`, which runs the `task.Task`
of the operation's kind; `domain.tasks` has one for each kind. `schedules` runs recurring jobs.
"""
