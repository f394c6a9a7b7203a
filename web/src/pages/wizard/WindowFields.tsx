import { Checkbox } from "@mantine/core";
import { Field, type FaultOf } from "../../components/fields";
import { text } from "../../i18n";
import { DAYS, type Day, type DraftWindows } from "../../plan/windows";
import classes from "./Policies.module.css";
import { Rows, Section } from "./Section";

interface WindowFieldsProps {
  windows: DraftWindows;
  change: (windows: DraftWindows) => void;
  fault: FaultOf;
}

/** When vehicles may begin to install. */
export function WindowFields({ windows, change, fault }: WindowFieldsProps) {
  const t = text().plan;
  const at = "/policy/windows";
  return (
    <Section title={t.windows} lead={fault(at) ?? t.windowsHint}>
      <Rows
        rows={windows.weekly}
        change={(weekly) => {
          change({ ...windows, weekly });
        }}
        label={t.window}
        removeLabel={t.removeWindow}
        addLabel={t.addWindow}
        make={(key) => ({ key, days: [], from: "22:00", to: "05:00" })}
        most={50}
      >
        {(one, set, index) => (
          <>
            <Field type="time" label={t.from} value={one.from} fault={fault(`${at}/weekly/${index}/from`)} change={(from) => { set({ from }); }} />
            <Field type="time" label={t.to} value={one.to} fault={fault(`${at}/weekly/${index}/to`)} change={(to) => { set({ to }); }} />
            <Checkbox.Group
              className={classes.wide ?? ""}
              size="xs"
              label={`${t.days} (${t.daysHint})`}
              value={[...one.days]}
              onChange={(days) => {
                set({ days: days as Day[] });
              }}
            >
              <div className={classes.days}>
                {DAYS.map((day) => (
                  <Checkbox key={day} size="xs" value={day} label={t.day[day]} />
                ))}
              </div>
            </Checkbox.Group>
          </>
        )}
      </Rows>
      <Rows
        rows={windows.blackouts}
        change={(blackouts) => {
          change({ ...windows, blackouts });
        }}
        label={t.blackout}
        removeLabel={t.removeBlackout}
        addLabel={t.addBlackout}
        make={(key) => ({ key, from: "", to: "", reason: "" })}
        most={100}
      >
        {(one, set, index) => (
          <>
            <Field type="date" label={t.firstDay} value={one.from} fault={fault(`${at}/blackouts/${index}/from`)} change={(from) => { set({ from, ...(one.to === "" ? { to: from } : {}) }); }} />
            <Field type="date" label={t.lastDay} value={one.to} fault={fault(`${at}/blackouts/${index}/to`)} change={(to) => { set({ to }); }} />
            <Field label={t.why} most={200} value={one.reason} change={(reason) => { set({ reason }); }} />
          </>
        )}
      </Rows>
      {(windows.weekly.length > 0 || windows.blackouts.length > 0) && (
        <div className={classes.fields}>
          <Field label={t.zone} hint={t.zoneHint} value={windows.zone} fault={fault(`${at}/default_zone`)} change={(zone) => { change({ ...windows, zone }); }} />
        </div>
      )}
    </Section>
  );
}
