import { CodedError } from '../../std/coded-error.ts';
import type { AssetFiles } from './asset-files.ts';

/** Says that certificates are renewed, since when; there until all hosts have theirs. */
export const RENEWAL = 'pki/renewal.json';

export interface Renewal {
  /** Certificates that were made before are made again. Milliseconds since the epoch, in whole seconds as certificates have them. */
  readonly startedMs: number;
}

/** The renewal that has begun and not ended. @throws CodedError ASSETS_MALFORMED */
export async function readRenewal(files: AssetFiles): Promise<Renewal | undefined> {
  const text = await files.read(RENEWAL);
  if (text === undefined) return undefined;
  const [, digits] = /^\{"startedMs":(\d{1,15})\}\n$/.exec(text) ?? [];
  if (digits === undefined)
    throw new CodedError(`${RENEWAL} of the assets cannot be read; it is made by "muster deploy rotate certificates"`, {
      code: 'ASSETS_MALFORMED',
    });
  return { startedMs: Number(digits) };
}

export async function beginRenewal(files: AssetFiles, nowMs: number): Promise<void> {
  // A certificate of this very second is new.
  await files.write(RENEWAL, `${JSON.stringify({ startedMs: Math.floor(nowMs / 1000) * 1000 })}\n`, false);
}

export const endRenewal = (files: AssetFiles): Promise<void> => files.remove(RENEWAL);
