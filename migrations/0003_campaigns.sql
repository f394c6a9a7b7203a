CREATE TABLE campaigns (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    release_id bigint NOT NULL REFERENCES releases,
    target text NOT NULL,
    precondition text,
    state text NOT NULL CHECK (state IN ('draft', 'in_review', 'scheduled', 'running', 'paused', 'halted', 'completed', 'cancelled')),
    state_reason text,
    state_by text NOT NULL,
    state_at timestamptz NOT NULL,
    start_at timestamptz,
    deadline timestamptz NOT NULL,
    salt text NOT NULL,
    members bigint,
    started_at timestamptz,
    closing text CHECK (closing IN ('timed_out', 'cancelled')),
    sweep_after bigint NOT NULL DEFAULT 0,
    swept_at timestamptz,
    ended_at timestamptz,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL
);
COMMENT ON TABLE campaigns IS 'A release for the vehicles that a target expression selects.';
COMMENT ON COLUMN campaigns.id IS 'The campaign''s number; part of its document''s name.';
COMMENT ON COLUMN campaigns.name IS 'For people.';
COMMENT ON COLUMN campaigns.release_id IS 'What it installs.';
COMMENT ON COLUMN campaigns.target IS 'CEL: which vehicles it is for.';
COMMENT ON COLUMN campaigns.precondition IS 'CEL over the vehicle''s signals, evaluated by the vehicle.';
COMMENT ON COLUMN campaigns.state IS 'otaru_domain::campaign::CampaignState.';
COMMENT ON COLUMN campaigns.state_reason IS 'Why it is in its state, in words.';
COMMENT ON COLUMN campaigns.state_by IS 'The actor who brought it there.';
COMMENT ON COLUMN campaigns.state_at IS 'Since when.';
COMMENT ON COLUMN campaigns.start_at IS 'Not before this time.';
COMMENT ON COLUMN campaigns.deadline IS 'What is left then times out.';
COMMENT ON COLUMN campaigns.salt IS 'Of the hash that ranks its vehicles.';
COMMENT ON COLUMN campaigns.members IS 'How many vehicles it has, once started.';
COMMENT ON COLUMN campaigns.started_at IS 'When its membership was frozen.';
COMMENT ON COLUMN campaigns.closing IS 'The exit of what is left, once it is being closed.';
COMMENT ON COLUMN campaigns.sweep_after IS 'While it is being closed: the last vehicle whose withdrawal was written.';
COMMENT ON COLUMN campaigns.swept_at IS 'When the last withdrawal was written.';
COMMENT ON COLUMN campaigns.ended_at IS 'When it was completed or cancelled.';
COMMENT ON COLUMN campaigns.created_at IS 'When it was created.';
COMMENT ON COLUMN campaigns.created_by IS 'The actor who created it.';
CREATE INDEX campaigns_state ON campaigns (state);

CREATE TABLE campaign_waves (
    campaign_id bigint NOT NULL REFERENCES campaigns,
    number integer NOT NULL CHECK (number >= 1),
    share_ratio double precision NOT NULL CHECK (share_ratio > 0 AND share_ratio <= 1),
    gate_installed_ratio double precision NOT NULL CHECK (gate_installed_ratio BETWEEN 0 AND 1),
    size bigint,
    cutoff bigint,
    opened_at timestamptz,
    PRIMARY KEY (campaign_id, number)
);
COMMENT ON TABLE campaign_waves IS 'A step of a campaign''s rollout plan.';
COMMENT ON COLUMN campaign_waves.campaign_id IS 'The campaign.';
COMMENT ON COLUMN campaign_waves.number IS '1 for the first.';
COMMENT ON COLUMN campaign_waves.share_ratio IS 'Its share of the members.';
COMMENT ON COLUMN campaign_waves.gate_installed_ratio IS 'The share that must have installed before the next opens.';
COMMENT ON COLUMN campaign_waves.size IS 'Its members, once the campaign started.';
COMMENT ON COLUMN campaign_waves.cutoff IS 'The highest rank in it, once the campaign started.';
COMMENT ON COLUMN campaign_waves.opened_at IS 'When its vehicles were assigned.';

CREATE TABLE campaign_members (
    campaign_id bigint NOT NULL,
    vehicle_id bigint NOT NULL,
    rank bigint NOT NULL,
    wave integer NOT NULL,
    PRIMARY KEY (campaign_id, wave, vehicle_id)
);
COMMENT ON TABLE campaign_members IS 'The frozen membership of a campaign. Like assignments without foreign keys: checking a million of them takes longer than writing them.';
COMMENT ON COLUMN campaign_members.campaign_id IS 'The campaign.';
COMMENT ON COLUMN campaign_members.vehicle_id IS 'The vehicle.';
COMMENT ON COLUMN campaign_members.rank IS 'otaru_rank(salt, vin).';
COMMENT ON COLUMN campaign_members.wave IS 'Its wave.';

-- The vehicle's place in a campaign's order: the first 52 bits of SHA-256(salt:vin); the same as
-- otaru_domain::membership::rank, by which the vehicle checks its wave.
CREATE FUNCTION otaru_rank(salt text, vin text) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ('x' || lpad(substr(encode(sha256(convert_to(salt || ':' || vin, 'UTF8')), 'hex'), 1, 13), 16, '0'))::bit(64)::bigint;
