import xml.etree.ElementTree as ET
from collections import Counter

from webadmin.evaluation.pictures import as_svg, as_text

COUNTS = Counter({("critical", "critical"): 8, ("critical", None): 2, ("low", "low"): 3, (None, "low"): 1})
ORDER = ("critical", "high", "medium", "low")


def test_characters_show_the_counts_and_leave_out_what_never_occurs():
    assert as_text(COUNTS, ORDER).splitlines() == [
        "          crit  low null",
        "critical    8█   ·    2░",
        "low         ·    3█   ·",
        "null        ·    1█   ·",
    ]


def test_names_with_the_same_beginning_are_told_apart():
    head = as_text(Counter({("medium", "medium"): 1, ("medical", "medical"): 1}), ("medical", "medium")).splitlines()[0]

    assert len(set(head.split())) == 2


def test_the_drawing_is_well_formed_and_has_every_count():
    drawn = ET.fromstring(as_svg(COUNTS, ORDER, 'rules < "model" & more'))

    texts = [node.text for node in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == 'rules < "model" & more'
    assert {"8", "2", "3", "1", "critical", "null"} <= set(texts)


def test_no_calls_are_an_empty_drawing():
    ET.fromstring(as_svg(Counter(), ORDER, "nothing"))
    as_text(Counter(), ORDER)
