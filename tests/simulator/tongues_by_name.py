"""Every client of the stories that all further dialects tell."""

from tests.simulator.tongues import Chengquan, Fengzhushou, Kayixin, Tongue, Yiqida
from tests.simulator.tongues_of_wholesalers import Jingzhao, Kakayun, Mifeng, Shangteng

TONGUES: dict[str, type[Tongue]] = {
    "kayixin": Kayixin,
    "yiqida": Yiqida,
    "fengzhushou": Fengzhushou,
    "chengquan": Chengquan,
    "mifeng": Mifeng,
    "kakayun": Kakayun,
    "jingzhao": Jingzhao,
    "shangteng": Shangteng,
}
