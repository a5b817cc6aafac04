"""Mirror a version: plan first, then execute, then say what came of it."""

from cortical_cache.sync.execute import Listener, Outcome, Report, execute
from cortical_cache.sync.plan import Item, Plan, Selection, make_plan

__all__ = [
    "Item",
    "Listener",
    "Outcome",
    "Plan",
    "Report",
    "Selection",
    "execute",
    "make_plan",
]
