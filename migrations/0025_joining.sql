CREATE TABLE vehicle_changes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    vehicle_id bigint NOT NULL
);
COMMENT ON TABLE vehicle_changes IS 'Vehicles of which something changed that a continuous campaign may ask for; the engine takes them from here. A row per change, not per vehicle: one that is written while another is being looked at must not be lost.';
COMMENT ON COLUMN vehicle_changes.id IS 'In the order of writing.';
COMMENT ON COLUMN vehicle_changes.vehicle_id IS 'The vehicle.';

CREATE FUNCTION otaru_note_vehicles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO vehicle_changes (vehicle_id) SELECT DISTINCT id FROM changed;
    RETURN NULL;
END $$;
CREATE FUNCTION otaru_note_vehicle_parts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO vehicle_changes (vehicle_id) SELECT DISTINCT vehicle_id FROM changed;
    RETURN NULL;
END $$;

CREATE TRIGGER vehicles_created AFTER INSERT ON vehicles
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION otaru_note_vehicles();
CREATE TRIGGER vehicles_changed AFTER UPDATE ON vehicles
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION otaru_note_vehicles();
CREATE TRIGGER vehicle_ecus_created AFTER INSERT ON vehicle_ecus
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION otaru_note_vehicle_parts();
CREATE TRIGGER vehicle_ecus_changed AFTER UPDATE ON vehicle_ecus
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION otaru_note_vehicle_parts();
CREATE TRIGGER vehicle_ecus_gone AFTER DELETE ON vehicle_ecus
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION otaru_note_vehicle_parts();
CREATE TRIGGER group_vehicles_added AFTER INSERT ON group_vehicles
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION otaru_note_vehicle_parts();
CREATE TRIGGER group_vehicles_removed AFTER DELETE ON group_vehicles
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION otaru_note_vehicle_parts();
CREATE TRIGGER vehicle_credentials_issued AFTER INSERT ON vehicle_credentials
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION otaru_note_vehicle_parts();
CREATE TRIGGER vehicle_tokens_imported AFTER INSERT ON vehicle_tokens
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION otaru_note_vehicle_parts();
