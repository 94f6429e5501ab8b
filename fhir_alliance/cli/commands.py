"""Registers every command module with the application, in the order of the help page."""

# ruff: noqa: F401, I001

from . import demo
from . import init
from . import check
from . import doctor
from . import keys
from . import sync
from . import serve
from . import status
from . import quarantine
from . import review
from . import audit
from . import reconcile
from . import explain
from . import detect
from . import score
from . import simulate
from . import calibrate
from . import instruments
from . import policies
