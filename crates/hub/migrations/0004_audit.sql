-- Who changed what, and from where: a row is written in the transaction of its change.
--
-- `actor_kind` is `operator` for what is done on the Hub's own machine, outside any request; then
-- there is no id, name, peer or request.

CREATE TABLE audit (
    id TEXT NOT NULL PRIMARY KEY,
    at TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT,
    actor_name TEXT,
    peer TEXT,
    request_id TEXT
);

CREATE INDEX audit_by_time ON audit (at, id);

-- What was uploaded and nothing refers to. Whatever comes to refer to objects belongs here.
CREATE VIEW unregistered AS
SELECT object_key, sha256, size, uploaded_at FROM objects
WHERE NOT EXISTS (SELECT 1 FROM assets WHERE assets.object_key = objects.object_key)
AND NOT EXISTS (SELECT 1 FROM draft_assets WHERE draft_assets.object_key = objects.object_key)
AND NOT EXISTS (SELECT 1 FROM pack_builds WHERE pack_builds.object_key = objects.object_key);
