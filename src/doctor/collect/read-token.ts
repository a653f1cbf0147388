import type { V1Secret } from '../../api/gen/types.ts';
import { timeMs } from '../../api/machinery/time-text.ts';
import type { SeenToken } from '../observations.ts';

const GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
const USAGE = 'usage-bootstrap-';

/** What a bootstrap token's Secret says (k8s.io/cluster-bootstrap/token/api/types.go), but for the secret half. */
export function readToken(secret: V1Secret): SeenToken {
  const secretName = secret.metadata?.name ?? '';
  const value = (key: string) => Buffer.from(secret.data?.[key] ?? '', 'base64').toString('utf8');
  const id = value('token-id');
  const groups = value('auth-extra-groups')
    .split(',')
    .filter((group) => group !== '');
  const expiration = value('expiration');
  const expiresMs = expiration === '' ? undefined : (timeMs(expiration) ?? Number.NaN);
  const usages = Object.keys(secret.data ?? {}).filter((key) => key.startsWith(USAGE) && value(key) === 'true');
  const problem =
    (/^[a-z0-9]{6}$/.test(id) ? undefined : 'token-id is not six small letters and digits') ??
    (/^[a-z0-9]{16}$/.test(value('token-secret')) ? undefined : 'token-secret is not sixteen small letters and digits') ??
    (secretName === `bootstrap-token-${id}` ? undefined : `the Secret must be called bootstrap-token-${id}`) ??
    (expiresMs !== undefined && Number.isNaN(expiresMs) ? 'expiration is no time of RFC 3339' : undefined) ??
    (groups.every((group) => GROUP.test(group))
      ? undefined
      : 'auth-extra-groups holds a group that does not begin with system:bootstrappers:');
  return { secretName, id, problem, expiresMs, usages: usages.map((usage) => usage.slice(USAGE.length)), groups };
}
