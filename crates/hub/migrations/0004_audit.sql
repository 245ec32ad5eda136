-- Who changed what, and from where. A row is written in the transaction of its change.
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
