-- Turns a catalogue back into what the first version left, for the test of the way forward.
PRAGMA foreign_keys = OFF;
DROP TABLE offers;
DROP TABLE uploads;
ALTER TABLE objects DROP COLUMN place;
DROP VIEW unregistered;
DROP TABLE audit;
DROP TABLE pack_channel_builds;
DROP TABLE pack_builds;
DROP TABLE pack_members;
DROP INDEX deploy_tokens_by_pack;
ALTER TABLE deploy_tokens DROP COLUMN pack_id;
ALTER TABLE deploy_tokens RENAME TO app_tokens;
DROP TABLE packs;
DROP INDEX credentials_by_user;
ALTER TABLE credentials DROP COLUMN user_id;
ALTER TABLE credentials DROP COLUMN expires_at;
DROP TABLE users;
DELETE FROM _sqlx_migrations WHERE version IN (3, 4, 5, 6, 7);
