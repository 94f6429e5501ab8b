"""Why an alert was raised, or was not: the numbers, the sessions, and what they cannot tell. Pure.

Contents follow the clinical specification 4.1, so that a clinician can review the basis of every prompt without
us. Every number is the one that decided: it comes from the policy's own `behind`, nothing is worked out twice.
"""

from .case import Account, Case, account
from .shape import as_json
from .text import explain_text
from .words import comparison

__all__ = ["Account", "Case", "account", "as_json", "comparison", "explain_text"]
