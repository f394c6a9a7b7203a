-- What a campaign may ask for beyond shares and installed ratios: other waves, gates, halts, pace.
ALTER TABLE campaigns
    ADD COLUMN policy jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(policy) = 'object'),
    ADD COLUMN priority integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN campaigns.policy IS 'otaru_domain::rollout::Policy: halts, pace, timeouts, retries.';
COMMENT ON COLUMN campaigns.priority IS 'Of several campaigns that may be offered to a vehicle, the highest goes first, then the oldest.';

ALTER TABLE campaign_waves
    ALTER COLUMN share_ratio DROP NOT NULL,
    ADD COLUMN take_count bigint CHECK (take_count >= 1),
    ADD COLUMN expression text,
    ADD COLUMN vins text[],
    ADD COLUMN gate jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(gate) = 'object'),
    ADD COLUMN gate_met_at timestamptz,
    ADD COLUMN approved_at timestamptz,
    ADD COLUMN approved_by text,
    ADD COLUMN forgiven_finished bigint NOT NULL DEFAULT 0,
    ADD COLUMN forgiven_failed bigint NOT NULL DEFAULT 0,
    ADD CHECK (num_nonnulls(share_ratio, take_count, expression, vins) <= 1);
COMMENT ON COLUMN campaign_waves.share_ratio IS 'Its share of the members that no listed wave takes; without share, count, expression and vins it takes the rest.';
COMMENT ON COLUMN campaign_waves.take_count IS 'Its members, by number.';
COMMENT ON COLUMN campaign_waves.expression IS 'CEL: its members are listed, those that match.';
COMMENT ON COLUMN campaign_waves.vins IS 'Its members are listed, these.';
COMMENT ON COLUMN campaign_waves.gate IS 'otaru_domain::rollout::Gate: what else must hold before the next wave.';
COMMENT ON COLUMN campaign_waves.gate_met_at IS 'Since when all of the gate but soak and approval holds.';
COMMENT ON COLUMN campaign_waves.approved_at IS 'When a person approved how the wave went.';
COMMENT ON COLUMN campaign_waves.approved_by IS 'Who.';
COMMENT ON COLUMN campaign_waves.forgiven_finished IS 'Ends there were when the campaign was last resumed after a halt.';
COMMENT ON COLUMN campaign_waves.forgiven_failed IS 'Failures among them.';

CREATE TABLE attempt_counters (
    campaign_id bigint NOT NULL,
    wave integer NOT NULL,
    state text NOT NULL,
    partition integer NOT NULL,
    attempts bigint NOT NULL,
    PRIMARY KEY (campaign_id, wave, state, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE attempt_counters IS 'How attempts stood that were followed by another one, moved by the ingest with the rows: a retry undoes no failure.';
COMMENT ON COLUMN attempt_counters.campaign_id IS 'The campaign.';
COMMENT ON COLUMN attempt_counters.wave IS 'The wave.';
COMMENT ON COLUMN attempt_counters.state IS 'The state the attempt was left in.';
COMMENT ON COLUMN attempt_counters.partition IS 'The partition of otaru.acks whose reader moves this row.';
COMMENT ON COLUMN attempt_counters.attempts IS 'Attempts; only ever grows.';

ALTER TABLE assignments ADD COLUMN health text CHECK (health IN ('healthy', 'unhealthy')), ADD COLUMN health_sequence bigint;
COMMENT ON COLUMN assignments.health IS 'How the vehicle says it fares after the installation, in its newest report.';
COMMENT ON COLUMN assignments.health_sequence IS 'The sequence of that report.';

CREATE TABLE health_counters (
    campaign_id bigint NOT NULL,
    wave integer NOT NULL,
    health text NOT NULL,
    partition integer NOT NULL,
    vehicles bigint NOT NULL,
    PRIMARY KEY (campaign_id, wave, health, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE health_counters IS 'Installed vehicles by how they say they fare, moved by the ingest with the rows.';
COMMENT ON COLUMN health_counters.campaign_id IS 'The campaign.';
COMMENT ON COLUMN health_counters.wave IS 'The wave.';
COMMENT ON COLUMN health_counters.health IS 'healthy or unhealthy.';
COMMENT ON COLUMN health_counters.partition IS 'The partition of otaru.acks whose reader moves this row.';
COMMENT ON COLUMN health_counters.vehicles IS 'May be negative for one partition.';

CREATE TABLE campaign_pace (
    campaign_id bigint PRIMARY KEY REFERENCES campaigns,
    tokens double precision NOT NULL DEFAULT 0,
    refilled_at timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE campaign_pace IS 'How fast a campaign may be offered; locked by whoever takes offer slots.';
COMMENT ON COLUMN campaign_pace.campaign_id IS 'The campaign.';
COMMENT ON COLUMN campaign_pace.tokens IS 'Offers that the rate allows now.';
COMMENT ON COLUMN campaign_pace.refilled_at IS 'When they were last counted.';

CREATE TABLE offer_leases (
    id uuid PRIMARY KEY,
    campaign_id bigint NOT NULL,
    gateway uuid NOT NULL,
    slots bigint NOT NULL CHECK (slots >= 0),
    epoch bigint NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE offer_leases IS 'Blocks of offers that gateways may make. They count as under way until every ack from their time is applied.';
COMMENT ON COLUMN offer_leases.id IS 'The lease.';
COMMENT ON COLUMN offer_leases.campaign_id IS 'The campaign.';
COMMENT ON COLUMN offer_leases.gateway IS 'The gateway process.';
COMMENT ON COLUMN offer_leases.slots IS 'Offers it may make, or has made.';
COMMENT ON COLUMN offer_leases.epoch IS 'The engine''s epoch when it was granted.';
COMMENT ON COLUMN offer_leases.expires_at IS 'No offer is made on it later, by the database''s clock.';
CREATE INDEX offer_leases_campaign ON offer_leases (campaign_id);

CREATE TABLE emergency_stop (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    reason text NOT NULL,
    stopped_at timestamptz NOT NULL,
    stopped_by text NOT NULL
);
COMMENT ON TABLE emergency_stop IS 'At most one row. While it is there nothing is offered to anybody, and no campaign starts or resumes.';
COMMENT ON COLUMN emergency_stop.singleton IS 'Keeps it to one row.';
COMMENT ON COLUMN emergency_stop.reason IS 'Why, in words.';
COMMENT ON COLUMN emergency_stop.stopped_at IS 'Since when.';
COMMENT ON COLUMN emergency_stop.stopped_by IS 'Who.';

ALTER TABLE releases ADD COLUMN recalled_at timestamptz, ADD COLUMN recalled_by text, ADD COLUMN recall_reason text;
COMMENT ON COLUMN releases.recalled_at IS 'When it was recalled: no campaign may offer it again.';
COMMENT ON COLUMN releases.recalled_by IS 'Who recalled it.';
COMMENT ON COLUMN releases.recall_reason IS 'Why, in words.';
