CREATE TABLE manifest_roots (
    model_id text NOT NULL REFERENCES models,
    version bigint NOT NULL,
    bytes bytea NOT NULL,
    accepted_at timestamptz NOT NULL,
    PRIMARY KEY (model_id, version)
);
COMMENT ON TABLE manifest_roots IS 'The signed roots of each model''s repository; none means awaiting_root.';
COMMENT ON COLUMN manifest_roots.model_id IS 'The model.';
COMMENT ON COLUMN manifest_roots.version IS 'The root''s version.';
COMMENT ON COLUMN manifest_roots.bytes IS 'The file.';
COMMENT ON COLUMN manifest_roots.accepted_at IS 'When it was taken in.';

CREATE TABLE manifest_files (
    model_id text NOT NULL REFERENCES models,
    role text NOT NULL CHECK (role IN ('targets', 'campaigns', 'snapshot', 'timestamp')),
    version bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (model_id, role)
);
COMMENT ON TABLE manifest_files IS 'The newest file of each other role of each model''s repository.';
COMMENT ON COLUMN manifest_files.model_id IS 'The model.';
COMMENT ON COLUMN manifest_files.role IS 'The TUF role.';
COMMENT ON COLUMN manifest_files.version IS 'The file''s version.';
COMMENT ON COLUMN manifest_files.expires_at IS 'When clients stop taking it.';
COMMENT ON COLUMN manifest_files.bytes IS 'The file.';

CREATE TABLE manifest_documents (
    model_id text NOT NULL REFERENCES models,
    name text NOT NULL,
    sha256 text NOT NULL,
    bytes bytea NOT NULL,
    dropped_in bigint,
    PRIMARY KEY (model_id, name, sha256)
);
COMMENT ON TABLE manifest_documents IS 'The campaign documents of each model''s repository.';
COMMENT ON COLUMN manifest_documents.model_id IS 'The model.';
COMMENT ON COLUMN manifest_documents.name IS 'campaign-<id>.json.';
COMMENT ON COLUMN manifest_documents.sha256 IS 'Of the bytes.';
COMMENT ON COLUMN manifest_documents.bytes IS 'The file.';
COMMENT ON COLUMN manifest_documents.dropped_in IS 'The version of campaigns.json that no longer lists it.';

CREATE TABLE outbox_topics (
    topic text PRIMARY KEY,
    next_position bigint NOT NULL DEFAULT 1
);
COMMENT ON TABLE outbox_topics IS 'Where each topic''s outbox stands. Writers lock the row, so positions are given in commit order.';
COMMENT ON COLUMN outbox_topics.topic IS 'The topic.';
COMMENT ON COLUMN outbox_topics.next_position IS 'The position of the next message.';

CREATE TABLE outbox (
    topic text NOT NULL,
    position bigint NOT NULL,
    key bytea,
    value bytea,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (topic, position)
);
COMMENT ON TABLE outbox IS 'Messages to be sent, in the transaction of what they follow from.';
COMMENT ON COLUMN outbox.topic IS 'Where to.';
COMMENT ON COLUMN outbox.position IS 'Their order.';
COMMENT ON COLUMN outbox.key IS 'The message''s key.';
COMMENT ON COLUMN outbox.value IS 'The message; null is a tombstone.';
COMMENT ON COLUMN outbox.created_at IS 'When it was written.';

CREATE TABLE leadership (
    name text PRIMARY KEY,
    epoch bigint NOT NULL,
    holder uuid NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE leadership IS 'Who leads, by epoch: each transaction of a leader checks that its epoch still is the newest.';
COMMENT ON COLUMN leadership.name IS 'What is led: engine.';
COMMENT ON COLUMN leadership.epoch IS 'Rises with every leader.';
COMMENT ON COLUMN leadership.holder IS 'The process.';
COMMENT ON COLUMN leadership.expires_at IS 'Without renewal another may take over then.';

CREATE TABLE events (
    id bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    campaign_id bigint,
    event jsonb NOT NULL
);
COMMENT ON TABLE events IS 'What happened, in order; relayed to otaru.events and to dashboards.';
COMMENT ON COLUMN events.id IS 'In commit order: its position in the outbox of otaru.events.';
COMMENT ON COLUMN events.at IS 'When.';
COMMENT ON COLUMN events.actor IS 'engine, or a token''s name.';
COMMENT ON COLUMN events.campaign_id IS 'The campaign it is about.';
COMMENT ON COLUMN events.event IS 'otaru_domain::event::Event.';
CREATE INDEX events_campaign ON events (campaign_id, id);
