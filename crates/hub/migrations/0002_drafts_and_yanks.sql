-- Releases that are taken back, and platforms of releases that nobody sees yet.

-- A release that is taken back is never the newest again; it stays where it is asked for by version.
ALTER TABLE releases ADD COLUMN yanked_at TEXT;
ALTER TABLE releases ADD COLUMN yank_reason TEXT;

-- The order of lists: newest version first, whatever the channel.
CREATE INDEX releases_by_version ON releases (product, version_key, created_at, id);

-- A draft is one platform's list in waiting. It stands beside what is published of that platform,
-- which stays as it is until the draft takes its place.
CREATE TABLE drafts (
    id TEXT NOT NULL PRIMARY KEY,
    product TEXT NOT NULL REFERENCES products (name),
    version TEXT NOT NULL,
    channel TEXT NOT NULL,
    os TEXT NOT NULL,
    arch TEXT NOT NULL,
    notes TEXT,
    published_at TEXT,
    created_at TEXT NOT NULL,
    UNIQUE (product, version, channel, os, arch)
);

CREATE TABLE draft_assets (
    draft_id TEXT NOT NULL REFERENCES drafts (id),
    filename TEXT NOT NULL,
    kind TEXT NOT NULL,
    size BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    object_key TEXT NOT NULL REFERENCES objects (object_key),
    download_id TEXT NOT NULL,
    PRIMARY KEY (draft_id, filename)
);

CREATE INDEX draft_assets_by_object ON draft_assets (object_key);
