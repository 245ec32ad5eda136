-- The catalogue: who may publish, what is stored, what is released.
--
-- Plain enough for SQLite and PostgreSQL alike: identifiers are text that the Hub draws itself,
-- times are RFC 3339 text in UTC with nine fractional digits, so that they sort as text.

CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE products (
    name TEXT NOT NULL PRIMARY KEY,
    created_at TEXT NOT NULL
);

CREATE TABLE credentials (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    token_prefix TEXT NOT NULL,
    created_at TEXT NOT NULL,
    last_used_at TEXT,
    revoked_at TEXT
);

CREATE TABLE app_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT,
    token_hash TEXT NOT NULL UNIQUE,
    token_prefix TEXT NOT NULL,
    created_at TEXT NOT NULL,
    last_used_at TEXT,
    revoked_at TEXT,
    expires_at TEXT
);

-- `sha256` is also the name of the stored bytes; objects with the same bytes share them.
CREATE TABLE objects (
    object_key TEXT NOT NULL PRIMARY KEY,
    sha256 TEXT NOT NULL,
    size BIGINT NOT NULL,
    content_type TEXT NOT NULL,
    uploaded_at TEXT NOT NULL
);

CREATE INDEX objects_by_sha256 ON objects (sha256);

-- `version_key` sorts like SemVer precedence and consists of lower-case hexadecimal digits, which
-- every collation puts into the same order.
CREATE TABLE releases (
    id TEXT NOT NULL PRIMARY KEY,
    product TEXT NOT NULL REFERENCES products (name),
    version TEXT NOT NULL,
    version_key TEXT NOT NULL,
    channel TEXT NOT NULL,
    notes TEXT,
    published_at TEXT NOT NULL,
    created_at TEXT NOT NULL,
    UNIQUE (product, version, channel)
);

CREATE INDEX releases_by_precedence ON releases (product, channel, version_key, created_at);

CREATE TABLE assets (
    release_id TEXT NOT NULL REFERENCES releases (id),
    os TEXT NOT NULL,
    arch TEXT NOT NULL,
    filename TEXT NOT NULL,
    kind TEXT NOT NULL,
    size BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    object_key TEXT NOT NULL REFERENCES objects (object_key),
    download_id TEXT NOT NULL UNIQUE,
    PRIMARY KEY (release_id, os, arch, filename)
);

CREATE INDEX assets_by_object ON assets (object_key);
