// Fetch what checks are made of (web/local.py writes it): ONNX Runtime and three networks, packed, named by parts.json.
import { sha256 } from "./decode";
import type { ClassifierCard, FinderCard, MeshCard } from "./models";
import { LocalProblem, unable } from "./problem";
import type { Parts } from "./runtime";

interface File { file: string; sha256: string; bytes: number; packed_bytes: number }
export interface Manifest {
  runtime: File;
  finder: File & { card: FinderCard };
  mesh: File & { card: MeshCard };
  classifier: File & { card: ClassifierCard };
}

export const unreachable = () =>
  new LocalProblem({ code: "local.unreachable", status: 0, detail: "what checks are made of cannot be loaded", hint: "the network may be down; try again" });

async function got(address: URL): Promise<Response> {
  const response = await fetch(address).catch(() => null);
  if (!response?.ok || !response.body) throw unreachable();
  return response;
}

/** The list of what is needed at an address that ends in a slash. */
export const manifestAt = async (base: URL): Promise<Manifest> => (await got(new URL("parts.json", base))).json();

/** Fetch everything; `onShare` is told how much of it is here, from 0 to 1. */
export async function loadParts(base: URL, onShare: (share: number) => void = () => {}): Promise<Parts> {
  if (typeof DecompressionStream === "undefined" || !globalThis.crypto?.subtle) throw unable("this browser cannot check pictures by itself here: it needs a current browser, and HTTPS or localhost");
  const told = await manifestAt(base), files = [told.runtime, told.finder, told.mesh, told.classifier];
  const all = files.reduce((sum, file) => sum + file.packed_bytes, 0);
  let here = 0;
  const count = (length: number) => onShare(Math.min(1, (here += length) / all));
  const [wasm, finder, mesh, classifier] = (await Promise.all(files.map((file) => unpacked(base, file, count)))) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  return {
    wasm: wasm.buffer as ArrayBuffer,
    finder: { card: told.finder.card, bytes: finder }, mesh: { card: told.mesh.card, bytes: mesh }, classifier: { card: told.classifier.card, bytes: classifier },
  };
}

async function unpacked(base: URL, file: File, count: (length: number) => void): Promise<Uint8Array> {
  const response = await got(new URL(file.file, base));
  const counted = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, control) {
      count(chunk.byteLength);
      control.enqueue(chunk);
    },
  });
  const broken = () => { throw unreachable(); };
  let bytes = new Uint8Array(await new Response(response.body!.pipeThrough(counted as unknown as ReadableWritablePair<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>)).arrayBuffer().catch(broken));
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) { // some servers unpack such files on their way
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    bytes = new Uint8Array(await new Response(stream).arrayBuffer().catch(broken));
  }
  if ((await sha256(bytes)) !== file.sha256) throw unable(`${file.file} is not the file it should be`, "load the page again");
  return bytes;
}
