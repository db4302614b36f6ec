"""What suppliers speak: one file per dialect, one table that names them all."""

from simulator.dialects.acg_faka import AcgFaka
from simulator.dialects.agiso import Agiso
from simulator.dialects.chengquan import Chengquan
from simulator.dialects.dujiao_next import DujiaoNext
from simulator.dialects.fanchen import Fanchen
from simulator.dialects.fengzhushou import Fengzhushou
from simulator.dialects.fulu import Fulu
from simulator.dialects.jingzhao import Jingzhao
from simulator.dialects.kakayun import Kakayun
from simulator.dialects.kasushou import Kasushou
from simulator.dialects.kayixin import Kayixin
from simulator.dialects.mifeng import Mifeng
from simulator.dialects.shangteng import Shangteng
from simulator.dialects.speech import Speech
from simulator.dialects.yiqida import Yiqida

SPEECHES: dict[str, Speech] = {
    "kasushou": Kasushou(),
    "fulu": Fulu(),
    "dujiao_next": DujiaoNext(),
    "fanchen": Fanchen(xml=False),
    "fanchen_xml": Fanchen(xml=True),
    "kayixin": Kayixin(),
    "yiqida": Yiqida(),
    "fengzhushou": Fengzhushou(),
    "chengquan": Chengquan(),
    "mifeng": Mifeng(),
    "kakayun": Kakayun(),
    "jingzhao": Jingzhao(),
    "shangteng": Shangteng(),
    "acg_faka": AcgFaka(),
    "agiso": Agiso(),
}
