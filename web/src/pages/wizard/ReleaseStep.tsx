import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { releasesQuery } from "../../api/queries";
import { BoxIcon } from "../../components/icons";
import { ListPage } from "../../components/ListPage";
import { Notice } from "../../components/Notice";
import { When } from "../../components/When";
import { text } from "../../i18n";
import classes from "./Wizard.module.css";

/** What is to be installed: one of the locked releases. */
export function ReleaseStep({ chosen, choose }: { chosen: number | undefined; choose: (id: number) => void }) {
  const t = text().wizard;
  const query = useInfiniteQuery(releasesQuery);
  const nothing = (
    <Notice
      icon={<BoxIcon size={26} />}
      title={t.noReleases}
      action={
        <Button variant="light" renderRoot={(props) => <Link to="/releases" {...props} />}>
          {t.toReleases}
        </Button>
      }
    >
      {t.noReleasesText}
    </Notice>
  );
  return (
    <>
      <p className={classes.lead}>{t.releaseLead}</p>
      <ListPage query={query} empty={nothing}>
        {(releases) => {
          const locked = releases.filter((release) => release.state === "locked");
          if (locked.length === 0) return nothing;
          return (
            <fieldset className={classes.releases}>
              <legend className={classes.hiddenLegend}>{t.steps.release}</legend>
              {locked.map((release) => (
                <label key={release.id} className={classes.release} data-chosen={release.id === chosen}>
                  <input
                    type="radio"
                    name="release"
                    checked={release.id === chosen}
                    onChange={() => {
                      choose(release.id);
                    }}
                  />
                  <span>
                    <strong>
                      {release.name} {release.version}
                    </strong>
                    <small>
                      {release.models.join(", ")} ·{" "}
                      {release.images.map((image) => `${image.hardware_id} ${image.version}`).join(", ")}
                    </small>
                    <small>
                      {text().releaseStates.locked} <When at={release.locked_at ?? release.created_at} /> ·{" "}
                      {release.created_by}
                    </small>
                  </span>
                </label>
              ))}
            </fieldset>
          );
        }}
      </ListPage>
    </>
  );
}
