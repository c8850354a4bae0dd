"""Example posts, so that a new blog is not empty. Leave this module out of a blog of your own."""

from __future__ import annotations

import hashlib
import io
from datetime import timedelta
from typing import NamedTuple

import click
from bson import ObjectId
from PIL import Image, ImageDraw

import quorum

from .models import Author, Comment, Post, normalized, now

PASSWORD = "correct horse"  # noqa: S105
WRITERS = ("mira", "tomas", "ines")
GUEST = "guest"


class Example(NamedTuple):
    days: float  # since it was written
    author: str
    title: str
    tags: str
    body: str
    comments: tuple[tuple[str, str], ...] = ()
    colors: tuple[str, ...] = ()  # of its cover


def fill() -> None:
    """Store the example posts in a database that has none; what was cut short is completed.

    Usernames are unique and each post has an id of its own, so all is stored once, by however many processes. The guest
    comes last: once that account is there, so is all the rest, and what people delete stays deleted.
    """
    if not Author.exists(username=GUEST):
        authors = {name: store_author(name) for name in WRITERS}
        for example in EXAMPLES:
            store_post(example, authors)
        store_author(GUEST)
    click.echo(f"Log in as {', '.join(WRITERS)} or {GUEST} with the password: {PASSWORD}")


def store_author(name: str) -> Author:
    try:
        return Author.register(name, PASSWORD)
    except quorum.ValidationError:
        return Author.get(username=normalized(name))


def store_post(example: Example, authors: dict[str, Author]) -> None:
    written = now() - timedelta(days=example.days)
    post = Post(
        id=ObjectId(hashlib.sha256(example.title.encode()).digest()[:12]),
        title=example.title,
        body="\n\n".join(" ".join(paragraph.split()) for paragraph in example.body.split("\n\n")),
        author=authors[example.author],
        tags=example.tags.split(),
        comments=[
            Comment(text=text, author=authors[name], created_at=written + timedelta(hours=7 * number))
            for number, (name, text) in enumerate(example.comments, start=1)
        ],
    )
    post.created_at = written
    if example.colors:
        post.cover = quorum.File(draw(example.colors), name="cover.png")
    try:
        post.save()
    except quorum.ValidationError:
        if not Post.exists(id=post.id):
            raise


def draw(colors: tuple[str, ...]) -> bytes:
    """Draw a cover: rings in these colors, from the outside."""
    image = Image.new("RGB", (1200, 600), colors[0])
    pencil = ImageDraw.Draw(image)
    for ring, color in enumerate(colors[1:]):
        pencil.ellipse((250 + 120 * ring, -50 + 120 * ring, 950 - 120 * ring, 650 - 120 * ring), color)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


EXAMPLES = (
    Example(
        1,
        "mira",
        "What a margin is for",
        "reading notes",
        """
The books that I keep are the ones I have written in. A pencil line beside a paragraph costs nothing, and ten years
later it is a letter from somebody I used to be. Sometimes I agree with her. More often I wonder what she saw.

There are rules. Pencil, never ink. No underlining, because a line under everything is a line under nothing. A word in
the margin is better than a mark, and a question is better than a word.

This blog is named after the habit. Everything here is a note beside something bigger.
""",
        (
            ("ines", "I write on the last page only, with page numbers. An index of what I cared about."),
            ("tomas", "My copy of the bread book has so much flour in it that the notes are in relief."),
            ("mira", "Flour counts as ink, I think."),
        ),
        ("#f3ede0", "#9a3412", "#fbfaf6", "#24221e"),
    ),
    Example(
        3,
        "tomas",
        "Bread without a clock",
        "bread kitchen",
        """
Every recipe gives times, and every kitchen makes liars of them. The dough does not know that it is supposed to double
in two hours. It knows how warm the room is and how much yeast it was given, and that is all.

So I look at the dough and not at the clock. I press it with a wet finger. If the dent springs back, it wants longer.
If it comes back slowly, and not all the way, the oven should be hot already. If it stays, I was reading again.

My loaf: 500 g flour, 350 g water, 10 g salt, and as much yeast as fits on the tip of a knife. Mix it in the evening,
fold it twice before bed, and bake it when it says so.
""",
        (("mira", "It said so at five in the morning. I told it to wait."),),
    ),
    Example(
        6,
        "ines",
        "A database is a promise",
        "software databases",
        """
When a program says "saved", it makes a promise to a person who is about to close the lid. Most of the work in storage
is about the small print of that sentence. Saved where? On how many disks? What if the power goes in the next second?

I have come to like systems that answer these questions in plain words, and I distrust the ones that are fast before
they are clear. You can make a promise cheaper later. You can't easily make it true later.

The test I use is simple: pull the plug while it is writing, and see whether everything it promised is still there.
""",
        (
            ("tomas", "Do you really pull the plug?"),
            ("ines", "kill -9 in a loop, all night. It is a kinder way to say the same thing."),
        ),
    ),
    Example(
        9,
        "mira",
        "In praise of the second draft",
        "writing",
        """
The first draft is where I find out what I think. It is for me, and it should be allowed to be bad. The second draft is
for the reader, who has other things to do today.

What goes, in the order in which it goes: the first paragraph, which was only clearing its throat. Every sentence that
announces what the next one will say. Half of the adjectives. The joke.

What is left is shorter than I hoped and better than I feared.
""",
    ),
    Example(
        13,
        "tomas",
        "Fixing a wheel",
        "cycling repair",
        """
A wheel that is out of true looks broken and is only uneven. Somewhere a spoke pulls too hard, or its neighbour not
hard enough, and the rim leans towards the argument.

Turn the bicycle over. Spin the wheel, and hold a pencil against the frame so that it almost touches the rim. Where it
scrapes, loosen the spokes on that side by a quarter of a turn and tighten those across. A quarter: half a turn is how
a small problem becomes a new one. Spin again.

It takes an hour the first time and ten minutes the tenth. The pencil can be used in books afterwards.
""",
        (("ines", "Small change, look, small change, look. You are describing how I debug."),),
        ("#20313a", "#d8c9a3", "#20313a", "#c2571a"),
    ),
    Example(
        17,
        "ines",
        "Names are the first design",
        "software writing",
        """
I spent an afternoon on one name last week and it was the best afternoon of the project. The thing was called a
"manager". It managed nothing. It kept a list of who wanted to be told when a file changed.

As soon as it was called a subscription, two methods turned out to belong elsewhere, a flag turned out to be a second
class, and the comment at the top could go. Nothing was computed differently. We had only stopped telling ourselves a
wrong story.

If a good name will not come, the thing may not be a thing yet.
""",
        (("mira", "Same with characters. If I can't name him, he has nothing to do in the chapter."),),
    ),
    Example(
        22,
        "mira",
        "Ten pages a day",
        "reading habits",
        """
Ten pages is so little that there is no excuse, and that is the whole trick. Ten pages before the phone, every
morning, is some three and a half thousand pages a year. It is the long novels you meant to read, and then the short
ones that they send you to.

On most days it is twenty. On bad days it is ten, read twice.
""",
    ),
    Example(
        28,
        "tomas",
        "Tomatoes on a north balcony",
        "garden kitchen",
        """
They said that it could not be done, and they were nearly right. A balcony to the north gets three hours of evening sun
in June and none that matters in September. Still, there were eleven tomatoes.

What helped: a small variety, one that is used to short summers. A white wall behind the pots. Watering in the morning.
Not moving the pots twice a week to where the sun might be better, which is what I did in the first year, and which
made the plants sulk.

Eleven is not many. I could tell you about each of them.
""",
        (
            ("mira", "Please do."),
            ("tomas", "The fourth was small, and perfect, and a blackbird's."),
        ),
    ),
    Example(
        35,
        "ines",
        "The log is for the reader",
        "software",
        """
A line in a log is written once and read at three in the morning by somebody who did not sleep. Write it for her.

Say what happened, to what, and what the program did about it. Put the number in it, and the unit. "Retrying" is noise;
"the mail server did not answer within 5 seconds, second try of 3 in 20 seconds" is company.

And never write down a secret. The log outlives the incident, and it has more readers than you think.
""",
    ),
    Example(
        44,
        "tomas",
        "One good knife",
        "kitchen repair",
        """
You need one knife, a board that does not slide, and a stone. The knife can be cheap. The stone can't, and you will
have it longer than the knife.

Ten strokes a side, at the angle of a matchbox under the spine, once a week. A sharp knife is safe because it goes where
you send it. It is the dull ones that have ideas of their own.
""",
        (("mira", "The board that does not slide: a wet cloth under it. Changed my life for nothing."),),
    ),
    Example(
        56,
        "mira",
        "Letters to the library",
        "reading habits",
        """
Our library keeps a notebook by the door for wishes. I had taken it for decoration, until I read it on a wet afternoon.

A child asks for "any book about owls that is true". Somebody wants the second volume, and a month later, in the same
hand, the third. One entry says only thank you, and under it, in red, the librarian has written: for what? And below
that: for being open.
""",
        (("ines", "They got the third volume, I hope."),),
    ),
    Example(
        70,
        "ines",
        "Start with the smallest thing that works",
        "software habits",
        """
The blog you are reading began as one page that listed the titles in a file. It was useless, and it ran. On the second
day the titles came from a database. On the third they had links.

Each step could be shown to somebody, and each was wrong in a way that showed what to do next. I have never learnt as
much from a plan.

Begin with something that works and is too small. It is much easier to make a small thing bigger than a big thing work.
""",
        (("tomas", "This is sourdough."),),
    ),
    Example(
        90,
        "tomas",
        "Hello",
        "notes",
        """
Three friends, one notebook. Mira reads, Ines writes programs, and I mend things or eat them. We will put here what we
would otherwise have told each other on the stairs.
""",
        (("mira", "Hello!"), ("ines", "Hello, stairs.")),
    ),
)
