import type { SecurityConfig } from '../security.ts';
import type { OutsideSecurity, OutsideSecurityDeps } from './outside-security.ts';

/** What decides besides the server's own parts, for a server so configured; loaded for those that have some of it. */
export async function openOutside(
  { outside, serviceAccount }: SecurityConfig,
  deps: Omit<OutsideSecurityDeps, 'apiAudiences' | 'ownIssuers'>,
): Promise<OutsideSecurity> {
  const { openOutsideSecurity } = await import('./outside-security.ts');
  const ownIssuers = serviceAccount ? [serviceAccount.issuer, ...(serviceAccount.acceptedIssuers ?? [])] : [];
  const apiAudiences = serviceAccount?.apiAudiences ?? ownIssuers.slice(0, 1);
  return openOutsideSecurity(outside ?? {}, { ...deps, apiAudiences, ownIssuers });
}
