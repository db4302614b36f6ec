"""What the vault says no to."""

from __future__ import annotations

from heyi.kernel.errors import Kind, Refused


class BatchDiffers(Refused):
    """A batch of this code exists with another benefit or cost."""

    code, kind = "stock.batch_differs", Kind.CONFLICT
    zh = "批次 {batch} 已存在,且权益或成本不同"
    en = "batch {batch} exists with another benefit or another cost"


class BatchIsVoid(Refused):
    """Nothing can be put into a batch that was voided."""

    code, kind = "stock.batch_void", Kind.CONFLICT
    zh = "批次已作废"
    en = "this batch was voided"


class BatchNotFound(Refused):
    """There is no such batch."""

    code, kind = "stock.batch_not_found", Kind.NOT_FOUND
    zh = "找不到该批次"
    en = "there is no such batch"


class WrongState(Refused):
    """The batch or some of the keys are not in a state from which this move is allowed; nothing was moved."""

    code, kind = "stock.wrong_state", Kind.CONFLICT
    zh = "当前状态不允许此操作({count} 个)"
    en = "{count} of them are not in a state that allows this"


class ImportNotFound(Refused):
    """There is no such import."""

    code, kind = "stock.import_not_found", Kind.NOT_FOUND
    zh = "找不到该导入"
    en = "there is no such import"


class ImportBusy(Refused):
    """The same import is being sent by somebody else at this moment."""

    code, kind = "stock.import_busy", Kind.CONFLICT
    zh = "该导入正由另一请求上传"
    en = "another request is sending this import right now"


class OtherFile(Refused):
    """The upload does not begin with the lines that this import has read already."""

    code, kind = "stock.import_other_file", Kind.CONFLICT
    zh = "与此前上传的内容不一致;请用原文件续传,或新建导入"
    en = "this is not the file that was being imported; send that one again, or make a new import"


class ColumnsUnclear(Refused):
    """The file has several columns and nothing says which is the code; or a named column is not there."""

    code, kind = "stock.import_columns", Kind.UNPROCESSABLE
    zh = "文件有 {found} 列,找不到 {missing} 对应的列;请检查列映射与表头设置"
    en = "the file has {found} columns, and none of them is the one for {missing}; look at `columns` and `header`"


class Unreadable(Refused):
    """The file cannot be read as what it is said to be."""

    code, kind = "stock.import_unreadable", Kind.UNPROCESSABLE
    zh = "无法按 {format} 读取该文件"
    en = "this file cannot be read as {format}"


class TooManyRows(Refused):
    """A workbook has more rows than a workbook may have; a CSV file may have any number."""

    code, kind = "stock.import_too_many_rows", Kind.UNPROCESSABLE
    zh = "Excel 文件最多 {most} 行;更多请用 CSV"
    en = "a workbook may have {most} rows; send more than that as CSV"


class TooLarge(Refused):
    """A workbook is larger than anything with that few rows can be."""

    code, kind = "stock.import_too_large", Kind.UNPROCESSABLE
    zh = "Excel 文件过大(最多 {most_mb} MB)"
    en = "the workbook is too large ({most_mb} MB at most)"


class NotACard(Refused):
    """Only benefits of kind card_key have keys."""

    code, kind = "stock.not_a_card", Kind.UNPROCESSABLE
    zh = "该权益不是卡密类"
    en = "this benefit is not a card key"
