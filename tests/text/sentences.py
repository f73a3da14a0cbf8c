"""100 sentences that the comparisons embed: plain, long, empty, accented, in other scripts."""
import json
import random

_rng = random.Random(5)
_WHO = ["The human", "A video", "Look, the patient", "My grandmother", "Nobody in this room", "The film's second half",
        "A tiny robot", "She", "They", "An electroencephalogram"]
_DOES = ["feels", "looks", "makes everyone", "is slowly becoming", "recorded something", "can't stop being",
         "won't ever seem", "was described as"]
_HOW = ["calm", "stressed", "happy", "sad", "neutral", "negative", "positive", "afraid of spiders", "naïve", "déjà-vu",
        "unbelievably bored", "42% anxious", "OK 👍"]
_END = ["", ".", " now!", " about the video, isn't it?", " — said the doctor (twice).", " 日本語 too",
        " in the year 2024; then it rained for hours and hours until the whole valley was under water."]

SENTENCES = [f"{_rng.choice(_WHO)} {_rng.choice(_DOES)} {_rng.choice(_HOW)}{_rng.choice(_END)}" for _ in range(96)]
SENTENCES += ["", "a", "x " * 400, "İstanbul & Straße [MASK] ﬁne"]


def write_lines(path):
    """One JSON string a line, as text_prototypes --lines reads them."""
    path.write_text("".join(json.dumps(s) + "\n" for s in SENTENCES))
