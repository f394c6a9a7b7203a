import { useQuery } from "@tanstack/react-query";
import { whyNotQuery } from "../../api/queries";
import { HourglassIcon } from "../../components/icons";
import { When } from "../../components/When";
import { text } from "../../i18n";
import { whyNotSentence } from "../../rollout/wording";
import classes from "./Campaigns.module.css";

/** Why the vehicle does not have the campaign's update now. */
export function WhyNot({ campaign, vin }: { campaign: number; vin: string }) {
  const { data } = useQuery(whyNotQuery(campaign, vin));
  if (data == null) return null;
  return (
    <p className={classes.why}>
      <HourglassIcon size={15} />
      <span>
        <strong>{text().vehicle.whyNot}</strong> {whyNotSentence(data)}
        {data.until != null && (
          <>
            {" "}
            (<When at={data.until} />)
          </>
        )}
      </span>
    </p>
  );
}
