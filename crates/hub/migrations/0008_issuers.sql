-- Which user has issued a deploy token, so that it can be told what goes on working when the user is
-- disabled. Missing where it was issued on the Hub's own machine.
ALTER TABLE deploy_tokens ADD COLUMN issued_by TEXT REFERENCES users (id);

-- Until now only the audit knew.
UPDATE deploy_tokens
SET issued_by = (
    SELECT MIN(credentials.user_id) FROM audit
    JOIN credentials ON credentials.id = audit.actor_id
    WHERE audit.action = 'token.issue' AND audit.object = deploy_tokens.id
);

CREATE INDEX deploy_tokens_by_issuer ON deploy_tokens (issued_by);
