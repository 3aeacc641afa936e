-- The database of Wyld: the one source of its shape.
--
-- Both processes apply this file at their start, under an advisory lock. It is a list of migrations, each beginning
-- with a line `-- migration N`. A database at version V gets the blocks above V, in order, in one transaction; there
-- is no way back. A change of shape is a new block at the end of this file; a released block is never edited.
-- Every block may run again without effect, so `psql -1 -f schema.sql` is safe too, any number of times.
--
-- Who writes what: each table names its one writer. `gateway` is whichever gateway owns the row at that moment;
-- `world` is the one world. Two writers of one table would need a protocol between them, and that is the link.

CREATE TABLE IF NOT EXISTS schema_version (
    version     integer     PRIMARY KEY CHECK (version > 0),
    applied_at  timestamptz NOT NULL DEFAULT now()
);

-- migration 1

-- Written by the world. Names are unique whatever their case, and kept as their owner typed them.
CREATE TABLE IF NOT EXISTS accounts (
    id             uuid        PRIMARY KEY,
    name           text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 64),
    password_hash  text        NOT NULL,                        -- argon2id, with its own salt and parameters
    created_at     timestamptz NOT NULL DEFAULT now(),
    last_login_at  timestamptz,
    failed_logins  integer     NOT NULL DEFAULT 0 CHECK (failed_logins >= 0),
    locked_until   timestamptz
);
CREATE UNIQUE INDEX IF NOT EXISTS accounts_name_key ON accounts (lower(name));

-- Written by the world: everything that outlives it, and where it is. A thing lies in a room, or in another thing,
-- or nowhere for the moment. A commit holds many rows in any order, so references are checked at its end.
CREATE TABLE IF NOT EXISTS entities (
    id            uuid        PRIMARY KEY,
    kind          text        NOT NULL CHECK (kind IN ('character', 'item', 'door')),
    prototype     text        NOT NULL DEFAULT '',              -- key of the area file's entry that it was made from
    name          text        NOT NULL,
    room          text,                                         -- key of a room; rooms themselves are files
    container_id  uuid        REFERENCES entities DEFERRABLE INITIALLY DEFERRED,
    data          jsonb       NOT NULL DEFAULT '{}',
    updated_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT entities_one_place CHECK (room IS NULL OR container_id IS NULL),
    CONSTRAINT entities_not_in_itself CHECK (container_id <> id)
);
-- For the check, when a thing is deleted, that nothing is in it.
CREATE INDEX IF NOT EXISTS entities_container_id ON entities (container_id) WHERE container_id IS NOT NULL;

-- Written by the world: what only a player's character has.
CREATE TABLE IF NOT EXISTS characters (
    entity_id       uuid        PRIMARY KEY REFERENCES entities ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    account_id      uuid        NOT NULL REFERENCES accounts,
    name            text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 64),
    race            text        NOT NULL,
    class           text        NOT NULL,
    attributes      jsonb       NOT NULL DEFAULT '{}',
    description     text        NOT NULL DEFAULT '',
    metadata        jsonb       NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now(),
    last_played_at  timestamptz
);
CREATE UNIQUE INDEX IF NOT EXISTS characters_name_key ON characters (lower(name));

-- Written by the gateway that owns the row (gateway_id), on every change of state; read at attach.
-- Attaching is one UPDATE that raises `generation` where the old one stands: who comes late changes nothing.
-- The world must be able to delete a character whatever gateways wrote, so a session goes with its character.
CREATE TABLE IF NOT EXISTS sessions (
    id                   uuid        PRIMARY KEY,
    entity_id            uuid        REFERENCES entities ON DELETE CASCADE,
    account_id           uuid        REFERENCES accounts ON DELETE CASCADE,
    created_at           timestamptz NOT NULL DEFAULT now(),
    last_activity        timestamptz NOT NULL DEFAULT now(),   -- written in batches
    state                text        NOT NULL,
    protocol             text        NOT NULL,
    client_addr          text        NOT NULL,
    metadata             jsonb       NOT NULL DEFAULT '{}',    -- terminal, window size, capabilities, client name
    generation           bigint      NOT NULL DEFAULT 0 CHECK (generation >= 0),
    gateway_id           uuid,
    gateway_epoch        bytea,
    epoch                bytea,                                -- of the numbering of its commands and outputs
    token_hash           bytea       CHECK (octet_length(token_hash) = 32),             -- SHA-256
    previous_token_hash  bytea       CHECK (octet_length(previous_token_hash) = 32),
    token_expires        timestamptz,
    detached_at          timestamptz,
    closed_at            timestamptz,
    close_reason         text,
    CONSTRAINT sessions_state CHECK (
        state IN ('Connecting', 'Authenticating', 'CharacterSelection', 'Playing', 'Disconnected', 'Closed')
    ),
    CONSTRAINT sessions_protocol CHECK (protocol IN ('telnet', 'websocket')),
    CONSTRAINT sessions_live_has_character CHECK (state NOT IN ('Playing', 'Disconnected') OR entity_id IS NOT NULL),
    CONSTRAINT sessions_detached_since CHECK (state <> 'Disconnected' OR detached_at IS NOT NULL),
    CONSTRAINT sessions_closed_since CHECK ((state = 'Closed') = (closed_at IS NOT NULL))
);
-- Two live sessions of one character are impossible, whatever two gateways do at once.
CREATE UNIQUE INDEX IF NOT EXISTS sessions_one_live_per_character ON sessions (entity_id)
    WHERE state IN ('Playing', 'Disconnected');
-- For the deletion of things: does a session refer to it?
CREATE INDEX IF NOT EXISTS sessions_entity_id ON sessions (entity_id) WHERE entity_id IS NOT NULL;
-- What has been detached for too long?
CREATE INDEX IF NOT EXISTS sessions_detached_at ON sessions (detached_at) WHERE state = 'Disconnected';
-- What does a gateway own, or did when it died?
CREATE INDEX IF NOT EXISTS sessions_gateway_id ON sessions (gateway_id) WHERE state <> 'Closed';
-- What was closed so long ago that it can go?
CREATE INDEX IF NOT EXISTS sessions_closed_at ON sessions (closed_at) WHERE state = 'Closed';

-- Commands that wait for the world. Inserted by the gateway that owns the session, in order and without a gap; read
-- and deleted by the world alone, in the transaction in which they take effect.
CREATE TABLE IF NOT EXISTS session_command_queue (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id  uuid        NOT NULL REFERENCES sessions ON DELETE CASCADE,
    number      bigint      NOT NULL CHECK (number > 0),
    command     text        NOT NULL CHECK (octet_length(command) <= 65536),
    queued_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT session_command_queue_number UNIQUE (session_id, number)
);

-- Written by the world, in the transaction of the tick: how far each session is. No foreign key: the world's commit
-- must never be refused because a gateway deleted a session.
CREATE TABLE IF NOT EXISTS session_positions (
    session_id  uuid        PRIMARY KEY,
    epoch       bytea       NOT NULL,
    applied     bigint      NOT NULL CHECK (applied >= 0),      -- highest command that took effect
    sent        bigint      NOT NULL CHECK (sent >= 0),         -- highest output that was numbered
    updated_at  timestamptz NOT NULL DEFAULT now()
);

-- Written by the world, in the transaction of the tick: frames that their gateway has not acknowledged, so that they
-- can be sent again after the world's death exactly as they were.
CREATE TABLE IF NOT EXISTS world_outbox (
    gateway_id     uuid   NOT NULL,
    gateway_epoch  bytea  NOT NULL,
    tick           bigint NOT NULL CHECK (tick > 0),
    frame          bytea  NOT NULL,
    PRIMARY KEY (gateway_id, gateway_epoch, tick)
);

-- Written by the world: one row. Who takes the world's lock raises `fence`; every commit is a compare-and-set on both
-- numbers, so that a late or doubtful commit cannot land twice or after a successor's.
CREATE TABLE IF NOT EXISTS world_fence (
    singleton    boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    fence        bigint  NOT NULL DEFAULT 0,
    last_commit  bigint  NOT NULL DEFAULT 0
);
INSERT INTO world_fence DEFAULT VALUES ON CONFLICT DO NOTHING;

INSERT INTO schema_version (version) VALUES (1) ON CONFLICT DO NOTHING;

-- migration 2

-- What a starting world needs to go on where the last one was: who plays which character, and from where. Rows of before this block
-- were thrown away at each start of the world, so nothing is lost with them.
ALTER TABLE session_positions
    ADD COLUMN IF NOT EXISTS account_id     uuid,
    ADD COLUMN IF NOT EXISTS character_id   uuid,
    ADD COLUMN IF NOT EXISTS generation     bigint NOT NULL DEFAULT 0 CHECK (generation >= 0),
    ADD COLUMN IF NOT EXISTS gateway_id     uuid,
    ADD COLUMN IF NOT EXISTS gateway_epoch  bytea,
    ADD COLUMN IF NOT EXISTS detached_at    timestamptz,
    ADD COLUMN IF NOT EXISTS kept           bytea;              -- unconfirmed outputs, at a clean stop: a msgpack array
DELETE FROM session_positions WHERE character_id IS NULL;
ALTER TABLE session_positions
    ALTER COLUMN account_id   SET NOT NULL,
    ALTER COLUMN character_id SET NOT NULL,
    ALTER COLUMN generation   DROP DEFAULT;

-- `clean_fence` is the fence of the last world that stopped in its own time. The other three: the command that the world with that
-- fence was about to run, and in how many worlds in a row it was that one.
ALTER TABLE world_fence
    ADD COLUMN IF NOT EXISTS clean_fence     bigint  NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS suspect_fence   bigint  NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS suspect_session uuid,
    ADD COLUMN IF NOT EXISTS suspect_number  bigint,
    ADD COLUMN IF NOT EXISTS suspect_ends    integer;

INSERT INTO schema_version (version) VALUES (2) ON CONFLICT DO NOTHING;
