"""What may be wrong with a condition. Each carries the JSON pointer of its place in the form."""

from __future__ import annotations

from heyi.kernel.errors import Kind, Refused


class ConditionMalformed(Refused):
    """Not an operator with arguments, a field reference or a constant."""

    code, kind = "condition.malformed", Kind.UNPROCESSABLE
    zh, en = "条件有误：{why_zh}", "The condition is wrong: {why}"


class OperatorUnknown(Refused):
    """There is no such operator."""

    code, kind = "condition.operator_unknown", Kind.UNPROCESSABLE
    zh, en = "没有运算 {op}，可用：{words}", "There is no operator {op}; there are: {words}"


class FieldUnknown(Refused):
    """The catalogue has no such field."""

    code, kind = "condition.field_unknown", Kind.UNPROCESSABLE
    zh, en = "没有字段 {field}", "There is no field {field}"


class ArgumentCount(Refused):
    """The operator takes another number of arguments."""

    code, kind = "condition.argument_count", Kind.UNPROCESSABLE
    zh, en = "{op} 需要 {wanted} 个参数，实有 {count} 个", "{op} takes {wanted} arguments, not {count}"


class TypeWrong(Refused):
    """What stands here is of a type that its operator cannot use."""

    code, kind = "condition.type", Kind.UNPROCESSABLE
    zh, en = "类型须为 {expected}，实为 {got}", "This must be {expected}, and it is {got}"


class ConstantWrong(Refused):
    """A constant cannot be read as the type that it is compared with, or is out of bounds."""

    code, kind = "condition.constant", Kind.UNPROCESSABLE
    zh, en = "无法作为 {expected} 读取", "This cannot be read as {expected}"


class CurrencyWrong(Refused):
    """An amount is in another currency than what it is compared with: that could never be evaluated."""

    code, kind = "condition.currency", Kind.UNPROCESSABLE
    zh, en = "币种须为 {expected}，实为 {got}", "This must be in {expected}, and it is in {got}"


class TooLarge(Refused):
    """The form has too many parts, or they stand too deep inside each other."""

    code, kind = "condition.too_large", Kind.UNPROCESSABLE
    zh, en = (
        "条件过大：最多 {size} 项、{depth} 层",
        "The condition is too large: at most {size} parts and {depth} levels",
    )
