import { checkField } from './field-checks.ts';
import { addErrors, invalidField } from './field-error.ts';
import { checkIp, parseIp } from './ip.ts';
import { checkDnsSubdomain } from './names.ts';
import type { FieldError } from './status-error.ts';

export const NOT_A_NAME = 'must be a DNS name, not an IP address';

/** Where a load balancer is reached. */
interface Entrance {
  readonly ip?: string;
  readonly hostname?: string;
}

/** Of Ingresses and Services alike. `more` is what else there is to say of an entrance, between its address and its name. */
export function validateEntrances<T extends Entrance>(
  entrances: readonly T[],
  stored: readonly Entrance[],
  path: string,
  more: (entrance: T, path: string) => readonly FieldError[] = () => [],
): FieldError[] {
  const storedIps = new Set(stored.map(({ ip = '' }) => ip));
  return entrances.flatMap((entrance, i) => {
    const at = `${path}[${i}]`;
    const { ip, hostname } = entrance;
    const errors = [...(ip ? checkIp(`${at}.ip`, ip, storedIps) : []), ...more(entrance, at)];
    if (!hostname) return errors;
    addErrors(errors, checkField(`${at}.hostname`, hostname, checkDnsSubdomain));
    if (parseIp(hostname)) errors.push(invalidField(`${at}.hostname`, hostname, NOT_A_NAME));
    return errors;
  });
}
