-- Stored bytes in a bucket.

-- Where an object's bytes are there; missing where they are a file that is named by its digest.
ALTER TABLE objects ADD COLUMN place TEXT;

-- Addresses that clients were given to put something into the bucket, until it is an object. Many may
-- be of one key.
CREATE TABLE uploads (
    id TEXT NOT NULL PRIMARY KEY,
    object_key TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size BIGINT,
    sha256 TEXT,
    begun_at TEXT NOT NULL
);

CREATE INDEX uploads_by_object ON uploads (object_key);

CREATE INDEX uploads_by_time ON uploads (begun_at);
