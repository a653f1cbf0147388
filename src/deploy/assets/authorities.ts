import type { Inventory } from '../../api/config/v1/inventory.ts';
import { type Authority, createAuthority, openAuthority } from '../../pki/authority.ts';
import { generatePrivateKey, type PrivateKey, parsePrivateKey } from '../../pki/keys.ts';
import { CodedError } from '../../std/coded-error.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import type { AssetFiles } from './asset-files.ts';
import { type AuthorityName, certificatesOf } from './certificates.ts';
import type { Pair } from './material.ts';
import { type PairName, type RotatingPair, readRotating, writePair } from './rotation.ts';

/** Clocks of other hosts may be behind ours. */
export const BACKDATE_MS = 5 * 60_000;

export const AUTHORITIES: readonly AuthorityName[] = ['cluster', 'etcd', 'front-proxy'];

export const SERVICE_ACCOUNT: PairName = { path: 'pki/service-account', publicHalf: 'key' };

/** The folder of an authority and of what it signs. */
export const authorityFolder = ({ pki }: Inventory, name: AuthorityName): string =>
  pki.authorities === 'separate' && name !== 'cluster' ? `pki/${name}` : 'pki';

/** Where the authority itself lies. */
export const authorityFile = (inventory: Inventory, name: AuthorityName): PairName => ({
  path: `${authorityFolder(inventory, name)}/ca`,
  publicHalf: 'certificate',
});

/** A new authority for this purpose. Writes nothing. @param key of its own; default a new one */
export async function newAuthority(
  { pki, name: cluster }: Inventory,
  name: AuthorityName,
  nowMs: number,
  key?: PrivateKey,
): Promise<Authority> {
  return createAuthority({
    commonName: pki.authorities === 'separate' && name !== 'cluster' ? `${cluster}-${name}` : 'kubernetes',
    key: key ?? (await generatePrivateKey('ec-p256')),
    notBeforeMs: nowMs - BACKDATE_MS,
    notAfterMs: nowMs + parseGoDuration(pki.authorityValidity),
  });
}

/**
 * The authority among the assets, made when there is none.
 *
 * @throws CodedError AUTHORITY_UNUSABLE when one is there that cannot be used; it is never replaced here
 */
export async function openOrMakeAuthority(
  files: AssetFiles,
  inventory: Inventory,
  name: AuthorityName,
  nowMs: number,
): Promise<{ readonly authority: Authority; readonly rotating: RotatingPair }> {
  const at = authorityFile(inventory, name);
  const found = await readRotating(files, at);
  const begunKey = found && (await keyCutShort(files, inventory, name, found.pair));
  if (!found || begunKey) {
    const authority = await newAuthority(inventory, name, nowMs, begunKey);
    const pair = { certificate: authority.certificatePem, key: authority.privateKeyPem };
    await writePair(files, at, '', pair);
    return { authority, rotating: { pair, trust: pair.certificate, stage: 'settled' } };
  }
  const unusable = (problem: string, cause?: unknown) =>
    new CodedError(`the authority ${at.path}.pem of the assets cannot be used: ${problem}; it is never replaced unasked`, {
      code: 'AUTHORITY_UNUSABLE',
      cause,
    });
  if (!found.pair.certificate) throw unusable(`there is a key ${at.path}.key, but no certificate`);
  if (!found.pair.key) throw unusable(`its key ${at.path}.key is missing`);
  let authority: Authority;
  try {
    authority = openAuthority(found.pair.certificate, found.pair.key);
  } catch (cause) {
    throw unusable((cause as Error).message, cause);
  }
  if (authority.notAfterMs < nowMs) throw unusable(`it expired on ${new Date(authority.notAfterMs).toISOString()}`);
  return { authority, rotating: found };
}

/**
 * The key of an authority whose making was cut short behind it: there is no certificate, and nothing that it has signed. Otherwise somebody
 * has lost the certificate.
 */
async function keyCutShort(
  files: AssetFiles,
  inventory: Inventory,
  name: AuthorityName,
  { certificate, key }: Pair,
): Promise<PrivateKey | undefined> {
  if (certificate || !key) return undefined;
  const signed = certificatesOf(inventory)[name].map((spec) =>
    files.read(`${authorityFolder(inventory, name)}/${spec.name}.pem`),
  );
  return (await Promise.all(signed)).some((text) => text !== undefined) ? undefined : parsePrivateKey(key);
}
