import { X509Certificate } from 'node:crypto';

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

type Data = Readonly<Record<string, string>>;

/**
 * What `extension-apiserver-authentication` is to say when several API servers write it, each of which may know another authority while
 * one is being replaced: what any of them wants, and authorities until they expire
 * (pkg/controlplane/controller/clusterauthenticationtrust). Answers `stored` itself when that says it all.
 */
export function mergeAuthenticationData(stored: Data, wanted: Data, nowMs: number): Data {
  const merged: Record<string, string> = { ...stored };
  for (const [key, value] of Object.entries(wanted)) {
    const before = Object.hasOwn(stored, key) ? stored[key]! : undefined;
    if (before === undefined || before === value) merged[key] = value;
    else if (key.endsWith('-ca-file')) merged[key] = mergeBundles(before, value, nowMs);
    else merged[key] = mergeNames(before, value, key === 'requestheader-allowed-names');
  }
  const changed = Object.keys(merged).some((key) => merged[key] !== stored[key]);
  return changed ? merged : stored;
}

function mergeBundles(stored: string, wanted: string, nowMs: number): string {
  const [known, own] = [certificatesOf(stored), certificatesOf(wanted)];
  const kept = known.filter(({ validTo }) => Date.parse(validTo) > nowMs);
  const missing = own.filter(({ fingerprint256 }) => !kept.some((other) => other.fingerprint256 === fingerprint256));
  if (kept.length === known.length && known.length > 0 && missing.length === 0) return stored;
  return [...kept, ...missing].map((certificate) => `${certificate.toString().trim()}\n`).join('');
}

/** None when it is no bundle: somebody wrote something else there, which is replaced. */
function certificatesOf(pem: string): readonly X509Certificate[] {
  try {
    return (pem.match(BLOCK) ?? []).map((block) => new X509Certificate(block));
  } catch {
    return [];
  }
}

/** @param emptyMeansAll no name is a name for all, which more names would take away */
function mergeNames(stored: string, wanted: string, emptyMeansAll: boolean): string {
  const known = namesOf(stored);
  if (!known) return wanted;
  const own = namesOf(wanted) ?? [];
  if (emptyMeansAll && (known.length === 0 || own.length === 0)) return JSON.stringify([]);
  const all = [...new Set([...known, ...own])];
  return all.length === known.length ? stored : JSON.stringify(all);
}

function namesOf(text: string): readonly string[] | undefined {
  try {
    const names: unknown = JSON.parse(text);
    return Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : undefined;
  } catch {
    return undefined;
  }
}
