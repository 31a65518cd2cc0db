import base64
import re

import numpy as np
import pytest

from scleromyomics.report.figures import Point, strips, volcano


def drawing(uri):
    kind, _, content = uri.partition(",")
    assert kind == "data:image/svg+xml;base64"
    return base64.b64decode(content).decode()


def words(svg):
    """What the figure says: its text is drawn as outlines, with the words as comments."""
    return [text.strip() for text in re.findall(r"<!--(.*?)-->", svg, re.DOTALL)]


@pytest.fixture
def answer():
    random = np.random.default_rng(1)
    return {"estimate": random.normal(size=300), "p_value": np.sort(random.uniform(size=300))}


def test_the_same_numbers_give_the_same_bytes_without_a_date(answer):
    first, second = (
        volcano(**answer, mde=0.5, top=np.arange(5), labels=["A"], axis="Estimate") for _ in range(2)
    )
    assert first == second
    assert not re.search(r"dc:date|dc:creator|Matplotlib", drawing(first))


def test_a_volcano_names_its_first_features_and_its_axes(answer):
    found = words(
        drawing(volcano(**answer, mde=0.5, top=np.arange(5), labels=["STAT1", "MX1"], axis="Estimate (log2)"))
    )
    assert {"STAT1", "MX1", "Estimate (log2)", "−log₁₀ p"} <= set(found)


def test_the_smallest_detectable_effect_is_in_view_even_beyond_all_estimates(answer):
    estimate = answer["estimate"] / 100
    found = words(
        drawing(volcano(estimate, answer["p_value"], mde=2.0, top=np.arange(1), labels=[], axis=""))
    )
    assert {"−2", "2"} <= set(found)


def test_fifty_thousand_points_stay_light():
    random = np.random.default_rng(2)
    estimate, p_value = random.normal(size=50_000), np.sort(random.uniform(size=50_000))
    assert len(volcano(estimate, p_value, mde=1.0, top=np.arange(25), labels=[], axis="")) < 500_000


def test_arrays_held_back_are_named_beside_their_cross():
    points = [Point(lane=("PBMC", "B1"), value=0.1 * i, held="S3" if i == 3 else "") for i in range(6)]
    assert {"S3", "PBMC · B1", "NUSE"} <= set(words(drawing(strips(points, axis="NUSE"))))


def test_many_batches_share_a_row_per_tissue():
    points = [
        Point(lane=(t, f"B{b}"), value=float(b), held="") for t in ("Muscle", "PBMC") for b in range(20)
    ]
    found = words(drawing(strips(points, axis="NUSE")))
    assert {"Muscle", "PBMC"} <= set(found)
    assert not any("B1" in text for text in found)


def test_a_dollar_sign_in_a_name_is_a_dollar_sign(answer):
    found = words(drawing(volcano(**answer, mde=0.5, top=np.arange(1), labels=["A$^$"], axis="a $x^$ y")))
    assert {"A$^$", "a $x^$ y"} <= set(found)


def test_nothing_to_draw_is_drawn_as_empty_axes():
    nothing = np.full(3, np.nan)
    assert drawing(volcano(nothing, nothing, mde=float("nan"), top=np.arange(0), labels=[], axis="Estimate"))
