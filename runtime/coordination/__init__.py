"""A lock that expires, kept by a service that is run already: one interface, and a back end for each such service."""

from __future__ import annotations

from typing import Final

from runtime.process import Name

SERVICE: Final = Name("lock_service", 0)
"""The process of a spec that a lock service stands for."""
