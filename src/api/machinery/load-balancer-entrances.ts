import { checkField } from './field-checks.ts';
import { invalidField } from './field-error.ts';
import { checkIp, parseIp } from './ip.ts';
import { checkDnsSubdomain } from './names.ts';
import type { FieldError } from './status-error.ts';

export const NOT_A_NAME = 'must be a DNS name, not an IP address';

/** Where a load balancer is reached; of Ingresses and Services alike. */
export function validateEntrances(
  entrances: readonly { readonly ip?: string; readonly hostname?: string }[],
  stored: readonly { readonly ip?: string }[],
  path: string,
): FieldError[] {
  const storedIps = stored.flatMap(({ ip }) => ip ?? []);
  return entrances.flatMap(({ ip, hostname }, i) => {
    const errors = ip ? checkIp(`${path}[${i}].ip`, ip, storedIps) : [];
    if (!hostname) return errors;
    errors.push(...checkField(`${path}[${i}].hostname`, hostname, checkDnsSubdomain));
    if (parseIp(hostname)) errors.push(invalidField(`${path}[${i}].hostname`, hostname, NOT_A_NAME));
    return errors;
  });
}
