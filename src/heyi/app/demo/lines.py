"""Lines to type: order, reveal and redeem by hand with curl. A test runs them as they are printed."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from heyi.app.demo.watching import PHONE


@dataclass(frozen=True)
class Steps:
    """What the lines are about: an order that was just sold, and the entitlement of its voucher."""

    url: str
    channel_key: str
    partner_key: str
    order: str
    voucher: str

    def lines(self) -> list[str]:
        """Shell lines in order; comments say what each does. They need sh, curl and sed."""
        number = f"by-hand-{secrets.token_hex(3)}"
        post = "curl -sS --noproxy '*' -w '\\n' -X POST -H 'Content-Type: application/json'"
        order = (
            f'{{"channel_order_no": "{number}", "bundle": "joint-annual", "buyer": {{"id": "u-7"}},'
            f' "accounts": {{"phone": "{PHONE}"}}, "pay_with": "balance"}}'
        )
        scan = f'{{"code": "$CODE", "units": 1, "till": "store-3/till-1", "request_no": "{number}"}}'
        scan = scan.replace('"', '\\"')  # it stands in double quotes, so that the shell fills in $CODE
        return [
            f"HEYI={self.url}; CHANNEL='Authorization: Bearer {self.channel_key}'",
            f"PARTNER='Authorization: Bearer {self.partner_key}'",
            "# order 下单: paid from the channel's deposit and, where it can be, delivered in this one call",
            f"{post} -H \"$CHANNEL\" $HEYI/v1/orders -d '{order}'",
            "# reveal 查看卡密: the card keys and links of the order that was just sold",
            f'{post} -H "$CHANNEL" $HEYI/v1/orders/{self.order}/reveal',
            "# redeem 核销: the buyer shows a code that lives half a minute, the partner's till takes one unit",
            f'CODE=$({post} -H "$CHANNEL" $HEYI/v1/entitlements/{self.voucher}/code'
            ' | sed \'s/.*"code":"\\([^"]*\\)".*/\\1/\'); echo $CODE',
            f'RDM=$({post} -H "$PARTNER" $HEYI/v1/redemptions/prepare -d "{scan}"'
            ' | sed \'s/.*"id":"\\(rdm_[^"]*\\)".*/\\1/\'); echo $RDM',
            f'{post} -H "$PARTNER" $HEYI/v1/redemptions/$RDM/confirm',
        ]
