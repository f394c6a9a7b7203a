import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Release } from "../../api/model";
import { everyReleaseQuery } from "../../api/queries";
import { Panel } from "../../components/Panel";
import { text } from "../../i18n";
import { releaseGraph, type Needed, type Needing } from "../../rollout/releaseGraph";
import page from "../Page.module.css";
import classes from "./Graph.module.css";

/** Which releases must come before this one and which come after it, by what their images require. */
export function Graph({ release }: { release: Release }) {
  const t = text().releaseGraph;
  const { data } = useQuery(everyReleaseQuery);
  if (data === undefined) return null;
  const { needs, neededBy } = releaseGraph(release, data);
  const names = (releases: readonly Release[]) => releases.map(nameOf).join(", ") || t.nothing;
  return (
    <Panel title={t.title}>
      {needs.length === 0 && neededBy.length === 0 ? (
        <p className={page.quiet}>{t.none}</p>
      ) : (
        <>
          <p className={page.quiet}>{t.lead}</p>
          <div
            className={classes.graph}
            role="group"
            aria-label={t.spoken(nameOf(release), names(needs.flatMap((one) => one.by)), names(neededBy.map((one) => one.release)))}
          >
            <Before needs={needs} />
            <div className={classes.column}>
              <h3 className={classes.title}>{t.itself}</h3>
              <span className={classes.node} data-itself>
                {nameOf(release)}
              </span>
            </div>
            <After neededBy={neededBy} />
          </div>
        </>
      )}
    </Panel>
  );
}

function nameOf(release: Release): string {
  return `${release.name} ${release.version}`;
}

function Node({ release }: { release: Release }) {
  return (
    <Link to="/releases/$id" params={{ id: release.id }} className={classes.node}>
      {nameOf(release)}
    </Link>
  );
}

function Before({ needs }: { needs: readonly Needed[] }) {
  const t = text().releaseGraph;
  return (
    <div className={classes.column}>
      <h3 className={classes.title}>{t.needs}</h3>
      {needs.length === 0 && <span className={page.quiet}>{t.nothing}</span>}
      {needs.map((need) => (
        <div key={`${need.hardware} ${need.versions}`} className={classes.edge} data-toward="right">
          <span className={classes.nodes}>
            {need.by.length === 0 ? <span className={classes.missing}>{t.noRelease}</span> : need.by.map((one) => <Node key={one.id} release={one} />)}
          </span>
          <span className={classes.label}>{t.edge(need.hardware, need.versions)}</span>
        </div>
      ))}
    </div>
  );
}

function After({ neededBy }: { neededBy: readonly Needing[] }) {
  const t = text().releaseGraph;
  return (
    <div className={classes.column}>
      <h3 className={classes.title}>{t.neededBy}</h3>
      {neededBy.length === 0 && <span className={page.quiet}>{t.nothing}</span>}
      {neededBy.map(({ release, edges }) => (
        <div key={release.id} className={classes.edge} data-toward="left">
          <span className={classes.label}>{edges.map((edge) => t.edge(edge.hardware, edge.versions)).join(", ")}</span>
          <span className={classes.nodes}>
            <Node release={release} />
          </span>
        </div>
      ))}
    </div>
  );
}
