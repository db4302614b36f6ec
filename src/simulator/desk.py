"""A supplier's desk: takes an order or refuses it, works on it, delivers or fails. The same for every dialect."""

import re

import msgspec

from simulator.callbacks import Courier
from simulator.model import Card, FaultRule, Order, Plan, Product, ProductKind, Refused, State, Supplier, Why
from simulator.world import Shop, World, is_open, now_ms

LIE_MS = 1_000
HIDDEN_MS = 2_000
QUANTITY_MAX = 1_000

Faults = dict[str, FaultRule]


class Asked(msgspec.Struct, kw_only=True):
    product: str
    outer: str
    quantity: int
    account: str
    kinds: tuple[ProductKind, ...]
    callback_url: str
    safe_price_fen: int | None = None
    most_fen: int | None = None  # for the whole order
    at_once: bool = False  # delivered within the answer


class Desk:
    def __init__(self, world: World, courier: Courier) -> None:
        self._world, self._courier = world, courier

    def resume(self) -> None:
        """After a restart: go on with the work that was open and the callbacks that were waiting."""
        for shop in self._world.shops.values():
            for order in shop.orders.values():
                if is_open(order):
                    self._schedule(shop, order)
                elif order.plan.lies_ms is not None and not order.delivered:
                    self._world.at(order.due_ms + order.plan.lies_ms, lambda s=shop, o=order: self._confess(s, o))  # type: ignore[misc]
                if order.callback_due_ms:
                    self._courier.resume(shop, order)

    def take(self, shop: Shop, asked: Asked, faults: Faults) -> Order:
        supplier = shop.supplier
        product = self._product(supplier, asked, faults)
        price = self.price_fen(product, faults) * asked.quantity
        self._refuse_bad_account(supplier, product, asked)
        if asked.safe_price_fen is not None and price > asked.safe_price_fen * asked.quantity:
            raise Refused(Why.PRICE, "商品价格超出安全价格")
        if asked.most_fen is not None and price > asked.most_fen:
            raise Refused(Why.PRICE, "订单金额超出限价")
        if "decline" in faults:
            raise Refused(Why.DECLINED, "商品维护中，暂不可下单")
        if "balance_empty" in faults or supplier.balance_fen < price:
            raise Refused(Why.BALANCE, "账户余额不足")
        if supplier.dedupe and asked.outer in shop.by_outer:
            raise Refused(Why.DUPLICATE, "外部订单号已存在")
        supplier.made += 1
        supplier.balance_fen -= price
        product.stock -= asked.quantity
        taken = now_ms()
        work = supplier.work_ms if product.work_ms is None else product.work_ms
        order = Order(
            number=f"{taken}{supplier.made:07d}",
            outer=asked.outer,
            product=product.id,
            kind=product.kind,
            quantity=asked.quantity,
            account=asked.account,
            price_fen=price,
            state=State.UNTREATED,
            taken_ms=taken,
            due_ms=taken + work,
            callback_url=asked.callback_url,
            plan=plan(supplier, asked, faults, taken),
        )
        shop.add(order)
        shop.save(order)
        shop.save_supplier()
        if work <= 0 or asked.at_once or "callback_before_answer" in faults:
            self._work(shop, order)
        else:
            self._schedule(shop, order)
        return order

    def price_fen(self, product: Product, faults: Faults) -> int:
        rise = faults.get("price_rise") or faults.get("price_lies")
        return product.price_fen * (100 + rise.percent) // 100 if rise else product.price_fen

    def price_shown_fen(self, shop: Shop, product: Product) -> int:
        """The price list shows a rise while its rule is in force: looking is not a draw."""
        return self.price_fen(product, self._in_force(shop, product, "price_rise"))

    def stock_shown(self, shop: Shop, product: Product) -> int:
        if self._in_force(shop, product, "sold_out"):
            return 0
        return max(product.stock, 1) if self._in_force(shop, product, "stock_lies") else product.stock

    def _in_force(self, shop: Shop, product: Product, fault: str) -> Faults:
        for rule in shop.supplier.faults:
            if rule.fault == fault and rule.live(product.id, rule.outer):
                return {fault: rule}
        return {}

    def unstick(self, shop: Shop) -> None:
        """The rules were changed: what was stuck under a rule that is gone goes on."""
        if any(rule.fault == "stuck" for rule in shop.supplier.faults):
            return
        for order in shop.orders.values():
            if order.plan.stuck and is_open(order):
                order.plan.stuck = False
                order.due_ms = now_ms()
                self._schedule(shop, order)

    def _product(self, supplier: Supplier, asked: Asked, faults: Faults) -> Product:
        product = supplier.products.get(asked.product)
        if product is None:
            raise Refused(Why.NO_PRODUCT, "商品不存在")
        if product.kind not in asked.kinds:
            raise Refused(Why.WRONG_KIND, "商品类型不符")
        if not product.on_sale:
            raise Refused(Why.OFF_SALE, "商品已下架")
        if not asked.outer:
            raise Refused(Why.BAD_REQUEST, "外部订单号不能为空")
        if not 1 <= asked.quantity <= QUANTITY_MAX:
            raise Refused(Why.BAD_REQUEST, "购买数量不正确")
        if "sold_out" in faults or "stock_lies" in faults or product.stock < asked.quantity:
            raise Refused(Why.SOLD_OUT, "商品库存不足")
        return product

    def _refuse_bad_account(self, supplier: Supplier, product: Product, asked: Asked) -> None:
        if product.kind == "card":
            return
        bad = not asked.account or (supplier.bad_prefix and asked.account.startswith(supplier.bad_prefix))
        if bad or (product.pattern and not re.fullmatch(product.pattern, asked.account)):
            raise Refused(Why.BAD_ACCOUNT, "充值账号有误")
        if any(ord(character) > 0xFFFF for character in asked.account):
            raise Refused(Why.BAD_ACCOUNT, "充值账号含有不支持的字符")

    def _schedule(self, shop: Shop, order: Order) -> None:
        self._world.at(order.due_ms, lambda: self._work(shop, order))

    def _work(self, shop: Shop, order: Order) -> None:
        # After a reset the timers of the old world still ring; their orders are nobody's any more.
        if shop.orders.get(order.number) is not order or not is_open(order):
            return
        if order.plan.stuck:
            order.state = State.PROCESSING
        elif order.plan.lies_ms is not None:
            self._finish(shop, order, State.FAILED, "充值失败")
            self._world.at(now_ms() + order.plan.lies_ms, lambda: self._confess(shop, order))
        elif order.plan.fails:
            self._give_back(shop, order)
            self._finish(shop, order, State.FAILED, "充值失败，已退款")
        else:
            self._deliver(shop, order)
        shop.save(order)

    def _confess(self, shop: Shop, order: Order) -> None:
        if shop.orders.get(order.number) is order and not order.delivered:
            self._deliver(shop, order)
            shop.save(order)

    def _deliver(self, shop: Shop, order: Order) -> None:
        order.delivered += 1
        shop.delivered[order.outer] += 1
        order.serial = f"OP{order.number}"
        shop.mark(order, "delivered")
        if order.kind == "card":
            order.cards = cards_for(shop, order)
        self._finish(shop, order, State.DONE, "提卡成功" if order.kind == "card" else "充值成功")

    def _give_back(self, shop: Shop, order: Order) -> None:
        order.refunded = True
        shop.supplier.balance_fen += order.price_fen
        product = shop.supplier.products.get(order.product)
        if product is not None:
            product.stock += order.quantity
        shop.save_supplier()

    def _finish(self, shop: Shop, order: Order, state: State, text: str) -> None:
        order.state, order.text, order.finished_ms = state, text, now_ms()
        self._courier.announce(shop, order)


def plan(supplier: Supplier, asked: Asked, faults: Faults, taken_ms: int) -> Plan:
    """Fixed at acceptance, so that clearing a rule later does not change orders that are already under way."""
    lie, hidden = faults.get("lie_failed_then_success"), faults.get("query_not_found_for_ms")
    disorder = faults.get("callback_out_of_order")
    marked = bool(supplier.fail_suffix) and asked.account.endswith(supplier.fail_suffix)
    hidden_ms = 0
    if hidden:
        hidden_ms = taken_ms + (HIDDEN_MS if hidden.delay_ms is None else hidden.delay_ms)
    lies_ms = None
    if lie:
        lies_ms = LIE_MS if lie.delay_ms is None else lie.delay_ms
    return Plan(
        fails="fail_after_accept" in faults or marked,
        lies_ms=lies_ms,
        stuck="stuck" in faults,
        hidden_until_ms=hidden_ms,
        no_callback="no_callback" in faults,
        twice="callback_twice" in faults,
        out_of_order=(disorder.what or "processing") if disorder else None,
        unsigned="callback_unsigned" in faults,
        tampered="callback_tampered" in faults,
        partial="partial_cards" in faults,
        duplicate="duplicate_card" in faults,
    )


def cards_for(shop: Shop, order: Order) -> list[Card]:
    """Numbers that can be told apart and traced to their order; the password is made from the number."""
    cards = [
        Card(f"{order.product}{order.number}{index:03d}", f"PW-{order.number[-9:]}-{index:03d}")
        for index in range(order.quantity)
    ]
    if order.plan.duplicate:
        cards[-1] = _card_already_sold(shop, order, cards)
    return cards[:-1] if order.plan.partial else cards


def _card_already_sold(shop: Shop, order: Order, fresh: list[Card]) -> Card:
    for earlier in reversed(shop.orders.values()):
        if earlier.product == order.product and earlier.cards:
            return earlier.cards[0]
    # Nothing was sold yet: repeat within the order, or plant a card that the next duplicate will repeat.
    return fresh[0] if len(fresh) > 1 else Card(f"{order.product}-DUPLICATE", "PW-DUPLICATE")


def state_now(order: Order) -> State:
    """Untreated for the first half of the work, then processing; nobody needs a timer for that."""
    if order.state is State.UNTREATED and now_ms() >= (order.taken_ms + order.due_ms) // 2:
        return State.PROCESSING
    return order.state
