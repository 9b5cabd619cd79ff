"""Numbers as people read them: on pages, plots and cards, in messages and logs. Needs nothing but Python."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal

PLAIN = 20  # characters of the longest number that is written without an exponent
METRICS = {"rmse": "RMSE", "mae": "MAE", "r2": "R²"}  # keys of metrics/test.json
EFFECTS = {  # features.target: what a contribution does to a prediction
    "none": "adds to the prediction",
    "sqrt": "adds to the square root of the prediction",
    "log": "multiplies the prediction by",
    "log1p": "multiplies the prediction + 1 by",
}
SCALES = {  # features.target: what the model adds up
    "none": "{}",
    "sqrt": "square root of {}",
    "log": "logarithm of {}",
    "log1p": "logarithm of {} + 1",
}


def short(value: float, digits: int = 4) -> str:
    """Write a number with this many significant digits, its whole part in full: `1,234`, `0.01235`, `1.2e−7`."""
    value += 0.0  # turns -0.0 into 0.0
    if not math.isfinite(value) or (value and not 1e-3 <= abs(value) < 1e12):
        mantissa, mark, exponent = f"{value:.3g}".partition("e")
        return f"{mantissa}{mark}{int(exponent) if mark else ''}".replace("-", "−")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value)))) if value else 0
    return _trim(f"{value:,.{decimals}f}").replace("-", "−")


def fixed(value: float, decimals: int, sign: bool = False) -> str:
    """Write a number with this many decimals, thousands set apart and a true minus sign: `−1,234.50`."""
    if abs(value) >= 1e15:
        return short(value)
    rounded = round(value, decimals) + 0.0  # turns -0.0 into 0.0
    return f"{rounded:{'+' if sign else ''},.{decimals}f}".replace("-", "−")


def plain(value: float) -> str:
    """Write a number so that a program or a form field reads the same number: no thousands, no needless point."""
    text = _trim(format(Decimal(repr(value + 0.0)), "f"))
    return text if len(text) <= PLAIN else _trim(repr(value + 0.0)).replace("e+", "e")


def exact(value: float) -> str:
    """Write every digit of a number, thousands set apart: a limit must not be rounded."""
    text = plain(value)
    whole, point, decimals = text.lstrip("-").partition(".")
    if "e" not in text:
        text = "-" * text.startswith("-") + f"{int(whole):,}" + point + decimals
    return text.replace("-", "−")


def percent(share: float, decimals: int = 0) -> str:
    """Write a share as a percentage: `90%`."""
    return f"{fixed(share * 100, decimals)}%"


def distinct(values: Sequence[float]) -> list[str]:
    """Label numbers as `short` does, with more digits where two different numbers would read the same."""
    labels = [short(value) for value in values]
    for digits in range(5, 18):
        if len(set(labels)) == len(set(values)):
            break
        labels = [exact(float(f"{value:.{digits}g}")) for value in values]
    return labels


def compact(value: float) -> str:
    """Write a number for the scale of a plot's axis: `2.5M`, `20k`, `0.25`."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= max(size, 1e4):
            return f"{value / size:,g}{letter}".replace("-", "−")
    return f"{value:g}".replace("-", "−")


def with_interval(scores: Mapping[str, float | None], metric: str) -> str:
    """Write a metric of metrics/test.json with its bootstrap interval: `54.7 (47.2 to 62.3)`; R² to three decimals."""
    known = [value for end in ("", "_low", "_high") if (value := scores[metric + end]) is not None]
    if len(known) < 3:
        return "undefined"
    texts = [fixed(number, 3) if metric == "r2" else short(number, 3) for number in known]
    return f"{texts[0]} ({texts[1]} to {texts[2]})"


def scale_name(transform: str, target: str) -> str:
    """Name what the model adds up: the target, or the target on the scale that features.target sets."""
    return SCALES[transform].format(target)


def is_factor(transform: str) -> bool:
    """Tell whether contributions on this scale multiply the prediction (with log1p, the prediction plus 1)."""
    return transform in ("log", "log1p")


def typical_amount(spread: float, transform: str) -> str:
    """Write a standard deviation of contributions: `± 26`, or on a logarithmic scale `×/÷ 1.26`."""
    return f"×/÷ {short(math.exp(spread), 3)}" if is_factor(transform) else f"± {short(spread, 3)}"


def decimals_for(spread: float) -> int:
    """Count the decimals that leave three significant digits of a spread."""
    return max(0, 2 - math.floor(math.log10(spread))) if spread > 0 else 0


def nice_step(width: float, steps: int) -> float:
    """Find the smallest of 1, 2 or 5 times a power of ten that cuts the width into at most this many steps."""
    raw = width / steps
    if raw <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))


def ticks(low: float, high: float, most: int) -> list[float]:
    """List at most `most` + 1 round numbers from low to high."""
    if not low < high:
        return [low]
    step = nice_step(high - low, most)
    first = math.ceil(low / step)
    return [place * step for place in range(first, math.floor(high / step) + 1)][: most + 1]


def factor_ticks(low: float, high: float, most: int) -> list[float]:
    """List the natural logarithms of at most `most` + 1 round factors, from low to high."""
    if high - low < math.log(4):
        factors = ticks(math.exp(low), math.exp(high), most)
    else:
        decades = range(math.floor(low / math.log(10)), math.ceil(high / math.log(10)) + 1)
        inside = [
            [factor for power in decades for step in steps if low <= math.log(factor := step * 10.0**power) <= high]
            for steps in ((1, 2, 5), (1, 3), (1,))
        ]
        factors = next((found for found in inside if len(found) <= most + 1), inside[-1])
        factors = factors[:: math.ceil(len(factors) / (most + 1)) or 1]
    return [math.log(factor) for factor in factors]


def _trim(text: str) -> str:
    """Drop the zeros after the last decimal digit, and the point after the last whole one."""
    mantissa, mark, exponent = text.partition("e")
    return (mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa) + mark + exponent
