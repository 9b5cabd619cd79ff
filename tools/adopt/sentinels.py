"""Numbers that stand for no value, such as -999."""

from tools.adopt.profile import Profile


def is_far(profile: Profile, text: str) -> bool:
    """Whether a sentinel lies further from the other numbers than they spread."""
    gap = profile.second_low - float(text) if float(text) < 0 else float(text) - profile.second_high
    return gap > profile.second_high - profile.second_low > 0


def sentinels_of(profile: Profile, sentinels: set[str]) -> list[str]:
    """Numbers that stand for no value: they repeat, lie at the end and far off, or mark other columns too."""
    found = []
    for text, count in profile.sentinels.items():
        value = float(text)
        spread = profile.second_high - profile.second_low
        if count < 2 or value not in (profile.low, profile.high) or spread < 0:
            continue
        gap = profile.second_low - value if value < profile.second_low else value - profile.second_high
        if gap > spread > 0 or (value < 0 <= profile.second_low and (gap > spread or text in sentinels)):
            found.append(text)
    return sorted(found)
