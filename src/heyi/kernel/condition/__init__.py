"""Conditions: one typed form for delivery flows, risk rules, segments and personal bundles. This is the front door.

    {"op": "and", "args": [{"op": "ge", "args": [{"field": "order.amount"}, {"amount_minor": 9900, "currency": "CNY"}]},
                           {"op": "in", "args": [{"field": "order.bundle"}, ["joint-annual", "joint-month"]]}]}

A form is JSON over a typed catalogue of fields that the caller hands in. No loops, attributes, patterns or code. It is
checked whole (every fault with the JSON pointer of its place), compiled to closures, and says itself in Chinese and
English. A missing value is *not evaluated*, never false by accident: and, or and not are Kleene's. `OPERATORS` is the
table of all operators.
"""

from __future__ import annotations

from collections.abc import Mapping

from heyi.kernel.condition import compiling, reading, saying
from heyi.kernel.condition.model import Catalogue, Field, Leaf, Op, Tree, Type, Verdict
from heyi.kernel.condition.operators import OPERATORS, Operator
from heyi.kernel.errors import ManyRefused, Refused

__all__ = [
    "OPERATORS",
    "Catalogue",
    "Condition",
    "Field",
    "Leaf",
    "Operator",
    "Type",
    "Verdict",
    "check",
    "compile",
    "sentence",
]


class Condition:
    """A compiled condition. `decide` is the quick answer, `explain` the same one with its reasons."""

    def __init__(self, tree: Tree, catalogue: Catalogue) -> None:
        self._tree, self._catalogue = tree, catalogue
        self._root = compiling.build(tree, catalogue.zone)
        self.decide = self._root.test
        self.fields = compiling.names_of(tree)

    def explain(self, values: Mapping[str, object]) -> Verdict:
        """What it says of these values, which leaves decided, and what was missing."""
        return compiling.explain(self._root, values)

    def sentence(
        self, language: str, pointer: str = "", *, denied: bool = False, catalogue: Catalogue | None = None
    ) -> str:
        """The whole condition, or the part of it that a leaf's pointer names, in "zh" or "en"; or its denial.

        `catalogue`: one that calls the fields otherwise than the one it was compiled with.
        """
        tree = _at(self._tree, pointer) or self._tree
        return saying.say(tree, catalogue or self._catalogue, language, denied=denied)


def check(form: object, catalogue: Catalogue) -> list[Refused]:
    """Every fault of a form, each with its pointer. None: it was compiled and said, so whoever keeps it can do both."""
    tree, faults = reading.read(form, catalogue)
    if tree is not None:
        made = Condition(tree, catalogue)
        assert all(made.sentence(language) for language in ("zh", "en"))
    return faults


def compile(form: object, catalogue: Catalogue) -> Condition:
    """The condition that a form says. Raises its fault, or ManyRefused."""
    tree, faults = reading.read(form, catalogue)
    if tree is None:
        raise faults[0] if len(faults) == 1 else ManyRefused(faults)
    return Condition(tree, catalogue)


def sentence(form: object, catalogue: Catalogue, language: str) -> str:
    """A form as a sentence in "zh" or "en". Raises what `compile` raises."""
    return compile(form, catalogue).sentence(language)


def _at(tree: Tree, pointer: str) -> Tree | None:
    if tree.at == pointer:
        return tree
    found = (_at(arg, pointer) for arg in tree.args) if isinstance(tree, Op) else ()
    return next((one for one in found if one is not None), None)
