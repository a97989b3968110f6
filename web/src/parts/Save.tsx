import { useState } from "react";
import * as api from "../api/client";
import { problemText } from "../App";
import { drawOverlay, picturePage } from "../api/upload";
import { drawReport } from "../mesh/draw";
import { percent, share } from "../format";
import type { Item } from "../items";
import * as history from "../keep/history";
import { resultPath } from "../route";
import { texts } from "../texts";
import { Icon } from "./Icon";
import { Part, useSmall } from "./Part";
import { rarityOf } from "./FaceCards";
import { counts, headline } from "./Verdict";
import { measuredOf } from "./Wrong";

interface Props {
  item: Item;
  models: api.Models | null;
  opacity: number;
  reach: api.Reach;
  onRemove: () => void;
}

/** What can be taken along, and forgetting. */
export function Save({ item, models, opacity, reach, onRemove }: Props) {
  const [told, setTold] = useState("");
  const report = item.judgement!.report;
  const stem = item.name.replace(/\.[^.]*$/, "");
  const video = item.kind === "video";

  const attempt = async (work: () => Promise<string>) => {
    try {
      setTold(await work());
    } catch (error) {
      if (!(error instanceof api.Refusal)) throw error;
      setTold(problemText(error.problem));
    }
  };
  const overlay = async () => {
    if (video) download(await api.blob(item.job!.links.overlay!), `${stem}.fakeweb.mp4`);
    else if (item.here) download(await drawnHere(item.file!, report, opacity), `${stem}.fakeweb.png`);
    else download(await drawOverlay(item.file!, item.name, opacity), `${stem}.fakeweb.png`);
    return "";
  };
  const page = async () => {
    setTold(texts.save.writing);
    const made = video ? api.jobPage(item.job!.id, reach)
      : item.address ? api.addressPage(item.address, reach)
      : picturePage(item.file!, item.name, reach);
    download(await made, `${stem}.fakeweb.html`);
    return "";
  };
  const json = async () => {
    const text = JSON.stringify({ ...report, source: item.name }, null, 2);
    download(new Blob([text], { type: "application/json" }), `${stem}.fakeweb.json`);
    return "";
  };
  const copy = async () => {
    await navigator.clipboard.writeText(summary(item, models));
    return texts.save.copied;
  };
  const link = async () => {
    const address = location.origin + resultPath(item.judgement!.id!);
    if (navigator.share && matchMedia("(pointer: coarse)").matches) {
      await navigator.share({ title: item.name, url: address }).catch(() => undefined); // closed again
      return "";
    }
    await navigator.clipboard.writeText(address);
    return texts.save.linkCopied;
  };
  const forget = async () => {
    await history.removeMedia(report.media_sha256).catch(() => undefined);
    if (item.here) {
      onRemove();
      return texts.save.forgotten;
    }
    try {
      await api.forget(report.media_sha256);
    } catch (error) {
      if (!(error instanceof api.Refusal)) throw error;
      return `${texts.save.forgottenHere} ${problemText(error.problem)}`;
    }
    onRemove();
    return texts.save.forgotten;
  };

  const canDraw = video ? item.job?.links.overlay : item.file && report.faces.some((face) => face.verdict.label !== "real");
  const canTell = !item.here && (video ? item.job : item.file);
  const small = useSmall();
  const buttons = (
    <div className="save">
      {canTell && (
        <button type="button" title={texts.save.reportHint} onClick={() => void attempt(page)}>
          <Icon name="save" /> {texts.save.report}
        </button>
      )}
      {canDraw && (
        <button type="button" onClick={() => void attempt(overlay)}>
          <Icon name="save" /> {video ? texts.save.overlayVideo : texts.save.overlay}
        </button>
      )}
      <button type="button" onClick={() => void attempt(json)}><Icon name="save" /> {texts.save.json}</button>
      <button type="button" onClick={() => void attempt(copy)}><Icon name="copy" /> {texts.save.copy}</button>
      {item.judgement!.id && (
        <button type="button" title={texts.save.linkHint} onClick={() => void attempt(link)}><Icon name="link" /> {texts.save.link}</button>
      )}
      <button type="button" onClick={() => print()}><Icon name="print" /> {texts.save.print}</button>
      <button type="button" title={item.here ? texts.here.forgetHint : texts.save.forgetHint} onClick={() => void attempt(forget)}><Icon name="trash" /> {texts.save.forget}</button>
      <span role="status" className="quiet">{told}</span>
    </div>
  );
  return small ? <Part className="card plain saving" title={texts.save.title}>{buttons}</Part> : buttons;
}

/** The picture with the mesh, drawn as on the page, in the picture's own size. */
async function drawnHere(file: Blob, report: api.Report, opacity: number): Promise<Blob> {
  const bitmap = await createImageBitmap(file), { width, height } = bitmap;
  const [canvas, over] = [0, 1].map(() => Object.assign(document.createElement("canvas"), { width, height })) as [HTMLCanvasElement, HTMLCanvasElement];
  const pen = canvas.getContext("2d")!;
  pen.drawImage(bitmap, 0, 0);
  drawReport(over.getContext("2d")!, report, { opacity, byProbability: true }, { scale: 1 });
  pen.drawImage(over, 0, 0);
  bitmap.close();
  return new Promise((done) => canvas.toBlob((made) => done(made!), "image/png"));
}

/** Hand a file to the browser, to be saved. */
export function download(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function summary(item: Item, models: api.Models | null): string {
  const report = item.judgement!.report;
  const p = report.verdict.p_fake;
  const [worst] = [...report.faces].sort((a, b) => (b.verdict.p_fake ?? -1) - (a.verdict.p_fake ?? -1));
  const rarity = worst && rarityOf(worst);
  const used = models?.models.find((model) => report.models.includes(model.reference));
  const measured = used && report.thresholds.source === "model" ? measuredOf(used) : null;
  return texts.summary({
    name: item.name,
    verdict: headline(report),
    percent: p === null ? null : percent(p),
    line: percent(report.thresholds.fake),
    faces: counts(report),
    models: report.models.join(", "),
    version: models?.version ?? "",
    rarity: rarity ? `${rarity} ` : "",
    rates: measured ? texts.rates(share(measured.real_called_fake), share(measured.fake_called_fake)) : "",
    sha256: report.media_sha256,
  });
}
