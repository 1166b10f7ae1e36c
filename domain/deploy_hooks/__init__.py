"""Deploy hooks: made and removed by callers, and called by Git servers and pipelines."""

from domain.deploy_hooks.changes import create_deploy_hook, delete_deploy_hook, list_deploy_hooks
from domain.deploy_hooks.receiving import receive_deploy_hook

__all__ = ["create_deploy_hook", "delete_deploy_hook", "list_deploy_hooks", "receive_deploy_hook"]
