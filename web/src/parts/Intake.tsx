import { useEffect, useRef, useState } from "react";
import type { Models } from "../api/client";
import { bytes } from "../format";
import { texts } from "../texts";
import { Camera } from "./Camera";
import { Icon } from "./Icon";

interface Props {
  large: boolean;
  models: Models | null;
  /** Whether pictures are checked in this browser. */
  here: boolean;
  /** Null where there is no choice. */
  onHere: ((here: boolean) => void) | null;
  onFiles: (files: File[]) => void;
  onAddress: (address: string) => void;
}

const KINDS = "image/*,video/*,.heic,.heif,.avif,.tif,.tiff,.mkv,.avi";

export function Intake({ large, models, here, onHere, onFiles, onAddress }: Props) {
  const input = useRef<HTMLInputElement>(null);
  const [camera, setCamera] = useState(false);
  const over = useDrop(onFiles);
  const limits = models?.limits;
  return (
    <div className={`intake ${large ? "large" : "small"} ${over ? "over" : ""}`}>
      <div className="intake-well">
        {large && <Icon name="upload" />}
        {large && <p className="intake-drop">{over ? texts.intake.release : here ? texts.here.drop : texts.intake.drop}</p>}
        {large && <p className="quiet">{texts.intake.or}</p>}
        <div className="row">
          <button type="button" className="main" onClick={() => input.current?.click()}>
            <Icon name="folder" /> {large ? texts.intake.pick : texts.intake.more}
          </button>
          <button type="button" onClick={() => setCamera(true)}>
            <Icon name="camera" /> {texts.intake.camera}
          </button>
        </div>
        <input
          ref={input}
          type="file"
          multiple
          hidden
          accept={KINDS}
          aria-label={texts.intake.pick}
          onChange={(event) => {
            onFiles([...(event.target.files ?? [])]);
            event.target.value = "";
          }}
        />
      </div>
      {onHere && <Where here={here} onHere={onHere} />}
      {models?.fetches_addresses && !here && <Address onAddress={onAddress} />}
      {large && (
        <p className="quiet small-print">
          {here ? texts.here.limits : limits && texts.intake.limits(bytes(limits.max_bytes!), bytes(limits.max_video_bytes!), Math.round(limits.max_duration_s! / 60))}{" "}
          {here ? texts.here.private : texts.intake.private}
        </p>
      )}
      {camera && <Camera onClose={() => setCamera(false)} onPicture={(file) => { setCamera(false); onFiles([file]); }} />}
    </div>
  );
}

/** Who checks: this browser, or the service. */
function Where({ here, onHere }: { here: boolean; onHere: (here: boolean) => void }) {
  return (
    <fieldset className="where">
      <legend>{texts.here.where}</legend>
      {[false, true].map((one) => (
        <label key={String(one)}>
          <input type="radio" name="where" checked={here === one} onChange={() => onHere(one)} />
          <span>{one ? texts.here.browser : texts.here.service}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Address({ onAddress }: { onAddress: (address: string) => void }) {
  const [text, setText] = useState("");
  return (
    <form
      className="address"
      onSubmit={(event) => {
        event.preventDefault();
        onAddress(text);
        setText("");
      }}
    >
      <label htmlFor="address">{texts.intake.address}</label>
      <div className="row">
        <input id="address" type="url" required pattern="https?://.+" maxLength={8192} placeholder="https://" value={text} onChange={(event) => setText(event.target.value)} aria-describedby="address-hint" />
        <button type="submit"><Icon name="link" /> {texts.intake.addressGo}</button>
      </div>
      <p id="address-hint" className="quiet small-print">{texts.intake.addressHint}</p>
    </form>
  );
}

/** The whole window takes files; returns whether some hang over it. */
function useDrop(onFiles: (files: File[]) => void): boolean {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    const drag = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent) => event.relatedTarget === null && setOver(false);
    const drop = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(false);
      onFiles([...(event.dataTransfer?.files ?? [])]);
    };
    addEventListener("dragover", drag);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragover", drag);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", drop);
    };
  }, [onFiles]);
  return over;
}
