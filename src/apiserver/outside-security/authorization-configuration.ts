import { stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { duplicateField, invalidField, notSupportedField, requiredField } from '../../api/machinery/field-error.ts';
import { checkDnsSubdomain } from '../../api/machinery/names.ts';
import type { FieldError } from '../../api/machinery/status-error.ts';
import { formatGoDuration, parseGoDuration } from '../../std/go-duration.ts';
import type { ReviewConditions } from '../authorization/review-conditions.ts';
import type { WebhookAuthorizerConfig } from '../authorization/webhook-authorizer.ts';
import { listFieldErrors, listProblems } from '../configuration-files/problem-list.ts';
import { parseConfiguration, type Shape, strictProblem, wrongFile } from '../configuration-files/read-configuration.ts';

export const AUTHORIZATION_FLAG = 'authorization-config';
const VERSIONS: readonly string[] = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `apiserver.config.k8s.io/${version}`);
const TYPES: readonly string[] = ['ABAC', 'AlwaysAllow', 'AlwaysDeny', 'Node', 'RBAC', 'Webhook'];

const SHAPE: Shape = {
  fields: {
    authorizers: {
      listOf: {
        fields: {
          type: 'string',
          name: 'string',
          webhook: {
            fields: {
              authorizedTTL: 'duration',
              unauthorizedTTL: 'duration',
              cacheAuthorizedRequests: 'bool',
              cacheUnauthorizedRequests: 'bool',
              timeout: 'duration',
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
  const fail = (problem: string) => wrongFile(AUTHORIZATION_FLAG, path, problem);
  const entries = text === '' ? [] : await readEntries(path, text);
  const errors = entries.length
    ? entries.flatMap((entry, i) => validate(entry, `authorizers[${i}]`, entries.slice(0, i)))
    : [requiredField('authorizers', 'at least one authorization mode must be defined')];
  const conditions: (ReviewConditions | undefined)[] = [];
  for (const [i, { type, webhook }] of entries.entries()) {
    if (type !== 'Webhook' || !webhook) continue;
    errors.push(...(await checkFile(webhook, `authorizers[${i}]`)));
    conditions[i] = await compileConditions(webhook, `authorizers[${i}].matchConditions`, errors);
  }
  if (errors.length) throw fail(listFieldErrors(errors));
  const names = entries.flatMap(({ type = '', name = '' }) =>
    type === 'Webhook' || name === type.toLowerCase()
      ? []
      : [`expected name ${type.toLowerCase()} for authorizer ${type} instead of ${name}`],
  );
  if (names.length) throw fail(listProblems(names));
  for (const [i, { type, webhook }] of entries.entries()) {
    if (type === 'ABAC') throw fail(`authorizers[${i}].type: ABAC is not offered by this file; use --authorization-mode`);
    if (webhook?.connectionInfo?.type === 'InClusterConfig')
      throw fail(`authorizers[${i}].connectionInfo.type: InClusterConfig is not offered; use KubeConfigFile`);
  }
  return entries.map(({ type, name, webhook }, i) =>
    type === 'Webhook' ? { mode: `Webhook/${name}`, webhook: toConfig(webhook!, conditions[i]) } : { mode: type! },
  );
}

async function readEntries(path: string, text: string): Promise<readonly Entry[]> {
  const source = { flag: AUTHORIZATION_FLAG, path, shape: SHAPE };
  const { apiVersion, kind, document, strictProblems } = await parseConfiguration(text, source);
  const fail = (problem: string) => wrongFile(AUTHORIZATION_FLAG, path, problem);
  if (kind !== 'AuthorizationConfiguration' || !VERSIONS.includes(apiVersion))
    throw fail(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  if (strictProblems.length) throw fail(strictProblem(strictProblems));
  return (document['authorizers'] ?? []) as readonly Entry[];
}

/** The engine is loaded for those who have conditions. */
async function compileConditions(
  { matchConditions }: WebhookEntry,
  at: string,
  errors: FieldError[],
): Promise<ReviewConditions | undefined> {
  if (!matchConditions?.length) return undefined;
  const { compileReviewConditions } = await import('../authorization/review-conditions.ts');
  const compiled = compileReviewConditions(
    matchConditions.map(({ expression = '' }) => expression),
    at,
  );
  errors.push(...compiled.errors);
  return compiled.holds;
}

/** What is wrong with one entry, but for what it takes the disk or the engine to tell. */
function validate({ type, name, webhook }: Entry, at: string, before: readonly Entry[]): FieldError[] {
  if (!type) return [requiredField(`${at}.type`)];
  if (!TYPES.includes(type)) return [notSupportedField(`${at}.type`, type, TYPES)];
  if (type !== 'Webhook' && before.some((other) => other.type === type)) return [duplicateField(`${at}.type`, type)];
  const errors: FieldError[] = [];
  const problems = name ? checkDnsSubdomain(name) : [];
  if (!name) errors.push(requiredField(`${at}.name`));
  else if (before.some((other) => other.name === name)) errors.push(duplicateField(`${at}.name`, name));
  else if (problems.length) errors.push(invalidField(`${at}.name`, name, `authorizer name is invalid: ${problems.join(', ')}`));
  if (type !== 'Webhook')
    return webhook ? [...errors, invalidField(`${at}.webhook`, 'non-null', 'may only be specified when type=Webhook')] : errors;
  return webhook
    ? [...errors, ...validateWebhook(webhook, at)]
    : [...errors, requiredField(`${at}.webhook`, 'required when type=Webhook')];
}

const MAX_TIMEOUT_MS = 30_000;

/** Upstream names a webhook's fields as if they were the entry's own. */
function validateWebhook(webhook: WebhookEntry, at: string): FieldError[] {
  const { timeoutMs, authorizedTtlMs, unauthorizedTtlMs } = durationsOf(webhook);
  const errors: FieldError[] = [];
  const duration = (field: string, ms: number, longest = Number.POSITIVE_INFINITY) => {
    if (ms === 0) errors.push(requiredField(`${at}.${field}`));
    else if (ms < 0 || ms > longest)
      errors.push(
        invalidField(`${at}.${field}`, formatGoDuration(ms), field === 'timeout' ? 'must be > 0s and <= 30s' : 'must be > 0s'),
      );
  };
  duration('timeout', timeoutMs, MAX_TIMEOUT_MS);
  duration('authorizedTTL', authorizedTtlMs);
  duration('unauthorizedTTL', unauthorizedTtlMs);
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
  return errors;
}

async function checkFile({ connectionInfo = {} }: WebhookEntry, at: string): Promise<FieldError[]> {
  const { type, kubeConfigFile } = connectionInfo;
  const field = `${at}.connectionInfo.kubeConfigFile`;
  const wrong = (problem: string) => [invalidField(field, kubeConfigFile, problem)];
  if (!type) return [requiredField(`${at}.connectionInfo.type`)];
  if (type === 'InClusterConfig') return kubeConfigFile === undefined ? [] : wrong('can only be set when type=KubeConfigFile');
  if (type !== 'KubeConfigFile') {
    const shown = { Type: type, KubeConfigFile: kubeConfigFile ?? null };
    return [notSupportedField(`${at}.connectionInfo.type`, shown, ['InClusterConfig', 'KubeConfigFile'])];
  }
  if (!kubeConfigFile) return [requiredField(field)];
  if (!isAbsolute(kubeConfigFile)) return wrong('must be an absolute path');
  try {
    return (await stat(kubeConfigFile)).isFile() ? [] : wrong('must be a regular file');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const known: Readonly<Record<string, string>> = { ENOENT: 'no such file or directory', ENOTDIR: 'not a directory' };
    return wrong(`error loading file: stat ${kubeConfigFile}: ${known[code ?? ''] ?? message}`);
  }
}

/** With upstream's defaults; what is zero is not given. */
function durationsOf({ timeout, authorizedTTL, unauthorizedTTL }: WebhookEntry) {
  const read = (text = '0') => parseGoDuration(text);
  return {
    timeoutMs: read(timeout),
    authorizedTtlMs: read(authorizedTTL) || 300_000,
    unauthorizedTtlMs: read(unauthorizedTTL) || 30_000,
  };
}

function toConfig(webhook: WebhookEntry, holds: ReviewConditions | undefined): WebhookAuthorizerConfig {
  const { cacheAuthorizedRequests = true, cacheUnauthorizedRequests = true } = webhook;
  const { timeoutMs, authorizedTtlMs, unauthorizedTtlMs } = durationsOf(webhook);
  return {
    ...(holds && { holds }),
    kubeconfigPath: webhook.connectionInfo!.kubeConfigFile!,
    version: webhook.subjectAccessReviewVersion as 'v1' | 'v1beta1',
    failurePolicy: webhook.failurePolicy as 'NoOpinion' | 'Deny',
    timeoutMs,
    authorizedTtlMs: cacheAuthorizedRequests ? authorizedTtlMs : 0,
    unauthorizedTtlMs: cacheUnauthorizedRequests ? unauthorizedTtlMs : 0,
  };
}
