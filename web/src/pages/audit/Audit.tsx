import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { auditExportAddress } from "../../api/evidence";
import { auditQuery } from "../../api/queries";
import { LogIcon } from "../../components/icons";
import { ListPage } from "../../components/ListPage";
import { Notice } from "../../components/Notice";
import { PageHeader } from "../../components/PageHeader";
import { Panel } from "../../components/Panel";
import { text } from "../../i18n";
import page from "../Page.module.css";
import { ChainHead } from "./ChainHead";
import { Entries } from "./Entries";
import { Filters } from "./Filters";

/** Who did what; which of it is in the URL. */
export function Audit() {
  const t = text().audit;
  const filter = useSearch({ from: "/signed-in/audit" });
  const query = useInfiniteQuery(auditQuery(filter));
  const filtered = Object.keys(filter).length > 0;
  return (
    <div className={page.page}>
      <PageHeader title={t.title} lead={t.lead} />
      <ChainHead />
      <Filters key={filtered ? "filtered" : "all"} filter={filter} />
      <Panel
        title={filtered ? t.entries : text().common.all}
        aside={
          <Button component="a" size="xs" variant="default" href={auditExportAddress(filter)} download="otaru-audit.ndjson" title={text().chain.exportHint}>
            {text().chain.export}
          </Button>
        }
      >
        <ListPage
          query={query}
          empty={
            <Notice icon={<LogIcon size={26} />} title={filtered ? t.noMatch : t.none}>
              {filtered ? t.noMatchText : t.noneText}
            </Notice>
          }
        >
          {(entries) => <Entries entries={entries} />}
        </ListPage>
      </Panel>
    </div>
  );
}
