"""What is known of DreamFactory releases: data files, and the modules that read them and answer from them.

`load()` gives the `Rules`; `stops()` gives the releases to pass through on the way from one to another.
"""

from __future__ import annotations

from dfwizard.rules.knowledge import Rules, UnknownRelease
from dfwizard.rules.listing import show
from dfwizard.rules.loading import Problem, check_file, load
from dfwizard.rules.model import (
    AdminUi,
    CarryChoice,
    CarryRule,
    EncryptedColumn,
    EnvAddition,
    EnvGroup,
    EnvKind,
    EnvRule,
    Explained,
    Hop,
    HopFact,
    HopKind,
    PhpSwitch,
    Point,
    Release,
    ReleaseWarning,
    ServiceKind,
    ServiceOrigin,
    TableRule,
    TableRules,
    Tier,
)
from dfwizard.rules.path import PathRefused, describe, direct_reasons, stops

__all__ = [
    "AdminUi",
    "CarryChoice",
    "CarryRule",
    "EncryptedColumn",
    "EnvAddition",
    "EnvGroup",
    "EnvKind",
    "EnvRule",
    "Explained",
    "Hop",
    "HopFact",
    "HopKind",
    "PathRefused",
    "PhpSwitch",
    "Point",
    "Problem",
    "Release",
    "ReleaseWarning",
    "Rules",
    "ServiceKind",
    "ServiceOrigin",
    "TableRule",
    "TableRules",
    "Tier",
    "UnknownRelease",
    "check_file",
    "describe",
    "direct_reasons",
    "load",
    "show",
    "stops",
]
