import { CodedError } from '../../std/coded-error.ts';

/** Every plugin that upstream has, in the order in which they run (pkg/kubeapiserver/options/plugins.go). */
export const PLUGIN_ORDER: readonly string[] = [
  'AlwaysAdmit',
  'NamespaceAutoProvision',
  'NamespaceLifecycle',
  'NamespaceExists',
  'LimitPodHardAntiAffinityTopology',
  'LimitRanger',
  'ServiceAccount',
  'NodeRestriction',
  'TaintNodesByCondition',
  'AlwaysPullImages',
  'ImagePolicyWebhook',
  'PodSecurity',
  'PodNodeSelector',
  'Priority',
  'DefaultTolerationSeconds',
  'PodTolerationRestriction',
  'EventRateLimit',
  'ExtendedResourceToleration',
  'DefaultStorageClass',
  'StorageObjectInUseProtection',
  'OwnerReferencesPermissionEnforcement',
  'PersistentVolumeClaimResize',
  'RuntimeClass',
  'CertificateApproval',
  'CertificateSigning',
  'ClusterTrustBundleAttest',
  'CertificateSubjectRestriction',
  'DefaultIngressClass',
  'DenyServiceExternalIPs',
  'PodTopologyLabels',
  'NodeDeclaredFeatureValidator',
  'MutatingAdmissionPolicy',
  'MutatingAdmissionWebhook',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionWebhook',
  'ResourceQuota',
  'AlwaysDeny',
];

/** Plugins that upstream had once; old command lines name them. */
const RETIRED = [
  'DenyEscalatingExec',
  'DenyExecOnPrivileged',
  'GenericAdmissionWebhook',
  'InitialResources',
  'Initializers',
  'PersistentVolumeLabel',
  'PodPreset',
  'PodSecurityPolicy',
  'PVCProtection',
  'SecurityContextDeny',
];

/** Upstream runs these unless told otherwise. */
const DEFAULT_ON: readonly string[] = [
  'NamespaceLifecycle',
  'LimitRanger',
  'ServiceAccount',
  'TaintNodesByCondition',
  'PodSecurity',
  'Priority',
  'DefaultTolerationSeconds',
  'DefaultStorageClass',
  'StorageObjectInUseProtection',
  'PersistentVolumeClaimResize',
  'RuntimeClass',
  'CertificateApproval',
  'CertificateSigning',
  'ClusterTrustBundleAttest',
  'CertificateSubjectRestriction',
  'DefaultIngressClass',
  'PodTopologyLabels',
  'MutatingAdmissionPolicy',
  'MutatingAdmissionWebhook',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionWebhook',
  'ResourceQuota',
];

export interface PluginChoice {
  readonly enable?: readonly string[];
  readonly disable?: readonly string[];
  /** The old flag `--admission-control`: these and no others. */
  readonly only?: readonly string[];
}

/** The names of the plugins to run, in order. Throws a CodedError naming flag and plugin for one that never was or that is on and off. */
export function choosePlugins({ enable = [], disable = [], only = [] }: PluginChoice): string[] {
  const known = new Set([...PLUGIN_ORDER, ...RETIRED]);
  const flags = [
    ['enable-admission-plugins', enable],
    ['disable-admission-plugins', disable],
    ['admission-control', only],
  ] as const;
  for (const [flag, names] of flags) {
    const unknown = names.find((name) => !known.has(name));
    if (unknown !== undefined) throw wrong(`--${flag}: ${flag} plugin "${unknown}" is unknown`);
  }
  const both = enable.filter((name) => disable.includes(name));
  if (both.length) {
    throw wrong(`[${both.join(' ')}] in enable-admission-plugins and disable-admission-plugins overlapped`);
  }
  if (only.length && (enable.length || disable.length)) {
    throw wrong('admission-control and enable-admission-plugins/disable-admission-plugins flags are mutually exclusive');
  }
  const chosen = new Set(only.length ? only : [...DEFAULT_ON, ...enable]);
  for (const name of disable) chosen.delete(name);
  return [...PLUGIN_ORDER.filter((name) => chosen.has(name)), ...RETIRED.filter((name) => chosen.has(name))];
}

const wrong = (message: string) => new CodedError(message, { code: 'ADMISSION_PLUGINS' });
