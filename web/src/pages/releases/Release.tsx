import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { asApiError } from "../../api/errors";
import type { Release as ReleaseModel } from "../../api/model";
import { artifactQuery, releaseQuery } from "../../api/queries";
import { AuditLink } from "../../components/AuditLink";
import { Failure } from "../../components/Failure";
import { Chips, Fact, Facts } from "../../components/Facts";
import { Hash } from "../../components/Hash";
import { PageHeader } from "../../components/PageHeader";
import { Panel } from "../../components/Panel";
import { LoadingRows } from "../../components/Pending";
import { cell, Table } from "../../components/Table";
import { When } from "../../components/When";
import { formatBytes } from "../../format/number";
import { text } from "../../i18n";
import { NotFound } from "../NotFound";
import page from "../Page.module.css";
import { Evidence } from "./Evidence";
import { Graph } from "./Graph";
import { ReleaseActions } from "./ReleaseActions";
import { ReleaseBadge } from "./ReleaseBadge";
import { RolledOut, Runs } from "./Runs";

/** One release: its images with their hashes, where they run, and what may be done with it. */
export function Release() {
  const t = text().releases;
  const { id } = useParams({ from: "/signed-in/releases/$id" });
  const { data, error, refetch } = useQuery(releaseQuery(id));
  if (data === undefined) {
    if (error === null) return <LoadingRows />;
    if (asApiError(error).status === 404) return <NotFound what={t.notFound(id)} />;
    return <Failure page again error={error} retry={() => void refetch()} />;
  }
  return (
    <div className={page.page}>
      <PageHeader
        title={`${data.name} ${data.version}`}
        back={{ to: "/releases", label: t.title }}
        badge={<ReleaseBadge state={data.state} />}
        actions={<ReleaseActions release={data} />}
      />
      <Images release={data} />
      <Graph release={data} />
      <div className={page.columns}>
        <Runs release={data} />
        <RolledOut release={data} />
      </div>
      <Panel title={t.details} aside={<AuditLink about={{ object: `release-${data.id}` }} />}>
        <Facts>
          <Fact term={t.models}>
            <Chips words={data.models} />
          </Fact>
          {data.notes !== "" && <Fact term={t.notes}>{data.notes}</Fact>}
          {data.rxswin != null && (
            <Fact term={t.rxswin}>
              <Link to="/rxswins/$rxswin" params={{ rxswin: data.rxswin }}>
                {data.rxswin}
              </Link>
            </Fact>
          )}
          {data.release_counter != null && <Fact term={t.counter}>{data.release_counter}</Fact>}
          {data.installation === "ordered" && (
            <Fact term={t.installation}>{t.inOrder(data.images.map((image) => image.hardware_id).join(", "))}</Fact>
          )}
          <Fact term={t.created}>
            <When at={data.created_at} /> · {data.created_by}
          </Fact>
          {data.locked_at != null && (
            <Fact term={t.locked}>
              <When at={data.locked_at} />
            </Fact>
          )}
        </Facts>
      </Panel>
      <Evidence release={data} />
    </div>
  );
}

function Images({ release }: { release: ReleaseModel }) {
  const t = text().releases;
  return (
    <Panel title={t.images}>
      <Table
        label={t.images}
        minWidth={56}
        head={
          <>
            <th>{t.hardware}</th>
            <th>{t.version}</th>
            <th>{t.file}</th>
            <th className={cell.number}>{t.size}</th>
            <th>{t.sha256}</th>
            <th>{t.requires}</th>
          </>
        }
      >
        {release.images.map((image) => (
          <tr key={image.hardware_id}>
            <th scope="row">{image.hardware_id}</th>
            <td>{image.version}</td>
            <td>
              <FileName sha256={image.sha256} />
            </td>
            <td className={cell.number}>{formatBytes(image.length_bytes)}</td>
            <td>
              <Hash value={image.sha256} label={t.copyHash(image.hardware_id)} />
            </td>
            <td>
              {image.requires.length === 0
                ? "–"
                : image.requires.map((one) => (
                    <small key={one.hardware_id + one.versions}>
                      {one.hardware_id} {one.versions}
                    </small>
                  ))}
            </td>
          </tr>
        ))}
      </Table>
    </Panel>
  );
}

function FileName({ sha256 }: { sha256: string }) {
  const { data } = useQuery(artifactQuery(sha256));
  return <>{data?.file_name ?? "…"}</>;
}
