"""Words of the vault: keys, batches, imports, and their states."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from uuid import UUID

from heyi.kernel.machine import Machine
from heyi.kernel.money import Money


class KeyState(str, Enum):
    """Where a card key is in its life."""

    AVAILABLE = "available"
    ISSUED = "issued"  # belongs to an item; nobody has read it yet
    REVEALED = "revealed"
    QUARANTINED = "quarantined"  # not to be sold until someone has looked at it
    VOID = "void"


KEYS: Machine[KeyState] = Machine(
    KeyState.AVAILABLE,
    {
        (KeyState.AVAILABLE, "issue"): KeyState.ISSUED,
        (KeyState.ISSUED, "reveal"): KeyState.REVEALED,
        (KeyState.AVAILABLE, "quarantine"): KeyState.QUARANTINED,
        (KeyState.QUARANTINED, "release"): KeyState.AVAILABLE,
        (KeyState.AVAILABLE, "void"): KeyState.VOID,
        (KeyState.QUARANTINED, "void"): KeyState.VOID,
    },
)


class BatchState(str, Enum):
    """What may be done with a batch's unsold keys."""

    OPEN = "open"
    QUARANTINED = "quarantined"
    VOID = "void"


BATCHES: Machine[BatchState] = Machine(
    BatchState.OPEN,
    {
        (BatchState.OPEN, "quarantine"): BatchState.QUARANTINED,
        (BatchState.QUARANTINED, "release"): BatchState.OPEN,
        (BatchState.OPEN, "void"): BatchState.VOID,
        (BatchState.QUARANTINED, "void"): BatchState.VOID,
    },
)


@dataclass(frozen=True, slots=True)
class ClaimedKey:
    """A key locked for this transaction, not issued yet. `tail` is masked; `expires_at` None: never."""

    id: UUID
    batch_id: UUID
    benefit_id: UUID
    tail: str
    expires_at: datetime | None
    cost: Money


@dataclass(frozen=True, slots=True)
class BoughtCard:
    """A card that a supplier handed over for one item. `spare`: too late, the item had ended by then."""

    benefit_id: UUID
    item_id: UUID
    code: str = field(repr=False)
    secret: str | None = field(repr=False)
    cost: Money
    expires_at: datetime | None = None
    spare: bool = False


@dataclass(frozen=True, slots=True)
class RepeatedCard:
    """A bought card that is in the vault already, for another item or none: it was not stored a second time."""

    item_id: UUID
    key_id: UUID
    holder_item_id: UUID | None


@dataclass(frozen=True, slots=True)
class Revealed:
    """An item's card in the clear. `first` says that nobody had read it before; `others` are further cards of the
    same item (a supplier may hand over several)."""

    key_id: UUID
    code: str = field(repr=False)
    secret: str | None = field(repr=False)
    tail: str
    expires_at: datetime | None
    first: bool
    others: tuple[Revealed, ...] = field(default=(), repr=False)


class Reason(str, Enum):
    """Why a row of a file was not taken. Readers treat it as open."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    CONTROL = "control_characters"
    COLUMNS = "wrong_columns"
    QUOTES = "unclosed_quotes"
    UNDECODABLE = "undecodable"
    MANGLED = "mangled_number"
    EXPIRY = "unreadable_expiry"
    EXPIRED = "expired"
    REPEATED_IN_FILE = "repeated_in_file"
    REPEATED_IN_VAULT = "repeated_in_vault"


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that was not taken: its line in the file (the header counts), why, and a masked glimpse of it."""

    line: int
    reason: Reason
    masked: str


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is to be read.

    `columns` says where `code`, `secret` and `expires` are: a column's name in the header, or its number from 1; it
    may be empty for a file of one column. `delimiter` None: the whole line is one value (TXT). `encoding` "auto"
    means UTF-8, or GB18030 if the first line beyond ASCII is not UTF-8. `expires_at` is for rows that give none.
    """

    format: str  # csv | txt | xlsx
    columns: dict[str, str] = field(default_factory=dict)
    header: bool = True
    delimiter: str | None = ","
    encoding: str = "auto"  # auto | utf-8 | gb18030
    expires_at: datetime | None = None


class ImportState(str, Enum):
    """How far an import is."""

    WAITING = "waiting"  # made, and nothing of its file has been read
    RUNNING = "running"  # some lines are done; after a broken upload the same file is sent again
    DONE = "done"


IMPORTS: Machine[ImportState] = Machine(
    ImportState.WAITING,
    {
        (ImportState.WAITING, "read"): ImportState.RUNNING,
        (ImportState.RUNNING, "read"): ImportState.RUNNING,
        (ImportState.WAITING, "finish"): ImportState.DONE,
        (ImportState.RUNNING, "finish"): ImportState.DONE,
    },
)


@dataclass(frozen=True, slots=True)
class Import:
    """One file on its way into the vault. `rows_read` = added + bad + repeated; the header is not a row."""

    id: UUID
    number: int
    batch_id: UUID | None  # None for a dry run
    batch: str
    benefit_id: UUID
    cost: Money
    dry_run: bool
    layout: Layout
    state: ImportState
    position: int  # lines of the file that are done
    digest: bytes  # of those lines
    rows_read: int
    rows_added: int
    rows_bad: int
    rows_repeated: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """Keys that came together at one cost. `ready` may be sold now; `first_expires_at` is the earliest of those."""

    id: UUID
    benefit_id: UUID
    code: str
    cost: Money
    state: BatchState
    source: str  # imported | bought
    created_at: datetime
    total: int
    ready: int
    issued: int
    revealed: int
    quarantined: int
    void: int
    expired: int
    first_expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key as operators see it: never in the clear."""

    id: UUID
    batch_id: UUID
    benefit_id: UUID
    state: KeyState
    tail: str
    expires_at: datetime | None
    item_id: UUID | None
    issued_at: datetime | None
    revealed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Level:
    """How a benefit's keys stand. Means are keys issued a day, in thousandths, over the last 7 and 28 days (or since
    the first one, a day at least). `bounded`: there are more keys than were counted. `expiring` is within `soon_days`,
    and `unsold` is how many of those will expire unsold at the higher mean, the earliest expiry sold first.
    """

    benefit_id: UUID
    ready: int
    bounded: bool
    week_milli: int
    month_milli: int
    since: datetime | None
    soon_days: int
    expiring: int
    expiring_7: int
    expiring_30: int
    unsold: int
    unsold_7: int
    unsold_30: int
    unsold_ever: int
    first_expires_at: datetime | None

    @property
    def demand_milli(self) -> int:
        """The higher one of the two means: what forecasts count with."""
        return max(self.week_milli, self.month_milli)

    @property
    def days_left(self) -> int | None:
        """Whole days that the keys last at recent demand, without those that expire before; None: nothing goes out."""
        return (self.ready - self.unsold_ever) * 1000 // self.demand_milli if self.demand_milli else None


@dataclass(frozen=True, slots=True)
class ExpiringBatch:
    """Keys of one batch that expire soon."""

    batch_id: UUID
    code: str
    keys: int
    first_expires_at: datetime
