CREATE TABLE groups (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9-]{1,64}$'),
    name text NOT NULL,
    expression text,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL
);
COMMENT ON TABLE groups IS 'Saved groups of vehicles, which target expressions name.';
COMMENT ON COLUMN groups.id IS 'What expressions call it.';
COMMENT ON COLUMN groups.name IS 'For people.';
COMMENT ON COLUMN groups.expression IS 'CEL: who is in it; null for a list.';
COMMENT ON COLUMN groups.created_at IS 'When it was created.';
COMMENT ON COLUMN groups.created_by IS 'The actor who created it.';

CREATE TABLE group_vehicles (
    group_id text NOT NULL REFERENCES groups ON DELETE CASCADE,
    vehicle_id bigint NOT NULL REFERENCES vehicles,
    PRIMARY KEY (group_id, vehicle_id)
);
COMMENT ON TABLE group_vehicles IS 'Who is on a group''s list.';
COMMENT ON COLUMN group_vehicles.group_id IS 'The group.';
COMMENT ON COLUMN group_vehicles.vehicle_id IS 'The vehicle.';
CREATE INDEX group_vehicles_vehicle ON group_vehicles (vehicle_id);
