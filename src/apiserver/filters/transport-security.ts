import { FlagError } from '../../std/flags.ts';

const FLAG = '--strict-transport-security-directives';

/** The header by which browsers learn to come by HTTPS alone (RFC 6797), from its directives; undefined without any. */
export function strictTransportSecurity(directives: readonly string[]): string | undefined {
  for (const directive of directives) {
    if (directive.trim() === '') throw new FlagError(FLAG, `${FLAG}: a directive is empty`);
    if (directive === 'includeSubDomains' || directive === 'preload' || /^max-age=[^=]*$/.test(directive)) continue;
    throw new FlagError(FLAG, `${FLAG}: ${JSON.stringify(directive)} is none of max-age=expireTime, includeSubDomains, preload`);
  }
  return directives.length ? directives.join('; ') : undefined;
}
