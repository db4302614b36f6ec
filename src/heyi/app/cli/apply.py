"""A file that says how an alliance should be, applied through the operator API: what is missing is made, what is
different is changed, what is the same is left alone. Nothing is ever deleted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec

from heyi.app.cli import apply_form
from heyi.app.cli.client import ApiRefused, Client
from heyi.app.process import Trouble
from heyi.doors.complaints import misfit
from heyi.offer.catalog import delivery
from heyi.provision.fulfilment.suppliers import profile

KINDS = ("profiles", "suppliers", "partners", "channels", "benefits", "bundles")
PROPERTIES = ("validity", "fields", "how_to_use", "units", "link", "routing")
_WORD = re.compile(r"\$\{(\w+)\}")

Entry = dict[str, Any]
Say = Callable[[str], None]


def read(path: Path, words: Mapping[str, str] | None = None) -> Entry:
    """A YAML or JSON file; ${NAME} becomes what `words` or the environment says. Raises Trouble with the cure."""
    known = {**os.environ, **(words or {})}

    def filled(match: re.Match[str]) -> str:
        if match[1] not in known:
            raise Trouble(f"{path}: ${{{match[1]}}} is not set", f"set {match[1]} in the environment")
        return known[match[1]]

    try:
        text = _WORD.sub(filled, path.read_text(encoding="utf-8"))
        found = msgspec.json.decode(text) if path.suffix == ".json" else msgspec.yaml.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Trouble(
            f"{path} cannot be read: {error}", "mend the file; it is YAML, or JSON if its name says so"
        ) from None
    if not isinstance(found, dict) or (odd := sorted(set(found) - set(KINDS))):
        what = f"does not know {', '.join(odd)}" if isinstance(found, dict) else "is not a list of things by kind"
        raise Trouble(f"{path}: heyi {what}", f"its parts are {', '.join(KINDS)}")
    try:
        msgspec.convert(found, apply_form.File)
    except msgspec.ValidationError as error:
        fault = misfit(error)
        raise Trouble(
            f"{path}: {fault.pointer}: {fault.sentence('en')}",
            "compare the file with src/heyi/app/demo/alliance.yaml",
        ) from None
    return found


def price(text: object) -> Entry:
    """Money as on a price tag, `99.00 CNY`, or as the API says it; never a float."""
    if isinstance(text, dict):
        return text
    amount, _, currency = str(text).strip().partition(" ")
    try:
        minor = Decimal(amount) * 100
    except InvalidOperation:
        minor = Decimal("0.5")
    if minor != minor.to_integral_value() or not re.fullmatch("[A-Z]{3}", currency):
        raise Trouble(f"{text!r} is not an amount", "write it as on a price tag: 99.00 CNY")
    return {"amount_minor": int(minor), "currency": currency}


@dataclass
class Applied:
    """What was done, by name: made, changed or kept."""

    made: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


class Applying:
    """One file on its way; reads what is there once per kind."""

    def __init__(self, api: Client, say: Say) -> None:
        self._api, self._say = api, say
        self.done = Applied()
        self._there: dict[str, dict[str, Entry]] = {}
        self._touched: set[str] = set()

    def apply(self, wanted: Entry) -> Applied:
        """In the order in which they need each other. Raises Trouble, ApiRefused."""
        for kind in KINDS:
            for entry in wanted.get(kind) or ():
                try:
                    getattr(self, f"_{kind[:-1]}")(dict(entry))
                except Trouble as trouble:
                    raise Trouble(f"{kind[:-1]} {entry['code']}: {trouble.what}", trouble.cure) from None
                except ApiRefused as refused:
                    refused.detail = f"{kind[:-1]} {entry['code']}: {refused.detail}"
                    raise
        return self.done

    # -- one of each kind ------------------------------------------------------------------------------------------

    def _profile(self, entry: Entry) -> None:
        """The entry is the document. It is compared as it would be stored: what says nothing new is left out."""
        code, name = entry["code"], f"profile {entry['code']}"
        wanted = msgspec.json.decode(profile.written(profile.read(entry)))
        there = self._find("profiles").get(code)
        followed = there is not None and (there["origin"] != "stored" or there["version"] > 0)
        if followed and self._api.get(f"/profiles/{code}")["document"] == wanted:
            self.done.kept.append(name)
            return
        version = self._api.post(f"/profiles/{code}/draft", {"document": wanted, "note": "applied from a file"})[
            "version"
        ]
        self._api.post(f"/profiles/{code}/publish", {"version": version, "why": "applied from a file"})
        self._note(self.done.changed if followed else self.done.made, f"{name} version {version} published")

    def _partner(self, entry: Entry) -> None:
        self._put("partners", entry, changing=("title", "contact"))

    def _supplier(self, entry: Entry) -> None:
        top_up = entry.pop("top_up", None)
        there = self._put(
            "suppliers",
            entry,
            changing=(
                "title",
                "base_url",
                "slots",
                "timeout_ms",
                "typical_ms",
                "grace_ms",
                "rate_per_s",
                "query_rate_per_s",
            ),
        )
        if top_up is not None:  # the key makes it count once, however often the file is applied
            body = {"amount": price(top_up), "key": f"opening {entry['code']}", "memo": "opening top-up"}
            self._api.post(f"/suppliers/{there['id']}/top_ups", body)

    def _channel(self, entry: Entry) -> None:
        deposit = entry.pop("deposit", None)
        channel = self._put("channels", entry, changing=("title",))
        if deposit is not None:
            # The operator's reference makes it count once, however often the file is applied.
            body = {"amount": price(deposit), "key": f"opening {entry['code']}", "memo": "opening deposit"}
            self._api.post(f"/channels/{channel['id']}/deposit", body)

    def _benefit(self, entry: Entry) -> None:
        offers = entry.pop("offers", [])
        properties = {name: entry.pop(name) for name in PROPERTIES if name in entry}
        entry["market_price"] = price(entry.get("market_price", ""))
        entry["partner"] = self._id("partners", entry.get("partner"))
        before = self._find("benefits").get(entry["code"])
        if before and _covers(before["properties"], properties) and not set(properties) ^ _set_in(before["properties"]):
            properties = before["properties"]
        benefit = self._put(
            "benefits", {**entry, "properties": properties}, changing=("title", "market_price", "properties")
        )
        self._offers(entry["code"], benefit["id"], offers)

    def _offers(self, code: str, benefit_id: str, offers: list[Entry]) -> None:
        there = {
            (one["source"], one["supplier"], one["product_no"]): one
            for one in self._api.get(f"/benefits/{benefit_id}/offers")
            if one["state"] != "withdrawn"
        }
        for offer in offers:
            wanted = {**offer, "cost": price(offer.get("cost", ""))}
            if "supplier" in wanted:
                wanted["supplier"] = self._id("suppliers", wanted["supplier"])
            name = f"offer {code} from {offer.get('supplier') or offer.get('source')}"
            found = there.get((wanted.get("source"), wanted.get("supplier"), wanted.get("product_no", "")))
            if found is None:
                self._api.post(f"/benefits/{benefit_id}/offers", wanted)
                self._note(self.done.made, name)
            elif change := _different(found, wanted, ("cost", "priority", "weight")):
                self._api.patch(f"/offers/{found['id']}", change)
                self._note(self.done.changed, name)
            else:
                self.done.kept.append(name)

    def _bundle(self, entry: Entry) -> None:
        code, title = entry.pop("code"), entry.pop("title", "")
        prices = entry.pop("channel_prices", {})
        bundle = self._put("bundles", {"code": code, "title": title}, changing=("title",))
        document = _document(entry)
        benefits = {part["benefit"] for part in _parts(document)}
        current = bundle["current_version"]
        same = current is not None and _same(self._api.get(f"/bundles/{bundle['id']}/versions/{current}"), document)
        name = f"bundle {code}"
        if same and not benefits & self._touched:
            self.done.kept.append(f"{name} version {current}")
        else:
            version = self._api.post(f"/bundles/{bundle['id']}/versions", document)["version"]
            self._api.post(f"/bundles/{bundle['id']}/versions/{version}/publish")
            self._note(self.done.made if current is None else self.done.changed, f"{name} version {version} published")
        for channel, amount in prices.items():
            path = f"/bundles/{bundle['id']}/prices/{self._id('channels', channel)}"
            self._api.put(path, {"price_minor": price(amount)["amount_minor"]})

    # -- what they share -------------------------------------------------------------------------------------------

    def _put(self, kind: str, entry: Entry, *, changing: tuple[str, ...]) -> Entry:
        there, name = self._find(kind), f"{kind[:-1]} {entry['code']}"
        found = there.get(entry["code"])
        if found is None:
            found = self._api.post(f"/{kind}", entry)
            self._note(self.done.made, name)
        elif change := _different(found, entry, changing):
            found = self._api.patch(f"/{kind}/{found['id']}", change)
            self._touched.add(entry["code"])
            self._note(self.done.changed, f"{name} ({', '.join(change)})")
        else:
            self.done.kept.append(name)
        there[entry["code"]] = found
        return found

    def _find(self, kind: str) -> dict[str, Entry]:
        if kind not in self._there:
            self._there[kind] = {one["code"]: one for one in self._api.every(f"/{kind}")}
        return self._there[kind]

    def _id(self, kind: str, code: object) -> str:
        found = self._find(kind).get(str(code))
        if found is None:
            raise Trouble(f"there is no {kind[:-1]} {code}", f"put it under {kind} in the file, or mend its name")
        return str(found["id"])

    def _note(self, where: list[str], name: str) -> None:
        where.append(name)
        self._say(f"{'made' if where is self.done.made else 'changed'} {name}")


def _different(found: Entry, wanted: Entry, names: tuple[str, ...]) -> Entry:
    return {name: wanted[name] for name in names if name in wanted and found.get(name) != wanted[name]}


def _covers(found: object, wanted: object) -> bool:
    """Whether the answer says all that the file says; what the file leaves out has its default in the answer."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(_covers(found.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return len(wanted) == len(found) and all(_covers(f, w) for f, w in zip(found, wanted, strict=True))
    return found == wanted


def _set_in(properties: Entry) -> set[str]:
    """The properties that are not at their default."""
    plain = {"validity": {"days": None, "start": "delivery", "until": None}, "fields": [], "how_to_use": "",
             "units": 1, "link": None, "routing": "priority"}  # fmt: skip
    return {name for name, value in properties.items() if value != plain.get(name)}


def _document(entry: Entry) -> Entry:
    return {**entry, "price": price(entry.get("price", ""))}


def _parts(document: Entry) -> Iterator[Entry]:
    yield from document.get("components") or ()
    for group in document.get("groups") or ():
        yield from group.get("options") or ()


def _same(version: Entry, document: Entry) -> bool:
    """Whether the published version says what the file says; graphs are compared in their long form."""

    def long(part: Entry) -> Entry:
        return {**part, "delivery": delivery.expand(part.get("delivery"))}

    wanted = {
        **document,
        "components": [long(part) for part in document.get("components") or ()],
        "groups": [
            {**(long(g) if g.get("delivery") else g), "options": [long(o) for o in g.get("options") or ()]}
            for g in document.get("groups") or ()
        ],
    }
    return _covers(version, wanted)
