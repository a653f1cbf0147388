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
  'PodGroupProtection',
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
  'PodGroupWorkloadExists',
  'NodeDeclaredFeatureValidator',
  'JobValidation',
  'PodResizeValidator',
  'MutatingAdmissionPolicy',
  'MutatingAdmissionWebhook',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionWebhook',
  'ResourceQuota',
  'AlwaysDeny',
];

/** Naming one of these changes nothing: upstream's do nothing either, or only behind gates that are closed unless somebody opens them. */
export const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  'PodGroupProtection',
  'PodGroupWorkloadExists',
  'JobValidation',
  // What they did is done by others now, or by the server itself.
  'GenericAdmissionWebhook',
  'Initializers',
  'PersistentVolumeLabel',
  'PVCProtection',
]);

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
  'NodeDeclaredFeatureValidator',
  'PodResizeValidator',
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

/** Throws what is wrong with the names alone, before anything else is started: as `choosePlugins`, and for one that upstream gave up. */
export function checkPluginNames(choice: PluginChoice): void {
  const chosen = choosePlugins(choice);
  const gone = chosen.filter((name) => RETIRED.includes(name) && !WITHOUT_EFFECT.has(name));
  if (gone.length) throw notOffered(gone, choice);
}

/** For plugins that upstream has, or had, and this server has not. */
export function notOffered(names: readonly string[], { only = [] }: PluginChoice): CodedError {
  const flag = only.length ? 'admission-control' : 'enable-admission-plugins';
  return wrong(`--${flag}: not offered here: ${names.join(', ')}`);
}

const wrong = (message: string) => new CodedError(message, { code: 'ADMISSION_PLUGINS' });
