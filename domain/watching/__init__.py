"""Looking at the engine: every service says what its containers do, whoever changed it; nothing unclaimed stays."""

from domain.watching.observing import Watch, observe
from domain.watching.sweeping import sweep

__all__ = ["Watch", "observe", "sweep"]
