CREATE TABLE models (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9-]{1,64}$'),
    name text NOT NULL,
    vin_check_digit boolean NOT NULL DEFAULT false,
    retired_at timestamptz,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL
);
COMMENT ON TABLE models IS 'A vehicle model; owns a topic and a TUF repository.';
COMMENT ON COLUMN models.id IS 'Part of the name of the model''s topic.';
COMMENT ON COLUMN models.name IS 'For people.';
COMMENT ON COLUMN models.vin_check_digit IS 'Whether the VINs of this model carry a valid check digit (49 CFR 565.15).';
COMMENT ON COLUMN models.retired_at IS 'When the model was taken out of service.';
COMMENT ON COLUMN models.created_at IS 'When it was created.';
COMMENT ON COLUMN models.created_by IS 'The actor who created it.';

CREATE TABLE model_hardware (
    model_id text NOT NULL REFERENCES models,
    hardware_id text NOT NULL,
    name text NOT NULL,
    PRIMARY KEY (model_id, hardware_id)
);
COMMENT ON TABLE model_hardware IS 'The ECUs a model has, by hardware id.';
COMMENT ON COLUMN model_hardware.model_id IS 'The model.';
COMMENT ON COLUMN model_hardware.hardware_id IS 'What images are made for.';
COMMENT ON COLUMN model_hardware.name IS 'For people.';

CREATE TABLE vehicles (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    vin text NOT NULL UNIQUE CHECK (vin ~ '^[A-HJ-NPR-Z0-9]{17}$'),
    model_id text NOT NULL REFERENCES models,
    model_year integer,
    region text,
    tags text[] NOT NULL DEFAULT '{}',
    attributes jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes) = 'object'),
    rxswin text,
    retired_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
COMMENT ON TABLE vehicles IS 'One VIN.';
COMMENT ON COLUMN vehicles.id IS 'Shorter than a VIN and never reused.';
COMMENT ON COLUMN vehicles.vin IS 'ISO 3779.';
COMMENT ON COLUMN vehicles.model_id IS 'The model.';
COMMENT ON COLUMN vehicles.model_year IS 'The model year.';
COMMENT ON COLUMN vehicles.region IS 'The market, as the importer writes it.';
COMMENT ON COLUMN vehicles.tags IS 'Set by people.';
COMMENT ON COLUMN vehicles.attributes IS 'Names to texts, set by people and by inventories.';
COMMENT ON COLUMN vehicles.rxswin IS 'The RX software identification number the vehicle reports (UN R156).';
COMMENT ON COLUMN vehicles.retired_at IS 'When it left the fleet: nothing is offered to it any more.';
COMMENT ON COLUMN vehicles.created_at IS 'When it was created.';
COMMENT ON COLUMN vehicles.updated_at IS 'When a person last changed it.';
CREATE INDEX vehicles_model ON vehicles (model_id, id);
-- For what begins with a text, whatever the database's collation.
CREATE INDEX vehicles_vin_prefix ON vehicles (vin text_pattern_ops);

CREATE TABLE vehicle_ecus (
    vehicle_id bigint NOT NULL REFERENCES vehicles,
    hardware_id text NOT NULL,
    version text NOT NULL,
    version_key text COLLATE "C" NOT NULL,
    serial text,
    reported_at timestamptz NOT NULL,
    PRIMARY KEY (vehicle_id, hardware_id)
);
COMMENT ON TABLE vehicle_ecus IS 'The twin: what each ECU runs, as last reported.';
COMMENT ON COLUMN vehicle_ecus.vehicle_id IS 'The vehicle.';
COMMENT ON COLUMN vehicle_ecus.hardware_id IS 'What the ECU is.';
COMMENT ON COLUMN vehicle_ecus.version IS 'The version last reported.';
COMMENT ON COLUMN vehicle_ecus.version_key IS 'Orders versions by meaning; otaru_domain::version::sort_key.';
COMMENT ON COLUMN vehicle_ecus.serial IS 'The ECU''s serial number.';
COMMENT ON COLUMN vehicle_ecus.reported_at IS 'When the server took that report.';
CREATE INDEX vehicle_ecus_version ON vehicle_ecus (hardware_id, version);

CREATE TABLE vehicle_ecu_history (
    vehicle_id bigint NOT NULL REFERENCES vehicles,
    hardware_id text NOT NULL,
    valid_from timestamptz NOT NULL,
    version text,
    serial text,
    PRIMARY KEY (vehicle_id, hardware_id, valid_from)
);
COMMENT ON TABLE vehicle_ecu_history IS 'What each ECU ran and from when on: the twin as of any time.';
COMMENT ON COLUMN vehicle_ecu_history.vehicle_id IS 'The vehicle.';
COMMENT ON COLUMN vehicle_ecu_history.hardware_id IS 'What the ECU is.';
COMMENT ON COLUMN vehicle_ecu_history.valid_from IS 'When the server first took a report of it.';
COMMENT ON COLUMN vehicle_ecu_history.version IS 'The version from then on; null when the ECU was gone.';
COMMENT ON COLUMN vehicle_ecu_history.serial IS 'The serial number from then on.';

CREATE TABLE vehicle_inventories (
    vehicle_id bigint NOT NULL REFERENCES vehicles,
    received_at timestamptz NOT NULL,
    inventory_id uuid NOT NULL,
    PRIMARY KEY (vehicle_id, received_at)
);
COMMENT ON TABLE vehicle_inventories IS 'When each vehicle told what it runs. The history holds changes only; with these times a late inventory still finds its place in it.';
COMMENT ON COLUMN vehicle_inventories.vehicle_id IS 'The vehicle.';
COMMENT ON COLUMN vehicle_inventories.received_at IS 'When the server took the inventory.';
COMMENT ON COLUMN vehicle_inventories.inventory_id IS 'The inventory; of two taken at the same instant, the higher one counts.';

CREATE TABLE vehicle_reports (
    vehicle_id bigint PRIMARY KEY REFERENCES vehicles,
    inventory_at timestamptz,
    ack_at timestamptz
) WITH (fillfactor = 80);
COMMENT ON TABLE vehicle_reports IS 'When a vehicle last said anything; apart from the vehicle because it changes with every report.';
COMMENT ON COLUMN vehicle_reports.vehicle_id IS 'The vehicle.';
COMMENT ON COLUMN vehicle_reports.inventory_at IS 'When its newest inventory was taken.';
COMMENT ON COLUMN vehicle_reports.ack_at IS 'When its newest acknowledgement was taken.';
