"""The record of which rules were in force since when, on whose word; of refused reloads too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.audit import POLICY_LOADED, POLICY_MENDED, RELOAD_REFUSED, AuditEntry
from driftwatch.policy.basis import policy_files, policy_text
from driftwatch.policy.changes import difference, read_recipes, recipes_hash, recipes_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftwatch.domain.protocols import Clock
    from driftwatch.domain.run import Recipe
    from driftwatch.policy.ruleset import Policy
    from driftwatch.store import Store

_SUBJECT = "policy"
_RECIPES = "recipes-"
_LONGEST_ERROR = 8_192


class PolicyRecord:
    """Writes what became of the policy files into the audit log.

    Args:
        store: of the log.
        clock: for when.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def loaded(self, policy: Policy, *, asked: str, who: str) -> None:
        """Note that rules come into force; nothing where the log says so already, as after most starts.

        Raises:
            StoreUnavailableError: it cannot be noted.
        """
        old, old_recipes = self._newest()
        new, new_recipes = policy.hash, f"{_RECIPES}{recipes_hash(policy.recipes)}"
        if (old, old_recipes) == (new, new_recipes):
            return
        diff = difference(self._files(old), policy.files, self._recipes(old_recipes, policy), policy.recipes)
        detail = {"asked": asked, "old": old, "new": new, "recipes": new_recipes, "diff": diff}
        texts = {new: policy_text(policy), new_recipes: recipes_text(policy.recipes)}
        self._store.audit.put_policy(self._entry(POLICY_LOADED, who, detail), texts)

    def refused(self, error: str, *, asked: str, who: str) -> None:
        """Note that the rules in force stay, and why.

        Raises:
            StoreUnavailableError: it cannot be noted.
        """
        old, _ = self._newest()
        self._store.audit.put(
            self._entry(RELOAD_REFUSED, who, {"asked": asked, "old": old, "error": error[:_LONGEST_ERROR]})
        )

    def mended(self, *, asked: str, who: str) -> None:
        """Note that the files say again what is in force, after a refused reload.

        Raises:
            StoreUnavailableError: it cannot be noted.
        """
        old, _ = self._newest()
        self._store.audit.put(self._entry(POLICY_MENDED, who, {"asked": asked, "old": old, "new": old}))

    def _entry(self, what: str, who: str, detail: Mapping[str, str]) -> AuditEntry:
        return AuditEntry(at=self._clock.now(), who=who, what=what, subject=_SUBJECT, detail=detail)

    def _newest(self) -> tuple[str, str]:
        """Return the hashes of the rules and recipes that came into force last; empty before the first."""
        found = next(iter(self._store.audit.recent(what=(POLICY_LOADED,), limit=1)), None)
        return (found.detail["new"], found.detail["recipes"]) if found is not None else ("", "")

    def _files(self, policy: str) -> Mapping[str, str]:
        text = self._store.history.policy(policy)
        return policy_files(text) if text is not None else {}

    def _recipes(self, recipes: str, after: Policy) -> Mapping[str, Recipe]:
        """Return the recipes before; at the very first time those of now, since what comes along is no change."""
        text = self._store.history.policy(recipes)
        return read_recipes(text) if text is not None else after.recipes
