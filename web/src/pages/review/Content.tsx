import { Code } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { CampaignReview, Json } from "../../api/model";
import { Chips, Fact, Facts } from "../../components/Facts";
import { Hash } from "../../components/Hash";
import { Panel } from "../../components/Panel";
import { cell, Table } from "../../components/Table";
import { formatBytes } from "../../format/number";
import { text } from "../../i18n";
import { canonical, isExpression, isRecord, linesOf, listOf, nameOf, partOf, wordsOf, type Line } from "../../rollout/content";
import page from "../Page.module.css";
import classes from "./Review.module.css";

/** All that is reviewed, part by part; what this dashboard does not know is among it, and the raw content at the end. */
export function Content({ review }: { review: CampaignReview }) {
  const t = text().review;
  const { content } = review;
  const part = (name: string) => partOf(content, name);
  const known = ["campaign", "waves", "release", "images", "models"];
  const others = isRecord(content) ? Object.entries(content).filter(([name]) => !known.includes(name)) : [];
  return (
    <Panel title={t.what}>
      <div className={classes.content}>
        <Part title={t.settings}>
          <Lines lines={linesOf(part("campaign"))} />
        </Part>
        <Part title={t.waves}>
          <Waves waves={listOf(part("waves"))} />
        </Part>
        <Part title={t.release}>
          <Lines lines={linesOf(part("release"))} />
        </Part>
        <Part title={t.models}>
          <Chips words={listOf(part("models")).map((model) => wordsOf({ path: [], value: model }))} />
        </Part>
        <Part title={t.images}>
          <Images images={listOf(part("images"))} />
        </Part>
        {others.map(([name, value]) => (
          <Part key={name} title={nameOf([name])}>
            <Lines lines={linesOf(value)} />
          </Part>
        ))}
        <details className={classes.raw}>
          <summary>{t.raw}</summary>
          <p className={page.quiet}>{t.rawHint}</p>
          <Code block tabIndex={0}>
            {canonical(content)}
          </Code>
        </details>
      </div>
    </Panel>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <h3 className={classes.part}>{title}</h3>
      {children}
    </section>
  );
}

function Lines({ lines }: { lines: readonly Line[] }) {
  return (
    <Facts>
      {lines.map((line) => (
        <Fact key={line.path.join(" ")} term={nameOf(line.path)}>
          <Value line={line} />
        </Fact>
      ))}
    </Facts>
  );
}

function Value({ line }: { line: Line }) {
  const words = wordsOf(line);
  if (isExpression(line.path)) return <Code block>{words}</Code>;
  if (line.path.at(-1) !== "release_id" || typeof line.value !== "number") return words === "" ? "–" : words;
  return (
    <Link to="/releases/$id" params={{ id: line.value }}>
      {words}
    </Link>
  );
}

/** A wave in a row: who is in it, and what must hold before the next one opens. */
function Waves({ waves }: { waves: readonly Json[] }) {
  const t = text().review;
  return (
    <ol className={classes.waves}>
      {waves.map((wave, index) => {
        const lines = linesOf(wave).filter((line) => line.path[0] !== "number");
        return (
          <li key={index}>
            <strong>{text().campaign.waveOpens(index + 1)}</strong>
            <span>
              {lines.length === 0
                ? t.nothingElse
                : lines.map((line) => `${nameOf(line.path)}: ${wordsOf(line)}`).join(" · ")}
            </span>
          </li>
        );
      })}
    </ol>
  );
}

function Images({ images }: { images: readonly Json[] }) {
  const t = text().releases;
  return (
    <Table
      label={text().review.images}
      minWidth={44}
      head={
        <>
          <th>{t.hardware}</th>
          <th>{t.version}</th>
          <th>{t.file}</th>
          <th className={cell.number}>{t.size}</th>
          <th>{t.sha256}</th>
        </>
      }
    >
      {images.map((image, index) => {
        const said = (name: string) => wordsOf({ path: [], value: partOf(image, name) ?? "" });
        const length = partOf(image, "length_bytes");
        return (
          <tr key={index}>
            <th scope="row">{said("hardware_id")}</th>
            <td>{said("version")}</td>
            <td>{said("target_name")}</td>
            <td className={cell.number}>{typeof length === "number" ? formatBytes(length) : "–"}</td>
            <td>
              <Hash value={said("sha256")} label={t.copyHash(said("hardware_id"))} />
            </td>
          </tr>
        );
      })}
    </Table>
  );
}
