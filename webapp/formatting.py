"""How numbers are written on a page."""

import math

from webapp.scoring.scorecard import Target


def decimals_of(target: Target) -> int:
    """Decimals that leave three significant digits of the target's spread."""
    spread = target.quantiles[-1] - target.quantiles[0]
    return 0 if spread <= 0 else max(0, 2 - math.floor(math.log10(spread)))


def fixed(value: float, decimals: int, sign: bool = False) -> str:
    """A number with so many decimals, thousands set apart, and a true minus sign."""
    rounded = round(value, decimals) + 0.0  # no minus before a zero
    return f"{rounded:{'+' if sign else ''},.{decimals}f}".replace("-", "−")


def amount_of(target: Target, part: float, is_tick: bool = False) -> str:
    """A contribution as a person reads it: what it adds or, to a logarithm, the factor it multiplies with."""
    if target.transform == "log":
        return f"×{short(math.exp(part)) if is_tick else fixed(math.exp(part), 2)}"
    if is_tick:
        return f"{'+' if part > 0 else ''}{short(part)}"
    return fixed(part, decimals_of(target) + 1, sign=True)


def short(value: float) -> str:
    """A number at four significant digits."""
    if value != 0 and not 1e-3 <= abs(value) < 1e7:
        return f"{value:.3g}".replace("-", "−")
    digits = max(0, 3 - math.floor(math.log10(abs(value)))) if value else 0
    text = f"{value:,.{digits}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")


def nice_step(width: float, steps: int) -> float:
    """The smallest of 1, 2 or 5 times a power of ten that cuts the width into at most so many steps."""
    raw = width / steps
    if raw <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))


def ticks(low: float, high: float, most: int) -> list[float]:
    """At most so many round numbers between low and high."""
    if not low < high:
        return [low]
    step = nice_step(high - low, most)
    first = math.ceil(low / step)
    return [place * step for place in range(first, math.floor(high / step) + 1)][: most + 1]
