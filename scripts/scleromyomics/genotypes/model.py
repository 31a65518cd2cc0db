"""The frozen model of one platform: the sites that its freeze saw, what is known of them, and its panel of controls.

It is made once, on the samples of a freeze, and never changes for a later sample: matrices have the frozen sites as
columns, and gene burdens count over them. Sites that later samples have beyond it stand in tables of their release.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scleromyomics.core.files import replacing
from scleromyomics.variants.loci import TEXT, Genome, Sites, fixed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scleromyomics.genotypes.panel import Panel
    from scleromyomics.variants.annotate import Annotation

FIELD = "field_"  # prefix of the texts of the study's annotations


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """Frozen sites, sorted by name.

    Attributes:
        contigs: names of the contigs of the genome, in its order.
        feature: `contig:pos:ref:alt`, ascending.
        contig: index into `contigs`.
        pos: position, from 1.
        ref: reference allele.
        alt: alternate allele.
        gene_symbol: gene with the most severe consequence, "" for none.
        gene_id: its identifier.
        consequence: the most severe one.
        transcripts: `consequence|gene_symbol|gene_id|transcript|biotype` of each transcript, between commas.
        group: `lof`, `missense` or `other`.
        rare: whether the annotation's frequency is at most the maximum, or it does not have the allele.
        frequency: of the annotation, nan where it does not have the allele.
        depth: reads in the freeze's controls.
        alternate: reads with the allele in them.
        fields: texts of the study's annotations, by `<annotation>_<FIELD>`.
    """

    contigs: "NDArray[np.str_]"
    feature: "NDArray[np.str_]"
    contig: "NDArray[np.int16]"
    pos: "NDArray[np.int32]"
    ref: "NDArray[np.str_]"
    alt: "NDArray[np.str_]"
    gene_symbol: "NDArray[np.str_]"
    gene_id: "NDArray[np.str_]"
    consequence: "NDArray[np.str_]"
    transcripts: "NDArray[np.str_]"
    group: "NDArray[np.str_]"
    rare: "NDArray[np.bool_]"
    frequency: "NDArray[np.float64]"
    depth: "NDArray[np.int64]"
    alternate: "NDArray[np.int64]"
    fields: "dict[str, NDArray[np.str_]]"

    @classmethod
    def of(cls, sites: Sites, genome: Genome, about: "Annotation", panel: "Panel") -> "Model":
        """Put a model together; sites are sorted by name."""
        names = fixed(sites.names(genome.contigs))
        order = np.argsort(names, kind="stable")
        texts = ("gene_symbol", "gene_id", "consequence", "transcripts", "group")
        return cls(
            contigs=np.array(genome.contigs, dtype=np.str_),
            feature=names[order],
            contig=sites.contig[order],
            pos=sites.pos[order],
            ref=fixed(sites.ref[order]),
            alt=fixed(sites.alt[order]),
            **{name: fixed(getattr(about, name)[order]) for name in texts},
            rare=about.rare[order],
            frequency=about.frequency[order],
            depth=panel.depth[order],
            alternate=panel.alternate[order],
            fields={name: fixed(values[order]) for name, values in about.fields.items()},
        )

    def save(self, path: Path) -> None:
        """Write the model (npz), atomically; the same model gives the same bytes."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "fields"}
        own = {FIELD + name: values for name, values in self.fields.items()}
        with replacing(path) as temporary:
            np.savez_compressed(temporary, **arrays, **own)

    @classmethod
    def load(cls, path: Path) -> "Model":
        """Read a model that `save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            own = {name.removeprefix(FIELD): stored[name] for name in stored if name.startswith(FIELD)}
            return cls(fields=own, **{name: stored[name] for name in stored if not name.startswith(FIELD)})

    def sites(self, genome: Genome) -> tuple[Sites, "NDArray[np.intp]"]:
        """The sites in the order of the genome, and the row of the model that each is.

        Raises:
            InputError: the model is of another genome.
        """
        number = genome.contig(self.contigs, "the frozen model")
        found = Sites.of(number[self.contig], self.pos, self.ref, self.alt)
        order = found.order()
        return found[order], order


def texts(values: "NDArray[np.str_]") -> "NDArray[np.object_]":
    """Texts of their own length, from those of a file."""
    return values.astype(TEXT)
