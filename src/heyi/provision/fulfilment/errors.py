"""What fulfilment refuses to operators."""

from __future__ import annotations

from heyi.kernel.errors import Kind, Refused


class SupplierNotFound(Refused):
    """No supplier account has this id."""

    code, kind = "supplier.not_found", Kind.NOT_FOUND
    zh, en = "没有这个供货商账户", "There is no such supplier account"


class SupplierCodeTaken(Refused):
    """Another supplier account has this code already."""

    code, kind = "supplier.code_taken", Kind.CONFLICT
    zh, en = "编码 {value} 已被使用", "Code {value} is taken"


class DialectUnknown(Refused):
    """heyi does not speak this dialect."""

    code, kind = "supplier.dialect_unknown", Kind.UNPROCESSABLE
    zh, en = "不支持协议 {value}，可选：{known}", "Dialect {value} is not spoken; these are: {known}"


class CredentialsWrong(Refused):
    """The dialect needs exactly these credentials."""

    code, kind = "supplier.credentials_wrong", Kind.UNPROCESSABLE
    zh = "该协议需要且只需要凭据：{names}（缺少：{missing}；多余：{odd}）"
    en = "This dialect needs these credentials and no others: {names} (missing: {missing}; not asked for: {odd})"


class SupplierState(Refused):
    """It is paused already, or active already."""

    code, kind = "supplier.wrong_state", Kind.CONFLICT
    zh, en = "供货商账户当前为 {state}", "The supplier account is {state}"


class SupplierUnusable(Refused):
    """No connector can speak for the account: a broken profile, a package gone, a credential missing."""

    code, kind = "supplier.unusable", Kind.CONFLICT
    zh, en = "该账户目前无法使用：{why}", "The account cannot be used now: {why}"


class ProfileNotFound(Refused):
    """There is no such version of this code."""

    code, kind = "profile.not_found", Kind.NOT_FOUND
    zh, en = "没有协议 {value} 的版本 {version}", "There is no dialect {value} with a version {version}"


class ProfileCode(Refused):
    """A document is stored under its own code."""

    code, kind = "profile.other_code", Kind.UNPROCESSABLE
    zh, en = "文档的编码是 {value}，不是 {code}", "The document's code is {value}, not {code}"


class ProfileState(Refused):
    """Accounts follow this version already."""

    code, kind = "profile.wrong_state", Kind.CONFLICT
    zh, en = "协议 {code} 已在使用版本 {version}", "Accounts of {code} follow version {version} already"


class ProfileNeverUsed(Refused):
    """Going back is to what was followed before; a draft is published."""

    code, kind = "profile.never_used", Kind.CONFLICT
    zh, en = "版本 {version} 从未使用过：请发布它", "Version {version} was never in use: publish it"


class ProfileWouldBreak(Refused):
    """Accounts that can be used now could not be used with this version; their tasks would wait."""

    code, kind = "profile.would_break", Kind.CONFLICT
    zh = "这些账户将无法使用：{accounts}。仍要发布请设 even_so"
    en = "These accounts could not be used any more: {accounts}. To do it all the same, say even_so"


class RealOrder(Refused):
    """A rehearsal does not ask about purchases of ours: the answer may hold what was delivered."""

    code, kind = "profile.real_order", Kind.CONFLICT
    zh, en = "这是真实订单的编号：请使用履约任务的查询", "This is the number of a real purchase: query its task instead"


class NotToBeSent(Refused):
    """A rehearsal sends only what changes nothing, and only to the account's own address."""

    code, kind = "profile.not_to_be_sent", Kind.UNPROCESSABLE
    zh, en = "演练不会发送该请求：{why}", "A rehearsal does not send this: {why}"


class TaskNotFound(Refused):
    """No task has this id."""

    code, kind = "task.not_found", Kind.NOT_FOUND
    zh, en = "没有这个履约任务", "There is no such task"


class TaskHeld(Refused):
    """Its item is held: it goes on when the hold is over."""

    code, kind = "task.held", Kind.CONFLICT
    zh, en = "该权益已被冻结，解除后才会继续", "This item is held: it goes on when the hold is lifted"


class TaskState(Refused):
    """In its present state this cannot be done with the task."""

    code, kind = "task.wrong_state", Kind.CONFLICT
    zh, en = "任务当前为 {state}，不能执行该操作", "The task is {state}, and this cannot be done then"


class TaskBusy(Refused):
    """The supplier is being called right now: what it says comes first."""

    code, kind = "task.busy", Kind.CONFLICT
    zh, en = "任务正在调用供货商，请稍后再试", "The supplier is being called right now; try again in a moment"


class StillUnknown(Refused):
    """The supplier may have delivered: deciding otherwise needs proof that it did not."""

    code, kind = "task.still_unknown", Kind.CONFLICT
    zh = "供货商可能已经发货：请先查询，或提供未发货的凭证 proof"
    en = "The supplier may have delivered: query it, or give proof that it did not"


class NumberOvertaken(Refused):
    """What is proven about one number says nothing about the one that was sent after it."""

    code, kind = "task.number_overtaken", Kind.CONFLICT
    zh = "该调用的单号之后已用新单号下单：请针对最新单号处理"
    en = "Another number was sent after this call's: decide about that one"


class ProofMissing(Refused):
    """Delivered by a person's word: what shows it?"""

    code, kind = "task.proof_missing", Kind.UNPROCESSABLE
    zh, en = "请提供已交付的凭证 proof", "Say what proves the delivery (proof)"


class NeedsCard(Refused):
    """A card key is delivered by a key from the vault or the supplier, not by anybody's word."""

    code, kind = "task.needs_card", Kind.CONFLICT
    zh, en = "卡密只能由卡密库或供货商交付，请补货或重试", "A card key needs a key: add stock, or try again"


class ProfileShape(Refused):
    """The document has a field too many, one too few, or one of the wrong sort."""

    code, kind = "profile.shape", Kind.UNPROCESSABLE
    zh, en = "档案格式有误：{said}", "The profile's form is wrong: {said}"


class ProfilePlace(Refused):
    """A text has a place or a filter that does not exist, or a brace that is not closed."""

    code, kind = "profile.place", Kind.UNPROCESSABLE
    zh, en = "文本中的 {value} 无法识别：{said}", "{value} in the text is not understood: {said}"


class ProfileGap(Refused):
    """What a profile says here makes something else necessary that it does not say."""

    code, kind = "profile.gap", Kind.UNPROCESSABLE
    zh, en = "此处缺少设置：{said}", "Something is missing here: {said}"


class ProfileClash(Refused):
    """Two parts of a profile contradict each other."""

    code, kind = "profile.clash", Kind.UNPROCESSABLE
    zh, en = "设置互相矛盾：{said}", "Two settings contradict each other: {said}"


class OfferUnusable(Refused):
    """A person named an offer that this task cannot be bought from."""

    code, kind = "task.offer_unusable", Kind.CONFLICT
    zh = "该货源不是此权益的可用货源、高于成本上限，或此任务不由供货商履约"
    en = "this is no active supplier offer of the benefit, costs more than it may, or no supplier delivers this task"


class ShowsNothing(Refused):
    """The dialect of this account shows neither a list of products nor single ones."""

    code, kind = "sync.shows_nothing", Kind.UNPROCESSABLE
    zh, en = "该供货商协议不提供商品列表或商品查询", "This supplier's dialect shows no products"


class SyncRunning(Refused):
    """The account's products are being read already; one run at a time."""

    code, kind = "sync.running", Kind.CONFLICT
    zh, en = "该供货商的商品正在同步", "This supplier's products are being read already"


class SyncTooSoon(Refused):
    """The account's products were read a moment ago; full reads in a row overload both sides."""

    code, kind = "sync.too_soon", Kind.TOO_MANY
    zh = "刚刚同步过，请 {retry_after_s} 秒后再试"
    en = "Its products were read a moment ago; try again in {retry_after_s} seconds"


class SyncNotFound(Refused):
    """No sync has this id."""

    code, kind = "sync.not_found", Kind.NOT_FOUND
    zh, en = "没有这次同步", "There is no such sync"


class SyncNotDoubted(Refused):
    """Only the last run over a supplier's products can be confirmed, and only when it is in doubt."""

    code, kind = "sync.not_doubted", Kind.CONFLICT
    zh, en = "只能确认供货商最近一次且存疑的同步", "Only a supplier's last run can be confirmed, when doubted"


class ChangeNotFound(Refused):
    """No change has this id."""

    code, kind = "product_change.not_found", Kind.NOT_FOUND
    zh, en = "没有这条商品变动", "There is no such change"


class ChangeSettled(Refused):
    """Somebody has decided, or the supplier has said something else since."""

    code, kind = "product_change.settled", Kind.CONFLICT
    zh, en = "该变动当前为 {state}，不能再处理", "This change is {state}: there is nothing to decide any more"


class ChangeCurrency(Refused):
    """No offer costs in the currency of this price; the operator sets its cost by hand."""

    code, kind = "product_change.currency", Kind.CONFLICT
    zh = "该价格为 {currency}，没有同币种的货源：请手工设置成本"
    en = "This price is in {currency}, and no offer costs in that: set the cost by hand"


class ChangesMoved(Refused):
    """There are more or fewer open changes than the preview counted."""

    code, kind = "product_change.moved", Kind.CONFLICT
    zh = "符合条件的变动现为 {count} 条，与预览不同：请重新预览"
    en = "The filter finds {count} changes now, another number than the preview: look again"


class ChangesUnseen(Refused):
    """Changes were to be settled that nobody has looked at: `until`, as the preview names it, is missing."""

    code, kind = "product_change.unseen", Kind.INVALID
    zh, en = "请先预览，再以 newest 作为 until 提交", "Look first, then send the preview's `newest` as `until`"


class PriceUnsettled(Refused):
    """An offer was to be resumed while its supplier asks more than a version on sale allows."""

    code, kind = "offer.price_unsettled", Kind.CONFLICT
    zh = "{why}：请先接受或忽略该价格变动，或提高成本上限"
    en = "{why}: accept or dismiss the price first, or raise the cost limit"


class DifferenceNotFound(Refused):
    """No attempt with this id delivered too late."""

    code, kind = "task.difference_not_found", Kind.NOT_FOUND
    zh, en = "没有这条履约差异", "There is no such difference"


class DifferenceSettled(Refused):
    """Somebody has settled this difference already."""

    code, kind = "task.difference_settled", Kind.CONFLICT
    zh, en = "该差异已由 {by} 处理", "{by} has settled this difference already"


class AddressesWrong(Refused):
    """An address that callbacks may come from is neither an address nor a network."""

    code, kind = "supplier.addresses_wrong", Kind.UNPROCESSABLE
    zh, en = "{value} 不是 IP 地址或网段", "{value} is neither an address nor a network (CIDR)"
