import { useQuery } from "@tanstack/react-query";
import { auditHeadQuery } from "../../api/queries";
import { CopyButton } from "../../components/CopyButton";
import { Panel } from "../../components/Panel";
import { Pending } from "../../components/Pending";
import { text } from "../../i18n";
import page from "../Page.module.css";
import { Verify } from "./Verify";
import classes from "./Audit.module.css";

/** Where the chain ends now: what somebody keeps elsewhere to prove later that nothing was changed. */
export function ChainHead() {
  const t = text().audit;
  const { data, error, refetch } = useQuery(auditHeadQuery);
  return (
    <Panel title={t.head}>
      {data === undefined ? (
        <Pending error={error} retry={() => void refetch()} rows={1} />
      ) : data.id === 0 ? (
        <p className={page.quiet}>{t.headEmpty}</p>
      ) : (
        <div className={classes.head}>
          <Copied value={`${data.id}:${data.digest}`} label={t.copyAnchor} />
          <p className={page.quiet}>{t.verify}</p>
          <Copied value={`otaru audit verify --anchor ${data.id}:${data.digest}`} label={t.copyCommand} />
          <Verify />
        </div>
      )}
    </Panel>
  );
}

function Copied({ value, label }: { value: string; label: string }) {
  return (
    <span className={classes.copied}>
      <code>{value}</code>
      <CopyButton value={value} label={label} />
    </span>
  );
}
