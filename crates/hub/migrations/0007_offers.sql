-- What each platform is offered by releases that are not taken back, so that the newest release with a
-- file of some kind is one look into an index, however many releases have none.
--
-- `what` is a kind of file, `any` where there is a file at all, or `signed` where a program or an
-- installer has a signature beside it. The Hub writes a release's rows anew in each transaction that
-- changes its files, takes it back or offers it again.
CREATE TABLE offers (
    release_id TEXT NOT NULL REFERENCES releases (id),
    os TEXT NOT NULL,
    arch TEXT NOT NULL,
    what TEXT NOT NULL,
    product TEXT NOT NULL,
    channel TEXT NOT NULL,
    version_key TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (release_id, os, arch, what)
);

CREATE INDEX offers_by_precedence
ON offers (product, channel, os, arch, what, version_key, created_at);

INSERT INTO offers (release_id, os, arch, what, product, channel, version_key, created_at)
SELECT
    releases.id, offered.os, offered.arch, offered.what,
    releases.product, releases.channel, releases.version_key, releases.created_at
FROM (
    SELECT release_id, os, arch, kind AS what FROM assets
    UNION
    SELECT release_id, os, arch, 'any' FROM assets
    UNION
    SELECT a.release_id, a.os, a.arch, 'signed' FROM assets a
    JOIN assets s ON s.release_id = a.release_id AND s.os = a.os AND s.arch = a.arch
    AND s.filename = a.filename || '.sig'
    WHERE a.kind IN ('binary', 'installer')
) AS offered
JOIN releases ON releases.id = offered.release_id
WHERE releases.yanked_at IS NULL;
