/** Frames of SPDY/3.1 (https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/), as bytes. */
export const CONTROL_TYPES = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

export const FLAG_FIN = 1;
export const SPDY_VERSION = 3;

export const RESET = {
  protocolError: 1,
  invalidStream: 2,
  refusedStream: 3,
  cancel: 5,
  internalError: 6,
  streamInUse: 8,
} as const;

const HEADER_BYTES = 8;
const STREAM_ID_MASK = 0x7fffffff;

function controlFrame(type: number, flags: number, payload: Buffer): Buffer {
  const frame = Buffer.alloc(HEADER_BYTES + payload.length);
  frame.writeUInt16BE(0x8000 | SPDY_VERSION, 0);
  frame.writeUInt16BE(type, 2);
  frame.writeUInt8(flags, 4);
  frame.writeUIntBE(payload.length, 5, 3);
  payload.copy(frame, HEADER_BYTES);
  return frame;
}

function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, i * 4);
  return bytes;
}

/** @param block compressed */
export const synStreamFrame = (id: number, block: Buffer, flags = 0) =>
  controlFrame(CONTROL_TYPES.synStream, flags, Buffer.concat([words(id, 0), Buffer.alloc(2), block]));
export const synReplyFrame = (id: number, block: Buffer, flags = 0) =>
  controlFrame(CONTROL_TYPES.synReply, flags, Buffer.concat([words(id), block]));
export const rstStreamFrame = (id: number, status: number) => controlFrame(CONTROL_TYPES.rstStream, 0, words(id, status));
export const pingFrame = (id: number) => controlFrame(CONTROL_TYPES.ping, 0, words(id));
export const goAwayFrame = (lastId: number, status: number) => controlFrame(CONTROL_TYPES.goAway, 0, words(lastId, status));

/** The head of a data frame; the data goes behind it. */
export function dataHeader(id: number, length: number, flags = 0): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(id & STREAM_ID_MASK, 0);
  header.writeUInt8(flags, 4);
  header.writeUIntBE(length, 5, 3);
  return header;
}
