"""What the columns of a log mean, by the words in their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

Meaning = frozenset[str]
Recipe = tuple[Meaning, ...]  # The columns whose mean a quantity is, by what each of them means

# What a word in a name stands for; a word that stands for nothing is passed over
WORDS: Mapping[str, str] = {
    word: meaning
    for meaning, words in {
        "G": "g gen generator generators netg",
        "D": "d disc dis discrim discriminator discriminators netd critic crit",
        "C": "c",
        "LOSS": "loss losses err error errors cost l",
        "REAL": "real reals true",
        "FAKE": "fake fakes generated",
        "ADV": "adv adversarial gan main",
        "SCORE": "score scores logit logits output outputs out prob",
        "X": "x",
        "Z": "z",
        "AUC": "auc separation",
        "ACC": "acc accuracy",
        "GRAD": "grad grads gradient gradients",
        "FID": "fid frechet",
        "KID": "kid",
        "SWD": "swd",
        "MMD": "mmd",
        "STEP": "step steps iteration iterations iter iters it itr niter",
        "BATCH": "batch batches",
        "EPOCH": "epoch epochs ep",
        "IMAGES": "kimg nimg img imgs images",
        "": "total train training mean avg average running global cur current final full k of n norm progress"
        " results metrics metric seen the doctor distance net",
    }.items()
    for word in words.split()
}
# Words that are written as one
GLUED: Mapping[str, tuple[str, ...]] = {
    f"{first}{second}": (first, second)
    for one, other in (
        (("g", "d", "gen", "dis", "disc", "c"), ("loss", "losses", "err", "cost", "acc", "grad")),
        (("loss", "err", "cost", "acc", "l"), ("g", "d")),
        (("g", "d"), ("real", "fake", "a", "b", "y")),
    )
    for first in one
    for second in other
}


def _recipes(*rows: str) -> tuple[Recipe, ...]:
    return tuple(tuple(frozenset(part.split()) for part in row.split("+")) for row in rows)


# How each quantity is told by its columns, the best way first. A quantity of several is their mean.
RECIPES: Mapping[str, tuple[Recipe, ...]] = {
    "discriminator_loss": _recipes(
        "D LOSS",
        "D LOSS ADV",
        "D LOSS REAL + D LOSS FAKE",
        "D ADV",
        "D REAL + D FAKE",
        "D REAL FAKE",
        "D",
        "C LOSS",
        "C",
    ),
    "generator_loss": _recipes("G ADV", "G LOSS ADV", "G D LOSS FAKE", "G LOSS FAKE", "G LOSS", "G"),
    "real_score": _recipes(
        "REAL SCORE", "LOSS REAL SCORE", "D REAL SCORE", "D REAL SCORE LOSS", "D X", "D REAL"
    ),
    "fake_score": _recipes(
        "FAKE SCORE", "LOSS FAKE SCORE", "D FAKE SCORE", "D FAKE SCORE LOSS", "D G Z", "D FAKE"
    ),
    "auc": _recipes("AUC", "D AUC", "D ACC"),
    "generator_gradient": _recipes("G GRAD"),
    "discriminator_gradient": _recipes("D GRAD"),
    "metric": _recipes("FID", "FID SCORE", "KID", "KID SCORE", "SWD", "MMD"),
}
# What is taken only beside something else: a plain "loss" is the generator's if a discriminator has one, too
BESIDE: Mapping[str, tuple[str, Recipe]] = {
    "generator_loss": ("discriminator_loss", _recipes("LOSS")[0]),
}
STEPS: tuple[Meaning, ...] = tuple(map(frozenset, (["STEP"], ["IMAGES"], ["EPOCH"])))
SCORES = ("real_score", "fake_score")
DOMAINS = frozenset("abxy")  # Letters that tell the two halves of a game of translation apart


def meaning(name: str) -> tuple[Meaning, str]:
    """What the words of a name stand for, and the part of the game that it belongs to, such as "a" of `G_A`.

    A name with a word that is not known means nothing.

    Example:
        >>> sorted(meaning("loss_D_real")[0]), meaning("netD_A/loss")[1], meaning("G_L1")[0]
        (['D', 'LOSS', 'REAL'], 'a', frozenset())
    """
    plain = re.sub(r"\([^()]*/[^()]*\)", "", name.rpartition(" - ")[2])  # (Content/Advers/Total)
    pieces = re.findall(r"[lL][12](?!\d)|[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", plain)
    words = [word for piece in pieces for word in GLUED.get(piece.lower(), (piece.lower(),))]
    found, parts = set(), []
    for word in words:
        if word.isdigit() or (word in DOMAINS and not (word == "x" and "loss" not in words)):
            parts.append(word)
        elif word not in WORDS:
            return frozenset(), ""
        elif WORDS[word]:
            found.add(WORDS[word])
    of_player = found & {"D", "G"} and not found & {"Z", "FID"}
    return frozenset(found), "".join(parts) if of_player else ""


def guessed(names: Iterable[str]) -> list[dict[str, tuple[str, ...]]]:
    """Which columns hold which quantity, by their names: one table for each game that the log tells of.

    A game of two domains, such as a CycleGAN's, has a generator and a discriminator for each of them.

    Example:
        >>> guessed(["epoch", "D_real", "D_fake", "G_GAN", "G_L1"])
        [{'discriminator_loss': ('D_real', 'D_fake'), 'generator_loss': ('G_GAN',)}]
        >>> [game["generator_loss"] for game in guessed(["D_A", "G_A", "cycle_A", "D_B", "G_B"])]
        [('G_A',), ('G_B',)]
    """
    known: dict[str, dict[Meaning, str]] = {}
    for name in names:
        found, part = meaning(name)
        held = known.setdefault(part, {}).get(found)
        if found and (held is None or len(name) < len(held)):
            known[part][found] = name
    plain = known.get("", {})
    whole = _game(plain)
    if "discriminator_loss" in whole and "generator_loss" in whole:
        return [whole]
    games = [_game({**plain, **own}) for part, own in known.items() if part and own]
    games = [game for game in games if {"discriminator_loss", "generator_loss"} & game.keys()]
    both = [game for game in games if {"discriminator_loss", "generator_loss"} <= game.keys()]
    return both or games or ([whole] if whole else [])


def _game(columns: Mapping[Meaning, str]) -> dict[str, tuple[str, ...]]:
    game: dict[str, tuple[str, ...]] = {}
    for quantity, recipes in RECIPES.items():
        used = {name for names in game.values() for name in names}
        for recipe in recipes:
            names = tuple(columns[part] for part in recipe if part in columns)
            if len(names) == len(recipe) and not used & set(names):
                game[quantity] = names
                break
    for quantity, (beside, recipe) in BESIDE.items():
        if quantity not in game and beside in game and recipe[0] in columns:
            game[quantity] = (columns[recipe[0]],)
    return game


def step_columns(names: Sequence[str]) -> list[tuple[str, ...]]:
    """The columns that count steps, images or epochs, the finest first; columns of one kind together."""
    found = {name: meaning(name)[0] for name in names}
    groups = (tuple(name for name, words in found.items() if words == wanted) for wanted in STEPS)
    return [group for group in groups if group]


def is_epoch(name: str) -> bool:
    """Whether a column counts epochs."""
    return meaning(name)[0] == STEPS[-1]
