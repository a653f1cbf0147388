import type { Dial } from '../../client/transport/https.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { Logger } from '../../std/logger.ts';
import type { Metric } from '../../std/metric.ts';
import type { JwtAuthenticatorConfig } from '../authentication/oidc/jwt-authenticator.ts';
import type { WebhookTokenConfig } from '../authentication/webhook-token.ts';
import type { RuleResolver } from '../authorization/rule-resolver.ts';
import type { WebhookAuthorizerConfig } from '../authorization/webhook-authorizer.ts';
import type { Authorizer, TokenAuthenticator } from '../contracts.ts';
import type { AuthorizerChoice } from './configured-authorizers.ts';

/** Identities and permissions that are decided by files and servers outside the cluster. */
export interface OutsideSecurityConfig {
  /** `--oidc-*`. */
  readonly jwt?: readonly JwtAuthenticatorConfig[];
  /** `--authentication-config`. */
  readonly authenticationConfigFile?: string;
  /** `--anonymous-auth` was given: then that file may not say anything of it. */
  readonly anonymousAuthGiven?: boolean;
  readonly tokenWebhook?: WebhookTokenConfig;
  /** `--authorization-policy-file`, for the mode ABAC. */
  readonly abacPolicyFile?: string;
  /** `--authorization-webhook-*`, for the mode Webhook. */
  readonly authorizationWebhook?: WebhookAuthorizerConfig;
  /** `--authorization-config`, in place of modes. */
  readonly authorizationConfigFile?: string;
}

export interface OutsideSecurityDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  /** Makes connections to webhooks. Default: they are made directly. */
  readonly dial?: Dial | undefined;
  readonly apiAudiences: readonly string[];
  /** Issuers that are the server's own: nobody else's tokens may be theirs. */
  readonly ownIssuers: readonly string[];
}

/** What those files and servers decide, ready to be put among the server's own. */
export interface OutsideSecurity {
  /** Behind the server's own kinds of tokens. */
  readonly tokens: readonly TokenAuthenticator[];
  /** By the mode that names them: `ABAC`, `Webhook`. */
  readonly authorizers: ReadonlyMap<string, Authorizer & RuleResolver>;
  /** In place of `--authorization-mode`; absent: that flag says. */
  readonly chosenAuthorizers?: () => AuthorizerChoice;
  /** In place of `--anonymous-auth`: whether a request without credentials is let in as anonymous. */
  readonly anonymous?: (path: string) => boolean;
  /** Of files that are followed. */
  readonly metrics: readonly Metric[];
  close(): Promise<void>;
}

/** Reads the files and prepares the connections. Throws a CodedError that names file and field. */
export async function openOutsideSecurity(config: OutsideSecurityConfig, deps: OutsideSecurityDeps): Promise<OutsideSecurity> {
  const closing: (() => Promise<void> | void)[] = [];
  const tokens: TokenAuthenticator[] = [];
  const metrics: Metric[] = [];
  let anonymous: OutsideSecurity['anonymous'];
  if (config.authenticationConfigFile !== undefined) {
    const { openConfiguredTokens } = await import('./configured-tokens.ts');
    const configured = await openConfiguredTokens(config.authenticationConfigFile, deps);
    closing.push(() => configured.close());
    tokens.push(configured.tokens);
    metrics.push(configured.metrics);
    anonymous = configured.anonymous;
    if (anonymous && config.anonymousAuthGiven) {
      configured.close();
      throw new CodedError(
        '--anonymous-auth flag cannot be set when anonymous field is configured in authentication configuration file',
        { code: 'CONFIGURATION_FILE' },
      );
    }
  }
  if (config.jwt?.length) {
    const { createJwtAuthenticator } = await import('../authentication/oidc/jwt-authenticator.ts');
    for (const entry of config.jwt) tokens.push(createJwtAuthenticator(entry, deps.clock));
  }
  if (config.tokenWebhook) {
    const { openWebhookTokenAuthenticator } = await import('../authentication/webhook-token.ts');
    const webhook = await openWebhookTokenAuthenticator(config.tokenWebhook, deps);
    closing.push(() => webhook.close());
    tokens.push(webhook);
  }
  const authorizers = new Map<string, Authorizer & RuleResolver>();
  if (config.abacPolicyFile !== undefined) {
    const { openAbacAuthorizer } = await import('../authorization/abac-authorizer.ts');
    authorizers.set('ABAC', await openAbacAuthorizer(config.abacPolicyFile, deps.logger));
  }
  if (config.authorizationWebhook) {
    const { openWebhookAuthorizer } = await import('../authorization/webhook-authorizer.ts');
    const webhook = await openWebhookAuthorizer(config.authorizationWebhook, deps);
    closing.push(() => webhook.close());
    authorizers.set('Webhook', webhook);
  }
  let chosenAuthorizers: OutsideSecurity['chosenAuthorizers'];
  if (config.authorizationConfigFile !== undefined) {
    const { openConfiguredAuthorizers } = await import('./configured-authorizers.ts');
    const configured = await openConfiguredAuthorizers(config.authorizationConfigFile, deps);
    closing.push(() => configured.close());
    metrics.push(configured.metrics);
    chosenAuthorizers = () => configured.current();
  }
  return {
    tokens,
    authorizers,
    metrics,
    ...(chosenAuthorizers && { chosenAuthorizers }),
    ...(anonymous && { anonymous }),
    async close() {
      await Promise.all(closing.map((close) => close()));
    },
  };
}
