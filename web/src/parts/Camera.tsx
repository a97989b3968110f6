import { useEffect, useRef, useState } from "react";
import { texts } from "../texts";

/** A live picture and a button; nothing leaves the browser before the button is pressed. */
export function Camera({ onPicture, onClose }: { onPicture: (file: File) => void; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const [state, setState] = useState<"starting" | "live" | "refused">("starting");

  useEffect(() => {
    const box = dialog.current;
    if (box && !box.open) box.showModal();
    let stream: MediaStream | null = null;
    let gone = false;
    const start = async () => {
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 1920 } } });
        if (gone) stream.getTracks().forEach((track) => track.stop());
        else if (video.current) video.current.srcObject = stream;
      } catch {
        setState("refused");
      }
    };
    void start();
    return () => {
      gone = true;
      stream?.getTracks().forEach((track) => track.stop());
    };
  }, []);

  const take = async () => {
    const source = video.current!;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [source.videoWidth, source.videoHeight];
    canvas.getContext("2d")!.drawImage(source, 0, 0);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
    if (blob) onPicture(new File([blob], texts.camera.file, { type: "image/png" }));
  };

  return (
    <dialog ref={dialog} className="camera" aria-labelledby="camera" onClose={onClose}>
      <h2 id="camera">{texts.camera.title}</h2>
      {state === "refused" ? (
        <p role="alert">{texts.camera.refused}</p>
      ) : (
        <video ref={video} autoPlay muted playsInline onPlaying={() => setState("live")} />
      )}
      <div className="row">
        <button type="button" className="main" disabled={state !== "live"} onClick={() => void take()}>{texts.camera.take}</button>
        <button type="button" onClick={onClose}>{texts.camera.close}</button>
      </div>
    </dialog>
  );
}
