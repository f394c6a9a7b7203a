CREATE TABLE assignments (
    vehicle_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    wave integer NOT NULL,
    attempt integer NOT NULL DEFAULT 1,
    state text NOT NULL DEFAULT 'assigned',
    step text NOT NULL DEFAULT 'assigned',
    sequence bigint NOT NULL DEFAULT 0,
    progress_percent smallint,
    exit text,
    exit_sequence bigint,
    rolled_back_sequence bigint,
    withdrawn text,
    assigned_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (vehicle_id, campaign_id)
) WITH (fillfactor = 80);
COMMENT ON TABLE assignments IS 'One vehicle in one campaign. Written by vehicle-state alone once the wave is open; no index on what changes with every ack (HOT updates).';
COMMENT ON COLUMN assignments.vehicle_id IS 'The vehicle.';
COMMENT ON COLUMN assignments.campaign_id IS 'The campaign.';
COMMENT ON COLUMN assignments.wave IS 'Its wave.';
COMMENT ON COLUMN assignments.attempt IS '1 for the first; a retry is one more.';
COMMENT ON COLUMN assignments.state IS 'What follows from the reports; otaru_domain::assignment::Track::state.';
COMMENT ON COLUMN assignments.step IS 'The furthest step reported.';
COMMENT ON COLUMN assignments.sequence IS 'The sequence of that step.';
COMMENT ON COLUMN assignments.progress_percent IS 'How far that step is.';
COMMENT ON COLUMN assignments.exit IS 'The vehicle''s first exit of the attempt.';
COMMENT ON COLUMN assignments.exit_sequence IS 'The sequence of that exit.';
COMMENT ON COLUMN assignments.rolled_back_sequence IS 'The last sequence at which it said rolled_back.';
COMMENT ON COLUMN assignments.withdrawn IS 'The exit the server decided.';
COMMENT ON COLUMN assignments.assigned_at IS 'When its wave was opened.';
COMMENT ON COLUMN assignments.updated_at IS 'When the server took the report that last changed the state.';
CREATE INDEX assignments_campaign ON assignments (campaign_id, vehicle_id);

CREATE TABLE assignment_failures (
    campaign_id bigint NOT NULL,
    vehicle_id bigint NOT NULL,
    attempt integer NOT NULL,
    sequence bigint NOT NULL,
    state text NOT NULL,
    error_code text,
    log text,
    at timestamptz NOT NULL,
    PRIMARY KEY (campaign_id, vehicle_id, attempt)
);
COMMENT ON TABLE assignment_failures IS 'The newest failure of each attempt, apart from the assignments so that those stay narrow.';
COMMENT ON COLUMN assignment_failures.campaign_id IS 'The campaign.';
COMMENT ON COLUMN assignment_failures.vehicle_id IS 'The vehicle.';
COMMENT ON COLUMN assignment_failures.attempt IS 'The attempt.';
COMMENT ON COLUMN assignment_failures.sequence IS 'The sequence of the report.';
COMMENT ON COLUMN assignment_failures.state IS 'failed, rolled_back or declined.';
COMMENT ON COLUMN assignment_failures.error_code IS 'The vehicle''s code.';
COMMENT ON COLUMN assignment_failures.log IS 'What the vehicle wrote.';
COMMENT ON COLUMN assignment_failures.at IS 'When the server took the report.';

CREATE TABLE ack_history (
    vehicle_id bigint NOT NULL,
    ack_id uuid NOT NULL,
    campaign_id bigint NOT NULL,
    attempt integer NOT NULL,
    sequence bigint NOT NULL,
    origin text NOT NULL,
    state text NOT NULL,
    progress_percent smallint,
    error_code text,
    reported_at timestamptz,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (vehicle_id, ack_id)
);
COMMENT ON TABLE ack_history IS 'Every acknowledgement that was applied or came too late, once.';
COMMENT ON COLUMN ack_history.vehicle_id IS 'The vehicle.';
COMMENT ON COLUMN ack_history.ack_id IS 'The report''s id.';
COMMENT ON COLUMN ack_history.campaign_id IS 'The campaign.';
COMMENT ON COLUMN ack_history.attempt IS 'The attempt.';
COMMENT ON COLUMN ack_history.sequence IS 'The vehicle''s sequence; 0 from gateway and engine.';
COMMENT ON COLUMN ack_history.origin IS 'vehicle, gateway or engine.';
COMMENT ON COLUMN ack_history.state IS 'What it said.';
COMMENT ON COLUMN ack_history.progress_percent IS 'How far the step was.';
COMMENT ON COLUMN ack_history.error_code IS 'The vehicle''s code.';
COMMENT ON COLUMN ack_history.reported_at IS 'By the vehicle''s clock.';
COMMENT ON COLUMN ack_history.received_at IS 'When the server took it.';

CREATE TABLE assignment_counters (
    campaign_id bigint NOT NULL,
    wave integer NOT NULL,
    state text NOT NULL,
    partition integer NOT NULL,
    vehicles bigint NOT NULL,
    PRIMARY KEY (campaign_id, wave, state, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE assignment_counters IS 'Vehicles per state, moved by the ingest in the transaction that moves the rows. Partition -1 is the opening of waves; the truth is the sum.';
COMMENT ON COLUMN assignment_counters.campaign_id IS 'The campaign.';
COMMENT ON COLUMN assignment_counters.wave IS 'The wave.';
COMMENT ON COLUMN assignment_counters.state IS 'The state.';
COMMENT ON COLUMN assignment_counters.partition IS 'The partition of otaru.acks whose reader moves this row.';
COMMENT ON COLUMN assignment_counters.vehicles IS 'May be negative for one partition.';

CREATE TABLE consumer_offsets (
    consumer text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    epoch bigint NOT NULL,
    applied_at timestamptz NOT NULL,
    high_offset bigint NOT NULL DEFAULT 0,
    behind_since timestamptz,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (consumer, topic, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE consumer_offsets IS 'How far each partition was applied; moved in the transaction that applies it.';
COMMENT ON COLUMN consumer_offsets.consumer IS 'acks, inventories or dead_letters.';
COMMENT ON COLUMN consumer_offsets.topic IS 'The topic.';
COMMENT ON COLUMN consumer_offsets.partition IS 'The partition.';
COMMENT ON COLUMN consumer_offsets.next_offset IS 'The first offset not applied yet.';
COMMENT ON COLUMN consumer_offsets.epoch IS 'Rises with every owner: an older owner''s transaction changes no row and rolls back.';
COMMENT ON COLUMN consumer_offsets.applied_at IS 'When it last moved.';
COMMENT ON COLUMN consumer_offsets.high_offset IS 'The end of the partition, as last seen.';
COMMENT ON COLUMN consumer_offsets.behind_since IS 'The time of the newest applied message while more wait; null when none does.';
COMMENT ON COLUMN consumer_offsets.seen_at IS 'When its owner last looked at the partition: older than some seconds, nobody reads it.';

CREATE TABLE dead_letters (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    partition integer NOT NULL,
    record_offset bigint NOT NULL,
    key bytea,
    value bytea,
    reason text NOT NULL,
    detail text NOT NULL,
    at timestamptz NOT NULL,
    replayed_at timestamptz,
    UNIQUE (topic, partition, record_offset)
);
COMMENT ON TABLE dead_letters IS 'Messages that could not be parsed or applied, as seen on otaru.dead-letters.';
COMMENT ON COLUMN dead_letters.id IS 'For pages.';
COMMENT ON COLUMN dead_letters.topic IS 'Where the message was read.';
COMMENT ON COLUMN dead_letters.partition IS 'Its partition; -1 - p for what never reached that topic: then p and the offset are those of otaru.dead-letters.';
COMMENT ON COLUMN dead_letters.record_offset IS 'Its offset.';
COMMENT ON COLUMN dead_letters.key IS 'Its key.';
COMMENT ON COLUMN dead_letters.value IS 'Its bytes.';
COMMENT ON COLUMN dead_letters.reason IS 'A code: unparsable, unknown_vehicle, unknown_assignment, unknown_attempt, not_theirs, far_future, unappliable.';
COMMENT ON COLUMN dead_letters.detail IS 'The same in words.';
COMMENT ON COLUMN dead_letters.at IS 'When it was put aside.';
COMMENT ON COLUMN dead_letters.replayed_at IS 'When somebody sent it again.';
