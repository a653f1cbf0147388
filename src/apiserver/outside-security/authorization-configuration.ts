import { isAbsolute } from 'node:path';
import { duplicateField, invalidField, notSupportedField, requiredField } from '../../api/machinery/field-error.ts';
import { checkDnsSubdomain } from '../../api/machinery/names.ts';
import type { FieldError } from '../../api/machinery/status-error.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import type { ReviewConditions } from '../authorization/review-conditions.ts';
import type { WebhookAuthorizerConfig } from '../authorization/webhook-authorizer.ts';
import { parseConfiguration, type Shape, strictProblem, wrongFile } from '../configuration-files/read-configuration.ts';

export const AUTHORIZATION_FLAG = 'authorization-config';
const VERSIONS: readonly string[] = ['apiserver.config.k8s.io/v1', 'apiserver.config.k8s.io/v1beta1'];
const TYPES: readonly string[] = ['AlwaysAllow', 'AlwaysDeny', 'Node', 'RBAC', 'Webhook'];

const SHAPE: Shape = {
  fields: {
    authorizers: {
      listOf: {
        fields: {
          type: 'string',
          name: 'string',
          webhook: {
            fields: {
              authorizedTTL: 'string',
              unauthorizedTTL: 'string',
              cacheAuthorizedRequests: 'bool',
              cacheUnauthorizedRequests: 'bool',
              timeout: 'string',
              subjectAccessReviewVersion: 'string',
              matchConditionSubjectAccessReviewVersion: 'string',
              failurePolicy: 'string',
              connectionInfo: { fields: { type: 'string', kubeConfigFile: 'string' } },
              matchConditions: { listOf: { fields: { expression: 'string' } } },
            },
          },
        },
      },
    },
  },
};

interface WebhookEntry {
  readonly authorizedTTL?: string;
  readonly unauthorizedTTL?: string;
  readonly cacheAuthorizedRequests?: boolean;
  readonly cacheUnauthorizedRequests?: boolean;
  readonly timeout?: string;
  readonly subjectAccessReviewVersion?: string;
  readonly failurePolicy?: string;
  readonly connectionInfo?: { readonly type?: string; readonly kubeConfigFile?: string };
  readonly matchConditionSubjectAccessReviewVersion?: string;
  readonly matchConditions?: readonly { readonly expression?: string }[];
}

interface Entry {
  readonly type?: string;
  readonly name?: string;
  readonly webhook?: WebhookEntry;
}

export interface ConfiguredAuthorizer {
  /** `Node`, `RBAC`, `Webhook/name`. */
  readonly mode: string;
  readonly webhook?: WebhookAuthorizerConfig;
}

/** Reads what the file of `--authorization-config` holds, and compiles its conditions. Throws a CodedError that names file and field. */
export async function readAuthorizationConfiguration(path: string, text: string): Promise<readonly ConfiguredAuthorizer[]> {
  const source = { flag: AUTHORIZATION_FLAG, path, shape: SHAPE };
  const { apiVersion, kind, document, unknownFields } = await parseConfiguration(text, source);
  const fail = (problem: string) => wrongFile(AUTHORIZATION_FLAG, path, problem);
  if (kind !== 'AuthorizationConfiguration' || !VERSIONS.includes(apiVersion))
    throw fail(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  if (unknownFields.length) throw fail(strictProblem(unknownFields));
  const entries = (document['authorizers'] ?? []) as readonly Entry[];
  for (const [i, { webhook }] of entries.entries())
    if (webhook?.connectionInfo?.type === 'InClusterConfig')
      throw fail(`authorizers[${i}].webhook.connectionInfo.type: InClusterConfig is not offered; use KubeConfigFile`);
  const errors = entries.length
    ? entries.flatMap((entry, i) => validate(entry, `authorizers[${i}]`, entries.slice(0, i)))
    : [requiredField('authorizers', 'at least one authorization mode must be defined')];
  const conditions: (ReviewConditions | undefined)[] = [];
  for (const [i, { webhook }] of entries.entries())
    conditions.push(await compileConditions(webhook, `authorizers[${i}].webhook.matchConditions`, errors));
  if (errors.length) throw fail(errors.map(({ field, message }) => `${field}: ${message}`).join(', '));
  return entries.map(({ type, name, webhook }, i) =>
    type === 'Webhook' ? { mode: `Webhook/${name}`, webhook: toConfig(webhook!, conditions[i]) } : { mode: type! },
  );
}

/** The engine is loaded for those who have conditions. */
async function compileConditions(
  webhook: WebhookEntry | undefined,
  at: string,
  errors: FieldError[],
): Promise<ReviewConditions | undefined> {
  if (!webhook?.matchConditions?.length) return undefined;
  const { compileReviewConditions } = await import('../authorization/review-conditions.ts');
  const compiled = compileReviewConditions(
    webhook.matchConditions.map(({ expression = '' }) => expression),
    at,
  );
  errors.push(...compiled.errors);
  return compiled.holds;
}

function validate({ type, name, webhook }: Entry, at: string, before: readonly Entry[]): FieldError[] {
  const errors: FieldError[] = [];
  if (!type) errors.push(requiredField(`${at}.type`));
  else if (!TYPES.includes(type)) errors.push(notSupportedField(`${at}.type`, type, TYPES));
  else if (type !== 'Webhook' && before.some((other) => other.type === type)) errors.push(duplicateField(`${at}.type`, type));
  if (!name) errors.push(requiredField(`${at}.name`));
  else {
    if (before.some((other) => other.name === name)) errors.push(duplicateField(`${at}.name`, name));
    for (const problem of checkDnsSubdomain(name))
      errors.push(invalidField(`${at}.name`, name, `authorizer name is invalid: ${problem}`));
  }
  if (type !== 'Webhook')
    return webhook ? [...errors, invalidField(`${at}.webhook`, 'non-null', 'may only be specified when type=Webhook')] : errors;
  return webhook
    ? [...errors, ...validateWebhook(webhook, `${at}.webhook`)]
    : [...errors, requiredField(`${at}.webhook`, 'required when type=Webhook')];
}

const MAX_TIMEOUT_MS = 30_000;

function validateWebhook(webhook: WebhookEntry, at: string): FieldError[] {
  const errors: FieldError[] = [];
  const duration = (field: 'timeout' | 'authorizedTTL' | 'unauthorizedTTL', fallback?: string) => {
    const text = webhook[field] ?? fallback;
    if (text === undefined) return void errors.push(requiredField(`${at}.${field}`));
    const ms = durationOf(text);
    const tooLong = field === 'timeout' && ms !== undefined && ms > MAX_TIMEOUT_MS;
    if (ms === 0) errors.push(requiredField(`${at}.${field}`));
    else if (ms === undefined || ms < 0 || tooLong)
      errors.push(invalidField(`${at}.${field}`, text, field === 'timeout' ? 'must be > 0s and <= 30s' : 'must be > 0s'));
  };
  duration('timeout');
  duration('authorizedTTL', '5m');
  duration('unauthorizedTTL', '30s');
  const choice = (field: 'subjectAccessReviewVersion' | 'failurePolicy', allowed: readonly string[]) => {
    const value = webhook[field];
    if (!value) errors.push(requiredField(`${at}.${field}`));
    else if (!allowed.includes(value)) errors.push(notSupportedField(`${at}.${field}`, value, allowed));
  };
  choice('subjectAccessReviewVersion', ['v1', 'v1beta1']);
  const { matchConditionSubjectAccessReviewVersion: conditionVersion, matchConditions = [] } = webhook;
  const versionField = `${at}.matchConditionSubjectAccessReviewVersion`;
  if (conditionVersion && conditionVersion !== 'v1') errors.push(notSupportedField(versionField, conditionVersion, ['v1']));
  if (!conditionVersion && matchConditions.length)
    errors.push(requiredField(versionField, 'required if match conditions are specified'));
  choice('failurePolicy', ['NoOpinion', 'Deny']);
  const { type, kubeConfigFile } = webhook.connectionInfo ?? {};
  if (!type) errors.push(requiredField(`${at}.connectionInfo.type`));
  else if (type !== 'KubeConfigFile')
    errors.push(notSupportedField(`${at}.connectionInfo.type`, type, ['InClusterConfig', 'KubeConfigFile']));
  else if (!kubeConfigFile) errors.push(requiredField(`${at}.connectionInfo.kubeConfigFile`));
  else if (!isAbsolute(kubeConfigFile))
    errors.push(invalidField(`${at}.connectionInfo.kubeConfigFile`, kubeConfigFile, 'must be an absolute path'));
  return errors;
}

function durationOf(text: string): number | undefined {
  try {
    return parseGoDuration(text);
  } catch {
    return undefined;
  }
}

function toConfig(webhook: WebhookEntry, holds: ReviewConditions | undefined): WebhookAuthorizerConfig {
  const { cacheAuthorizedRequests = true, cacheUnauthorizedRequests = true } = webhook;
  return {
    ...(holds && { holds }),
    kubeconfigPath: webhook.connectionInfo!.kubeConfigFile!,
    version: webhook.subjectAccessReviewVersion as 'v1' | 'v1beta1',
    failurePolicy: webhook.failurePolicy as 'NoOpinion' | 'Deny',
    timeoutMs: durationOf(webhook.timeout!)!,
    authorizedTtlMs: cacheAuthorizedRequests ? durationOf(webhook.authorizedTTL ?? '5m')! : 0,
    unauthorizedTtlMs: cacheUnauthorizedRequests ? durationOf(webhook.unauthorizedTTL ?? '30s')! : 0,
  };
}
