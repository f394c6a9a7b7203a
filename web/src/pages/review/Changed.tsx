import { Alert, Button, Stack } from "@mantine/core";
import { Table } from "../../components/Table";
import { text } from "../../i18n";
import { nameOf, wordsOf, type Change } from "../../rollout/content";
import classes from "./Review.module.css";

interface ChangedProps {
  /** An approval was refused for it. */
  refused: boolean;
  changes: readonly Change[];
  understood: () => void;
}

/** That the campaign is another than the one that was read, and what is another. */
export function Changed({ refused, changes, understood }: ChangedProps) {
  const t = text().review;
  return (
    <Alert color="yellow" variant="light" title={t.changed} role="alert">
      <Stack gap="sm" align="flex-start">
        <span>{refused ? t.changedMeanwhile : t.changedText}</span>
        {changes.length > 0 && (
          <div className={classes.changes}>
            <Table
              label={t.changed}
              minWidth={28}
              head={
                <>
                  <th>{t.setting}</th>
                  <th>{t.before}</th>
                  <th>{t.after}</th>
                </>
              }
            >
              {changes.map(({ path, before, after }) => (
                <tr key={path.join(" ")}>
                  <th scope="row">{nameOf(path)}</th>
                  <td>{before === undefined ? "–" : <del>{wordsOf({ path, value: before })}</del>}</td>
                  <td>{after === undefined ? "–" : <ins>{wordsOf({ path, value: after })}</ins>}</td>
                </tr>
              ))}
            </Table>
          </div>
        )}
        <Button size="xs" variant="default" onClick={understood}>
          {t.understood}
        </Button>
      </Stack>
    </Alert>
  );
}
