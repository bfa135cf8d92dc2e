"""The settings of one job. They are taken when its file is claimed, and no reload changes them afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from ocrspool.config.schema import Inbox, Profile


@dataclass(frozen=True, slots=True)
class HookOptions:
    """The administrator's commands that run after a job."""

    on_done: tuple[str, ...] = ()
    on_failed: tuple[str, ...] = ()
    seconds: float = 60.0
    """A command that takes longer is killed."""


NO_HOOKS = HookOptions()


@dataclass(frozen=True, slots=True)
class JobOptions:
    """How one file is read, and what is made of it. `Job.delivery` says how that is delivered."""

    profile: Profile
    outputs: tuple[str, ...] = ()
    """The outputs beside the JSON that are wanted. Names that are no outputs beside the JSON mean nothing."""
    hooks: HookOptions = NO_HOOKS


def options_of(inbox: Inbox, profile: Profile) -> JobOptions:
    """Return the options of a file that is claimed now."""
    return JobOptions(profile, inbox.outputs, HookOptions(inbox.on_done, inbox.on_failed, inbox.hook_seconds))
