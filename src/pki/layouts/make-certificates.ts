import { join } from 'node:path';
import { writeFileAtomic } from '../../std/atomic-file.ts';
import { CodedError } from '../../std/coded-error.ts';
import { type Authority, createAuthority, openAuthority } from '../authority.ts';
import type { Certificate } from '../certificate.ts';
import { generatePrivateKey, type KeyAlgorithm, parsePrivateKey } from '../keys.ts';
import { findFiles, readIfExists, writePair } from './certificate-files.ts';
import { type CertificateSpec, type FileNaming, filesOf } from './layout.ts';
import { type PlannedCertificate, planCertificate } from './plan.ts';

export interface MakeOptions {
  naming: FileNaming;
  specs: readonly CertificateSpec[];
  algorithm: KeyAlgorithm;
  authorityLifetimeMs: number;
  lifetimeMs: number;
  nowMs: number;
  /** Replace certificates that are there but not good. */
  overwrite: boolean;
  /** Replace the authority, and with it everything it signed. */
  newAuthority: boolean;
  /** Of a new authority. Default `kubernetes`. */
  authorityName?: string;
}

export interface MadeCertificates {
  readonly authority: 'created' | 'kept';
  readonly certificates: readonly PlannedCertificate[];
}

/** Clocks of other hosts may be behind ours. */
const BACKDATE_MS = 5 * 60_000;
const AUTHORITY = { name: 'ca' };

/**
 * Makes what is missing. Throws a CodedError before it writes anything when an authority is there that cannot be used
 * (AUTHORITY_UNUSABLE) or certificates that are not good (CERTIFICATES_CONFLICT), unless it was told to replace them.
 */
export async function makeCertificates(options: MakeOptions): Promise<MadeCertificates> {
  const { naming, nowMs, newAuthority } = options;
  const existing = newAuthority ? undefined : await openExistingAuthority(naming, nowMs);
  const certificates = await planAll(options, existing?.certificate);
  const conflicts = certificates.filter(({ action }) => action === 'conflict');
  if (conflicts.length > 0) {
    const lines = conflicts.map(({ files, reason }) => `${files.certificate}: ${reason}`);
    throw new CodedError(
      `${lines.join('; ')}; --force makes them anew as asked for here, "muster certs renew" with the names that they have`,
      { code: 'CERTIFICATES_CONFLICT' },
    );
  }
  const authority = existing ?? (await createAuthorityFiles(options));
  for (const { spec, action } of certificates) if (action !== 'keep') await makeOne(options, authority, spec);
  await copyAuthority(options, authority);
  return { authority: existing ? 'kept' : 'created', certificates };
}

/** What `makeCertificates` would do to each certificate. */
async function planAll(options: MakeOptions, authority: Certificate | undefined): Promise<PlannedCertificate[]> {
  const { naming, specs, nowMs, overwrite, newAuthority } = options;
  return Promise.all(
    specs.map(async (spec) => {
      const files = filesOf(naming, spec);
      return planCertificate(spec, files, await findFiles(files), { authority, nowMs, overwrite: overwrite || newAuthority });
    }),
  );
}

/** The authority in the directory; undefined when neither of its files is there. */
export async function openExistingAuthority(naming: FileNaming, nowMs: number): Promise<Authority | undefined> {
  const files = filesOf(naming, AUTHORITY);
  const [certificate, key] = await Promise.all([readIfExists(files.certificate), readIfExists(files.key)]);
  if (certificate === undefined && key === undefined) return undefined;
  const unusable = (problem: string, cause?: unknown) =>
    new CodedError(`the authority ${files.certificate} cannot be used: ${problem}; it is only replaced with --new-ca`, {
      code: 'AUTHORITY_UNUSABLE',
      cause,
    });
  if (certificate === undefined) throw unusable(`there is a key ${files.key}, but no certificate`);
  if (key === undefined) throw unusable(`its key ${files.key} is missing`);
  let authority: Authority;
  try {
    authority = openAuthority(certificate, key);
  } catch (cause) {
    throw unusable((cause as Error).message, cause);
  }
  if (authority.notAfterMs < nowMs) throw unusable(`it expired on ${new Date(authority.notAfterMs).toISOString()}`);
  return authority;
}

async function createAuthorityFiles(options: MakeOptions): Promise<Authority> {
  const { naming, algorithm, authorityLifetimeMs, nowMs, authorityName = 'kubernetes' } = options;
  const authority = await createAuthority({
    commonName: authorityName,
    key: await generatePrivateKey(algorithm),
    notBeforeMs: nowMs - BACKDATE_MS,
    notAfterMs: nowMs + authorityLifetimeMs,
  });
  await writePair(filesOf(naming, AUTHORITY), authority.certificatePem, authority.privateKeyPem);
  return authority;
}

async function makeOne(
  { naming, algorithm, lifetimeMs, nowMs }: MakeOptions,
  authority: Authority,
  spec: CertificateSpec,
): Promise<void> {
  const key = await generatePrivateKey(algorithm);
  const validity = { notBeforeMs: nowMs - BACKDATE_MS, notAfterMs: nowMs + lifetimeMs };
  const certificatePem = await authority.issue({ ...spec, ...validity, publicKeyDer: key.publicKeyDer });
  await writePair(filesOf(naming, spec), certificatePem, key.pem);
}

async function copyAuthority({ naming, specs }: MakeOptions, authority: Authority): Promise<void> {
  for (const { authorityCopy } of specs) {
    if (!authorityCopy) continue;
    const path = join(naming.directory, authorityCopy + naming.certificateSuffix);
    await writeFileAtomic(path, authority.certificatePem, { mode: 0o644 });
  }
}

export interface RenewOptions extends Pick<MakeOptions, 'naming' | 'specs' | 'algorithm' | 'lifetimeMs' | 'nowMs'> {
  /** Otherwise the key stays: the API server's signs service-account tokens, which a new key would end. */
  newKey: boolean;
  /** Pass over certificates that are not there. */
  skipMissing: boolean;
}

/**
 * Issues each certificate again as it is: the same names, groups, addresses and usages. Returns the names of those renewed.
 * Throws a CodedError (CERTIFICATE_MISSING) that names the first that is not there.
 */
export async function renewCertificates(options: RenewOptions): Promise<string[]> {
  const renewedNames: string[] = [];
  const { naming, specs, nowMs, lifetimeMs } = options;
  const authority = await openExistingAuthority(naming, nowMs);
  if (!authority) throw new CodedError(`there is no authority in ${naming.directory}`, { code: 'AUTHORITY_MISSING' });
  for (const spec of specs) {
    const files = filesOf(naming, spec);
    const { certificate } = await findFiles(files);
    if (certificate === undefined && options.skipMissing) continue;
    if (certificate === undefined || typeof certificate === 'string') {
      const problem = certificate === undefined ? 'no such file' : certificate;
      throw new CodedError(`${files.certificate} cannot be renewed: ${problem}`, { code: 'CERTIFICATE_MISSING' });
    }
    const keyPem = options.newKey ? undefined : await readIfExists(files.key);
    if (keyPem === undefined && !options.newKey) {
      throw new CodedError(`${files.key}: no such file; --new-key makes another`, { code: 'KEY_MISSING' });
    }
    const key = keyPem === undefined ? await generatePrivateKey(options.algorithm) : parsePrivateKey(keyPem);
    const validity = { notBeforeMs: nowMs - BACKDATE_MS, notAfterMs: nowMs + lifetimeMs };
    const renewed = await authority.issue({ ...certificate, ...validity, publicKeyDer: key.publicKeyDer });
    await writePair(files, renewed, key.pem);
    renewedNames.push(spec.name);
  }
  return renewedNames;
}
