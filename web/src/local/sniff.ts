// What bytes are, by their content and never by their name, and how large: before a pixel is decoded.
import { tooLarge, unreadable, unsupported } from "./problem";

export interface Header { format: string; width: number; height: number }

const CLIP = "clips are judged by the FakeWeb service and program; give a picture, for example one frame of it";
const ascii = (bytes: Uint8Array, from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));
const starts = (bytes: Uint8Array, text: string) => ascii(bytes, 0, text.length) === text;

const PICTURES: readonly (readonly [string, string])[] = [
  ["\xff\xd8\xff", "JPEG"], ["\x89PNG\r\n\x1a\n", "PNG"], ["GIF87a", "GIF"], ["GIF89a", "GIF"], ["II*\0", "TIFF"], ["MM\0*", "TIFF"],
  ["\0\0\0\x0cJXL ", "JPEG XL"], ["\xff\x0a", "JPEG XL"], ["\0\0\0\x0cjP  ", "JPEG 2000"], ["\xff\x4f\xff\x51", "JPEG 2000"], ["qoif", "QOI"], ["BM", "BMP"],
];
const OTHERS: readonly (readonly [string, string, string])[] = [
  ["\x1a\x45\xdf\xa3", "a WebM or Matroska video", CLIP], ["FLV\x01", "a Flash video", CLIP], ["\x30\x26\xb2\x75", "a Windows Media video", CLIP],
  ["\0\0\x01\xba", "an MPEG video", CLIP], ["\0\0\x01\xb3", "an MPEG video", CLIP], ["OggS", "an Ogg stream", CLIP],
  ["%PDF", "a PDF document", "export the page as a picture"], ["8BPS", "a Photoshop document", "save it as JPEG or PNG"],
  ["PK\x03\x04", "a ZIP archive", "unpack it and give the pictures inside"], ["\x1f\x8b", "gzip-compressed", "unpack it and give the picture inside"],
];
const HEIF = ["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"];
const SUFFIXES: Record<string, string> = {
  jpg: "JPEG", jpeg: "JPEG", jpe: "JPEG", jfif: "JPEG", png: "PNG", apng: "PNG", webp: "WebP", avif: "AVIF", gif: "GIF", bmp: "BMP", dib: "BMP",
  heic: "HEIF", heif: "HEIF", tif: "TIFF", tiff: "TIFF", jp2: "JPEG 2000", jxl: "JPEG XL", ico: "ICO", qoi: "QOI",
};

/** The format and size of a picture; throws for what is none, or moves. Size 0 where the header was not read. */
export function sniff(bytes: Uint8Array, name: string): Header {
  if (!bytes.length) throw unreadable(`${name} is empty`, "copy or download the file again");
  if (bytes.length < 12) throw unreadable(`${name} is damaged: ${bytes.length} bytes are too few for any picture`);
  const format = formatOf(bytes, name);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = { JPEG: jpegSize, PNG: pngSize, GIF: gifSize, WebP: webpSize, BMP: bmpSize }[format];
  const [width, height] = read ? read(view, bytes, name) : [0, 0];
  return { format, width, height };
}

/** A warning where the name's suffix promises another format. */
export function suffixWarning(name: string, format: string): string[] {
  const suffix = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? "", promised = SUFFIXES[suffix];
  return !promised || promised === format ? [] : [`the name ends in .${suffix}, but the content is ${format}`];
}

function formatOf(bytes: Uint8Array, name: string): string {
  if (ascii(bytes, 4, 8) === "ftyp") {
    const brand = ascii(bytes, 8, 12);
    if (brand === "avis") throw moving(name);
    if (brand === "avif" || (brand === "mif1" && ascii(bytes, 16, 40).includes("avif"))) return "AVIF";
    if (HEIF.includes(brand)) return "HEIF";
    throw unsupported(`${name} is an MP4 or QuickTime video, which is not checked in the browser`, CLIP);
  }
  if (starts(bytes, "RIFF") && ascii(bytes, 8, 12) === "WEBP") return "WebP";
  if (starts(bytes, "RIFF") && ascii(bytes, 8, 12) === "AVI ") throw unsupported(`${name} is an AVI video, which is not checked in the browser`, CLIP);
  const known = PICTURES.find(([magic]) => starts(bytes, magic));
  if (known) return known[1];
  if (starts(bytes, "\0\0\x01\0")) return "ICO";
  const other = OTHERS.find(([magic]) => starts(bytes, magic));
  if (other) throw unsupported(`${name} is ${other[1]}, which FakeWeb does not read here`, other[2]);
  const head = ascii(bytes, 0, Math.min(2048, bytes.length)).toLowerCase();
  if (head.includes("<svg")) throw unsupported(`${name} is an SVG drawing, which FakeWeb does not read`, "export it as PNG");
  if (head.includes("<html") || head.includes("<!doctype html")) throw unsupported(`${name} is a web page, which FakeWeb does not read`, "save the picture itself, not the page around it");
  if (bytes.every((byte) => byte === 0)) throw unreadable(`${name} is damaged: it holds nothing but zeros`);
  throw unsupported(`${name} is of an unknown kind, which FakeWeb does not read`, "in the browser it reads JPEG, PNG, WebP, AVIF, GIF and BMP");
}

const moving = (name: string) => unsupported(`${name} is a moving picture, which is not checked in the browser`, CLIP);
const cut = (name: string, kind: string) => unreadable(`${name} is incomplete: the ${kind} data end too early`, "copy or download the file again");

function jpegSize(view: DataView, bytes: Uint8Array, name: string): [number, number] {
  let size: [number, number] | null = null, scan = 0;
  for (let at = 2; at + 4 <= bytes.length && !scan; ) {
    if (bytes[at] !== 0xff) { at++; continue; }
    const marker = bytes[at + 1]!;
    if (marker === 0xff) { at++; continue; }
    if (marker === 0xda) scan = at;
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd9)) { at += 2; continue; }
    const frame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (frame && at + 9 <= bytes.length) size ??= [view.getUint16(at + 7), view.getUint16(at + 5)];
    at += 2 + view.getUint16(at + 2);
  }
  if (!size || !scan) throw cut(name, "JPEG");
  let end = bytes.length - 2; // the end marker, with whatever stands behind it
  while (end > scan && !(bytes[end] === 0xff && bytes[end + 1] === 0xd9)) end--;
  if (end <= scan) throw cut(name, "JPEG");
  return size;
}

function pngSize(view: DataView, bytes: Uint8Array, name: string): [number, number] {
  let ended = false;
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at), kind = ascii(bytes, at + 4, at + 8);
    if (kind === "acTL" && at + 12 <= bytes.length && view.getUint32(at + 8) > 1) throw moving(name);
    if (kind === "IEND") { ended = true; break; }
    at += 12 + length;
  }
  if (bytes.length < 33 || !ended) throw cut(name, "PNG");
  return [view.getUint32(16), view.getUint32(20)];
}

function gifSize(view: DataView, bytes: Uint8Array, name: string): [number, number] {
  const table = (flags: number) => (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0);
  let at = 13 + table(bytes[10]!), frames = 0;
  const blocks = () => {
    while (at < bytes.length && bytes[at]) at += bytes[at]! + 1;
    at++;
  };
  while (at < bytes.length && bytes[at] !== 0x3b) {
    if (bytes[at] === 0x21) { at += 2; blocks(); }
    else if (bytes[at] === 0x2c) {
      if (++frames > 1) throw moving(name);
      at += 10 + table(bytes[at + 9]!) + 1;
      blocks();
    } else break;
  }
  if (!frames || at > bytes.length) throw cut(name, "GIF");
  return [view.getUint16(6, true), view.getUint16(8, true)];
}

function webpSize(view: DataView, bytes: Uint8Array, name: string): [number, number] {
  if (bytes.length < 30 || view.getUint32(4, true) + 8 > bytes.length + 1) throw cut(name, "WebP");
  const kind = ascii(bytes, 12, 16);
  if (kind === "VP8X") {
    if (bytes[20]! & 2) throw moving(name);
    const wide = (at: number) => 1 + view.getUint16(at, true) + (bytes[at + 2]! << 16);
    return [wide(24), wide(27)];
  }
  if (kind === "VP8L") {
    const bits = view.getUint32(21, true);
    return [1 + (bits & 0x3fff), 1 + ((bits >> 14) & 0x3fff)];
  }
  return [view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff];
}

function bmpSize(view: DataView, bytes: Uint8Array, name: string): [number, number] {
  if (bytes.length < 26) throw cut(name, "BMP");
  return [Math.abs(view.getInt32(18, true)), Math.abs(view.getInt32(22, true))];
}

const MAX_PIXELS = 80_000_000;
const MAX_SIDE_PX = 16_384; // of a canvas in every browser
export const MAX_BYTES = 64 * 1024 * 1024;

const number = (value: number) => value.toLocaleString("en-US");

/** Refuse a size that is empty or over a limit; the service's, but for the longest side. */
export function checkSize(width: number, height: number, name: string): void {
  if (width < 1 || height < 1) throw unreadable(`${name} is damaged: its header gives the size ${width} x ${height}`);
  const smaller = "scale the picture down, or use the FakeWeb service or program, which read larger ones";
  if (Math.max(width, height) > MAX_SIDE_PX) throw tooLarge(`${name} is ${width} x ${height} pixels; a side may have ${number(MAX_SIDE_PX)}`, smaller);
  if (width * height > MAX_PIXELS) throw tooLarge(`${name} has ${number(width * height)} pixels; the limit is ${number(MAX_PIXELS)}`, smaller);
}

export function checkBytes(count: number, name: string): void {
  if (count > MAX_BYTES) throw tooLarge(`${name} is larger than the limit of ${number(MAX_BYTES)} bytes`, "give a smaller file");
}
