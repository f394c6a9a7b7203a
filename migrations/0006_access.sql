CREATE TABLE api_tokens (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE,
    secret_sha256 bytea NOT NULL UNIQUE,
    role text NOT NULL CHECK (role IN ('viewer', 'engineer', 'approver', 'admin')),
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz
);
COMMENT ON TABLE api_tokens IS 'Bearer tokens of people and programs.';
COMMENT ON COLUMN api_tokens.id IS 'The token''s id.';
COMMENT ON COLUMN api_tokens.name IS 'The actor in logs and events.';
COMMENT ON COLUMN api_tokens.secret_sha256 IS 'Of the token; the token itself is never kept.';
COMMENT ON COLUMN api_tokens.role IS 'What it may do.';
COMMENT ON COLUMN api_tokens.created_at IS 'When it was issued.';
COMMENT ON COLUMN api_tokens.expires_at IS 'When it ends.';
COMMENT ON COLUMN api_tokens.revoked_at IS 'When it was revoked.';

CREATE TABLE vehicle_credentials (
    id uuid PRIMARY KEY,
    vehicle_id bigint NOT NULL REFERENCES vehicles,
    issued_at timestamptz NOT NULL,
    issued_by text NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
COMMENT ON TABLE vehicle_credentials IS 'Tokens issued to vehicles; the tokens themselves are signed, not kept.';
COMMENT ON COLUMN vehicle_credentials.id IS 'The token''s jti.';
COMMENT ON COLUMN vehicle_credentials.vehicle_id IS 'The vehicle.';
COMMENT ON COLUMN vehicle_credentials.issued_at IS 'When.';
COMMENT ON COLUMN vehicle_credentials.issued_by IS 'The actor.';
COMMENT ON COLUMN vehicle_credentials.expires_at IS 'When it ends.';
COMMENT ON COLUMN vehicle_credentials.revoked_at IS 'When it was revoked.';
CREATE INDEX vehicle_credentials_vehicle ON vehicle_credentials (vehicle_id);

CREATE TABLE token_keys (
    kid text PRIMARY KEY,
    public_key bytea NOT NULL CHECK (length(public_key) = 32),
    created_at timestamptz NOT NULL,
    retired_at timestamptz
);
COMMENT ON TABLE token_keys IS 'Public keys that vehicle tokens are verified with.';
COMMENT ON COLUMN token_keys.kid IS 'The key''s id in a token''s header.';
COMMENT ON COLUMN token_keys.public_key IS 'ed25519.';
COMMENT ON COLUMN token_keys.created_at IS 'Since when.';
COMMENT ON COLUMN token_keys.retired_at IS 'Tokens signed with it are refused from then on.';

CREATE TABLE idempotency_keys (
    actor text NOT NULL,
    key text NOT NULL,
    request_sha256 bytea NOT NULL,
    status integer,
    body bytea,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (actor, key)
);
COMMENT ON TABLE idempotency_keys IS 'Answers to creating calls that carried an Idempotency-Key.';
COMMENT ON COLUMN idempotency_keys.actor IS 'Whose key.';
COMMENT ON COLUMN idempotency_keys.key IS 'The header''s value.';
COMMENT ON COLUMN idempotency_keys.request_sha256 IS 'Of method, path and body: another request under the same key is refused.';
COMMENT ON COLUMN idempotency_keys.status IS 'The answer; null while the first call is under way.';
COMMENT ON COLUMN idempotency_keys.body IS 'The answer.';
COMMENT ON COLUMN idempotency_keys.created_at IS 'When.';
