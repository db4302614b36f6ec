"""The suppliers that exist before anybody configures any. The credentials are invented and public."""

from simulator.model import Product, Supplier

PHONE = r"^1\d{10}$"
QQ = r"^[1-9]\d{4,11}$"


def suppliers() -> list[Supplier]:
    return [
        Supplier(
            name="kasushou",
            dialect="kasushou",
            partner_key="simulator-kasushou-partner",
            credentials={"user_id": "10001", "key": "simulator-kasushou-key"},
            products=_by_id(
                Product(id="1001", name="视频会员月卡", price_fen=1500, face_value_fen=2500, pattern=PHONE),
                Product(id="1002", name="音乐会员月卡", price_fen=800, face_value_fen=1500, pattern=PHONE),
                Product(id="1003", name="游戏点券", price_fen=950, face_value_fen=1000, pattern=QQ),
                Product(id="1101", name="外卖红包卡密", kind="card", price_fen=480, face_value_fen=500),
                Product(id="1102", name="咖啡兑换卡密", kind="card", price_fen=1200, face_value_fen=2000),
            ),
        ),
        Supplier(
            name="fulu",
            dialect="fulu",
            partner_key="simulator-fulu-partner",
            credentials={"app_key": "simulator-fulu-app", "secret": "simulator-fulu-secret-0123456789"},
            products=_by_id(
                Product(id="20001", name="视频会员月卡", price_fen=1520, face_value_fen=2500, pattern=PHONE),
                Product(id="20002", name="音乐会员月卡", price_fen=790, face_value_fen=1500, pattern=PHONE),
                Product(id="20003", name="游戏点券", price_fen=960, face_value_fen=1000, pattern=QQ),
                Product(id="20101", name="外卖红包卡密", kind="card", price_fen=470, face_value_fen=500),
                Product(id="20201", name="话费50元", kind="mobile", price_fen=4980, face_value_fen=5000),
                Product(id="20202", name="话费100元", kind="mobile", price_fen=9950, face_value_fen=10000),
            ),
        ),
        *_do_platforms(),
        *_card_shops(),
        *_with_the_usual_shelf(),
    ]


def _supplier(
    dialect: str, credentials: dict[str, str], *products: Product, calls_per_s: int = 0, dedupe: bool = True
) -> Supplier:
    """An instance that bears its dialect's name, most often of one whose makers do not take a number twice."""
    return Supplier(
        name=dialect,
        dialect=dialect,
        credentials=credentials,
        dedupe=dedupe,
        calls_per_s=calls_per_s,
        partner_key=f"simulator-{dialect}-partner",
        products=_by_id(*products),
    )


def _do_platforms() -> list[Supplier]:
    return [
        _supplier(
            "fanchen",
            {"userid": "10086", "key": "simulator-fanchen-key"},
            Product(id="30001", name="视频会员月卡", price_fen=1510, face_value_fen=2500, pattern=PHONE),
            Product(id="30002", name="音乐会员月卡", price_fen=810, face_value_fen=1500, pattern=PHONE),
            Product(id="30101", name="外卖红包卡密", kind="card", price_fen=490, face_value_fen=500),
            Product(id="30201", name="话费50元", kind="mobile", price_fen=4970, face_value_fen=5000),
        ),
        _supplier(
            "fanchen_xml",
            {"userid": "10087", "key": "simulator-fanchen-xml-key"},
            Product(id="31001", name="视频会员月卡", price_fen=1505, face_value_fen=2500, pattern=PHONE),
            Product(id="31002", name="音乐会员月卡", price_fen=805, face_value_fen=1500, pattern=PHONE),
            Product(id="31101", name="外卖红包卡密", kind="card", price_fen=485, face_value_fen=500),
            Product(id="31201", name="话费50元", kind="mobile", price_fen=4965, face_value_fen=5000),
        ),
    ]


def _card_shops() -> list[Supplier]:
    return [
        _supplier(
            "acg_faka",
            {"app_id": "1001", "key": "simulator-acg-faka-key"},
            Product(id="501", name="视频会员月卡", price_fen=1540, face_value_fen=2500, pattern=PHONE),
            Product(id="511", name="外卖红包卡密", kind="card", price_fen=478, face_value_fen=500, stock=1_000_000),
            Product(id="512", name="咖啡兑换卡密", kind="card", price_fen=1180, face_value_fen=2000, stock=1_000_000),
        ),
        _supplier(
            "agiso",
            {"token": "simulator-agiso-token", "secret": "simulator-agiso-secret"},
            Product(id="611", name="外卖红包卡密", kind="card", price_fen=460, face_value_fen=500, stock=1_000_000),
            Product(id="612", name="咖啡兑换卡密", kind="card", price_fen=1150, face_value_fen=2000, stock=1_000_000),
            calls_per_s=20,
        ),
        _supplier(
            "dujiao_next",
            {"api_key": "simulator-dujiao-key", "secret": "simulator-dujiao-secret"},
            Product(id="401", name="视频会员月卡", price_fen=1530, face_value_fen=2500, pattern=PHONE),
            Product(id="402", name="音乐会员月卡", price_fen=820, face_value_fen=1500, pattern=PHONE),
            Product(id="411", name="外卖红包卡密", kind="card", price_fen=475, face_value_fen=500, stock=1_000_000),
        ),
    ]


def _with_the_usual_shelf() -> list[Supplier]:
    kayixin = {"app_id": "10030", "secret": "simulator-kayixin-secret-32bytes"}
    yiqida = {"user_name": "10040", "key": "simulator-yiqida-key"}
    fengzhushou = {"project_code": "SIM50", "key": "simulator-fengzhushou-key"}
    chengquan = {"app_id": "10060", "key": "simulator-chengquan-key"}
    mifeng = {"app_key": "simulator-mifeng-app", "secret": "simulator-mifeng-secret"}
    kakayun = {"userid": "10080", "key": "simulator-kakayun-key"}
    jingzhao = {"customer_id": "10090", "key": "simulator-jingzhao-key"}
    shangteng = {"user_id": "10110", "key": "simulator-shangteng-key"}
    return [
        _supplier("kayixin", kayixin, *_shelf("3", 1510, 795, 955, 475), dedupe=False),
        _supplier("yiqida", yiqida, *_shelf("4", 1505, 805, 945, 485), dedupe=False),
        _supplier("fengzhushou", fengzhushou, *_shelf("5", 1490, 810, 965), dedupe=False),
        _supplier("chengquan", chengquan, *_shelf("6", 1495, 785, 970, 465), dedupe=False),
        _supplier("mifeng", mifeng, *_shelf("7", 1485, 815, 940, 490)),
        _supplier("kakayun", kakayun, *_shelf("8", 1480, 820, 935, 495)),
        _supplier("jingzhao", jingzhao, *_shelf("9", 1475, 825, 930, 460)),
        _supplier("shangteng", shangteng, *_shelf("11", 1470, 830, 925), dedupe=False),
    ]


def _shelf(first: str, video: int, music: int, game: int, cards: int = 0) -> list[Product]:
    """What everybody sells, at one supplier's prices in fen; product numbers begin with the supplier's digit."""
    products = [
        Product(id=f"{first}0001", name="视频会员月卡", price_fen=video, face_value_fen=2500, pattern=PHONE),
        Product(id=f"{first}0002", name="音乐会员月卡", price_fen=music, face_value_fen=1500, pattern=PHONE),
        Product(id=f"{first}0003", name="游戏点券", price_fen=game, face_value_fen=1000, pattern=QQ),
        Product(id=f"{first}0201", name="话费50元", kind="mobile", price_fen=4970, face_value_fen=5000),
    ]
    if cards:
        products.append(
            Product(id=f"{first}0101", name="外卖红包卡密", kind="card", price_fen=cards, face_value_fen=500)
        )
    return products


def _by_id(*products: Product) -> dict[str, Product]:
    for product in products:
        if product.kind == "mobile":
            product.pattern = PHONE
    return {product.id: product for product in products}
