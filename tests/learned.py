"""What a document does not tell (codes that refuse, words for "no such order") an operator learns at the real supplier.
LEARNED are those of the simulator: what shipped profiles say nothing of, though it has to be understood for a test."""

from __future__ import annotations

from typing import Any

import msgspec

from heyi.provision.fulfilment.suppliers import SHIPPED

LEARNED: dict[str, dict[str, Any]] = {
    "fulu": {
        "not_found": ["4001"],
        "known_already": ["2003"],
        "refusals": {"1001": "signature", "1002": "signature", "1003": "clock", "1004": "endpoint", "1005": "request",
                     "2001": "balance", "2002": "account"},
    },
    "kayixin": {
        "not_found": ["3001"],
        "refusals": {"2004": "sold_out", "2005": "price", "2006": "busy", "2007": "account", "2009": "balance"},
    },
    "jingzhao": {"says": {"订单不存在": "not_found", "充值账号": "account", "价格": "price"}},
    "shangteng": {"says": {"订单不存在": "not_found", "充值账号": "account"}},
    "kakayun": {"says": {"库存不足": "sold_out"}, "spoken": ["-1"]},
    "yiqida": {"says": {"订单不存在": "not_found", "充值账号": "account", "价格": "price"}},
    "chengquan": {
        "not_found": ["7201"],
        "refusals": {"7104": "sold_out", "7106": "busy", "7107": "balance", "7108": "account"},
    },
    "agiso": {"refusals": {"2002": "sold_out", "2004": "busy", "2007": "refused"}},
    "acg_faka": {"says": {"发货失败": "refused", "商品暂停": "busy"}},
}  # fmt: skip


def learned(code: str) -> dict[str, Any]:
    """The shipped document of a dialect with what was learned at the simulator."""
    known: dict[str, Any] = msgspec.to_builtins(SHIPPED[code])
    for part, more in LEARNED.get(code, {}).items():
        there = known["told"].get(part)
        known["told"][part] = {**more, **(there or {})} if isinstance(more, dict) else more
    return known
