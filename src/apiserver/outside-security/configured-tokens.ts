import type { Metric } from '../../std/metric.ts';
import { createUnionTokenAuthenticator } from '../authentication/bearer-token.ts';
import { createIssuerKeys } from '../authentication/oidc/issuer-keys.ts';
import { createJwtAuthenticator } from '../authentication/oidc/jwt-authenticator.ts';
import { followFile } from '../configuration-files/follow-file.ts';
import { readConfigurationText } from '../configuration-files/read-configuration.ts';
import { ReloadMetrics } from '../configuration-files/reload-metrics.ts';
import type { TokenAuthenticator } from '../contracts.ts';
import {
  AUTHENTICATION_FLAG,
  type AuthenticationConfiguration,
  readAuthenticationConfiguration,
} from './authentication-configuration.ts';
import type { OutsideSecurityDeps } from './outside-security.ts';

/** The issuers of `--authentication-config`, as its file says at any time. */
export interface ConfiguredTokens {
  readonly metrics: Metric;
  readonly tokens: TokenAuthenticator;
  /** What the file said when the server began; changes of it take a restart, as upstream. */
  readonly anonymous: AuthenticationConfiguration['anonymous'];
  close(): void;
}

/** Reads the file and follows it. Throws a CodedError that names file and field. */
export async function openConfiguredTokens(path: string, deps: OutsideSecurityDeps): Promise<ConfiguredTokens> {
  const { clock, logger, ownIssuers } = deps;
  const read = () => readConfigurationText(path, AUTHENTICATION_FLAG);
  const issuersOf = ({ jwt }: AuthenticationConfiguration) =>
    jwt.map((config) => ({ config, keys: createIssuerKeys(config.issuer, clock) }));
  const unite = (issuers: ReturnType<typeof issuersOf>) =>
    createUnionTokenAuthenticator(issuers.map(({ config, keys }) => createJwtAuthenticator(config, clock, keys)));

  const text = await read();
  const first = await readAuthenticationConfiguration({ path, text, ownIssuers });
  let current = unite(issuersOf(first));
  const metrics = new ReloadMetrics('authentication', text, clock);
  const follower = followFile({
    what: 'authentication config',
    path,
    text,
    read,
    async apply(newer) {
      const issuers = issuersOf(await readAuthenticationConfiguration({ path, text: newer, ownIssuers }));
      // Those that work are not given up for some that do not; it is tried again in a minute.
      await Promise.all(issuers.map(({ keys }) => keys.candidates(undefined)));
      current = unite(issuers);
    },
    clock,
    logger,
    atOnce: true,
    observer: metrics,
  });
  return {
    metrics,
    tokens: { authenticateToken: (token, audiences) => current.authenticateToken(token, audiences) },
    anonymous: first.anonymous,
    close: () => follower.close(),
  };
}
