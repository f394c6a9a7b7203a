import { command } from "../api/client";
import type { Campaign } from "../api/model";
import { touchedByCommand } from "../api/queries";
import { approveWave, submitCampaign } from "../api/review";
import { text } from "../i18n";
import { waveToApprove, type Offer } from "../rollout/offers";
import { consequence } from "../rollout/wording";
import { Ask } from "./Ask";
import { useNow } from "./useNow";

interface CampaignQuestionProps {
  name: Offer;
  campaign: Campaign;
  close: () => void;
}

/** The question before something is done with a campaign, which tells what it would do. */
export function CampaignQuestion({ name, campaign, close }: CampaignQuestionProps) {
  const now = useNow();
  const t = text().review;
  const same = { close, touched: touchedByCommand(campaign.id) };
  if (name === "submit") {
    return (
      <Ask
        {...same}
        title={t.submitAsk(campaign.name)}
        effects={t.submitEffects}
        confirm={t.submit}
        run={(reason) => submitCampaign(campaign.id, reason)}
      />
    );
  }
  if (name === "approveWave") {
    const wave = waveToApprove(campaign) ?? 0;
    return (
      <Ask
        {...same}
        title={t.approveWaveAsk(wave)}
        effects={t.approveWaveEffects(wave + 1)}
        confirm={t.approveWave(wave)}
        reason="none"
        run={() => approveWave(campaign.id, wave)}
      />
    );
  }
  const asked = consequence(name, campaign, now);
  const back = name === "cancel" ? text().commands.keep : text().common.back;
  return <Ask {...same} {...asked} back={back} run={(reason) => command(campaign.id, name, reason)} />;
}
