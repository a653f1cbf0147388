import { posix } from 'node:path';

export interface PayloadFile {
  readonly data: Uint8Array;
  /** Permission bits. */
  readonly mode: number;
  /** Who owns it; root when not given. */
  readonly uid?: number;
}

/** Files of a volume by their path in it. A map, since keys are whatever users like. */
export type Payload = ReadonlyMap<string, PayloadFile>;

const LONGEST_NAME = 255;
const LONGEST_PATH = 4096;

/**
 * A path of a payload in its shortest form.
 *
 * @throws Error in upstream's words (pkg/volume/util/atomic_writer.go) for a path that leaves the volume or begins as the kubelet's own do
 */
export function checkPayloadPath(path: string): string {
  if (path === '') throw new Error('invalid path: must not be empty: ""');
  if (path.startsWith('/')) throw new Error(`invalid path: must be relative path: ${path}`);
  if (Buffer.byteLength(path) > LONGEST_PATH)
    throw new Error(`invalid path: must be less than or equal to ${LONGEST_PATH} characters`);
  const names = path.split('/');
  if (names.includes('..')) throw new Error(`invalid path: must not contain '..': ${path}`);
  if (names.some((name) => Buffer.byteLength(name) > LONGEST_NAME))
    throw new Error(`invalid path: filenames must be less than or equal to ${LONGEST_NAME} characters`);
  const clean = posix.normalize(path).replace(/\/$/, '');
  if (clean.startsWith('..')) throw new Error(`invalid path: must not start with '..': ${path}`);
  if (clean === '.' || path.includes('\0')) throw new Error(`invalid path: names no file: ${JSON.stringify(path)}`);
  return clean;
}

/** The payload under clean paths. */
export function checkPayload(payload: Payload): Payload {
  return new Map([...payload].map(([path, file]) => [checkPayloadPath(path), file]));
}
