import { parseCertificates } from '../../pki/certificate.ts';
import type { KeyPair } from './certificate-store.ts';

/** What a certificate request asks for. */
export interface RequestTemplate {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
}

export type RotationPlan =
  /** `why` is undefined when nothing is wrong with the certificate but that there is none. */
  { readonly at: 'now'; readonly why?: string } | { readonly at: number };

/**
 * When the next certificate is to be asked for: at once when there is none or it lacks what is wanted, else at a random
 * point between 70 % and 90 % of its lifetime, so that nodes made together do not renew together.
 */
export function planRotation(current: KeyPair | undefined, template: RequestTemplate, random: () => number): RotationPlan {
  if (!current) return { at: 'now' };
  const why = missingFrom(current, template);
  if (why) return { at: 'now', why };
  const lifetimeMs = current.notAfterMs - current.notBeforeMs;
  return { at: current.notBeforeMs + lifetimeMs * (0.7 + 0.2 * random()) };
}

/** Why `pair` does not serve `template`; names and addresses that it has besides do no harm. */
function missingFrom(pair: KeyPair, template: RequestTemplate): string | undefined {
  const leaf = parseCertificates(pair.certificatePem)[0]!;
  if (leaf.commonName !== template.commonName)
    return `Current certificate CN (${leaf.commonName}) does not match requested CN (${template.commonName})`;
  const lacking = (wanted: readonly string[] | undefined, present: readonly string[]) =>
    (wanted ?? []).filter((name) => !present.includes(name));
  const dnsNames = lacking(template.dnsNames, leaf.dnsNames);
  if (dnsNames.length) return `Current certificate is missing requested DNS names [${dnsNames.join(' ')}]`;
  const addresses = lacking(template.ipAddresses, leaf.ipAddresses);
  if (addresses.length) return `Current certificate is missing requested IP addresses [${addresses.join(' ')}]`;
  const organizations = lacking(template.organizations, leaf.organizations);
  if (organizations.length) return `Current certificate is missing requested orgs [${organizations.join(' ')}]`;
  return undefined;
}

/** Delays between tries of one renewal: 2 s doubling five times, then every 32 s, as upstream. */
export function rotationRetryDelayMs(failures: number, random: () => number): number {
  return failures <= 4 ? 2000 * 2 ** (failures - 1) * (1 + 0.1 * random()) : 32_000;
}

/** A time as Go prints it: `2020-09-07 15:11:00.773 +0000 UTC`. */
export function formatGoTime(ms: number): string {
  const text = new Date(ms).toISOString();
  const fraction = text.slice(20, 23).replace(/0+$/, '');
  return `${text.slice(0, 10)} ${text.slice(11, 19)}${fraction && `.${fraction}`} +0000 UTC`;
}
