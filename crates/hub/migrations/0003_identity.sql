-- Users hold the credentials that until now stood alone, and packs have members, deploy tokens and
-- builds.

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    created_at TEXT NOT NULL,
    disabled_at TEXT
);

-- Every credential so far is an administrator's; those of one name become one user's.
INSERT INTO users (id, name, role, created_at)
SELECT MIN(id), name, 'admin', MIN(created_at) FROM credentials GROUP BY name;

ALTER TABLE credentials ADD COLUMN user_id TEXT REFERENCES users (id);

ALTER TABLE credentials ADD COLUMN expires_at TEXT;

UPDATE credentials
SET user_id = (SELECT users.id FROM users WHERE users.name = credentials.name);

CREATE INDEX credentials_by_user ON credentials (user_id);

CREATE TABLE packs (
    id TEXT NOT NULL PRIMARY KEY,
    created_at TEXT NOT NULL
);

CREATE TABLE pack_members (
    pack_id TEXT NOT NULL REFERENCES packs (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    role TEXT NOT NULL,
    added_at TEXT NOT NULL,
    PRIMARY KEY (pack_id, user_id)
);

-- One table for both kinds of deploy token: an app token has no pack.
ALTER TABLE app_tokens RENAME TO deploy_tokens;

ALTER TABLE deploy_tokens ADD COLUMN pack_id TEXT REFERENCES packs (id);

CREATE INDEX deploy_tokens_by_pack ON deploy_tokens (pack_id, created_at);

-- A build is here once it is complete; its object cannot change from then on.
CREATE TABLE pack_builds (
    id TEXT NOT NULL PRIMARY KEY,
    pack_id TEXT NOT NULL REFERENCES packs (id),
    object_key TEXT NOT NULL UNIQUE REFERENCES objects (object_key),
    version TEXT NOT NULL,
    commit_hash TEXT,
    commit_message TEXT,
    created_at TEXT NOT NULL
);

CREATE INDEX pack_builds_by_pack ON pack_builds (pack_id, created_at);

-- Which builds a channel has had, and since when; the one that came last is the channel's.
CREATE TABLE pack_channel_builds (
    pack_id TEXT NOT NULL REFERENCES packs (id),
    channel TEXT NOT NULL,
    build_id TEXT NOT NULL REFERENCES pack_builds (id),
    updated_at TEXT NOT NULL,
    PRIMARY KEY (pack_id, channel, build_id)
);

CREATE INDEX pack_channel_builds_by_time ON pack_channel_builds (pack_id, channel, updated_at);
