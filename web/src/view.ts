// Where one looks at a picture: how many times it is enlarged, and where its corner then lies in the frame, in pixels.
import type { Box } from "./faces";

export interface View {
  readonly zoom: number;
  readonly x: number;
  readonly y: number;
}
export interface Size {
  readonly width: number;
  readonly height: number;
}

export const WHOLE: View = { zoom: 1, x: 0, y: 0 };
/** Pixels of the screen for a pixel of the picture, at most; and a zoom that even a small picture allows. */
const MOST_PX = 4;
const LEAST_MOST = 4;
/** Width that a face gets when one flies to it, as a share of the frame. */
const FACE_SHARE = 0.28;

/** How far a picture of so many pixels can be enlarged in a frame. */
export function mostZoom(frame: Size, pictureWidth: number): number {
  return Math.max(LEAST_MOST, (MOST_PX * pictureWidth) / Math.max(1, frame.width));
}

/** The nearest view that leaves no gap at a border. */
export function clamped({ zoom, x, y }: View, frame: Size, most = Infinity): View {
  const z = Math.min(most, Math.max(1, zoom));
  const within = (at: number, length: number) => Math.min(0, Math.max(length - length * z, at));
  return { zoom: z, x: within(x, frame.width), y: within(y, frame.height) };
}

/** Enlarge by a factor, while what lies at a point of the frame stays there. */
export function zoomed(view: View, factor: number, at: readonly [number, number], frame: Size, most: number): View {
  const zoom = Math.min(most, Math.max(1, view.zoom * factor));
  const by = zoom / view.zoom;
  return clamped({ zoom, x: at[0] - by * (at[0] - view.x), y: at[1] - by * (at[1] - view.y) }, frame, most);
}

/** Bring a face, by its box as shares of the picture, to the middle, large enough to be looked at. */
export function flownTo(box: Box, view: View, frame: Size, most: number): View {
  const zoom = Math.min(most, Math.max(view.zoom, FACE_SHARE / Math.max(box[2] - box[0], 1e-6)));
  const x = frame.width / 2 - (zoom * frame.width * (box[0] + box[2])) / 2;
  const y = frame.height / 2 - (zoom * frame.height * (box[1] + box[3])) / 2;
  return clamped({ zoom, x, y }, frame, most);
}

/** The least move that brings a box, as shares of the picture, into the frame. */
export function brought(box: Box, view: View, frame: Size): View {
  const into = (low: number, high: number, at: number, length: number) => {
    const from = at + low * view.zoom * length, to = at + high * view.zoom * length;
    return from < 0 ? at - from : to > length ? at - (to - length) : at;
  };
  const moved = { zoom: view.zoom, x: into(box[0], box[2], view.x, frame.width), y: into(box[1], box[3], view.y, frame.height) };
  return clamped(moved, frame);
}
