import { liftEmergencyStop, stopEverything } from "../../api/emergency";
import { keys } from "../../api/queries";
import { Ask } from "../../components/Ask";
import { text } from "../../i18n";

/** Campaigns are halted by the stop, so everything that tells of them is asked anew. */
const TOUCHED = [keys.emergencyStop, keys.fleet, keys.campaigns, keys.everyCampaign, keys.everyTimeline];

/** The question before everything stops, or before it may go on; loaded when it is put. */
export function EmergencyQuestion({ what, close }: { what: "stop" | "lift"; close: () => void }) {
  const t = text().emergency;
  if (what === "lift") {
    return (
      <Ask
        title={t.liftAsk}
        effects={t.liftEffects}
        confirm={t.liftConfirm}
        reasonHint={`${t.reasonHint} (${text().common.optional})`}
        run={liftEmergencyStop}
        touched={TOUCHED}
        close={close}
      />
    );
  }
  return (
    <Ask
      final
      title={t.ask}
      effects={t.effects}
      confirm={t.confirm}
      reason="needed"
      reasonHint={t.reasonHint}
      run={stopEverything}
      touched={TOUCHED}
      close={close}
    />
  );
}
