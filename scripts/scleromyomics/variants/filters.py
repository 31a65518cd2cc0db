"""Candidate artefacts: bcftools expressions under the name that FILTER shows.

An expression can use what the records have. Those of blocks have reads and quality only, and files made elsewhere
lack what bcftools computes: an expression that needs more says nothing of such records.
"""

import re
from collections.abc import Collection, Iterable, Mapping

from scleromyomics.core.errors import InputError
from scleromyomics.core.tools import Tool
from scleromyomics.variants.records import LOW_QUALITY, OWN_FILTERS

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
WORD = re.compile(r"(?<![\w./])(?:(?:FMT|FORMAT|INFO)/)?[A-Za-z_][\w.]*\b(?!\s*\()")
TEXT_IN_QUOTES = re.compile(r"\"[^\"]*\"|'[^']*'")
EVERYWHERE = frozenset(
    {"CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "TYPE", "N_ALT", "N_SAMPLES", "ILEN", "GT"}
    | {"N_PASS", "F_PASS", "N_MISSING", "F_MISSING", "AC", "AN", "AF", "MAC", "MAF"}
)
"""Words that every record can be asked for."""
OF_BLOCKS = frozenset({"GQ", "DP", "END"})


def parse(texts: Iterable[str], minimum_quality: float) -> dict[str, str]:
    """Expressions by name, from `name=expression` texts; the lowest QUAL comes first.

    Raises:
        InputError: a text is none, or a name stands twice or is one of ours.
    """
    found = {LOW_QUALITY: f"QUAL < {minimum_quality:g}"}
    for text in texts:
        name, equals, expression = text.partition("=")
        name, expression = name.strip(), expression.strip()
        if not equals or not NAME.fullmatch(name) or not expression:
            raise InputError(f"filter: found {text!r}; allowed: name=expression")
        if name in found or name in OWN_FILTERS or name == "PASS":
            raise InputError(f"filter {name}: found a name that is taken; allowed: another one")
        found[name] = expression
    return found


def words(expression: str) -> set[str]:
    """The fields that an expression asks for; names before a bracket are functions."""
    plain = TEXT_IN_QUOTES.sub(" ", expression)
    return {word.rpartition("/")[2] for word in WORD.findall(plain)} - EVERYWHERE


def telling(filters: Mapping[str, str], fields: Collection[str]) -> dict[str, str]:
    """The filters that records with only these fields can be judged by."""
    return {name: text for name, text in filters.items() if words(text) <= set(fields)}


def of_blocks(filters: Mapping[str, str]) -> dict[str, str]:
    """The filters that say something of blocks, which have no QUAL and no second allele."""
    silent = re.compile(r"\b(?:QUAL|ALT|TYPE)\b")
    return {
        name: f"N_ALT=0 & ({text})"
        for name, text in telling(filters, OF_BLOCKS).items()
        if not silent.search(TEXT_IN_QUOTES.sub(" ", text)) and words(text) & {"GQ", "DP"}
    }


def of_files(filters: Mapping[str, str]) -> dict[str, str]:
    """The filters for records made elsewhere: a homozygous reference genotype is judged as a block is."""
    common = of_blocks(filters)
    return {name: text if name in common else f'GT="alt" & ({text})' for name, text in filters.items()}


def stages(filters: Mapping[str, str], bcftools: Tool) -> list[list[str]]:
    """One command for each filter; each adds its name to FILTER where it applies."""
    return [
        bcftools("filter", "--no-version", "-m", "+", "-s", name, "-e", text, "-Ou")
        for name, text in filters.items()
    ]
