"""The check for combinations that are known not to work: each rule that applies to this machine is a finding."""

from __future__ import annotations

from collections.abc import Iterator

from ocrspool.doctor.findings import Finding
from ocrspool.doctor.inventory import Inventory
from ocrspool.doctor.known_problems import RULES, Rule


def check(seen: Inventory) -> Iterator[Finding]:
    """Yield a finding for each rule that applies to this machine, or one finding that says that none applies."""
    applied = False
    for rule in RULES:
        matters = _matters(rule, seen)
        if (matters or rule.level == "problem") and (found := rule.found(seen)):
            applied = True
            yield Finding("combinations", rule.level if matters else "note", rule.name, found, rule.advice)
    if not applied:
        yield Finding("combinations", "ok", "known bad combinations", f"none of the {len(RULES)} known ones is here")


def _matters(rule: Rule, seen: Inventory) -> bool:
    if rule.runtime is None:
        return seen.wants_gpu
    return any(seen.uses(rule.runtime, provider) for provider in rule.providers or ("",))
