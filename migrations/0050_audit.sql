CREATE TABLE audit_log (
    id bigint PRIMARY KEY CHECK (id >= 1),
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    object text NOT NULL,
    details json NOT NULL,
    previous bytea NOT NULL CHECK (length(previous) = 32),
    digest bytea NOT NULL CHECK (length(digest) = 32)
);
COMMENT ON TABLE audit_log IS 'Every action of a person and of the engine, each entry bound to the one before it. Append-only: a trigger refuses everything else, the owner included. Vehicles are named by their row, never by their VIN.';
COMMENT ON COLUMN audit_log.id IS '1 for the first, without gaps, in the order of commits.';
COMMENT ON COLUMN audit_log.at IS 'When, by the acting process''s clock.';
COMMENT ON COLUMN audit_log.actor IS 'engine, system, or a token''s name.';
COMMENT ON COLUMN audit_log.action IS 'What was done, as campaign_started or token_revoked.';
COMMENT ON COLUMN audit_log.object IS 'To what: campaign-<id>, release-<id>, model-<id>, vehicle-<row>, token-<id> and so on.';
COMMENT ON COLUMN audit_log.details IS 'The rest, as the very text that was hashed.';
COMMENT ON COLUMN audit_log.previous IS 'The digest of the entry before; zeros for the first.';
COMMENT ON COLUMN audit_log.digest IS 'SHA-256 over all of it; otaru_domain::audit::Entry::computed.';
CREATE INDEX audit_log_object ON audit_log (object, id);
CREATE INDEX audit_log_actor ON audit_log (actor, id);

CREATE TABLE audit_head (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    id bigint NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32)
);
COMMENT ON TABLE audit_head IS 'The end of the chain: writers lock it, and an end that was cut off is missed.';
COMMENT ON COLUMN audit_head.single IS 'There is one.';
COMMENT ON COLUMN audit_head.id IS 'The newest entry; 0 before the first.';
COMMENT ON COLUMN audit_head.digest IS 'Its digest.';
INSERT INTO audit_head (id, digest) VALUES (0, decode(repeat('00', 32), 'hex'));

CREATE FUNCTION otaru_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION otaru_refuse_change();
CREATE TRIGGER audit_head_stays BEFORE INSERT OR DELETE OR TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION otaru_refuse_change();
CREATE TRIGGER audit_head_rises BEFORE UPDATE ON audit_head
    FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id + 1) EXECUTE FUNCTION otaru_refuse_change();
