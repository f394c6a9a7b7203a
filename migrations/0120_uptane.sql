CREATE TABLE uptane_roots (
    model_id text NOT NULL REFERENCES models,
    repository text NOT NULL CHECK (repository IN ('image', 'director')),
    version bigint NOT NULL,
    bytes bytea NOT NULL,
    accepted_at timestamptz NOT NULL,
    PRIMARY KEY (model_id, repository, version)
);
COMMENT ON TABLE uptane_roots IS 'The signed roots of each model''s Uptane repositories; none, and the model has no such repository.';
COMMENT ON COLUMN uptane_roots.model_id IS 'The model.';
COMMENT ON COLUMN uptane_roots.repository IS 'otaru_domain::uptane::RepositoryName.';
COMMENT ON COLUMN uptane_roots.version IS 'The root''s version.';
COMMENT ON COLUMN uptane_roots.bytes IS 'The file.';
COMMENT ON COLUMN uptane_roots.accepted_at IS 'When it was taken in.';

CREATE TABLE uptane_files (
    model_id text PRIMARY KEY REFERENCES models,
    bytes bytea NOT NULL
);
COMMENT ON TABLE uptane_files IS 'What was published last of each model''s Uptane repositories.';
COMMENT ON COLUMN uptane_files.model_id IS 'The model.';
COMMENT ON COLUMN uptane_files.bytes IS 'otaru_domain::uptane::Published, as JSON.';

CREATE TABLE uptane_ecus (
    vehicle_id bigint NOT NULL REFERENCES vehicles,
    serial text NOT NULL,
    hardware_id text NOT NULL,
    is_primary boolean NOT NULL,
    key_kind text NOT NULL CHECK (key_kind IN ('ed25519', 'rsa')),
    public_key text NOT NULL,
    registered_at timestamptz NOT NULL,
    registered_by text NOT NULL,
    counter bigint,
    verified_time timestamptz,
    report_sha256 bytea CHECK (length(report_sha256) = 32),
    image_name text,
    image_sha256 text,
    attacks_detected text,
    PRIMARY KEY (vehicle_id, serial)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX uptane_ecus_primary ON uptane_ecus (vehicle_id) WHERE is_primary;
COMMENT ON TABLE uptane_ecus IS 'The ECUs of vehicles that speak Uptane, with the keys that their reports are held against and what they said last.';
COMMENT ON COLUMN uptane_ecus.vehicle_id IS 'The vehicle.';
COMMENT ON COLUMN uptane_ecus.serial IS 'What the ECU is called in its vehicle.';
COMMENT ON COLUMN uptane_ecus.hardware_id IS 'What images are made for.';
COMMENT ON COLUMN uptane_ecus.is_primary IS 'Whether it is the one that speaks for the vehicle.';
COMMENT ON COLUMN uptane_ecus.key_kind IS 'otaru_domain::uptane::KeyKind.';
COMMENT ON COLUMN uptane_ecus.public_key IS 'Hexadecimal digits, or PEM.';
COMMENT ON COLUMN uptane_ecus.registered_at IS 'When it was registered with this key.';
COMMENT ON COLUMN uptane_ecus.registered_by IS 'vehicle, or the actor who put it.';
COMMENT ON COLUMN uptane_ecus.counter IS 'The report_counter of its newest report.';
COMMENT ON COLUMN uptane_ecus.verified_time IS 'The time that its newest report says it could verify.';
COMMENT ON COLUMN uptane_ecus.report_sha256 IS 'Of its newest report.';
COMMENT ON COLUMN uptane_ecus.image_name IS 'The image that its newest report names.';
COMMENT ON COLUMN uptane_ecus.image_sha256 IS 'The hash of that image.';
COMMENT ON COLUMN uptane_ecus.attacks_detected IS 'What its newest report says of attacks; null for none.';

CREATE TABLE uptane_directions (
    vehicle_id bigint PRIMARY KEY REFERENCES vehicles,
    version bigint NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    expires_at timestamptz NOT NULL,
    directed jsonb,
    inventory_sha256 bytea CHECK (length(inventory_sha256) = 32),
    inventory_at timestamptz
) WITH (fillfactor = 80);
COMMENT ON TABLE uptane_directions IS 'What the Director signed for each vehicle last: versions only rise.';
COMMENT ON COLUMN uptane_directions.vehicle_id IS 'The vehicle.';
COMMENT ON COLUMN uptane_directions.version IS 'The version of the targets.';
COMMENT ON COLUMN uptane_directions.digest IS 'Of what they say and who signs them.';
COMMENT ON COLUMN uptane_directions.expires_at IS 'When they expire.';
COMMENT ON COLUMN uptane_directions.directed IS 'The last update that the vehicle was directed to: otaru_domain::uptane::Directed.';
COMMENT ON COLUMN uptane_directions.inventory_sha256 IS 'Of the inventory that was made of a manifest last.';
COMMENT ON COLUMN uptane_directions.inventory_at IS 'When that was.';
