ALTER TABLE models ADD COLUMN age_recipients text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN models.age_recipients IS 'The age recipients (age1…) for whom images of releases that are locked from now on are encrypted; none: they are not.';

ALTER TABLE artifacts ADD COLUMN withheld_at timestamptz;
COMMENT ON COLUMN artifacts.withheld_at IS 'Since when it is kept apart in the object store, where no gateway and no CDN reads: models have it encrypted only.';

CREATE TABLE release_ciphertexts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    release_id bigint NOT NULL,
    model_id text NOT NULL,
    plain_sha256 text NOT NULL REFERENCES artifacts,
    recipients text[] NOT NULL,
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'encrypting', 'encrypted')),
    attempts integer NOT NULL DEFAULT 0,
    not_before timestamptz,
    sha256 text REFERENCES artifacts,
    error text,
    requested_at timestamptz NOT NULL,
    encrypted_at timestamptz,
    published_at timestamptz,
    UNIQUE (release_id, model_id, plain_sha256),
    FOREIGN KEY (release_id, model_id) REFERENCES release_models,
    CHECK ((state = 'encrypted') = (sha256 IS NOT NULL))
);
COMMENT ON TABLE release_ciphertexts IS 'What a locked release brings to a model whose images are encrypted: a model without rows here has the release as it is.';
COMMENT ON COLUMN release_ciphertexts.id IS 'Its number; they are encrypted in this order.';
COMMENT ON COLUMN release_ciphertexts.release_id IS 'The release.';
COMMENT ON COLUMN release_ciphertexts.model_id IS 'The model.';
COMMENT ON COLUMN release_ciphertexts.plain_sha256 IS 'The artifact that is encrypted.';
COMMENT ON COLUMN release_ciphertexts.recipients IS 'For whom: the model''s age recipients when the release was locked, by rising text.';
COMMENT ON COLUMN release_ciphertexts.state IS 'otaru_domain::age::CiphertextState.';
COMMENT ON COLUMN release_ciphertexts.attempts IS 'How often it was begun.';
COMMENT ON COLUMN release_ciphertexts.not_before IS 'When it is tried again: to encrypt it, or once that is done to publish it.';
COMMENT ON COLUMN release_ciphertexts.sha256 IS 'The ciphertext.';
COMMENT ON COLUMN release_ciphertexts.error IS 'What went wrong last.';
COMMENT ON COLUMN release_ciphertexts.requested_at IS 'When the release was locked.';
COMMENT ON COLUMN release_ciphertexts.encrypted_at IS 'When it was encrypted.';
COMMENT ON COLUMN release_ciphertexts.published_at IS 'When it was put into the model''s targets.';
CREATE INDEX release_ciphertexts_open ON release_ciphertexts (attempts, id) WHERE state <> 'encrypted';
CREATE INDEX release_ciphertexts_unpublished ON release_ciphertexts (release_id) WHERE published_at IS NULL;
CREATE INDEX release_ciphertexts_plain ON release_ciphertexts (plain_sha256);
