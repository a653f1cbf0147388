import { createPublicKey } from 'node:crypto';
import { parsePrivateKey } from '../../pki/keys.ts';
import type { AssetFiles } from './asset-files.ts';
import type { Pair } from './material.ts';

/**
 * How far the replacement of a key is that others trust. Which files there are tells it, so that it goes on after any end:
 *
 * ```
 *            files                         signs   trusted
 * settled    NAME                          NAME    NAME
 * bundle     NAME, NAME-next               NAME    NAME + next
 * signing    NAME, NAME-previous           NAME    NAME + previous
 * ```
 *
 * With both `-next` and `-previous` the change from `bundle` to `signing` was cut short: `next` signs already.
 */
export type RotationStage = 'settled' | 'bundle' | 'signing';

/** A pair that signs, and all that is trusted beside it: its own public half first. */
export interface RotatingPair {
  readonly pair: Pair;
  readonly trust: string;
  readonly stage: RotationStage;
}

/** Where a pair lies among the assets. */
export interface PairName {
  readonly path: string;
  /** `key`: the public half is made of the key whenever it is read, and has no file of its own but as `-previous`. */
  readonly publicHalf: 'certificate' | 'key';
}

/** The pair that is there; undefined when there is none. Half a pair is answered with an empty text. */
export async function readRotating(files: AssetFiles, name: PairName): Promise<RotatingPair | undefined> {
  const [own, next, previous] = await Promise.all([
    readPair(files, name, ''),
    readPair(files, name, '-next'),
    files.read(`${name.path}-previous.pem`),
  ]);
  if (!own) return undefined;
  const isNext = next !== undefined && next.certificate !== '' && next.key !== '';
  if (isNext && previous !== undefined) return { pair: next, trust: next.certificate + previous, stage: 'signing' };
  if (isNext) return { pair: own, trust: own.certificate + next.certificate, stage: 'bundle' };
  if (previous !== undefined) return { pair: own, trust: own.certificate + previous, stage: 'signing' };
  return { pair: own, trust: own.certificate, stage: 'settled' };
}

/** Keeps a new pair beside the one that signs: `settled` becomes `bundle`. */
export async function writeNext(files: AssetFiles, name: PairName, next: Pair): Promise<void> {
  await writePair(files, name, '-next', next);
}

/** Lets the new pair sign: `bundle` becomes `signing`. Done twice, or half before, it ends the same. */
export async function promoteNext(files: AssetFiles, name: PairName): Promise<void> {
  const [own, next] = await Promise.all([readPair(files, name, ''), readPair(files, name, '-next')]);
  if (!own || !next?.key || !next.certificate) return;
  if ((await files.read(`${name.path}-previous.pem`)) === undefined)
    await files.write(`${name.path}-previous.pem`, own.certificate, false);
  await writePair(files, name, '', next);
  // The certificate last: as long as it is there, this is done again.
  await files.remove(`${name.path}-next.key`);
  if (name.publicHalf === 'certificate') await files.remove(`${name.path}-next.pem`);
}

/** Trusts the old one no more: `signing` becomes `settled`. */
export async function forgetPrevious(files: AssetFiles, { path }: PairName): Promise<void> {
  // What a promotion that was cut short left.
  await files.remove(`${path}-next.key`);
  await files.remove(`${path}-next.pem`);
  await files.remove(`${path}-previous.pem`);
}

export async function writePair(files: AssetFiles, name: PairName, suffix: string, pair: Pair): Promise<void> {
  // The key first: a certificate without one would be taken for finished.
  await files.write(`${name.path}${suffix}.key`, pair.key, true);
  if (name.publicHalf === 'certificate') await files.write(`${name.path}${suffix}.pem`, pair.certificate, false);
}

async function readPair(files: AssetFiles, { path, publicHalf }: PairName, suffix: string): Promise<Pair | undefined> {
  const key = await files.read(`${path}${suffix}.key`);
  const certificate = publicHalf === 'certificate' ? await files.read(`${path}${suffix}.pem`) : key && publicHalfOf(key);
  if (key === undefined && certificate === undefined) return undefined;
  return { key: key ?? '', certificate: certificate ?? '' };
}

/** As PEM. */
export const publicHalfOf = (keyPem: string): string =>
  createPublicKey(parsePrivateKey(keyPem).keyObject).export({ type: 'spki', format: 'pem' }).toString();
