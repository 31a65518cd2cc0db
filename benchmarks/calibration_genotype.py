"""Do tests of genotypes and allele fractions keep their level? Simulated studies in which nothing differs.

    python benchmarks/calibration_genotype.py

Writes to benchmarks/results/:

- calibration_genotype.tsv: 1,000 studies per row of 3, 5, 8 or 20 participants per group, 20 variants each,
  allele frequencies of 2 to 50 %, 2 % not called: the exact test and its mid-p of dosages and of carriers, and
  Firth's regression, alone and with age and sex. Rejection rates are among variants that can be tested.
- calibration_allele_fraction.tsv: 1,000 studies (200 of 20 pairs) per row, 20 sites each, depths of 8 to 19 or
  30 to 100, half of the sites heterozygous (0.5), half of 2 to 40 %. The overdispersion is the true one, or
  estimated from all sites of the row. `above artefact` is a sample against a rate of 0.001 to 0.02.

Standard errors are those between studies.
"""

from itertools import product
from pathlib import Path

import numpy as np

from scleromyomics.core.files import write_tsv
from scleromyomics.stats.allele_fraction import above_artefact, allele_change, overdispersion
from scleromyomics.stats.design import centred, combine, indicator, intercept
from scleromyomics.stats.genotype import exact_trend, firth_logistic

STUDIES, SIZES, PER_STUDY = 1_000, (3, 5, 8, 20), 20
DEPTHS, RHOS = ((8, 19), (30, 100)), (0.0, 0.02)
RESULTS = Path(__file__).parent / "results"
COLUMNS = ("test", "participants", "studies", "type_1", "se")
FRACTION_COLUMNS = ("test", "pairs", "depth", "rho", "studies", "type_1", "se", "estimated_rho")


def level(p, studies):
    """Rejection rate at 0.05 and its standard error between studies (rows)."""
    p = np.reshape(p, (studies, -1))
    tested = ~np.isnan(p)
    rejected, count = (p <= 0.05).sum(axis=1), tested.sum(axis=1)
    rate = rejected.sum() / count.sum()
    error = np.sqrt(np.sum((rejected - rate * count) ** 2)) / count.sum()
    return round(float(rate), 4), round(float(error), 4)


def genotype_rows(size, studies, seed=0):
    """Tests of studies of one size; covariates differ between studies, so that each is fitted on its own."""
    case = np.arange(2 * size) < size
    p = {}
    for number in range(studies):
        rng = np.random.default_rng([seed, size, number])
        frequency = rng.uniform(0.02, 0.5, (PER_STUDY, 1))
        dosage = rng.binomial(2, frequency, (PER_STUDY, 2 * size)).astype(float)
        dosage[rng.random(dosage.shape) < 0.02] = np.nan
        alone = intercept(2 * size)
        sex = indicator("sex", rng.integers(0, 2, 2 * size))
        adjusted = combine(alone, centred("age", rng.normal(50, 10, 2 * size)), sex)
        trend, carriers = exact_trend(dosage, case), exact_trend(np.minimum(dosage, 1), case)
        tests = {
            "exact, dosage": trend.p_value,
            "mid-p, dosage": trend.mid_p,
            "exact, carriers": carriers.p_value,
            "mid-p, carriers": carriers.mid_p,
            "Firth, dosage": firth_logistic(dosage, case, alone, interval=False).p_value,
            "Firth, dosage, age and sex": firth_logistic(dosage, case, adjusted, interval=False).p_value,
        }
        for name, values in tests.items():
            p.setdefault(name, []).append(values)
    return [
        dict(zip(COLUMNS, (name, size, studies, *level(values, studies)), strict=True))
        for name, values in p.items()
    ]


def reads(rng, fraction, depth, rho):
    """Alternate reads and depths."""
    n = rng.integers(depth[0], depth[1] + 1, fraction.shape)
    drawn = rng.beta(fraction * (1 - rho) / rho, (1 - fraction) * (1 - rho) / rho) if rho else fraction
    return rng.binomial(n, drawn).astype(float), n.astype(float)


def fraction_rows(pairs, depth, rho, studies, seed=0):
    """Tests of equal fractions; one estimate of rho for all sites, and all studies fitted at once."""
    rng = np.random.default_rng([seed, pairs, *depth, int(1000 * rho)])
    sites = PER_STUDY * studies
    shared = rng.uniform(0.02, 0.4, (sites, pairs))
    fraction = np.where(np.arange(sites)[:, None] % 2 == 0, 0.5, shared)
    alt, n = reads(rng, np.stack([fraction, fraction]), depth, rho)
    design = intercept(pairs)
    contrast = design.contrast({"intercept": 1.0})
    found = overdispersion(alt, n)
    rate = rng.uniform(0.001, 0.02, sites)
    single, total = reads(rng, rate, depth, rho)
    p = {
        "change, true rho": allele_change(alt, n, design, contrast, rho=rho, interval=False).p_value,
        "change, estimated rho": allele_change(alt, n, design, contrast, rho=found, interval=False).p_value,
        "above artefact": above_artefact(single, total, rate, rho=rho),
    }
    fixed = (pairs, f"{depth[0]}-{depth[1]}", rho, studies)
    return [
        dict(zip(FRACTION_COLUMNS, (name, *fixed, *level(values, studies), round(found, 4)), strict=True))
        for name, values in p.items()
    ]


def main():
    genotypes = [line for size in SIZES for line in genotype_rows(size, STUDIES)]
    write_tsv(RESULTS / "calibration_genotype.tsv", COLUMNS, genotypes)
    fractions = []
    for depth, rho, pairs in product(DEPTHS, RHOS, (1, *SIZES)):
        # 20 pairs cost as much as all other sizes together
        fractions += fraction_rows(pairs, depth, rho, 200 if pairs == 20 else STUDIES)
    write_tsv(RESULTS / "calibration_allele_fraction.tsv", FRACTION_COLUMNS, fractions)
    for line in (*genotypes, *fractions):
        print(*line.values(), sep="\t")


if __name__ == "__main__":
    main()
