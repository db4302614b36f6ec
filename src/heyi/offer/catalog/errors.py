"""What the catalog refuses. A `version.*` code is a fault found on publishing; its pointer leads into the version."""

from __future__ import annotations

from heyi.kernel.errors import Kind, Refused


class BundleNotFound(Refused):
    """No bundle has this code or id, or nothing of it was ever published."""

    code, kind, zh, en = "bundle.not_found", Kind.NOT_FOUND, "没有这个套餐商品", "There is no such bundle"


class VersionNotFound(Refused):
    """The bundle has no published version of this number."""

    code, kind = "bundle.version_not_found", Kind.NOT_FOUND
    zh, en = "套餐没有这个版本", "The bundle has no such version"


class NotOnSale(Refused):
    """The bundle or the version is withdrawn, or now is outside its sale window."""

    code, kind, zh, en = "bundle.not_on_sale", Kind.CONFLICT, "套餐当前不在售", "The bundle is not on sale now"


class NoOffer(Refused):
    """A benefit of the bundle has no active offer at the moment."""

    code, kind = "bundle.no_offer", Kind.CONFLICT
    zh, en = "权益 {benefit} 暂无可用货源", "Benefit {benefit} has no active offer at the moment"


class PriceChanged(Refused):
    """The amount is not the expected one."""

    code, kind = "price.changed", Kind.CONFLICT
    zh = "价格已变化：现为 {amount_minor}（{currency}，最小货币单位）"
    en = "The price has changed: it is now {amount_minor} minor units of {currency}"


class PriceAbove(Refused):
    """The amount is more than the buyer would pay at most."""

    code, kind = "price.above", Kind.CONFLICT
    zh = "价格高于可接受的最高金额：现为 {amount_minor}（{currency}，最小货币单位）"
    en = "The price is above what may be paid at most: it is {amount_minor} minor units of {currency}"


class QuantityRefused(Refused):
    """The quantity is out of bounds, or above 1 where accounts are asked."""

    code, kind = "bundle.quantity", Kind.UNPROCESSABLE
    zh, en = "数量须在 1 到 {most} 之间", "The quantity must be between 1 and {most}"


class OneAtATime(Refused):
    """The bundle asks for accounts, so one order can hold one of it."""

    code, kind = "bundle.one_at_a_time", Kind.UNPROCESSABLE
    zh, en = "需要充值账号的套餐每单只能购买一份", "A bundle that asks for accounts is bought one at a time"


class GroupUnknown(Refused):
    """A choice was made for a group that the bundle does not have."""

    code, kind = "bundle.choice_group_unknown", Kind.UNPROCESSABLE
    zh, en = "套餐没有这个可选组", "The bundle has no such choice group"


class ChoiceMissing(Refused):
    """A choice group was left out."""

    code, kind, zh, en = "bundle.choice_missing", Kind.UNPROCESSABLE, "请选择 {pick} 项", "Choose {pick} here"


class ChoiceCount(Refused):
    """More or fewer options were chosen than the group has slots."""

    code, kind = "bundle.choice_count", Kind.UNPROCESSABLE
    zh, en = "须选 {pick} 项，收到 {count} 项", "{pick} must be chosen, and {count} were"


class ChoiceUnknown(Refused):
    """The chosen option is not one of the group's."""

    code, kind = "bundle.choice_unknown", Kind.UNPROCESSABLE
    zh, en = "该组没有这个选项", "The group has no such option"


class ChoiceRepeated(Refused):
    """The same option was chosen twice in one group."""

    code, kind = "bundle.choice_repeated", Kind.UNPROCESSABLE
    zh, en = "同一选项不能重复选择", "An option can be chosen once"


class AccountUnknown(Refused):
    """An account was given that no part of the bundle asks for."""

    code, kind = "bundle.account_unknown", Kind.UNPROCESSABLE
    zh, en = "套餐不需要这个账号字段", "The bundle does not ask for this account"


class AccountMalformed(Refused):
    """The account does not match the pattern it must have."""

    code, kind = "bundle.account_malformed", Kind.UNPROCESSABLE
    zh, en = "{label}格式不正确", "{label} is not well formed"


class VersionEmpty(Refused):
    """A version needs at least one component or choice group."""

    code, kind, zh, en = "version.empty", Kind.UNPROCESSABLE, "版本没有任何组成", "The version has no components"


class CodeRepeated(Refused):
    """Component and group codes are unique in a version."""

    code, kind = "version.code_repeated", Kind.UNPROCESSABLE
    zh, en = "编码 {value} 重复", "Code {value} is used twice"


class OutOfBounds(Refused):
    """A number of the version is outside its bounds."""

    code, kind = "version.out_of_bounds", Kind.UNPROCESSABLE
    zh, en = "须在 {least} 到 {most} 之间", "This must be between {least} and {most}"


class WordUnknown(Refused):
    """A word is not one of those that are possible here."""

    code, kind = "version.word_unknown", Kind.UNPROCESSABLE
    zh, en = "只能是：{words}", "This must be one of: {words}"


class ShareMissing(Refused):
    """Every component and slot needs a weight, or every one an explicit share; an option has neither."""

    code, kind = "version.share_missing", Kind.UNPROCESSABLE
    zh, en = "各组成须统一使用权重或统一使用明确金额", "Give all components a weight, or all of them an explicit share"


class SharesDoNotAdd(Refused):
    """The explicit shares do not add up to the price, or no weight is above zero."""

    code, kind = "version.shares", Kind.UNPROCESSABLE
    zh, en = "分摊合计 {total}，应为 {price}", "The shares add up to {total}, not to {price}"


class ChoiceImpossible(Refused):
    """A group asks for more picks than it has options, or for none."""

    code, kind = "version.choice_impossible", Kind.UNPROCESSABLE
    zh, en = "{options} 个选项中无法选出 {pick} 项", "{pick} cannot be picked from {options} options"


class BenefitUnknown(Refused):
    """The version names a benefit that does not exist or is withdrawn."""

    code, kind = "version.benefit_unknown", Kind.UNPROCESSABLE
    zh, en = "权益 {benefit} 不存在或已下架", "Benefit {benefit} does not exist or is withdrawn"


class OfferMissing(Refused):
    """A benefit has no active offer of a source that fits its kind."""

    code, kind = "version.offer_missing", Kind.UNPROCESSABLE
    zh = "权益 {benefit} 没有可用货源（{kind_of} 需要：{sources}）"
    en = "Benefit {benefit} has no active offer (a {kind_of} needs: {sources})"


class FieldUnknown(Refused):
    """The account mapping names a field that the benefit does not ask for."""

    code, kind = "version.account_field_unknown", Kind.UNPROCESSABLE
    zh, en = "权益 {benefit} 不需要字段 {value}", "Benefit {benefit} does not ask for {value}"


class AccountClash(Refused):
    """Two fields take the same account name, and nothing says that they mean the same account: a shared name must
    be mapped by both components, to fields with the same pattern.
    """

    code, kind = "version.account_clash", Kind.UNPROCESSABLE
    zh = "账号名 {value} 重复：请映射为不同名称，或两处都显式映射且格式一致"
    en = "Account name {value} is taken twice: map it to different names, or map both to it with the same pattern"


class DeliveryMalformed(Refused):
    """The delivery graph cannot be read: an unknown node, a missing next step, a field that does not belong."""

    code, kind = "version.delivery_malformed", Kind.UNPROCESSABLE
    zh, en = "交付流程有误：{why_zh}", "The delivery graph is wrong: {why}"


class DeliveryCircle(Refused):
    """The delivery graph comes back to where it was."""

    code, kind = "version.delivery_circle", Kind.UNPROCESSABLE
    zh, en = "交付流程出现循环", "The delivery graph goes in a circle"


class DeliveryUnsupported(Refused):
    """The graph is well formed, and splits what it delivers in a way that cannot be carried out."""

    code, kind = "version.delivery_unsupported", Kind.UNPROCESSABLE
    zh, en = "交付步骤不能这样组合：{why_zh}", "These delivery steps cannot be combined: {why}"


class ChoiceNotLater(Refused):
    """An option of a group that may be left open makes several items, or has to be shipped."""

    code, kind = "version.choice_not_later", Kind.UNPROCESSABLE
    zh, en = "可延后选择的选项须为单份且无需寄送", "An option that may be chosen later is one item and is not shipped"


class DateInPast(Refused):
    """A date of the version is not in the future."""

    code, kind = "version.date_in_past", Kind.UNPROCESSABLE
    zh, en = "日期须在将来", "The date must be in the future"


class AfterUnknown(Refused):
    """Delivery waits for a component that the version does not have, for an option that may not be chosen, or for an
    event that never happens to it.
    """

    code, kind = "version.after_unknown", Kind.UNPROCESSABLE
    zh, en = "无法等待 {component} 的 {event}", "Nothing can wait for {component} to be {event}"


class AfterCircle(Refused):
    """Components wait for each other in a circle."""

    code, kind = "version.after_circle", Kind.UNPROCESSABLE
    zh, en = "组成之间互相等待：{circle}", "Components wait for each other: {circle}"


class PropertyRefused(Refused):
    """A benefit's properties do not fit its kind, or a pattern cannot be used."""

    code, kind = "benefit.property", Kind.UNPROCESSABLE
    zh, en = "权益属性有误：{why_zh}", "The benefit's properties are wrong: {why}"


class BenefitNotFound(Refused):
    """No benefit has this id or code."""

    code, kind, zh, en = "benefit.not_found", Kind.NOT_FOUND, "没有这个权益", "There is no such benefit"


class OfferNotFound(Refused):
    """No offer has this id."""

    code, kind, zh, en = "offer.not_found", Kind.NOT_FOUND, "没有这个货源", "There is no such offer"


class OfferRefused(Refused):
    """The offer's source does not fit the benefit's kind, or it names a supplier where none belongs."""

    code, kind = "offer.source", Kind.UNPROCESSABLE
    zh = "{kind_of} 类权益的货源须为：{sources}；仅 supplier 货源须指定供货商"
    en = "A {kind_of} benefit comes from: {sources}; a supplier is named for source supplier alone"


class ProductMissing(Refused):
    """Nothing can be bought at a supplier without its number there."""

    code, kind = "offer.product_missing", Kind.UNPROCESSABLE
    zh, en = "供货商货源须填写对方的商品编号", "An offer from a supplier needs the product's number there"


class OfferExists(Refused):
    """The benefit has this very offer already; a second one would be tried as if it were another place."""

    code, kind, zh, en = "offer.exists", Kind.CONFLICT, "该权益已有相同的货源", "The benefit has this offer already"


class CodeTaken(Refused):
    """Another one has this code already."""

    code, kind, zh, en = "catalog.code_taken", Kind.CONFLICT, "编码 {value} 已被使用", "Code {value} is taken"


class WrongState(Refused):
    """It is not in a state from which this can be done."""

    code, kind = "catalog.wrong_state", Kind.CONFLICT
    zh, en = "当前状态为 {state}，不能执行该操作", "It is {state}, and this cannot be done then"


class WindowRefused(Refused):
    """A sale window ends after it begins."""

    code, kind = "bundle.sale_window", Kind.UNPROCESSABLE
    zh, en = "售卖结束时间须晚于开始时间", "A sale ends after it begins"
