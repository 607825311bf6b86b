"""The decision table: what each concept of the lexicon means for an incident.

A concept's urgency depends on when it happens: ``now`` where the words say it is going on, ``plain`` where they say
nothing, ``past`` where they say it was long ago. ``rank`` picks the category where several concepts are found: the
kind of crime wins over its circumstances.
"""

from __future__ import annotations

from dataclasses import dataclass

from dialogue.scenarios.intake_102.schema import Category, Department, Urgency, WeaponKind

C, H, M, L = Urgency.CRITICAL, Urgency.HIGH, Urgency.MEDIUM, Urgency.LOW
POLICE, AMBULANCE, RESCUE, AKIMAT = Department.POLICE, Department.AMBULANCE, Department.RESCUE, Department.AKIMAT


@dataclass(frozen=True, slots=True)
class Row:
    """Meaning of one concept.

    Args:
        category: the incident's kind.
        now: urgency while it goes on.
        plain: urgency where the words do not tell when.
        past: urgency where it was long ago.
        department: who comes.
        rank: the greatest wins the category.
        danger: the words by themselves say that somebody is in danger at this moment.
        violence: it becomes ``domestic`` where the offender is family.
    """

    category: Category
    now: Urgency
    plain: Urgency
    past: Urgency
    department: Department
    rank: int
    danger: bool = False
    violence: bool = False


TABLE: dict[str, Row] = {
    "sexual": Row(Category.SEXUAL_VIOLENCE, C, H, M, POLICE, 100),
    "kidnapping": Row(Category.MISSING_PERSON, C, C, M, POLICE, 96, danger=True),
    "hostage": Row(Category.THREAT, C, C, M, POLICE, 94, danger=True, violence=True),
    "robbery": Row(Category.ROBBERY, H, H, M, POLICE, 92),
    "bomb": Row(Category.THREAT, C, C, M, POLICE, 91, danger=True),
    "suicide": Row(Category.SUICIDE, C, C, M, POLICE, 90, danger=True),
    "run_over": Row(Category.TRAFFIC, H, H, M, AMBULANCE, 88),
    "crash": Row(Category.TRAFFIC, M, M, M, POLICE, 87),
    "explosion": Row(Category.FIRE, C, C, M, RESCUE, 86, danger=True),
    "dwelling_fire": Row(Category.FIRE, C, C, M, RESCUE, 85, danger=True),
    "fire": Row(Category.FIRE, H, H, M, RESCUE, 84, danger=True),
    "gas": Row(Category.FIRE, H, H, M, RESCUE, 83, danger=True),
    "burglary_now": Row(Category.BURGLARY, H, H, M, POLICE, 82, danger=True),
    "burglary": Row(Category.BURGLARY, H, M, M, POLICE, 81),
    "drowning": Row(Category.MEDICAL, C, C, M, RESCUE, 80, danger=True),
    "overdose": Row(Category.MEDICAL, C, C, M, AMBULANCE, 79, danger=True),
    "stabbing": Row(Category.ASSAULT, C, C, M, POLICE, 78, danger=True, violence=True),
    "shots": Row(Category.WEAPONS, C, C, M, POLICE, 77, danger=True, violence=True),
    "dog_attack": Row(Category.ANIMAL, H, H, M, POLICE, 76),
    "beating_now": Row(Category.ASSAULT, C, C, M, POLICE, 75, danger=True, violence=True),
    "murder": Row(Category.ASSAULT, C, C, M, POLICE, 74, violence=True),
    "beating": Row(Category.ASSAULT, H, H, M, POLICE, 73, violence=True),
    "fight": Row(Category.ASSAULT, C, C, M, POLICE, 72, danger=True, violence=True),
    "weapon_in_hand": Row(Category.WEAPONS, C, C, M, POLICE, 70, danger=True, violence=True),
    "threat_death": Row(Category.THREAT, H, M, M, POLICE, 68, violence=True),
    "threat": Row(Category.THREAT, H, M, M, POLICE, 66, violence=True),
    "quarrel": Row(Category.DOMESTIC, H, H, M, POLICE, 64),
    "fraud": Row(Category.FRAUD, M, M, M, POLICE, 62),
    "theft_now": Row(Category.THEFT, H, H, M, POLICE, 61),
    "theft": Row(Category.THEFT, M, M, M, POLICE, 60),
    "drugs": Row(Category.DRUGS, H, M, M, POLICE, 58),
    "missing": Row(Category.MISSING_PERSON, M, M, M, POLICE, 56),
    "vandalism": Row(Category.VANDALISM, H, M, M, POLICE, 54),
    "drunk_driver": Row(Category.TRAFFIC, H, H, M, POLICE, 63),
    "life_threat": Row(Category.MEDICAL, C, C, M, AMBULANCE, 52, danger=True),
    "child_danger": Row(Category.OTHER, C, C, M, POLICE, 20, danger=True),
    "body": Row(Category.OTHER, H, H, M, POLICE, 51),
    "stalking": Row(Category.SUSPICIOUS, H, H, M, POLICE, 50),
    "suspicious_object": Row(Category.SUSPICIOUS, H, H, M, POLICE, 49),
    "smoke": Row(Category.FIRE, H, H, M, RESCUE, 48),
    "flood": Row(Category.OTHER, H, H, M, RESCUE, 47),
    "trapped_lift": Row(Category.OTHER, M, M, M, RESCUE, 46),
    "ill": Row(Category.MEDICAL, H, H, M, AMBULANCE, 44),
    "aggressive": Row(Category.DISORDER, H, H, M, POLICE, 42),
    "weapon_seen": Row(Category.WEAPONS, H, H, M, POLICE, 41),
    "suspicious": Row(Category.SUSPICIOUS, M, M, M, POLICE, 40),
    "noise": Row(Category.NOISE, L, L, L, POLICE, 38),
    "parking": Row(Category.TRAFFIC, L, L, L, POLICE, 37),
    "traffic": Row(Category.TRAFFIC, M, M, M, POLICE, 36),
    "drunk_disorder": Row(Category.DISORDER, M, M, M, POLICE, 34),
    "lost_documents": Row(Category.INFORMATION, L, L, L, POLICE, 57),
    "wrong_number": Row(Category.OTHER, L, L, L, POLICE, 30),
    "utility": Row(Category.OTHER, L, L, L, AKIMAT, 28),
    "animal": Row(Category.ANIMAL, L, L, L, AKIMAT, 26),
    "complaint": Row(Category.INFORMATION, L, L, L, POLICE, 24),
    "information": Row(Category.INFORMATION, L, L, L, POLICE, 22),
    "hint_medical": Row(Category.MEDICAL, H, H, M, AMBULANCE, 14),
    "hint_violence": Row(Category.ASSAULT, H, H, M, POLICE, 13, violence=True),
    "hint_fire": Row(Category.FIRE, H, H, M, RESCUE, 12),
    "hint_theft": Row(Category.THEFT, M, M, M, POLICE, 11),
    "hint_fraud": Row(Category.FRAUD, M, M, M, POLICE, 10),
    "hint_missing": Row(Category.MISSING_PERSON, M, M, M, POLICE, 5),
    "hint_traffic": Row(Category.TRAFFIC, M, M, M, POLICE, 6),
    "hint_disorder": Row(Category.DISORDER, M, M, M, POLICE, 9),
    "hint_noise": Row(Category.NOISE, L, L, L, POLICE, 7),
    "hint_suspicious": Row(Category.SUSPICIOUS, M, M, M, POLICE, 8),
    "hint_vandalism": Row(Category.VANDALISM, M, M, M, POLICE, 4),
    "hint_animal": Row(Category.ANIMAL, L, L, L, AKIMAT, 3),
    "hint_utility": Row(Category.OTHER, L, L, L, AKIMAT, 2),
    "hint_question": Row(Category.INFORMATION, L, L, L, POLICE, 1),
}
"""``hint_…`` are single words that count only where nothing plainer is said; the kind with most words wins."""

WEAPON_KINDS: dict[str, WeaponKind] = {
    "explosive": WeaponKind.EXPLOSIVE,
    "firearm": WeaponKind.FIREARM,
    "knife": WeaponKind.KNIFE,
    "blunt": WeaponKind.BLUNT,
    "weapon": WeaponKind.OTHER,
}
"""Concepts that are weapons, the most dangerous first."""

CONTEXT = frozenset(
    {
        *("domestic", "child", "elder", "injuries", "no_injuries", "offender_near", "offender_gone", "people_inside"),
        *("nobody_inside", "open_fire", "weapon_papers", "cannot_talk", "danger_yes", "danger_no", "description"),
        *("greeting_only", "wants_person", "not_person", "idiom", "answer_yes", "answer_no", "do_not_know"),
        "order_to_machine",
        "chore",
    }
)
"""Concepts that change what others mean."""

CUES = frozenset(
    {
        *("cue_negation_before", "cue_negation_after", "cue_past", "cue_live", "cue_fiction", "cue_real"),
        *("cue_turning", "cue_hypothetical", "cue_uncertain", "cue_not_so", "cue_harmless", "cue_withdrawn"),
        *("cue_story", "cue_frame", "cue_attack", "cue_toy", "cue_genuine"),
    }
)
"""Concepts that say how another one is meant."""
