import { isAbsolute } from 'node:path';
import type { V1Toleration } from '../../../api/gen/types.ts';
import { checkDnsLabel, checkDnsSubdomain } from '../../../api/machinery/names.ts';
import type { ScopeRequirement } from '../../../api/quota/evaluator.ts';
import { type Kubeconfig, readKubeconfig, resolveContext } from '../../../pki/kubeconfig.ts';
import { formatGoDuration } from '../../../std/go-duration.ts';
import type { EventLimit, EventLimitType } from '../event-rate-limit.ts';
import type { ImagePolicyConfig } from '../image-policy-webhook.ts';
import type { ClusterNodeSelectors } from '../pod-node-selector.ts';
import {
  LEVEL_PROBLEM,
  type LevelVersion,
  MODES,
  type Policy,
  parseLevel,
  parseVersion,
  VERSION_PROBLEM,
} from '../pod-security/level.ts';
import type { PodSecurityConfiguration } from '../pod-security/pod-security.ts';
import type { ClusterTolerations } from '../pod-toleration-restriction.ts';
import type { LimitedResource } from '../resource-quota/limited-resources.ts';
import { checkWebhookUsers } from '../webhooks/webhook-users.ts';
import { Fields } from './fields.ts';
import type { PluginDocument } from './plugin-document.ts';

const POD_SECURITY = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `pod-security.admission.config.k8s.io/${version}`);
const RESOURCE_QUOTA = [
  'apiserver.config.k8s.io/v1',
  'resourcequota.admission.k8s.io/v1beta1',
  'resourcequota.admission.k8s.io/v1alpha1',
];
const EVENT_RATE_LIMIT = ['eventratelimit.admission.k8s.io/v1alpha1'];

const POD_TOLERATIONS = ['podtolerationrestriction.admission.k8s.io/v1alpha1'];

/** Levels where a namespace says none, and whom and what the plugin leaves alone. */
export function podSecurityOf(document: PluginDocument): PodSecurityConfiguration {
  const fields = new Fields(document, ['PodSecurityConfiguration'], POD_SECURITY);
  const defaults = fields.object('defaults');
  const levels = (mode: (typeof MODES)[number]): LevelVersion => {
    const [levelText, versionText] = [defaults.text(mode) || 'privileged', defaults.text(`${mode}-version`) || 'latest'];
    const [level, version] = [parseLevel(levelText), parseVersion(versionText)];
    if (!level) throw defaults.invalid(mode, levelText, LEVEL_PROBLEM);
    if (version === undefined) throw defaults.invalid(`${mode}-version`, versionText, VERSION_PROBLEM);
    return { level, version };
  };
  const policy = Object.fromEntries(MODES.map((mode) => [mode, levels(mode)])) as unknown as Policy;
  const exemptions = fields.object('exemptions');
  const names = (field: string, check: (name: string) => readonly string[]) => {
    const list = exemptions.texts(field);
    for (const [i, name] of list.entries()) {
      const complaint = check(name)[0];
      if (complaint) throw exemptions.invalid(`${field}[${i}]`, name, complaint);
      if (list.indexOf(name) < i) throw exemptions.fail(`${field}[${i}]: Duplicate value: ${JSON.stringify(name)}`);
    }
    return list;
  };
  const result = {
    defaults: policy,
    exemptions: {
      usernames: names('usernames', (name) => (name ? [] : ['username must not be empty'])),
      runtimeClasses: names('runtimeClasses', checkDnsSubdomain),
      namespaces: names('namespaces', checkDnsLabel),
    },
  };
  defaults.end();
  exemptions.end();
  fields.end();
  return result;
}

/** What is only let in under a quota. */
export function limitedResourcesOf(document: PluginDocument): readonly LimitedResource[] {
  const fields = new Fields(document, ['ResourceQuotaConfiguration', 'Configuration'], RESOURCE_QUOTA);
  const limited = fields.objects('limitedResources').map((each): LimitedResource => {
    const resource = each.text('resource');
    if (!resource) throw each.fail('resource: Required value');
    const scopes = each.objects('matchScopes').map((scope): ScopeRequirement => {
      const values = scope.texts('values');
      const requirement = {
        scopeName: scope.text('scopeName'),
        operator: scope.text('operator'),
        ...(values.length && { values }),
      };
      scope.end();
      return requirement;
    });
    const found = { apiGroup: each.text('apiGroup'), resource, matchContains: each.texts('matchContains'), matchScopes: scopes };
    each.end();
    return found;
  });
  fields.end();
  return limited;
}

const LIMIT_TYPES: readonly EventLimitType[] = ['Server', 'Namespace', 'User', 'SourceAndObject'];

/** How many events are let in. */
export function eventLimitsOf(document: PluginDocument): readonly EventLimit[] {
  const fields = new Fields(document, ['Configuration'], EVENT_RATE_LIMIT);
  const limits = fields.objects('limits').map((each): EventLimit => {
    const type = LIMIT_TYPES.find((known) => known === each.text('type'));
    if (!type)
      throw each.fail(
        `type: Unsupported value: ${JSON.stringify(each.text('type'))}: supported values: ${LIMIT_TYPES.map((t) => JSON.stringify(t)).join(', ')}`,
      );
    const [qps, burst] = [each.integer('qps'), each.integer('burst')];
    if (qps <= 0) throw each.invalid('qps', qps, 'must be positive');
    if (burst <= 0) throw each.invalid('burst', burst, 'must be positive');
    const cacheSize = each.integer('cacheSize');
    if (cacheSize < 0) throw each.invalid('cacheSize', cacheSize, 'must not be negative');
    each.end();
    return { type, qps, burst, cacheSize: cacheSize || 4096 };
  });
  fields.end();
  if (!limits.length) throw fields.invalid('limits', [], 'must not be empty');
  return limits;
}

/** What pods tolerate and may tolerate where their namespace does not say. */
export function tolerationsOf(document: PluginDocument): ClusterTolerations {
  const fields = new Fields(document, ['Configuration'], POD_TOLERATIONS);
  const list = (name: string) =>
    fields.objects(name).map((each): V1Toleration => {
      const texts = {
        key: each.text('key'),
        operator: each.text('operator'),
        value: each.text('value'),
        effect: each.text('effect'),
      };
      const toleration = Object.fromEntries(Object.entries(texts).filter(([, text]) => text));
      const tolerationSeconds = each.has('tolerationSeconds') ? each.integer('tolerationSeconds') : undefined;
      each.end();
      return { ...toleration, ...(tolerationSeconds !== undefined && { tolerationSeconds }) };
    });
  const found = { default: list('default'), whitelist: list('whitelist') };
  fields.end();
  return found;
}

/** `podNodeSelectorPluginConfig: {clusterDefaultNodeSelector: …, namespace: …}`. */
export function nodeSelectorsOf({ document, fail }: PluginDocument): ClusterNodeSelectors {
  const selectors = document['podNodeSelectorPluginConfig'] ?? {};
  if (typeof selectors !== 'object' || Array.isArray(selectors)) throw fail('podNodeSelectorPluginConfig: must be an object');
  for (const [name, text] of Object.entries(selectors as object))
    if (typeof text !== 'string') throw fail(`podNodeSelectorPluginConfig.${name}: must be a string`);
  return selectors as ClusterNodeSelectors;
}

/**
 * `imagePolicy: {kubeConfigFile, allowTTL, denyTTL, retryBackoff, defaultAllow}`: lifetimes in seconds, the backoff in milliseconds, -1
 * for none. The kubeconfig is read to see that it can be.
 */
export async function imagePolicyOf(document: PluginDocument): Promise<ImagePolicyConfig> {
  const fields = new Fields(document).object('imagePolicy');
  const kubeconfigPath = fields.text('kubeConfigFile');
  const duration = (name: string, unitMs: number, { least, most, otherwise }: DurationLimits) => {
    const value = fields.integer(name);
    if (value === -1) return 0;
    if (value === 0) return otherwise;
    if (value * unitMs > least && value * unitMs <= most) return value * unitMs;
    throw fields.fail(
      `${name}: valid value is between ${formatGoDuration(least)} and ${formatGoDuration(most)}, got ${formatGoDuration(value * unitMs)}`,
    );
  };
  const lifetime = { least: 1000, most: 1_800_000 };
  const retryBackoffMs = duration('retryBackoff', 1, { least: 0, most: 300_000, otherwise: 500 });
  const allowTtlMs = duration('allowTTL', 1000, { ...lifetime, otherwise: 300_000 });
  const denyTtlMs = duration('denyTTL', 1000, { ...lifetime, otherwise: 30_000 });
  const defaultAllow = fields.flag('defaultAllow');
  try {
    await resolveContext(await readKubeconfig(kubeconfigPath));
  } catch (error) {
    throw fields.fail(`kubeConfigFile: ${(error as Error).message}`);
  }
  return { kubeconfigPath, allowTtlMs, denyTtlMs, retryBackoffMs, defaultAllow };
}

interface DurationLimits {
  readonly least: number;
  readonly most: number;
  readonly otherwise: number;
}

const WEBHOOK_VERSIONS: Readonly<Record<string, string>> = {
  'apiserver.config.k8s.io/v1': 'WebhookAdmissionConfiguration',
  'apiserver.config.k8s.io/v1alpha1': 'WebhookAdmission',
};

/** `kubeConfigFile`: whose users the server is to webhooks, by their hosts (plugin/webhook/config/kubeconfig.go). */
export async function webhookUsersOf(document: PluginDocument): Promise<Kubeconfig> {
  const { apiVersion } = document;
  const kind = Object.hasOwn(WEBHOOK_VERSIONS, apiVersion) ? WEBHOOK_VERSIONS[apiVersion]! : '';
  const fields = new Fields(document, [kind], [apiVersion]);
  const path = fields.text('kubeConfigFile');
  fields.end();
  if (!isAbsolute(path)) throw fields.invalid('kubeConfigFile', path, 'must be an absolute file path');
  try {
    const users = await readKubeconfig(path);
    checkWebhookUsers(users);
    return users;
  } catch (error) {
    throw fields.fail(`kubeConfigFile: ${(error as Error).message}`);
  }
}
