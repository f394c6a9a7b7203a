CREATE TABLE oidc_sessions (
    id uuid PRIMARY KEY,
    flow_id uuid NOT NULL UNIQUE,
    secret_sha256 bytea NOT NULL UNIQUE CHECK (length(secret_sha256) = 32),
    issuer text NOT NULL,
    subject text NOT NULL,
    actor text NOT NULL,
    display_name text NOT NULL,
    role text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
COMMENT ON TABLE oidc_sessions IS 'Sessions of people whom an OpenID provider signed in.';
COMMENT ON COLUMN oidc_sessions.id IS 'What the audit log calls it.';
COMMENT ON COLUMN oidc_sessions.flow_id IS 'The sign-in it came from: one sign-in makes one session.';
COMMENT ON COLUMN oidc_sessions.secret_sha256 IS 'SHA-256 of what is in the cookie.';
COMMENT ON COLUMN oidc_sessions.issuer IS 'The provider, as its ID tokens name it.';
COMMENT ON COLUMN oidc_sessions.subject IS 'The person, as the provider numbers people; never given to another.';
COMMENT ON COLUMN oidc_sessions.actor IS 'The actor in logs, events and reviews: oidc:<subject>@<issuer>.';
COMMENT ON COLUMN oidc_sessions.display_name IS 'For people to read; it may change and is nobody''s identity.';
COMMENT ON COLUMN oidc_sessions.role IS 'The highest that the person''s groups stood for at the sign-in.';
COMMENT ON COLUMN oidc_sessions.created_at IS 'When the person signed in.';
COMMENT ON COLUMN oidc_sessions.expires_at IS 'When it ends by itself.';
COMMENT ON COLUMN oidc_sessions.revoked_at IS 'When the person signed out.';
CREATE INDEX oidc_sessions_expires ON oidc_sessions (expires_at);
