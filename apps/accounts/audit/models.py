"""The audit's tables. Triggers of the database (`triggers.py`) hold what these models promise."""

import json
from typing import Any, NoReturn

from django.db import models
from django.utils.translation import gettext, gettext_lazy

from apps.accounts.audit.actions import action_choices
from apps.accounts.audit.chain import BEGINNING
from apps.core.errors import Conflict

HASH_LENGTH = 64


class AppendOnly(Conflict):
    """An attempt to change or delete what stands in the audit."""

    def __init__(self) -> None:
        super().__init__(
            gettext("The audit is append-only: what stands in it is neither changed nor deleted.")
        )


class AppendOnlyQuerySet(models.QuerySet["AuditEntry"]):
    def update(self, **kwargs: Any) -> int:
        raise AppendOnly

    def delete(self) -> tuple[int, dict[str, int]]:
        raise AppendOnly

    def bulk_create(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly  # each entry takes its place in the chain by itself

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly


class AuditEntry(models.Model):
    """One thing that somebody did or tried. `recording.record` is the one way to make an entry.

    Persons and apps are kept as text and plain numbers: an entry outlives both, and changes with neither.
    """

    number = models.BigIntegerField(
        primary_key=True, help_text=gettext_lazy("Its place in the chain, from 1 on.")
    )
    at = models.DateTimeField(gettext_lazy("time"), db_index=True)
    actor = models.CharField(
        max_length=150, db_index=True, help_text=gettext_lazy("Who did it, as known at that time.")
    )
    user_id = models.BigIntegerField(null=True)
    origin = models.CharField(max_length=100, help_text=gettext_lazy("By which way: web, command line ..."))
    address = models.CharField(max_length=64, blank=True)
    agent = models.CharField(max_length=200, blank=True, verbose_name=gettext_lazy("user agent"))
    token = models.CharField(max_length=100, blank=True)
    action = models.CharField(max_length=40, choices=action_choices, db_index=True)
    on = models.CharField(max_length=200, blank=True, help_text=gettext_lazy("What it was done to."))
    app_slug = models.CharField(max_length=50, blank=True, db_index=True, verbose_name=gettext_lazy("app"))
    before = models.TextField(default="null", help_text=gettext_lazy("Canonical JSON, without secrets."))
    after = models.TextField(default="null", help_text=gettext_lazy("Canonical JSON, without secrets."))
    outcome = models.CharField(max_length=200)
    previous = models.CharField(
        max_length=HASH_LENGTH, help_text=gettext_lazy("The hash of the entry before.")
    )
    key = models.CharField(max_length=12, help_text=gettext_lazy("The name of the key that made the seal."))
    hash = models.CharField(max_length=HASH_LENGTH)
    seal = models.CharField(max_length=HASH_LENGTH)

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        verbose_name = gettext_lazy("audit entry")
        verbose_name_plural = gettext_lazy("audit entries")

    def __str__(self) -> str:
        return f"{self.number} {self.get_action_display()}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise AppendOnly

    def record(self) -> dict[str, Any]:
        """Return all fields that the hash is made of, as plain JSON values."""
        return {
            "number": self.number,
            "at": self.at.isoformat(timespec="microseconds"),
            "actor": self.actor,
            "user_id": self.user_id,
            "origin": self.origin,
            "address": self.address,
            "agent": self.agent,
            "token": self.token,
            "action": self.action,
            "on": self.on,
            "app_slug": self.app_slug,
            "before": json.loads(self.before),
            "after": json.loads(self.after),
            "outcome": self.outcome,
            "previous": self.previous,
            "key": self.key,
        }


class AuditHead(models.Model):
    """The one row that says where the chain ends; a trigger moves it on with each entry.

    Whoever writes an entry locks it first, so that two writers get two places.
    """

    number = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=HASH_LENGTH, default=BEGINNING)

    def __str__(self) -> str:
        return f"the audit ends with entry {self.number}"


class AuditCheckpoint(models.Model):
    """The end of what a retention has cut off: the chain goes on from here. Never changed or deleted."""

    through = models.BigIntegerField(
        primary_key=True, help_text=gettext_lazy("The number of the last entry cut off.")
    )
    hash = models.CharField(max_length=HASH_LENGTH, help_text=gettext_lazy("The hash of that entry."))
    count = models.BigIntegerField(help_text=gettext_lazy("How many entries were cut off by this retention."))
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"the audit up to entry {self.through} was cut off"
