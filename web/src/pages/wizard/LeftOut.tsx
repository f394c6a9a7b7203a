import { Link } from "@tanstack/react-router";
import { Fragment } from "react";
import type { Preview } from "../../api/model";
import { plural } from "../../format/number";
import { text } from "../../i18n";
import { exclusionSentence } from "../../rollout/wording";
import classes from "./Wizard.module.css";

/** Who matches and is left out, by reason, and who will wait for another campaign. */
export function LeftOut({ preview }: { preview: Preview }) {
  const t = text().wizard;
  const vehicles = (count: number) => plural(count, text().count.vehicle);
  return (
    <>
      {preview.excluded.length > 0 && (
        <>
          <p className={classes.sampleTitle}>{t.leftOut}</p>
          <ul className={classes.leftOut}>
            {preview.excluded.map((one) => (
              <li key={`${one.reason} ${one.hardware_id ?? ""} ${one.versions ?? ""}`}>
                <strong>{vehicles(one.vehicles)}</strong>: {exclusionSentence(one)} (
                {one.sample.map((vin, index) => (
                  <Fragment key={vin}>
                    {index > 0 && ", "}
                    <Link to="/vehicles/$vin" params={{ vin }} search={{}} target="_blank">
                      {vin}
                    </Link>
                  </Fragment>
                ))}
                {one.vehicles > one.sample.length && ", …"})
              </li>
            ))}
          </ul>
        </>
      )}
      {preview.behind.map((one) => (
        <p key={one.campaign} className={classes.sampleTitle}>
          {t.behind(vehicles(one.vehicles), one.campaign)}
        </p>
      ))}
    </>
  );
}
