import { dirname, resolve } from 'node:path';
import type { Kubeconfig } from '../../../pki/kubeconfig.ts';
import {
  type Configuration,
  parseConfiguration,
  readConfiguration,
  readPlainObject,
  type Shape,
  strictProblem,
  wrongFile,
} from '../../configuration-files/read-configuration.ts';
import type { EventLimit } from '../event-rate-limit.ts';
import type { ImagePolicyConfig } from '../image-policy-webhook.ts';
import type { ClusterNodeSelectors } from '../pod-node-selector.ts';
import type { PodSecurityConfiguration } from '../pod-security/pod-security.ts';
import type { ClusterTolerations } from '../pod-toleration-restriction.ts';
import type { LimitedResource } from '../resource-quota/limited-resources.ts';
import {
  eventLimitsOf,
  imagePolicyOf,
  limitedResourcesOf,
  nodeSelectorsOf,
  podSecurityOf,
  tolerationsOf,
  webhookUsersOf,
} from './plugin-configurations.ts';
import type { PluginDocument } from './plugin-document.ts';

/** What `--admission-control-config-file` says of the plugins that can be told something. */
export interface AdmissionConfiguration {
  readonly podSecurity?: PodSecurityConfiguration;
  readonly limitedResources?: readonly LimitedResource[];
  readonly eventLimits?: readonly EventLimit[];
  readonly nodeSelectors?: ClusterNodeSelectors;
  readonly imagePolicy?: ImagePolicyConfig;
  readonly tolerations?: ClusterTolerations;
  /** Who the server is to webhooks. */
  readonly mutatingWebhookUsers?: Kubeconfig;
  readonly validatingWebhookUsers?: Kubeconfig;
}

const FLAG = 'admission-control-config-file';
const SHAPE: Shape = {
  fields: { plugins: { listOf: { fields: { name: 'string', path: 'string', configuration: 'any' } } } },
};
const VERSIONS: ReadonlySet<string> = new Set(['apiserver.config.k8s.io/v1', 'apiserver.k8s.io/v1alpha1']);

interface PluginEntry {
  readonly name?: string;
  readonly path?: string;
  readonly configuration?: unknown;
}

/**
 * Reads the file, and the files that it names for single plugins: next to it, unless they are named from the root.
 *
 * @throws CodedError CONFIGURATION_FILE that names the file and what is wrong with it
 */
export async function readAdmissionConfiguration(path: string): Promise<AdmissionConfiguration> {
  const legacy = await readLegacy(path);
  if (legacy) return legacy;
  const { apiVersion, kind, document, strictProblems } = await readConfiguration(path, FLAG, SHAPE);
  const fail = (problem: string) => wrongFile(FLAG, path, problem);
  if (kind !== 'AdmissionConfiguration' || !VERSIONS.has(apiVersion))
    throw fail(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  if (strictProblems.length) throw fail(strictProblem(strictProblems));
  let found: AdmissionConfiguration = {};
  for (const entry of (document['plugins'] ?? []) as readonly PluginEntry[]) {
    const { name = '' } = entry;
    const read = Object.hasOwn(READERS, name) ? READERS[name] : undefined;
    if (!read) throw fail(`plugins: ${JSON.stringify(name)} takes no configuration here`);
    found = { ...found, ...(await read(await readPlugin(entry, path))) };
  }
  return found;
}

/** The file as it was before 1.7: what it says is the configuration of the plugins that read it then. */
async function readLegacy(path: string): Promise<AdmissionConfiguration | undefined> {
  const document = await readPlainObject(path, FLAG);
  if (document['apiVersion'] || document['kind']) return undefined;
  let found: AdmissionConfiguration = {};
  if (!LEGACY.some(({ field }) => Object.hasOwn(document, field))) return undefined;
  for (const { field, name } of LEGACY) {
    const fail = (problem: string) => wrongFile(FLAG, path, `${name}: ${problem}`);
    if (Object.hasOwn(document, field))
      found = { ...found, ...(await READERS[name]!({ apiVersion: '', kind: '', document, fail })) };
  }
  return found;
}

const LEGACY = [
  { field: 'podNodeSelectorPluginConfig', name: 'PodNodeSelector' },
  { field: 'imagePolicy', name: 'ImagePolicyWebhook' },
] as const;

/** Those whose configurations have neither apiVersion nor kind. */
const PLAIN: ReadonlySet<string> = new Set(['PodNodeSelector', 'ImagePolicyWebhook']);

const READERS: Readonly<Record<string, (document: PluginDocument) => AdmissionConfiguration | Promise<AdmissionConfiguration>>> =
  {
    PodSecurity: (document) => ({ podSecurity: podSecurityOf(document) }),
    ResourceQuota: (document) => ({ limitedResources: limitedResourcesOf(document) }),
    EventRateLimit: (document) => ({ eventLimits: eventLimitsOf(document) }),
    PodTolerationRestriction: (document) => ({ tolerations: tolerationsOf(document) }),
    ImagePolicyWebhook: async (document) => ({ imagePolicy: await imagePolicyOf(document) }),
    PodNodeSelector: (document) => ({ nodeSelectors: nodeSelectorsOf(document) }),
    MutatingAdmissionWebhook: async (document) => ({ mutatingWebhookUsers: await webhookUsersOf(document) }),
    ValidatingAdmissionWebhook: async (document) => ({ validatingWebhookUsers: await webhookUsersOf(document) }),
  };

async function readPlugin({ name = '', path, configuration }: PluginEntry, file: string): Promise<PluginDocument> {
  const own = path ? resolve(dirname(file), path) : file;
  const fail = (problem: string) => wrongFile(FLAG, own, `${name}: ${problem}`);
  if (PLAIN.has(name)) {
    if (!path && (typeof configuration !== 'object' || configuration === null)) throw fail('the configuration is missing');
    const document = path ? await readPlainObject(own, FLAG) : (configuration as Readonly<Record<string, unknown>>);
    return { apiVersion: '', kind: '', document, fail };
  }
  let parsed: Configuration;
  if (path) parsed = await readConfiguration(own, FLAG, 'any');
  else if (configuration === undefined || configuration === null) throw fail('the configuration is missing');
  else parsed = await parseConfiguration(JSON.stringify(configuration), { flag: FLAG, path: own, shape: 'any' });
  return { ...parsed, fail };
}
