import { Skeleton, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { asApiError } from "../../api/errors";
import type { Model as VehicleModel } from "../../api/model";
import { modelQuery } from "../../api/queries";
import { AuditLink } from "../../components/AuditLink";
import { Failure } from "../../components/Failure";
import { Fact, Facts } from "../../components/Facts";
import { PageHeader } from "../../components/PageHeader";
import { Panel } from "../../components/Panel";
import { cell, Table } from "../../components/Table";
import { Badge } from "../../components/StateBadge";
import { When } from "../../components/When";
import { text } from "../../i18n";
import { recordsText } from "../../i18n/records";
import { MODEL_COLORS } from "../models/states";
import { ReviewSwitch } from "../models/ReviewSwitch";
import { NotFound } from "../NotFound";
import page from "../Page.module.css";
import { Bandwidth } from "./Bandwidth";
import { Expiries } from "./Expiries";
import { Keys } from "./Keys";
import { Recipients } from "./Recipients";
import { Signatures } from "./Signatures";

/** One model: its ECUs, which keys sign its repository, what of that expires when, and what waits for people's signatures. */
export function Model() {
  const { model } = useParams({ from: "/signed-in/models/$model" });
  const { data, error, refetch } = useQuery(modelQuery(model));
  if (data === undefined) {
    if (error === null) return <Loading />;
    const { status } = asApiError(error);
    if (status === 404 || status === 400) return <NotFound what={recordsText().keys.noModel(model)} />;
    return <Failure page again error={error} retry={() => void refetch()} />;
  }
  return (
    <div className={page.page}>
      <PageHeader
        title={data.name}
        back={{ to: "/models", label: text().models.title }}
        badge={<Badge label={text().modelStates[data.state]} color={MODEL_COLORS[data.state]} />}
        lead={
          <Link to="/vehicles" search={{ model: data.id }}>
            {recordsText().keys.itsVehicles}
          </Link>
        }
      />
      <Signatures model={data} />
      <Expiries model={data} />
      <Keys model={data.id} />
      <Recipients model={data} />
      <Details model={data} />
    </div>
  );
}

function Details({ model }: { model: VehicleModel }) {
  const t = text().models;
  return (
    <Panel title={text().releases.details} aside={<AuditLink about={{ object: `model-${model.id}` }} />}>
      <div className={page.page}>
        <Facts>
          <Fact term={t.formId}>{model.id}</Fact>
          <Fact term={t.topic}>{model.topic}</Fact>
          <Fact term={t.review}>
            <ReviewSwitch model={model} />
          </Fact>
          <Fact term={recordsText().bandwidth.title}>
            <Bandwidth model={model} />
          </Fact>
          <Fact term={recordsText().keys.checkDigit}>{model.vin_check_digit ? text().common.yes : text().common.no}</Fact>
          <Fact term={t.created}>
            <When at={model.created_at} /> · {model.created_by}
          </Fact>
        </Facts>
        <Table
          label={t.hardware}
          minWidth={20}
          head={
            <>
              <th>{t.formHardwareId}</th>
              <th>{t.formHardwareName}</th>
            </>
          }
        >
          {model.hardware.map((one) => (
            <tr key={one.hardware_id}>
              <th scope="row">{one.hardware_id}</th>
              <td className={cell.quiet}>{one.name}</td>
            </tr>
          ))}
        </Table>
      </div>
    </Panel>
  );
}

function Loading() {
  return (
    <Stack role="group" aria-busy="true" aria-label={text().common.loading}>
      <Skeleton h={64} w="40%" />
      <Skeleton h={180} radius="lg" />
      <Skeleton h={220} radius="lg" />
    </Stack>
  );
}
