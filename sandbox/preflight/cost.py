"""What an hour and a forgotten month cost: the account's Price List where it answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from catalogue.model import Source
from catalogue.prices import HOURS, PRICES, Price, Unit, Usage
from sandbox.aws import Account, Unseen
from sandbox.preflight.charges import Charge, by_use, charges, not_estimated
from sandbox.preflight.findings import Finding, ok, unseen
from sandbox.preflight.subject import Subject

PRICE_LIST_API = (
    "https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html"
)


@dataclass(frozen=True)
class Line:
    """A charge with its price.

    Attributes:
        charge: What is paid for.
        price: What one of it costs.
    """

    charge: Charge
    price: Price

    @property
    def hourly(self) -> float:
        """USD an hour."""
        return self.monthly / HOURS

    @property
    def monthly(self) -> float:
        """USD a month of 730 hours."""
        hours = HOURS if self.charge.usage.unit is Unit.HOUR else 1
        return self.charge.quantity * self.price.usd * hours


@dataclass
class Estimate:
    """What a stack costs.

    Attributes:
        lines: What is paid for while nobody uses it.
        by_use: What costs only when it is used, and what is counted then.
        unpriced: What is paid for, or may be, and is in no sum.
    """

    lines: list[Line] = field(default_factory=list)
    by_use: list[tuple[str, str]] = field(default_factory=list)
    unpriced: list[tuple[str, str]] = field(default_factory=list)

    @property
    def hourly(self) -> float:
        """USD an hour."""
        return sum(line.hourly for line in self.lines)

    @property
    def monthly(self) -> float:
        """USD a month."""
        return sum(line.monthly for line in self.lines)


def cost(subject: Subject, estimate: Estimate) -> Iterator[Finding]:
    """Fills in the estimate, and says whence its prices are.

    Source: https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
    """
    found = charges(subject.template)
    estimate.by_use = by_use(subject.template)
    with ThreadPoolExecutor(max_workers=8) as pool:
        asked = list(pool.map(lambda charge: _asked(subject.account, charge.usage), found))
    for charge, answer in zip(found, asked, strict=True):
        price = answer if isinstance(answer, Price) else PRICES.get(charge.usage)
        if price is None:
            estimate.unpriced.append((charge.item, f"{charge.quantity:g}, at no known price"))
        else:
            estimate.lines.append(Line(charge, price))
    estimate.unpriced += not_estimated(subject.template)
    refused = next((answer for answer in asked if isinstance(answer, Unseen)), None)
    if refused:
        yield unseen("prices", refused, known="prices are those of us-east-1, from a table")
        return
    listed = sum(isinstance(answer, Price) for answer in asked)
    text = f"{listed} of {len(found)} from the Price List of {subject.region}"
    yield ok("prices", f"{text}, the others from a table of us-east-1")


def _asked(account: Account, usage: Usage) -> Price | Unseen | None:
    """Returns the Price List's price of an hour; None if it has none, or several.

    What is paid by the month is not asked for: the list's units do not say so.
    """
    if usage.unit is not Unit.HOUR:
        return None
    try:
        products = account.pages(
            "pricing",
            "get_products",
            "PriceList",
            region=account.home,
            ServiceCode=usage.service,
            Filters=[
                {"Type": "TERM_MATCH", "Field": "regionCode", "Value": account.region},
                {"Type": "CONTAINS", "Field": "usagetype", "Value": usage.type},
            ],
        )
    except Unseen as error:
        return error
    prices = {usd for product in products for usd in _prices(json.loads(product), account, usage)}
    if len(prices) != 1:
        return None
    source = Source(PRICE_LIST_API, datetime.now(UTC).date())
    return Price(prices.pop(), source, account.region)


def _prices(product: dict[str, Any], account: Account, usage: Usage) -> Iterator[float]:
    """Yields what the first unit of a usage costs on demand."""
    attributes = product["product"]["attributes"]
    exact = re.fullmatch(rf"([A-Z0-9]+-)?{re.escape(usage.type)}", attributes.get("usagetype", ""))
    if not exact or attributes.get("regionCode") != account.region:
        return
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            usd = float(dimension["pricePerUnit"].get("USD", 0))
            hourly = re.search(r"hrs?$|hours?$", dimension["unit"], re.IGNORECASE)
            if usd and hourly and dimension.get("beginRange", "0") == "0":
                yield usd
