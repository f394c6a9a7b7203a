import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { DeadLetter } from "../../api/model";
import { deadLettersQuery } from "../../api/queries";
import { LetterIcon } from "../../components/icons";
import { ListPage } from "../../components/ListPage";
import { Notice } from "../../components/Notice";
import { PageHeader } from "../../components/PageHeader";
import { Panel } from "../../components/Panel";
import { cell, Table } from "../../components/Table";
import { When } from "../../components/When";
import { text } from "../../i18n";
import page from "../Page.module.css";
import { Letter } from "./Letter";

/** Messages that could not be applied: what they are, why, and a way to send them again. */
export function DeadLetters() {
  const t = text().deadLetters;
  const query = useInfiniteQuery(deadLettersQuery);
  const [shown, setShown] = useState<number>();
  const letters = query.data?.pages.flatMap((one) => one.items) ?? [];
  const letter = letters.find((one) => one.id === shown);
  return (
    <div className={page.page}>
      <PageHeader title={t.title} lead={t.lead} />
      <Panel title={text().common.all}>
        <ListPage
          query={query}
          empty={
            <Notice icon={<LetterIcon size={26} />} title={t.none}>
              {t.noneText}
            </Notice>
          }
        >
          {(items) => <List letters={items} show={setShown} />}
        </ListPage>
      </Panel>
      {letter && (
        <Letter
          letter={letter}
          close={() => {
            setShown(undefined);
          }}
        />
      )}
    </div>
  );
}

function List({ letters, show }: { letters: readonly DeadLetter[]; show: (id: number) => void }) {
  const t = text().deadLetters;
  return (
    <Table
      label={t.title}
      minWidth={46}
      head={
        <>
          <th>{t.reason}</th>
          <th>{t.where}</th>
          <th>{t.at}</th>
          <th>{t.replayed}</th>
          <th />
        </>
      }
    >
      {letters.map((letter) => (
        <tr key={letter.id}>
          <th scope="row">
            {letter.reason.replaceAll("_", " ")}
            <small>{letter.detail}</small>
          </th>
          <td>
            {letter.topic}
            <small>{letter.key ?? ""}</small>
          </td>
          <td className={cell.time}>
            <When at={letter.at} />
          </td>
          <td className={cell.time}>{letter.replayed_at == null ? "–" : <When at={letter.replayed_at} />}</td>
          <td className={cell.number}>
            <Button
              size="xs"
              variant="light"
              aria-label={`${t.show}: ${t.of(letter.id)}`}
              onClick={() => {
                show(letter.id);
              }}
            >
              {t.show}
            </Button>
          </td>
        </tr>
      ))}
    </Table>
  );
}
