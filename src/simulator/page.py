"""Two plain pages for people: the control page and the till. Rendered here, with a few lines of script."""

import time
from html import escape
from typing import Any

from simulator import views
from simulator.world import Shop, World

ORDERS_SHOWN, WEBHOOKS_SHOWN = 20, 30

FAULTS = {
    "delay": "延迟应答",
    "timeout_before_accept": "未受理即超时",
    "timeout_after_accept": "已受理后超时",
    "error_500_before_accept": "未受理返回 500",
    "error_500_after_accept": "已受理返回 500",
    "unreadable_body": "应答为网页",
    "wrong_status": "未知状态值",
    "garbled_charset": "应答乱码 (GBK)",
    "query_error": "查询返回 500",
    "query_not_found_for_ms": "暂时查不到订单",
    "no_callback": "不发回调",
    "callback_before_answer": "回调先于应答",
    "callback_twice": "回调两次",
    "callback_out_of_order": "回调乱序",
    "callback_unsigned": "回调无签名",
    "callback_tampered": "回调被篡改",
    "sold_out": "缺货",
    "price_rise": "涨价",
    "balance_empty": "余额不足",
    "decline": "拒单",
    "fail_after_accept": "受理后失败",
    "lie_failed_then_success": "谎报失败后又成功",
    "stuck": "一直处理中",
    "partial_cards": "卡密缺少",
    "duplicate_card": "卡密重复",
    "slow_drip": "慢速应答",
    "ip_refused": "IP 不在白名单",
    "query_rate_limited": "查询过频被拒",
    "clock_skew": "对方时钟偏差",
    "stock_lies": "谎报有货",
    "price_lies": "谎报低价",
}
STATES = {"untreated": "待处理", "processing": "处理中", "done": "成功", "failed": "失败"}
COUNTERS = {"orders": "订单", "open": "处理中", "done": "成功", "failed": "失败", "deliveries": "实际交付"}

STYLE = """
body{font:14px/1.6 system-ui,"Noto Sans SC",sans-serif;margin:2rem auto;max-width:1100px;padding:0 1rem;color:#222}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem;border-bottom:1px solid #ddd}
table{border-collapse:collapse;width:100%;margin:.5rem 0}
th,td{text-align:left;padding:.2rem .5rem;border-bottom:1px solid #eee}
td{word-break:break-all}button{font:inherit;margin:.1rem;padding:.1rem .6rem;border:1px solid #bbb;border-radius:4px;
background:#fafafa;cursor:pointer}button[aria-pressed=true]{background:#c0392b;color:#fff;border-color:#c0392b}
label{display:block;margin:.4rem 0}input{font:inherit;width:24rem;max-width:100%}pre{background:#f6f6f6;padding:1rem;
white-space:pre-wrap}.bad{color:#c0392b}
"""
SCRIPT = """
async function call(method, path, body) {
  const answer = await fetch(path, {method, body: body === undefined ? undefined : JSON.stringify(body)});
  if (!answer.ok) return alert(await answer.text());
  location.reload();
}
async function toggle(name, fault) {
  const path = `/control/suppliers/${name}/faults`;
  const rules = (await (await fetch(path)).json()).data;
  const others = rules.filter(rule => rule.fault !== fault);
  await call('PUT', path, others.length < rules.length ? others : [...rules, {fault}]);
}
"""
SCAN = """
document.querySelector('form').addEventListener('submit', async event => {
  event.preventDefault();
  const fields = Object.fromEntries(new FormData(event.target));
  fields.units = Number(fields.units);
  const answer = await fetch('/till/scan', {method: 'POST', body: JSON.stringify(fields)});
  const told = await answer.json();
  document.querySelector('output').textContent =
    (told.redeemed ? '核销成功' : '未核销') + '\\n' + JSON.stringify(told, null, 2);
});
"""


def control(world: World) -> str:
    suppliers = "".join(_supplier(shop) for shop in world.shops.values())
    again = "onclick=\"confirm('清空全部数据？')&&call('POST','/control/reset',{})\""
    return _page(
        "模拟器控制台",
        f"<p>模拟供货商、合作方收银台与通知接收端。<a href='/till'>收银台</a> · <a href='/control'>刷新</a> "
        f"<button {again}>重置</button></p>{suppliers}{_webhooks(world)}<script>{SCRIPT}</script>",
    )


def till() -> str:
    fields = (
        ("base_url", "平台地址", "http://127.0.0.1:8000"),
        ("key", "合作方密钥", ""),
        ("code", "核销码", ""),
        ("units", "份数", "1"),
        ("till", "收银台", "store-1/till-1"),
    )
    inputs = "".join(
        f"<label>{title}<br><input name={name} value='{escape(value)}' type={_input(name)} required></label>"
        for name, title, value in fields
    )
    form = f"<form>{inputs}<button>核销</button></form><pre><output></output></pre>"
    return _page("收银台", f"{form}<script>{SCAN}</script>")


def _input(name: str) -> str:
    return {"key": "password", "units": "number"}.get(name, "text")


def _page(title: str, body: str) -> str:
    return (
        f"<!doctype html><html lang=zh-CN><meta charset=utf-8><title>{title}</title>"
        f"<meta name=viewport content='width=device-width'><style>{STYLE}</style><h1>{title}</h1>{body}</html>"
    )


def _supplier(shop: Shop) -> str:
    supplier = shop.supplier
    name = escape(supplier.name)
    counters: dict[str, int] = views.supplier(shop)["counters"]
    shown = " · ".join(f"{title} {counters[key]}" for key, title in COUNTERS.items())
    twice = counters["delivered_twice"]
    alarm = f" · <b class=bad>重复交付 {twice}</b>" if twice else ""
    active = {rule.fault: rule for rule in supplier.faults}
    buttons = "".join(
        f"<button aria-pressed={'true' if fault in active else 'false'} title='{fault}' "
        f"onclick=\"toggle('{name}','{fault}')\">{title}"
        f"{f' ×{active[fault].used}' if fault in active else ''}</button>"
        for fault, title in FAULTS.items()
    )
    latest = list(shop.orders.values())[-ORDERS_SHOWN:][::-1]
    rows = _table(
        ("时间", "外部单号", "商品", "数量", "金额", "状态", "交付", "回调"),
        [
            (
                _clock(order.taken_ms),
                order.outer,
                order.product,
                order.quantity,
                f"{order.price_fen / 100:.2f}",
                STATES[views.order(order)["state"]],
                order.delivered,
                f"{order.callbacks_sent} {order.callback_answer}",
            )
            for order in latest
        ],
    )
    return (
        f"<h2>{name} ({supplier.dialect})</h2><p>余额 {supplier.balance_fen / 100:.2f} 元 · {shown}{alarm}</p>"
        f"<p>{buttons}<button onclick=\"call('DELETE','/control/suppliers/{name}/faults')\">全部关闭</button></p>{rows}"
    )


def _webhooks(world: World) -> str:
    latest = world.received[-WEBHOOKS_SHOWN:][::-1]
    rows = [
        (_clock(one.at_ms), one.receiver, one.type, one.id, "通过" if one.verified else one.problem, one.answered)
        for one in latest
    ]
    return f"<h2>收到的通知</h2>{_table(('时间', '接收端', '类型', '编号', '验签', '应答'), rows)}"


def _table(heads: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    if not rows:
        return "<p>暂无</p>"
    head = "".join(f"<th>{title}</th>" for title in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _clock(at_ms: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at_ms / 1000))
