import { type FlagDefinition, FlagError, type FlagType, type FlagValues } from '../../std/flags.ts';
import { SIGNING_ALGORITHMS } from '../authentication/oidc/json-web-key.ts';
import type { JwtAuthenticatorConfig } from '../authentication/oidc/jwt-authenticator.ts';
import type { OutsideSecurityConfig } from './outside-security.ts';

const flag = (name: string, type: FlagType, description: string, defaultValue?: FlagDefinition['default']): FlagDefinition => ({
  name,
  type,
  description,
  ...(defaultValue !== undefined && { default: defaultValue }),
});

export const outsideSecurityFlags: readonly FlagDefinition[] = [
  flag('oidc-issuer-url', 'string', 'Issuer of OpenID Connect ID tokens; https only.'),
  flag('oidc-client-id', 'string', 'The client that ID tokens must be for.'),
  flag('oidc-ca-file', 'string', 'Authority of the issuer’s certificate; default those of the system.'),
  flag('oidc-username-claim', 'string', 'Claim with the user name.', 'sub'),
  flag('oidc-username-prefix', 'string', 'Put before user names; - is nothing.'),
  flag('oidc-groups-claim', 'string', 'Claim with the groups.'),
  flag('oidc-groups-prefix', 'string', 'Put before groups.'),
  flag('oidc-signing-algs', 'strings', 'Algorithms that ID tokens may be signed with.', ['RS256']),
  flag('oidc-required-claim', 'map', 'key=value that ID tokens must hold.'),
  flag('authentication-config', 'string', 'AuthenticationConfiguration file.'),
  flag('authentication-token-webhook-config-file', 'string', 'Kubeconfig file of the webhook that tokens are shown to.'),
  flag('authentication-token-webhook-version', 'string', 'Version of TokenReview: v1 or v1beta1.', 'v1beta1'),
  flag('authentication-token-webhook-cache-ttl', 'duration', 'How long the webhook’s answers are kept.', '2m0s'),
  flag('authorization-config', 'string', 'AuthorizationConfiguration file.'),
  flag('authorization-policy-file', 'string', 'Policies of the mode ABAC, a JSON object a line.'),
  flag('authorization-webhook-config-file', 'string', 'Kubeconfig file of the webhook of the mode Webhook.'),
  flag('authorization-webhook-version', 'string', 'Version of SubjectAccessReview: v1 or v1beta1.', 'v1beta1'),
  flag('authorization-webhook-cache-authorized-ttl', 'duration', 'How long permissions are kept.', '5m0s'),
  flag('authorization-webhook-cache-unauthorized-ttl', 'duration', 'How long refusals are kept.', '30s'),
];

type ReadFile = (flagName: string, path: string) => string;
type IsSet = (name: string) => boolean;

const WEBHOOK_TIMEOUT_MS = 30_000;

/** What the flags say; undefined when nothing outside decides. Throws a FlagError. */
export function readOutsideSecurityFlags(
  values: FlagValues,
  isSet: IsSet,
  readFile: ReadFile,
): OutsideSecurityConfig | undefined {
  const jwt = readOidc(values, isSet, readFile);
  const authenticationConfigFile = values.string('authentication-config');
  if (authenticationConfigFile && jwt)
    throw wrong('authentication-config', 'authentication-config file and oidc-* flags are mutually exclusive');
  const tokenWebhook = readTokenWebhook(values);
  const authorizationConfigFile = values.string('authorization-config');
  const modes = values.strings('authorization-mode');
  if (authorizationConfigFile) {
    for (const name of ['authorization-mode', 'authorization-policy-file', 'authorization-webhook-config-file'])
      if (isSet(name))
        throw wrong(
          'authorization-config',
          `--authorization-config can not be specified when --authorization-mode or --authorization-webhook-* flags are defined`,
        );
  }
  const abacPolicyFile = needed(
    values,
    modes,
    'ABAC',
    'authorization-policy-file',
    "authorization-mode ABAC's authorization policy file not passed",
  );
  const webhookFile = needed(
    values,
    modes,
    'Webhook',
    'authorization-webhook-config-file',
    "authorization-mode Webhook's authorization config file not passed",
  );
  const authorizationWebhook = webhookFile
    ? {
        kubeconfigPath: webhookFile,
        version: readVersion(values, 'authorization-webhook-version'),
        authorizedTtlMs: values.durationMs('authorization-webhook-cache-authorized-ttl'),
        unauthorizedTtlMs: values.durationMs('authorization-webhook-cache-unauthorized-ttl'),
        timeoutMs: WEBHOOK_TIMEOUT_MS,
        failurePolicy: 'NoOpinion' as const,
      }
    : undefined;
  const config: OutsideSecurityConfig = {
    ...(jwt && { jwt: [jwt] }),
    ...(authenticationConfigFile && { authenticationConfigFile, anonymousAuthGiven: isSet('anonymous-auth') }),
    ...(tokenWebhook && { tokenWebhook }),
    ...(abacPolicyFile && { abacPolicyFile }),
    ...(authorizationWebhook && { authorizationWebhook }),
    ...(authorizationConfigFile && { authorizationConfigFile }),
  };
  return Object.keys(config).length ? config : undefined;
}

function needed(values: FlagValues, modes: readonly string[], mode: string, name: string, missing: string): string {
  const path = values.string(name);
  if (modes.includes(mode) && !path) throw wrong(name, missing);
  if (path && !modes.includes(mode)) throw wrong(name, `cannot specify --${name} without mode ${mode}`);
  return path;
}

function readTokenWebhook(values: FlagValues): OutsideSecurityConfig['tokenWebhook'] {
  const kubeconfigPath = values.string('authentication-token-webhook-config-file');
  if (!kubeconfigPath) return undefined;
  return {
    kubeconfigPath,
    version: readVersion(values, 'authentication-token-webhook-version'),
    cacheTtlMs: values.durationMs('authentication-token-webhook-cache-ttl'),
  };
}

function readVersion(values: FlagValues, name: string): 'v1' | 'v1beta1' {
  const version = values.string(name);
  if (version === 'v1' || version === 'v1beta1') return version;
  throw wrong(name, `--${name}=${version}: use v1 or v1beta1`);
}

function readOidc(values: FlagValues, isSet: IsSet, readFile: ReadFile): JwtAuthenticatorConfig | undefined {
  const url = values.string('oidc-issuer-url');
  const clientId = values.string('oidc-client-id');
  const given = outsideSecurityFlags.some(({ name }) => name.startsWith('oidc-') && isSet(name));
  if (!given || (!url && !clientId)) return undefined;
  if (!url || !clientId)
    throw wrong('oidc-issuer-url', 'oidc-issuer-url and oidc-client-id must be specified together when any oidc-* flags are set');
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:')
    throw wrong('oidc-issuer-url', `--oidc-issuer-url ${JSON.stringify(url)}: URL scheme must be https`);
  const claim = values.string('oidc-username-claim');
  const prefix = values.string('oidc-username-prefix');
  const groupsClaim = values.string('oidc-groups-claim');
  const caFile = values.string('oidc-ca-file');
  const signingAlgorithms = values.strings('oidc-signing-algs');
  for (const algorithm of signingAlgorithms)
    if (!SIGNING_ALGORITHMS.includes(algorithm))
      throw wrong('oidc-signing-algs', `unsupported signing alg: ${JSON.stringify(algorithm)}`);
  // Names of other people's making must not be those of the cluster's own users, unless it is asked for.
  const implied = claim === 'email' ? '' : `${url}#`;
  return {
    issuer: { url, audiences: [clientId], ...(caFile && { caPem: readFile('oidc-ca-file', caFile) }) },
    username: { claim, prefix: prefix === '-' ? '' : prefix || implied },
    ...(groupsClaim && { groups: { claim: groupsClaim, prefix: values.string('oidc-groups-prefix') } }),
    requiredClaims: Object.entries(values.map('oidc-required-claim')).map(([name, value]) => ({ claim: name, value })),
    signingAlgorithms,
  };
}

const wrong = (name: string, message: string) =>
  new FlagError(`--${name}`, message.startsWith('--') ? message : `--${name}: ${message}`);
