"""A form read into a tree, every fault with its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from heyi.kernel.condition.constants import constant, window
from heyi.kernel.condition.faults import (
    ArgumentCount,
    ConditionMalformed,
    ConstantWrong,
    CurrencyWrong,
    FieldUnknown,
    OperatorUnknown,
    TooLarge,
    TypeWrong,
)
from heyi.kernel.condition.model import DEPTH_MAX, SIZE_MAX, Catalogue, Const, Op, Ref, Tree, Type
from heyi.kernel.condition.operators import LOGIC, OPERATORS, TEXTS
from heyi.kernel.errors import Refused
from heyi.kernel.money import Money


def read(form: object, catalogue: Catalogue) -> tuple[Tree | None, list[Refused]]:
    """The tree of a form, or every fault that it has."""
    reader = _Reader(catalogue)
    tree = reader.statement(form, "", 1)
    return (None, reader.faults) if reader.faults else (tree, [])


class _Reader:
    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.faults: list[Refused] = []
        self.size = 0

    def statement(self, form: object, at: str, depth: int) -> Tree | None:
        """Something that is true or false."""
        tree = self.expression(form, at, depth)
        return self._of_type(tree, {Type.BOOLEAN})

    def expression(self, form: object, at: str, depth: int) -> Tree | None:
        """A field or an operator: what has a type by itself."""
        if not self._room(at, depth):
            return None
        if isinstance(form, dict) and set(form) == {"field"}:
            return self._ref(form["field"], at)
        if not isinstance(form, dict) or set(form) != {"op", "args"}:
            return self._fault(
                ConditionMalformed(
                    at, why_zh="须为 op 与 args，或一个 field", why="it is an op with args, or a field, nothing else"
                )
            )  # fmt: skip
        op, args = form["op"], form["args"]
        if not isinstance(op, str) or op not in OPERATORS:
            return self._fault(OperatorUnknown(f"{at}/op", op=str(op)[:40], words=", ".join(OPERATORS)))
        if not isinstance(args, list):
            return self._fault(ConditionMalformed(f"{at}/args", why_zh="须为列表", why="args is a list"))
        wanted = OPERATORS[op].arguments
        if len(args) != wanted if wanted is not None else not args:
            return self._fault(ArgumentCount(f"{at}/args", op=op, wanted=wanted or "1…", count=len(args)))
        if op in LOGIC:
            made = [self.statement(arg, f"{at}/args/{i}", depth + 1) for i, arg in enumerate(args)]
        else:
            made = self._READ.get(op, _Reader._compared)(self, op, args, f"{at}/args", depth + 1)
        if not made or any(one is None for one in made):
            return None
        return Op(op, tuple([one for one in made if one is not None]), OPERATORS[op].gives, at)

    def _compared(self, op: str, args: Sequence[object], at: str, depth: int) -> list[Tree | None]:
        """Operands of one type, at least one of them no constant. A statement is none of them: whoever means that it
        is true says it, or says not.
        """
        made: list[Tree | None] = [
            self.expression(arg, f"{at}/{i}", depth) if _has_type(arg) else None for i, arg in enumerate(args)
        ]
        for i, one in enumerate(made):
            if isinstance(one, Op) and one.type is Type.BOOLEAN:
                made[i] = self._fault(TypeWrong(one.at, expected="field", got=one.op))
        typed = [one for one in made if one is not None]
        if not typed:
            if not any(map(_has_type, args)):
                self._fault(ConditionMalformed(at, why_zh="须至少有一个字段", why="one of these must be a field"))
            return []
        first = self._of_type(typed[0], OPERATORS[op].takes)
        if first is None:
            return []
        for i, arg in enumerate(args):
            if not _has_type(arg):
                made[i] = self._const(arg, f"{at}/{i}", first)
            elif made[i] is not first:
                made[i] = self._of_type(made[i], TEXTS if first.type in TEXTS else {first.type})
        return made

    def _in(self, op: str, args: Sequence[object], at: str, depth: int) -> list[Tree | None]:
        one = self._of_type(self.expression(args[0], f"{at}/0", depth), OPERATORS[op].takes)
        if not isinstance(args[1], list) or not args[1]:
            return [self._fault(ConstantWrong(f"{at}/1", expected="list"))]
        if one is None:
            return []
        members = [self._const(member, f"{at}/1/{i}", one) for i, member in enumerate(args[1])]
        return [one, Const(one.type, tuple([m.value for m in members if m is not None]), f"{at}/1")]

    def _contains(self, op: str, args: Sequence[object], at: str, depth: int) -> list[Tree | None]:
        whole = self._of_type(self.expression(args[0], f"{at}/0", depth), OPERATORS[op].takes)
        if whole is None:
            return []
        if _has_type(args[1]):
            return [whole, self._of_type(self.expression(args[1], f"{at}/1", depth), TEXTS)]
        return [whole, self._const(args[1], f"{at}/1", None)]

    def _is_known(self, op: str, args: Sequence[object], at: str, depth: int) -> list[Tree | None]:
        one = self.expression(args[0], f"{at}/0", depth)
        if isinstance(one, Op):
            return [self._fault(TypeWrong(f"{at}/0", expected="field", got=one.op))]
        return [one]

    def _within(self, op: str, args: Sequence[object], at: str, depth: int) -> list[Tree | None]:
        moment = self._of_type(self.expression(args[0], f"{at}/0", depth), OPERATORS[op].takes)
        read = window(args[1])
        if read is None:
            return [self._fault(ConstantWrong(f"{at}/1", expected="window"))]
        return [moment, Const(Type.TIME, read, f"{at}/1")]

    def _elapsed(self, op: str, args: Sequence[object], at: str, depth: int) -> list[Tree | None]:
        takes = OPERATORS[op].takes
        return [self._of_type(self.expression(arg, f"{at}/{i}", depth), takes) for i, arg in enumerate(args)]

    _READ: dict[str, Callable[[_Reader, str, Sequence[object], str, int], list[Tree | None]]] = {
        "in": _in,
        "contains": _contains,
        "is_known": _is_known,
        "within": _within,
        "elapsed": _elapsed,
    }

    def _ref(self, name: object, at: str) -> Ref | None:
        found = self.catalogue.find(name) if isinstance(name, str) else None
        if found is None:
            self._fault(FieldUnknown(f"{at}/field", field=str(name)[:80]))
            return None
        return Ref(found, at)

    def _const(self, raw: object, at: str, beside: Tree | None) -> Const | None:
        """A constant beside something that has a type; beside nothing it is a text."""
        if not self._room(at, 1):
            return None
        type = Type.TEXT if beside is None else beside.type
        value = constant(raw, type)
        closed = isinstance(beside, Ref) and beside.field.closed and value not in beside.field.words
        if value is None or closed:
            self._fault(ConstantWrong(at, expected=type.value))
            return None
        known = beside.field.currency if isinstance(beside, Ref) else None
        if known is not None and isinstance(value, Money) and value.currency != known:
            self._fault(CurrencyWrong(at, expected=known, got=value.currency))
            return None
        return Const(type, value, at)

    def _of_type(self, tree: Tree | None, allowed: frozenset[Type] | set[Type]) -> Tree | None:
        if tree is not None and tree.type not in allowed:
            expected = ", ".join(sorted(type.value for type in allowed))
            return self._fault(TypeWrong(tree.at, expected=expected, got=tree.type.value))
        return tree

    def _room(self, at: str, depth: int) -> bool:
        self.size += 1
        if depth <= DEPTH_MAX and self.size <= SIZE_MAX:
            return True
        if not any(isinstance(fault, TooLarge) for fault in self.faults):
            self._fault(TooLarge(at, size=SIZE_MAX, depth=DEPTH_MAX))
        return False

    def _fault(self, fault: Refused) -> Tree | None:
        """Keep the fault; there is no tree then."""
        self.faults.append(fault)
        return None


def _has_type(arg: object) -> bool:
    return isinstance(arg, dict) and ("field" in arg or "op" in arg)
