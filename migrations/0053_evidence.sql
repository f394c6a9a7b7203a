CREATE TABLE release_evidence (
    release_id bigint PRIMARY KEY REFERENCES releases,
    purpose text NOT NULL,
    affected text NOT NULL,
    type_approval text NOT NULL CHECK (type_approval IN ('not_affected', 'pending', 'granted')),
    type_approval_reference text,
    verification text NOT NULL,
    stated_by text NOT NULL,
    stated_at timestamptz NOT NULL
);
COMMENT ON TABLE release_evidence IS 'What UN R156 7.1.2.5 asks of a release, apart from it because approvals come after it is locked.';
COMMENT ON COLUMN release_evidence.release_id IS 'The release.';
COMMENT ON COLUMN release_evidence.purpose IS 'What the update is for.';
COMMENT ON COLUMN release_evidence.affected IS 'The systems and functions it affects, and which of them are type-approved.';
COMMENT ON COLUMN release_evidence.type_approval IS 'otaru_domain::evidence::TypeApproval.';
COMMENT ON COLUMN release_evidence.type_approval_reference IS 'The approval''s number or the authority''s reference.';
COMMENT ON COLUMN release_evidence.verification IS 'How it was verified and validated.';
COMMENT ON COLUMN release_evidence.stated_by IS 'The actor who said so.';
COMMENT ON COLUMN release_evidence.stated_at IS 'When.';

CREATE TABLE vehicle_rxswin_history (
    vehicle_id bigint NOT NULL REFERENCES vehicles,
    valid_from timestamptz NOT NULL,
    rxswin text,
    PRIMARY KEY (vehicle_id, valid_from)
);
COMMENT ON TABLE vehicle_rxswin_history IS 'Which RXSWIN each vehicle had and from when on; kept by a trigger, whoever writes the vehicle.';
COMMENT ON COLUMN vehicle_rxswin_history.vehicle_id IS 'The vehicle.';
COMMENT ON COLUMN vehicle_rxswin_history.valid_from IS 'Since when.';
COMMENT ON COLUMN vehicle_rxswin_history.rxswin IS 'The RXSWIN from then on; null when it had none any more.';
INSERT INTO vehicle_rxswin_history SELECT id, updated_at, rxswin FROM vehicles WHERE rxswin IS NOT NULL;

CREATE TABLE rxswin_register (
    rxswin text NOT NULL,
    vehicle_id bigint NOT NULL REFERENCES vehicles,
    PRIMARY KEY (rxswin, vehicle_id)
);
COMMENT ON TABLE rxswin_register IS 'Which vehicles have which RXSWIN now; a table of its own because an index on the living vehicles would have to be built beside them.';
COMMENT ON COLUMN rxswin_register.rxswin IS 'The RX software identification number.';
COMMENT ON COLUMN rxswin_register.vehicle_id IS 'A vehicle that has it.';
INSERT INTO rxswin_register SELECT rxswin, id FROM vehicles WHERE rxswin IS NOT NULL;

CREATE FUNCTION otaru_keep_rxswin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO vehicle_rxswin_history (vehicle_id, valid_from, rxswin)
    VALUES (NEW.id, CASE WHEN TG_OP = 'INSERT' THEN NEW.created_at
                         WHEN NEW.updated_at > OLD.updated_at THEN NEW.updated_at
                         ELSE clock_timestamp() END, NEW.rxswin)
    ON CONFLICT (vehicle_id, valid_from) DO UPDATE SET rxswin = EXCLUDED.rxswin;
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM rxswin_register WHERE rxswin = OLD.rxswin AND vehicle_id = NEW.id;
    END IF;
    IF NEW.rxswin IS NOT NULL THEN
        INSERT INTO rxswin_register (rxswin, vehicle_id) VALUES (NEW.rxswin, NEW.id) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER vehicles_new_rxswin AFTER INSERT ON vehicles
    FOR EACH ROW WHEN (NEW.rxswin IS NOT NULL) EXECUTE FUNCTION otaru_keep_rxswin();
CREATE TRIGGER vehicles_other_rxswin AFTER UPDATE OF rxswin ON vehicles
    FOR EACH ROW WHEN (NEW.rxswin IS DISTINCT FROM OLD.rxswin) EXECUTE FUNCTION otaru_keep_rxswin();

ALTER TABLE vehicles ADD COLUMN erased_at timestamptz;
COMMENT ON COLUMN vehicles.erased_at IS 'When its VIN was replaced by a pseudonym and what tells of its holder was removed.';
