import { isDeepStrictEqual } from 'node:util';
import type { KubeletConfiguration } from './kubelet-configuration.ts';

/** Fields that upstream has and that change nothing here, beside those of which the same is true there. */
const FIELDS: readonly string[] = [
  'contentType',
  'enableContentionProfiling',
  'kernelMemcgNotification',
  'makeIPTablesUtilChains',
  'memoryReservationPolicy',
  'protectKernelDefaults',
  'reservedMemory',
  'showHiddenMetricsForVersion',
  'systemCgroups',
  'tracing',
  'volumePluginDir',
];

/** Gates that are looked at somewhere in this kubelet. */
const GATES: ReadonlySet<string> = new Set([
  'AllAlpha',
  'AllBeta',
  'ChangeContainerStatusOnKubeletRestart',
  'CustomCPUCFSQuotaPeriod',
  'GracefulNodeShutdown',
  'GracefulNodeShutdownBasedOnPodPriority',
  'KubeletCrashLoopBackOffMax',
  'MemoryQoS',
  'NodeLogQuery',
  'QOSReserved',
  'ReduceDefaultCrashLoopBackOffDecay',
  'RotateKubeletClientCertificate',
  'RotateKubeletServerCertificate',
]);

/** What somebody asked for and does not get, one line each for fields and feature gates; `standard` are the defaults. */
export function remarksOn(configuration: KubeletConfiguration, standard: KubeletConfiguration): string[] {
  const fields = FIELDS.filter((name) => !isDeepStrictEqual(configuration[name], standard[name]));
  const gates = Object.keys(configuration.featureGates ?? {}).filter((name) => !GATES.has(name));
  return [
    ...(fields.length > 0
      ? [`fields of the configuration that have no effect in this kubelet: ${fields.sort().join(', ')}`]
      : []),
    ...(gates.length > 0 ? [`feature gates that switch nothing in this kubelet: ${gates.sort().join(', ')}`] : []),
  ];
}
