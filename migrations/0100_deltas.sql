ALTER TABLE releases ADD COLUMN deltas_planned_at timestamptz;
COMMENT ON COLUMN releases.deltas_planned_at IS 'When it was decided against which versions deltas are made; null until the engine has.';
UPDATE releases SET deltas_planned_at = locked_at WHERE state <> 'draft';

CREATE TABLE release_deltas (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    release_id bigint NOT NULL,
    hardware_id text NOT NULL,
    source_sha256 text REFERENCES artifacts,
    source_version text,
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'building', 'built', 'not_worth_it', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    not_before timestamptz,
    algorithm text,
    length_bytes bigint,
    sha256 text REFERENCES artifacts,
    build_ms bigint,
    error text,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    finished_at timestamptz,
    published_at timestamptz,
    FOREIGN KEY (release_id, hardware_id) REFERENCES release_images,
    CHECK (state <> 'built' OR sha256 IS NOT NULL AND algorithm IS NOT NULL AND length_bytes IS NOT NULL)
);
COMMENT ON TABLE release_deltas IS 'Ways from what vehicles run to an image of a locked release: what is to be built, and what came of it.';
COMMENT ON COLUMN release_deltas.id IS 'Its number; they are built in this order.';
COMMENT ON COLUMN release_deltas.release_id IS 'The release.';
COMMENT ON COLUMN release_deltas.hardware_id IS 'Which of its images.';
COMMENT ON COLUMN release_deltas.source_sha256 IS 'The image that it is applied to; null for the compressed whole.';
COMMENT ON COLUMN release_deltas.source_version IS 'The version under which vehicles run the source.';
COMMENT ON COLUMN release_deltas.state IS 'otaru_domain::delta::DeltaState.';
COMMENT ON COLUMN release_deltas.attempts IS 'How often it was begun.';
COMMENT ON COLUMN release_deltas.not_before IS 'When it is tried again: to build it, or once built to publish it.';
COMMENT ON COLUMN release_deltas.algorithm IS 'otaru_domain::delta::Algorithm: the one that gave the least.';
COMMENT ON COLUMN release_deltas.length_bytes IS 'What that gave, also where it is not worth it.';
COMMENT ON COLUMN release_deltas.sha256 IS 'The delta itself.';
COMMENT ON COLUMN release_deltas.build_ms IS 'How long it took to build.';
COMMENT ON COLUMN release_deltas.error IS 'What went wrong last.';
COMMENT ON COLUMN release_deltas.requested_by IS 'The actor who asked for it; engine when the release was locked.';
COMMENT ON COLUMN release_deltas.requested_at IS 'When.';
COMMENT ON COLUMN release_deltas.finished_at IS 'When it was built, or given up.';
COMMENT ON COLUMN release_deltas.published_at IS 'When it was put into the targets of the release''s models.';
CREATE UNIQUE INDEX release_deltas_pair ON release_deltas (release_id, hardware_id, coalesce(source_sha256, ''));
CREATE INDEX release_deltas_open ON release_deltas (attempts, id) WHERE state IN ('queued', 'building');
CREATE INDEX release_deltas_unpublished ON release_deltas (release_id) WHERE state = 'built' AND published_at IS NULL;
