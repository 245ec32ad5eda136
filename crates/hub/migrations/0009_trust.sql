-- Jobs elsewhere that may publish without a token of the Hub's own, by what they prove to be.

-- `issuer` is whose word is taken on it. `environment` is missing where any will do.
CREATE TABLE trust_rules (
    id TEXT NOT NULL PRIMARY KEY,
    issuer TEXT NOT NULL,
    repository TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    workflow TEXT NOT NULL,
    environment TEXT,
    created_at TEXT NOT NULL
);

-- What a rule is for: `kind` is `product` or `pack`.
CREATE TABLE trust_targets (
    rule_id TEXT NOT NULL REFERENCES trust_rules (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (rule_id, kind, name)
);

-- ID tokens that were used, by a digest of issuer and `jti`, until nobody would take them any more.
CREATE TABLE used_id_tokens (
    digest TEXT NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL,
    expires_at TEXT NOT NULL
);

CREATE INDEX used_id_tokens_by_time ON used_id_tokens (expires_at);

-- The products that a deploy token is good for, with a space between them; missing where it is good for
-- all. The rules that it was issued by, in the same way; missing where a person has issued it.
ALTER TABLE deploy_tokens ADD COLUMN products TEXT;
ALTER TABLE deploy_tokens ADD COLUMN trusted_by TEXT;
