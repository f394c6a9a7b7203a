import { ActionIcon, Button, Textarea } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { mayAct } from "../../api/acts";
import { changeGroupVehicles } from "../../api/groups";
import type { GroupVehiclesChange } from "../../api/model";
import { groupVehiclesQuery, keys } from "../../api/queries";
import { Refused } from "../../components/Confirm";
import { TrashIcon } from "../../components/icons";
import { ListPage } from "../../components/ListPage";
import { Panel } from "../../components/Panel";
import { cell, rowLink, Table } from "../../components/Table";
import { plural } from "../../format/number";
import { text } from "../../i18n";
import page from "../Page.module.css";
import classes from "./Group.module.css";
import { vinsFault, vinsOf } from "./vins";

/** Changes who is on the list; what is on the screen follows, also after a refusal. */
function useChange(group: string, done?: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: GroupVehiclesChange) => changeGroupVehicles(group, change),
    onSuccess: () => done?.(),
    onSettled: () => client.invalidateQueries({ queryKey: keys.group(group) }),
  });
}

/** Who is on a list. */
export function GroupVehicles({ group }: { group: string }) {
  const t = text().groups;
  const query = useInfiniteQuery(groupVehiclesQuery(group));
  const removing = useChange(group);
  return (
    <Panel title={t.vehicles}>
      <Refused error={removing.error} />
      <ListPage query={query} empty={<p className={page.quiet}>{t.noVehicles}</p>}>
        {(vins) => (
          <Table
            label={t.vehicles}
            minWidth={18}
            head={
              <>
                <th>{text().vehicles.vin}</th>
                <th />
              </>
            }
          >
            {vins.map((vin) => (
              <tr key={vin}>
                <th scope="row">
                  <Link to="/vehicles/$vin" params={{ vin }} search={{}} className={rowLink}>
                    {vin}
                  </Link>
                </th>
                <td className={cell.number}>
                  {mayAct("changeGroupVehicles") && (
                    <ActionIcon
                      variant="subtle"
                      color="gray"
                      aria-label={t.takeOff(vin)}
                      loading={removing.isPending && removing.variables.remove?.includes(vin) === true}
                      onClick={() => {
                        removing.mutate({ remove: [vin] });
                      }}
                    >
                      <TrashIcon size={16} />
                    </ActionIcon>
                  )}
                </td>
              </tr>
            ))}
          </Table>
        )}
      </ListPage>
    </Panel>
  );
}

/** VINs are pasted; all of them are added, or none when one is no vehicle's. */
export function AddVehicles({ group }: { group: string }) {
  const t = text().groups;
  const [pasted, setPasted] = useState("");
  const adding = useChange(group, () => {
    setPasted("");
  });
  const vins = vinsOf(pasted);
  const fault = vinsFault(adding.error, vins);
  const vehicles = (count: number) => plural(count, text().count.vehicle);
  return (
    <Panel title={t.add}>
      <form
        className={classes.add}
        onSubmit={(event) => {
          event.preventDefault();
          if (vins.length > 0) adding.mutate({ add: vins });
        }}
      >
        <Textarea
          label={t.vins}
          description={t.vinsHint}
          value={pasted}
          rows={6}
          spellCheck={false}
          error={fault}
          onChange={(event) => {
            setPasted(event.currentTarget.value);
            adding.reset();
          }}
        />
        {fault === undefined && <Refused error={adding.error} />}
        <div className={classes.end}>
          <span role="status" className={page.quiet}>
            {adding.data && (adding.data.added === 0 ? t.addedNone : t.added(vehicles(adding.data.added)))}
          </span>
          <Button type="submit" disabled={vins.length === 0} loading={adding.isPending}>
            {vins.length === 0 ? t.add : t.addCount(vehicles(vins.length))}
          </Button>
        </div>
      </form>
    </Panel>
  );
}
