import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { asApiError } from "../../api/errors";
import type { RxswinSoftware } from "../../api/model";
import { rxswinQuery, rxswinVehiclesQuery } from "../../api/queries";
import { Failure } from "../../components/Failure";
import { Hash } from "../../components/Hash";
import { ListPage } from "../../components/ListPage";
import { PageHeader } from "../../components/PageHeader";
import { Panel } from "../../components/Panel";
import { LoadingRows } from "../../components/Pending";
import { cell, rowLink, Table } from "../../components/Table";
import { When } from "../../components/When";
import { text } from "../../i18n";
import { NotFound } from "../NotFound";
import page from "../Page.module.css";

/** One RXSWIN: the software that it stands for, with the hashes to check it, and the vehicles that have it. */
export function Rxswin() {
  const t = text().rxswins;
  const { rxswin } = useParams({ from: "/signed-in/rxswins/$rxswin" });
  const { data, error, refetch } = useQuery(rxswinQuery(rxswin));
  if (data === undefined) {
    if (error === null) return <LoadingRows />;
    if (asApiError(error).status === 404) return <NotFound what={t.notFound(rxswin)} />;
    return <Failure page again error={error} retry={() => void refetch()} />;
  }
  return (
    <div className={page.page}>
      <PageHeader title={data.rxswin} back={{ to: "/rxswins", label: t.title }} />
      <Panel title={t.software}>
        {data.releases.length === 0 ? <p className={page.quiet}>{t.noSoftware}</p> : <Software rxswin={data} />}
      </Panel>
      <Panel title={t.has}>
        <Vehicles rxswin={rxswin} />
      </Panel>
    </div>
  );
}

function Software({ rxswin }: { rxswin: RxswinSoftware }) {
  const t = text().releases;
  return (
    <Table
      label={text().rxswins.software}
      minWidth={44}
      head={
        <>
          <th>{t.name}</th>
          <th>{t.hardware}</th>
          <th>{t.version}</th>
          <th>{t.file}</th>
          <th>{t.sha256}</th>
        </>
      }
    >
      {rxswin.releases.flatMap((release) =>
        release.images.map((image) => (
          <tr key={`${release.id} ${image.hardware_id}`}>
            <th scope="row">
              <Link to="/releases/$id" params={{ id: release.id }} className={rowLink}>
                {release.name} {release.version}
              </Link>
            </th>
            <td>{image.hardware_id}</td>
            <td>{image.version}</td>
            <td>{image.target_name}</td>
            <td>
              <Hash value={image.sha256} label={t.copyHash(image.hardware_id)} />
            </td>
          </tr>
        )),
      )}
    </Table>
  );
}

function Vehicles({ rxswin }: { rxswin: string }) {
  const t = text().rxswins;
  const query = useInfiniteQuery(rxswinVehiclesQuery(rxswin));
  return (
    <ListPage query={query} empty={<p className={page.quiet}>{t.hasNone}</p>}>
      {(vehicles) => (
        <Table
          label={t.has}
          minWidth={28}
          head={
            <>
              <th>{text().vehicles.vin}</th>
              <th>{text().vehicles.model}</th>
              <th>{t.since}</th>
            </>
          }
        >
          {vehicles.map((vehicle) => (
            <tr key={vehicle.vin}>
              <th scope="row">
                <Link to="/vehicles/$vin" params={{ vin: vehicle.vin }} search={{}} className={rowLink}>
                  {vehicle.vin}
                </Link>
              </th>
              <td>{vehicle.model}</td>
              <td className={cell.time}>{vehicle.since == null ? "–" : <When at={vehicle.since} />}</td>
            </tr>
          ))}
        </Table>
      )}
    </ListPage>
  );
}
