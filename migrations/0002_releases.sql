CREATE TABLE artifacts (
    sha256 text PRIMARY KEY CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    sha1 text NOT NULL,
    md5 text NOT NULL,
    length_bytes bigint NOT NULL CHECK (length_bytes >= 0),
    file_name text NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL
);
COMMENT ON TABLE artifacts IS 'An immutable file in the object store, addressed by its SHA-256.';
COMMENT ON COLUMN artifacts.sha256 IS 'Its address.';
COMMENT ON COLUMN artifacts.sha1 IS 'For device clients that ask for it.';
COMMENT ON COLUMN artifacts.md5 IS 'For device clients that ask for it.';
COMMENT ON COLUMN artifacts.length_bytes IS 'Its size.';
COMMENT ON COLUMN artifacts.file_name IS 'The name it was first uploaded under.';
COMMENT ON COLUMN artifacts.created_at IS 'When it was uploaded.';
COMMENT ON COLUMN artifacts.created_by IS 'The actor who uploaded it.';

CREATE TABLE releases (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    version text NOT NULL,
    state text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'locked', 'retired')),
    notes text NOT NULL DEFAULT '',
    rxswin text,
    release_counter bigint,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    locked_at timestamptz,
    UNIQUE (name, version),
    CHECK ((state = 'draft') = (locked_at IS NULL)),
    CHECK ((state = 'draft') = (release_counter IS NULL))
);
COMMENT ON TABLE releases IS 'A set of images, one per hardware id; locked before any campaign may use it.';
COMMENT ON COLUMN releases.id IS 'The release''s number.';
COMMENT ON COLUMN releases.name IS 'For people.';
COMMENT ON COLUMN releases.version IS 'The release''s own version.';
COMMENT ON COLUMN releases.state IS 'otaru_domain::release::ReleaseState.';
COMMENT ON COLUMN releases.notes IS 'For people.';
COMMENT ON COLUMN releases.rxswin IS 'The RXSWIN of a vehicle that has it (UN R156).';
COMMENT ON COLUMN releases.release_counter IS 'Rises with every lock: a vehicle refuses a lower one.';
COMMENT ON COLUMN releases.created_at IS 'When it was created.';
COMMENT ON COLUMN releases.created_by IS 'The actor who created it.';
COMMENT ON COLUMN releases.locked_at IS 'When it was locked.';
CREATE SEQUENCE release_counters;

CREATE TABLE release_models (
    release_id bigint NOT NULL REFERENCES releases,
    model_id text NOT NULL REFERENCES models,
    PRIMARY KEY (release_id, model_id)
);
COMMENT ON TABLE release_models IS 'The models whose repositories carry the release.';
COMMENT ON COLUMN release_models.release_id IS 'The release.';
COMMENT ON COLUMN release_models.model_id IS 'The model.';

CREATE TABLE release_images (
    release_id bigint NOT NULL REFERENCES releases,
    hardware_id text NOT NULL,
    sha256 text NOT NULL REFERENCES artifacts,
    version text NOT NULL,
    target_name text NOT NULL,
    PRIMARY KEY (release_id, hardware_id)
);
COMMENT ON TABLE release_images IS 'What a release installs on a hardware id.';
COMMENT ON COLUMN release_images.release_id IS 'The release.';
COMMENT ON COLUMN release_images.hardware_id IS 'What the image is for.';
COMMENT ON COLUMN release_images.sha256 IS 'The image.';
COMMENT ON COLUMN release_images.version IS 'The version the ECU reports once it runs it.';
COMMENT ON COLUMN release_images.target_name IS 'Its name among the models'' targets.';
