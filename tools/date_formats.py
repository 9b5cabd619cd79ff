"""The directives of strptime as regular expressions, each with one group (cpython, Lib/_strptime.py)."""

import calendar

DIRECTIVES = {
    "Y": "([0-9]{4})",
    "y": "([0-9]{2})",
    "m": "(1[0-2]|0[1-9]|[1-9])",
    "d": "(3[01]|[12][0-9]|0[1-9]|[1-9]| [1-9])",
    "H": "(2[0-3]|[01][0-9]|[0-9])",
    "I": "(1[0-2]|0[1-9]|[1-9])",
    "M": "([0-5][0-9]|[0-9])",
    "S": "(6[01]|[0-5][0-9]|[0-9])",
    "f": "([0-9]{1,6})",
    "p": "(am|pm)",  # names in any case
    "b": f"({'|'.join(calendar.month_abbr[1:])})",
    "B": f"({'|'.join(calendar.month_name[1:])})",
}
