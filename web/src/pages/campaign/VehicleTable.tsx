import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";
import type { Assignment, Campaign } from "../../api/model";
import { assignmentsQuery, failuresQuery } from "../../api/queries";
import { Panel } from "../../components/Panel";
import { Pending } from "../../components/Pending";
import { Badge } from "../../components/StateBadge";
import { When } from "../../components/When";
import { localTime, timeOfField } from "../../format/field";
import { formatCount } from "../../format/number";
import { text } from "../../i18n";
import { ASSIGNMENT_STATES, stateColor, stateLabel } from "../../rollout/states";
import page from "../Page.module.css";
import { readAssignments, readCampaign, said } from "../search";
import classes from "./VehicleTable.module.css";

const ROW = 44;

/** The campaign's vehicles, filtered by what the URL says; only the rows in sight are drawn. */
export function VehicleTable({ campaign }: { campaign: Campaign }) {
  const t = text().campaign;
  const filter = readAssignments(useSearch({ from: "/signed-in/campaigns/$id" }));
  const query = useInfiniteQuery(assignmentsQuery(campaign.id, filter));
  const rows = query.data?.pages.flatMap((one) => one.items);
  return (
    <Panel
      id="vehicles"
      title={t.vehicles}
      aside={rows && <span className={classes.aside}>{t.loaded(formatCount(rows.length))}</span>}
    >
      <Filters campaign={campaign} />
      {rows === undefined ? (
        <Pending error={query.error} retry={() => void query.refetch()} />
      ) : rows.length === 0 ? (
        <p className={classes.none}>{campaign.members == null ? t.vehiclesLater : t.vehiclesNone}</p>
      ) : (
        <Rows
          rows={rows}
          more={query.hasNextPage && !query.isFetchingNextPage ? () => void query.fetchNextPage() : undefined}
        />
      )}
    </Panel>
  );
}

function Filters({ campaign }: { campaign: Campaign }) {
  const t = text().campaign;
  const search = useSearch({ from: "/signed-in/campaigns/$id" });
  const filter = readAssignments(search);
  const navigate = useNavigate({ from: "/campaigns/$id" });
  const { data: failures = [] } = useQuery(failuresQuery(campaign.id));
  const codes = new Set(failures.flatMap((cluster) => cluster.error_code ?? []));
  if (filter.error_code !== undefined) codes.add(filter.error_code);
  const set = (change: Record<string, unknown>) => {
    void navigate({ search: readCampaign({ ...search, ...change }), replace: true, resetScroll: false });
  };
  const moment = (name: "since" | "until", label: string) => (
    <TextInput
      size="xs"
      type="datetime-local"
      step={1}
      label={label}
      value={localTime(filter[name])}
      onChange={(event) => {
        set({ [name]: timeOfField(event.currentTarget.value) });
      }}
    />
  );
  return (
    <div className={`${page.filters ?? ""} ${classes.filters ?? ""}`}>
      <NativeSelect
        size="xs"
        label={t.state}
        value={filter.state ?? ""}
        data={[{ value: "", label: t.anyState }, ...ASSIGNMENT_STATES.map((state) => ({ value: state, label: stateLabel(state) }))]}
        onChange={(event) => {
          set({ state: event.currentTarget.value });
        }}
      />
      <NativeSelect
        size="xs"
        label={t.wave}
        value={String(filter.wave ?? "")}
        data={[{ value: "", label: t.anyWave }, ...campaign.waves.map((wave) => ({ value: String(wave.number), label: t.waveOpens(wave.number) }))]}
        onChange={(event) => {
          set({ wave: Number(event.currentTarget.value) });
        }}
      />
      <NativeSelect
        size="xs"
        label={t.error}
        value={filter.error_code ?? ""}
        data={[{ value: "", label: t.anyError }, ...[...codes].map((code) => ({ value: code, label: code }))]}
        onChange={(event) => {
          set({ error_code: event.currentTarget.value });
        }}
      />
      {moment("since", text().watch.since)}
      {moment("until", text().watch.until)}
      {Object.keys(filter).length > 0 && (
        <Button
          size="xs"
          variant="subtle"
          style={{ flex: "none" }}
          onClick={() => {
            void navigate({ search: said({ by: search.by }), replace: true, resetScroll: false });
          }}
        >
          {t.clear}
        </Button>
      )}
    </div>
  );
}

function Rows({ rows, more }: { rows: readonly Assignment[]; more: (() => void) | undefined }) {
  const t = text().campaign;
  const frame = useRef<HTMLDivElement>(null);
  // eslint-disable-next-line react-hooks/incompatible-library -- nothing here is memoised by its result
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW,
    overscan: 8,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= rows.length - 20) more?.();
  }, [last, rows.length, more]);
  const head = [t.vin, t.state, t.wave, t.attempt, t.error, t.updated];
  return (
    <div ref={frame} className={classes.frame} tabIndex={0} role="group" aria-label={t.vehicles}>
      <div role="table" aria-label={t.vehicles} aria-rowcount={more === undefined ? rows.length + 1 : -1} className={classes.table}>
        <div role="rowgroup" className={classes.head}>
          <div role="row" aria-rowindex={1} className={classes.row}>
            {head.map((name) => (
              <span key={name} role="columnheader">
                {name}
              </span>
            ))}
          </div>
        </div>
        <div role="rowgroup" className={classes.body} style={{ height: virtual.getTotalSize() }}>
          {items.map((item) => {
            const row = rows[item.index];
            return row && <Row key={row.vin} row={row} index={item.index} top={item.start} />;
          })}
        </div>
      </div>
    </div>
  );
}

function Row({ row, index, top }: { row: Assignment; index: number; top: number }) {
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      className={classes.row}
      data-body
      style={{ height: ROW, transform: `translateY(${top}px)` }}
    >
      <span role="cell">
        <Link to="/vehicles/$vin" params={{ vin: row.vin }} search={{}} className={classes.vin}>
          {row.vin}
        </Link>
      </span>
      <span role="cell">
        <Badge label={stateLabel(row.state)} color={stateColor(row.state)} />
      </span>
      <span role="cell">{row.wave}</span>
      <span role="cell">{row.attempt}</span>
      <span role="cell" className={classes.error}>
        {row.error_code ?? ""}
      </span>
      <span role="cell" className={classes.when}>
        <When at={row.updated_at} />
      </span>
    </div>
  );
}
