// ONNX Runtime in the browser: WebAssembly with SIMD, threads where the page is isolated from others.
import * as ort from "onnxruntime-web/wasm";
import type { ClassifierCard, FinderCard, MeshCard, Networks, Run, Tensor } from "./models";

export interface Model<Card> { card: Card; bytes: Uint8Array }
export interface Parts {
  /** ONNX Runtime's WebAssembly. */
  wasm: ArrayBuffer;
  finder: Model<FinderCard>;
  mesh: Model<MeshCard>;
  classifier: Model<ClassifierCard>;
}

const MOST_THREADS = 4;

/** How many threads are allowed here: more than one needs memory that is shared, which only isolated pages have. */
export function threadsHere(): number {
  const isolated = typeof crossOriginIsolated !== "undefined" && crossOriginIsolated;
  return isolated ? Math.max(1, Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1)) : 1;
}

export async function openNetworks(parts: Parts, threads = threadsHere()): Promise<Networks> {
  ort.env.wasm.wasmBinary = parts.wasm;
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error";
  const open = async <Card>({ card, bytes }: Model<Card>) => ({ card, run: await opened(bytes) });
  return { finder: await open(parts.finder), mesh: await open(parts.mesh), classifier: await open(parts.classifier) };
}

async function opened(bytes: Uint8Array): Promise<Run> {
  const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  const input = session.inputNames[0]!;
  return async (pixels, height, width) => {
    const out = await session.run({ [input]: new ort.Tensor("uint8", pixels, [1, height, width, 3]) });
    return Object.fromEntries(Object.entries(out).map(([name, value]) => [name, { dims: value.dims, data: value.data } as Tensor]));
  };
}
