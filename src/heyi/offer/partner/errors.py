"""What partner refuses."""

from __future__ import annotations

from heyi.kernel.errors import Kind, Refused


class PartnerNotFound(Refused):
    """No partner has this id."""

    code, kind = "partner.not_found", Kind.NOT_FOUND
    zh, en = "没有这个合作方", "There is no such partner"


class ChannelNotFound(Refused):
    """No channel has this id."""

    code, kind = "channel.not_found", Kind.NOT_FOUND
    zh, en = "没有这个渠道", "There is no such channel"


class CodeTaken(Refused):
    """Another partner (or channel) has this code already."""

    code, kind = "partner.code_taken", Kind.CONFLICT
    zh, en = "编码 {value} 已被使用", "Code {value} is taken"


class WrongState(Refused):
    """It is suspended already, or active already."""

    code, kind = "partner.wrong_state", Kind.CONFLICT
    zh, en = "当前状态为 {state}，不能执行该操作", "It is {state}, and this cannot be done then"


class KeyNotFound(Refused):
    """No access key has this id, or it is revoked or expired."""

    code, kind = "access_key.not_found", Kind.NOT_FOUND
    zh, en = "没有这个有效的 API 密钥", "There is no such live access key"


class TwoLive(Refused):
    """A holder has at most two live keys under one label: revoke the old one first."""

    code, kind = "access_key.two_live", Kind.CONFLICT
    zh = "名为 {label} 的密钥已有两把有效，请先吊销旧密钥"
    en = "two keys labelled {label} are live; revoke the old one first"


class ScopeUnknown(Refused):
    """This kind of holder cannot have the scope, or the maker of the key does not have it."""

    code, kind = "access_key.scope_unknown", Kind.UNPROCESSABLE
    zh, en = "不可授予权限 {scope}", "Scope {scope} cannot be given"


class ExpiryInPast(Refused):
    """A key that would be dead at once."""

    code, kind = "access_key.expiry_in_past", Kind.UNPROCESSABLE
    zh, en = "到期时间须在将来", "The expiry must be in the future"


class SupplyKeyNotFound(Refused):
    """No supply key has this id, or it is revoked or expired."""

    code, kind = "supply_key.not_found", Kind.NOT_FOUND
    zh, en = "没有这个有效的供货密钥", "There is no such live supply key"


class SupplyTwoLive(Refused):
    """A channel has at most two live keys of one standard: revoke the old one first."""

    code, kind = "supply_key.two_live", Kind.CONFLICT
    zh = "该渠道已有两把有效的 {standard} 密钥，请先吊销旧密钥"
    en = "two {standard} keys of this channel are live; revoke the old one first"


class AppMissing(Refused):
    """闲管家 signs with its own application's id and secret too; both must be given."""

    code, kind = "supply_key.app_missing", Kind.UNPROCESSABLE
    zh = "闲管家标准须填写其应用的 app_id（数字）与 app_secret"
    en = "the 闲管家 standard needs its application's app_id (digits) and app_secret"


class AppNotWanted(Refused):
    """Only 闲管家 has applications of its own."""

    code, kind = "supply_key.app_not_wanted", Kind.UNPROCESSABLE
    zh, en = "{standard} 标准没有 app_id 与 app_secret", "the standard {standard} has no app_id and app_secret"


class IpMalformed(Refused):
    """An entry of the list of allowed addresses is neither an address nor a network."""

    code, kind = "supply_key.ip_malformed", Kind.UNPROCESSABLE
    zh, en = "{value} 不是 IP 地址或网段", "{value} is neither an address nor a network"


class SupplyChoice(Refused):
    """The bundle lets the buyer choose, and the standard has no place to say what."""

    code, kind = "supply.choice", Kind.UNPROCESSABLE
    zh, en = "套餐含可选组，该标准无法表达选择", "the bundle has a choice, which this standard cannot express"


class SupplyLater(Refused):
    """A part comes later than at once; the other side waits for an order's end."""

    code, kind = "supply.later", Kind.UNPROCESSABLE
    zh = "权益 {benefit} 不是下单即交付，该标准只能表达即时交付"
    en = "{benefit} is not delivered at once, and this standard knows nothing else"


class SupplyPhysical(Refused):
    """A part is sent by post, and the standard has no address."""

    code, kind = "supply.physical", Kind.UNPROCESSABLE
    zh, en = "权益 {benefit} 是实物，该标准没有收货地址", "{benefit} is sent by post, and this standard has no address"


class SupplyVoucher(Refused):
    """A part is a voucher whose code changes all the time: it cannot be handed over as a text."""

    code, kind = "supply.voucher", Kind.UNPROCESSABLE
    zh, en = (
        "权益 {benefit} 是动态核销码，无法作为卡密交付",
        "{benefit} has a rotating code, which is no card to hand over",
    )


class SupplyMixed(Refused):
    """Top-up orders of this standard carry no cards, and card orders no accounts; the bundle needs both."""

    code, kind = "supply.mixed", Kind.UNPROCESSABLE
    zh, en = (
        "套餐既要充值账号又含卡密，该标准只能二选一",
        "the bundle asks for accounts and hands over cards; this standard can do one",
    )


class SupplyAccounts(Refused):
    """The standard has one account field (and four about games); the bundle's accounts do not fit into them."""

    code, kind = "supply.accounts", Kind.UNPROCESSABLE
    zh, en = (
        "套餐要求的 {count} 个账号无法放入该标准的字段",
        "the bundle's {count} accounts do not fit into this standard's fields",
    )


class SupplyNothing(Refused):
    """A part asks for no account and hands nothing over: the other side would never see that it came."""

    code, kind = "supply.nothing", Kind.UNPROCESSABLE
    zh, en = "权益 {benefit} 既无账号也无卡密可交付", "{benefit} asks for no account and hands over no card"


class SupplyCurrency(Refused):
    """The standard's amounts are fen."""

    code, kind = "supply.currency", Kind.UNPROCESSABLE
    zh, en = (
        "该标准只能以人民币（分）计价，套餐为 {currency}",
        "this standard's amounts are fen, and the bundle is priced in {currency}",
    )


class SupplyUnserved(Refused):
    """No offer of a part is active now: nobody could deliver it."""

    code, kind = "supply.unserved", Kind.CONFLICT
    zh, en = "权益 {benefit} 目前没有可用货源", "{benefit} has no active offer now"


class SupplyAccountMissing(Refused):
    """An account that the bundle needs was left out; an order without it would wait for ever."""

    code, kind = "supply.account_missing", Kind.UNPROCESSABLE
    zh, en = "缺少账号字段 {field}", "the account field {field} is missing"
