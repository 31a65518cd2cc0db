"""Burdens of genes: how many rare alleles a sample carries in each, by class of variant.

Samples by two features per protein-coding gene of the GFF3, `<gene>:lof` and `<gene>:missense`: how many rare
alleles of that class the sample carries at the frozen sites; the one copy of a person who has one counts once. The
class is that of the consequence that the sample's own haplotypes give the variant in that gene, else that of the
allele by itself. A value rests on the sites of the feature that are called in the sample (layer `called`, of
`n_sites`): it is missing where the feature has sites and none is called, and 0 where it has none, for nothing rare
was seen there. Layer `new_sites` holds the same of sites first seen later. Without genes, or an annotation that says
what is rare, there are no features.
"""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scleromyomics.variants.annotate import classes, per_gene

CLASSES = ("lof", "missense")
"""Classes of variants that are counted, each a feature of every gene."""


@dataclass(frozen=True, eq=False)
class Counted:
    """What counts for burdens: rare sites by gene, one row for each gene that a site lies in.

    Attributes:
        genes: identifiers, sorted.
        symbols: their names.
        site: number of the site.
        gene: number of the gene.
        kind: number of the class, of the allele by itself; -1 for another one.
        frozen: whether the site is of the frozen list.
    """

    genes: NDArray[np.str_]
    symbols: Sequence[str]
    site: NDArray[np.intp]
    gene: NDArray[np.intp]
    kind: NDArray[np.intp]
    frozen: NDArray[np.bool_]

    @classmethod
    def of(cls, sites: Mapping[str, NDArray[Any]], named: Mapping[str, str]) -> "Counted":
        """The rare ones of some sites (columns of `variants.sites`) in some genes (symbols by identifier)."""
        genes = np.array(sorted(named), dtype=np.str_)
        rare = np.flatnonzero(sites["rare"])
        row, found = per_gene(sites["transcripts"][rare])
        gene = _numbers(found["gene_id"], genes)
        kept = gene >= 0
        site = rare[row[kept]]
        return cls(
            genes,
            [named[name] for name in genes.tolist()],
            site,
            gene[kept],
            _kinds(found["consequence"][kept]),
            sites["frozen"][site].astype(bool),
        )

    @property
    def var(self) -> dict[str, Any]:
        """The features of the matrix, with the number of their sites."""
        each = len(CLASSES)
        return {
            "feature": [f"{gene}:{kind}" for gene in self.genes.tolist() for kind in CLASSES],
            "gene_symbol": np.repeat(np.array(self.symbols, dtype=object), each),
            "gene_id": np.repeat(self.genes.astype(object), each),
            "class": np.tile(np.array(CLASSES, dtype=object), len(self.genes)),
            "n_sites": self._added(self.kind, self.frozen).astype(np.int32),
            "n_new_sites": self._added(self.kind, ~self.frozen).astype(np.int32),
        }

    def burdens(
        self, gt: NDArray[np.int8], record: NDArray[np.intp], gene_id: NDArray[Any], consequence: NDArray[Any]
    ) -> dict[str, NDArray[np.float64]]:
        """The features of one sample, by layer.

        Args:
            gt: copies at every site, -1 where not called.
            record: the sample's own record of each site, -1 where it has none.
            gene_id: the gene of each record.
            consequence: the most severe one of each record, in the sample's own haplotypes.
        """
        copies, own = gt[self.site], record[self.site]
        term, gene = (
            np.append(values, last)[own]
            for values, last in ((_kinds(consequence), -1), (_numbers(gene_id, self.genes), -1))
        )
        told = np.append(consequence != "", False)[own] & (gene == self.gene)
        kind = np.where(told, term, self.kind)
        layers = {}
        for name, rows in (("raw", self.frozen), ("new_sites", ~self.frozen)):
            carried = self._added(kind, rows & (copies > 0), copies)
            called = self._added(self.kind, rows & (copies >= 0))
            unknown = (self._added(self.kind, rows) > 0) & (called == 0) & (carried == 0)
            layers[name] = np.where(unknown, np.nan, carried)
            if name == "raw":
                layers["called"] = called
        return layers

    def _added(
        self, kind: NDArray[np.intp], rows: NDArray[np.bool_], copies: NDArray[np.int8] | None = None
    ) -> NDArray[np.float64]:
        """How many of some rows each feature has, or copies in them."""
        some = rows & (kind >= 0)
        weight = None if copies is None else copies[some].astype(np.float64)
        place = self.gene[some] * len(CLASSES) + kind[some]
        return np.bincount(place, weight, self.genes.size * len(CLASSES)).astype(np.float64)


def coding_genes(path: Path) -> dict[str, str]:
    """Symbols of the protein-coding genes of a GFF3 in Ensembl's form, by identifier."""
    found = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("#") or "ID=gene:" not in line:
                continue
            about = dict(part.partition("=")[::2] for part in line.rstrip("\n").split("\t")[8].split(";"))
            if about.get("biotype") == "protein_coding":
                found[about["ID"].removeprefix("gene:")] = about.get("Name", "")
    return found


def _numbers(texts: NDArray[Any], among: NDArray[np.str_]) -> NDArray[np.intp]:
    """Where each text stands among others that are sorted; -1 where it is not there."""
    different, back = np.unique(texts.astype(object).astype(np.str_), return_inverse=True)
    at = np.searchsorted(among, different)
    here = np.append(among, "")[at] == different
    return np.where(here & (at < among.size), at, -1)[back]


def _kinds(consequence: NDArray[Any]) -> NDArray[np.intp]:
    """The number of the class of each consequence; -1 for another one."""
    return _numbers(classes(consequence), np.array(CLASSES))
