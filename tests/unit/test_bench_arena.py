"""The arena: its files are a world, what its players type is understood there, and what that world says is understood here."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from doubles.played_world import SESSION, PlayedWorld, account

from wyld.bench import arena
from wyld.bench.ledger import FLOOR, Command, Ledger, Token, Verb, Voice
from wyld_rpc.messages import CharacterCreationData, CreateCharacter, EntityId
from wyld_world.areas import load
from wyld_world.model.prototypes import Areas
from wyld_world.model.things import Character, Item, Room


class PlayedArena(PlayedWorld):
    def create(self, name: str, number: int = 0) -> Character:
        (race,) = [choice.name for choice in self.world.prototypes.choices.races]
        (kind,) = [choice.name for choice in self.world.prototypes.choices.classes]
        data = CharacterCreationData(name, race, kind, {"patience": 2}, "", {})
        request = CreateCharacter(EntityId(self.random.randbytes(16)), SESSION, account(len(name)), data)
        return self.world.create_character(self.journal, self.now, request)


def load_arena(folder: Path, roles: tuple[arena.Role, ...]) -> Areas:
    for name, content in arena.area_files(roles).items():
        (folder / name).write_text(content, "utf-8")
    return load(folder)


@pytest.mark.parametrize("players", [1, 2, 7, 20, 200])
def test_a_cast_is_spread_evenly_and_knows_who_hears_whom(players: int) -> None:
    roles = arena.cast(players, random.Random(5))

    assert len({role.name for role in roles}) == len({role.secret for role in roles}) == players
    for role in roles:
        here = {other.name for other in roles if other.hall == role.hall}
        assert {role.name, *role.mates} == here
        assert len(here) <= arena.HALL_SIZE
    sizes = {len(role.mates) for role in roles}
    assert max(sizes) - min(sizes) <= 1
    assert not {role.hall for role in roles} & {role.name for role in roles}


@pytest.mark.parametrize("players", [1, 12, 200])
def test_the_files_are_areas_that_the_world_takes(tmp_path: Path, players: int) -> None:
    areas = load_arena(tmp_path, arena.cast(players, random.Random(1)))

    assert len(areas.items) == players


def test_everything_that_is_typed_is_done_and_everything_that_is_said_is_understood(tmp_path: Path) -> None:
    """A whole run without processes: the real commands on the real model, judged by the ledger."""
    roles = arena.cast(8, random.Random(2))
    played = PlayedArena(areas=load_arena(tmp_path, roles))
    people = {role.name: played.join(role.name.capitalize()) for role in roles}
    for role in roles:
        for step in arena.entering(role)[3:]:
            texts = played.do(people[role.name], step.line)
            assert any(step.answer in text for text in texts), (step, texts)
    played.outlet.clear()
    ledger, reader = Ledger(arena.coins_at_start(roles)), arena.Reader(roles)
    scripts = [(role, arena.Script(role, list(people), random.Random(role.name))) for role in roles]

    for _ in range(120):
        for role, script in scripts:
            command = script.next()
            ledger.send(command)
            played.do(people[role.name], arena.wording(command, role))
            for name, person in people.items():
                for line in "\n".join(played.outlet.texts(person)).split("\n"):
                    found = reader.token(line)
                    if found is not None:
                        ledger.see(name, *found)
                    assert set(reader.owners(line)) <= {name}

    verdict = ledger.judge(coins(played, roles))
    assert verdict.clean, verdict.findings
    assert verdict.applied == 120 * 8
    assert {
        command.token.verb for _, script in scripts for command in [script.next() for _ in range(99)]
    } == set(Verb)


def coins(played: PlayedWorld, roles: tuple[arena.Role, ...]) -> dict[tuple[str, str], int]:
    by_coin = {f"{arena.AREA}.{role.name}": role for role in roles}
    found: dict[tuple[str, str], int] = {}
    for item in played.items():
        role = by_coin[item.prototype.key]
        key = (role.name, arena.holder_in(role, place_of(item)))
        found[key] = found.get(key, 0) + item.count
    return found


def place_of(item: Item) -> str:
    assert isinstance(item.location, (Room, Character))
    return item.location.key if isinstance(item.location, Room) else item.location.name


def test_coins_in_another_hall_are_not_on_the_floor_of_their_owner() -> None:
    role, other = arena.cast(7, random.Random(1))[:2]

    assert arena.holder_in(role, f"{arena.AREA}.{role.hall}") == FLOOR
    assert arena.holder_in(role, f"{arena.AREA}.{other.hall}") != FLOOR


def test_a_long_script_never_runs_out_of_coins() -> None:
    role = arena.cast(3, random.Random(1))[0]
    script = arena.Script(role, [role.name, *role.mates], random.Random(1))
    pocket, floor, given = arena.POCKET, arena.POCKET, 0

    for _ in range(20_000):
        token = script.next().token
        if token.verb in (Verb.GIVE, Verb.DROP):
            pocket -= token.number
        if token.verb in (Verb.DROP, Verb.GET):
            floor += token.number if token.verb is Verb.DROP else -token.number
        if token.verb is Verb.GET:
            pocket += token.number
        given += token.verb is Verb.GIVE
        assert min(pocket, floor) > 0
    assert given == arena.LAST_GIFT - 1


def test_who_is_alone_says_and_tells_nothing_to_others() -> None:
    (role,) = arena.cast(1, random.Random(1))
    script = arena.Script(role, [role.name], random.Random(1))

    commands = [script.next() for _ in range(200)]

    assert all(list(command.audience()) == [role.name] for command in commands)


ANN = arena.Role("anna", "zqaaaaaa", "x", "hall", ())


@pytest.mark.parametrize(
    ("line", "token"),
    [
        ("20/20 hp> You say, '12 words of anna'", (Token("anna", Verb.SAY, 12), Voice.AUTHOR)),
        ("Anna gives you 3 annacoins.", (Token("anna", Verb.GIVE, 3), Voice.TARGET)),
        ("You see no '4 zqaaaaaa' here.", (Token("anna", Verb.ASK, 4), Voice.AUTHOR)),
        ("Bela says, '12 words of anna'", None),
        ("You carry no '3 annacoins'.", None),
        ("There are only 2 annacoins.", None),
        ("Not sent: say 12 words of anna", None),
        ("You see no '4 zqbbbbbb' here.", None),
        (f"You put down {arena.POCKET} annacoins.", None),
        ("Gulls argue.", None),
    ],
)
def test_a_line_is_of_a_command_only_if_it_says_that_it_was_done(
    line: str, token: tuple[Token, Voice] | None
) -> None:
    assert arena.Reader([ANN]).token(line) == token


def test_secret_words_are_found_anywhere() -> None:
    reader = arena.Reader([ANN])

    assert reader.owners("She whispers zqaaaaaa, twice: zqaaaaaa") == ["anna", "anna"]
    assert reader.owners("zqbbbbbb is nobody's; zqaaaaaab is none") == []
    assert reader.owners("nothing") == []


def test_wordings_name_the_target_and_the_secret() -> None:
    def typed(verb: Verb, target: str | None = None) -> str:
        return arena.wording(Command(Token("anna", verb, 7), target), ANN)

    assert typed(Verb.TELL, "bela") == "tell bela 7 whispers of anna"
    assert typed(Verb.ASK) == "get 7 zqaaaaaa"
    assert arena.returning(ANN)[0].line == "connect anna x anna"
