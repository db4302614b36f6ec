"""What the webhook context refuses."""

from __future__ import annotations

from heyi.kernel.errors import Kind, Refused


class EndpointUnknown(Refused):
    """No such endpoint, or it belongs to somebody else."""

    code, kind = "webhook.unknown", Kind.NOT_FOUND
    zh, en = "没有这个回调地址", "there is no such webhook endpoint"


class DeliveryUnknown(Refused):
    """This endpoint has no such delivery."""

    code, kind = "webhook.delivery_unknown", Kind.NOT_FOUND
    zh, en = "没有这条投递记录", "this endpoint has no such delivery"


class UrlRefused(Refused):
    """The URL is malformed, carries credentials, or is not https."""

    code, kind = "webhook.url_refused", Kind.UNPROCESSABLE
    zh, en = "回调地址不可用：{why}", "this URL cannot be used: {why}"


class AddressRefused(Refused):
    """The URL's host has no address on the public internet."""

    code, kind = "webhook.address_refused", Kind.UNPROCESSABLE
    zh = "{host} 没有可用的公网地址"
    en = "{host} has no address on the public internet"


class EventUnknown(Refused):
    """An event name in the filter that heyi never sends: most likely a slip of the pen."""

    code, kind = "webhook.event_unknown", Kind.UNPROCESSABLE
    zh, en = "没有名为 {event} 的事件", "there is no event named {event}"


class VoiceFixed(Refused):
    """The endpoint speaks by another standard: its addresses come with the orders, and its secrets are supply keys."""

    code, kind = "webhook.voice_fixed", Kind.CONFLICT
    zh, en = (
        "该回调按 {voice} 标准随订单地址发送，不能这样修改",
        "this endpoint speaks {voice} at its orders' addresses",
    )


class TooManyEndpoints(Refused):
    """A holder has reached the most endpoints it may have."""

    code, kind = "webhook.too_many", Kind.CONFLICT
    zh, en = "最多可登记 {most} 个回调地址", "at most {most} webhook endpoints"


class EndpointDisabled(Refused):
    """Something is to be sent to an endpoint that is disabled."""

    code, kind = "webhook.endpoint_disabled", Kind.CONFLICT
    zh = "回调地址已停用，请先启用（state: active）"
    en = "this endpoint is disabled; set its state to active first"
