ALTER TABLE oidc_sessions ADD COLUMN last_used_at timestamptz;
ALTER TABLE oidc_sessions ADD COLUMN ended_by text;
COMMENT ON COLUMN oidc_sessions.last_used_at IS 'When it was last used, to within a minute; null for one that was not since this is noted.';
COMMENT ON COLUMN oidc_sessions.ended_by IS 'Who ended it before its time: the person''s own actor, or an admin''s.';
COMMENT ON COLUMN oidc_sessions.revoked_at IS 'When it was ended before its time.';
