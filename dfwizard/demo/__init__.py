"""The demo: a sandbox in which the real controller upgrades, backs up, proves and rolls back a real small installation.

Only PHP, composer and the web server are stand-ins (see `standins`). Nothing needs root or the network.
"""

from __future__ import annotations

from dfwizard.demo.sandbox import Sandbox, attach_sandbox, build_sandbox, kept_sandboxes, open_sandbox
from dfwizard.demo.scenario import Scenario, scenario, scenarios

__all__ = [
    "Sandbox",
    "Scenario",
    "attach_sandbox",
    "build_sandbox",
    "kept_sandboxes",
    "open_sandbox",
    "scenario",
    "scenarios",
]
