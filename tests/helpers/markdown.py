"""Markdown as a reader's program parses it."""

from dataclasses import dataclass, field
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token


@dataclass
class Section:
    """The content below a heading: its text, and the cells of its tables, row by row, the head first."""

    text: str = ""
    tables: list[list[list[str]]] = field(default_factory=list)


def parse_sections(text: str) -> dict[str, Section]:
    """Parse Markdown with tables into its sections, by heading; cells and text without their markup."""
    sections: dict[str, Section] = {}
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    for before, token in pairwise(tokens):
        if before.type == "heading_open":
            sections[shown(token)] = section = Section()
        elif token.type == "table_open":
            section.tables.append([])
        elif token.type == "tr_open":
            section.tables[-1].append([])
        elif token.type == "inline" and before.type in ("th_open", "td_open"):
            section.tables[-1][-1].append(shown(token))
        elif token.type in ("inline", "fence"):
            section.text += f"{shown(token)}\n"
    return sections


def shown(token: Token) -> str:
    """Return the text that a reader sees."""
    return "".join(part.content or "\n" * (part.type == "softbreak") for part in token.children or [token])
