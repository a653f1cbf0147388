import {
  KUBE_APISERVER_CLIENT,
  KUBE_APISERVER_CLIENT_KUBELET,
  KUBELET_SERVING,
  LEGACY_UNKNOWN,
} from '../api/certificates/v1/signer-conditions.ts';
import { readFlagFile, readLeaderElection } from '../client/serving/component-flags.ts';
import { type FeatureGates, readFeatureGates } from '../std/feature-gates.ts';
import { FlagError, type FlagValues, type ParsedFlags } from '../std/flags.ts';
import { readConcurrency } from './concurrency-flags.ts';
import type { ControllerManagerOptions } from './controller-manager-options.ts';
import { type AuthoritySource, authorityFromFiles } from './csrsigning/signing-material.ts';

const SIGNER_OF_FLAG: Readonly<Record<string, string>> = {
  'kubelet-serving': KUBELET_SERVING,
  'kubelet-client': KUBE_APISERVER_CLIENT_KUBELET,
  'kube-apiserver-client': KUBE_APISERVER_CLIENT,
  'legacy-unknown': LEGACY_UNKNOWN,
};

/** What `--feature-gates` says of the gates that a controller looks at. */
export const readControllerGates = (values: FlagValues): FeatureGates =>
  readFeatureGates(values, 'kube-controller-manager', [
    { name: 'LegacyServiceAccountTokenNoAutoGeneration', stage: '', default: true },
  ]);

type FlagOptions = Omit<ControllerManagerOptions, 'clientFor' | 'clock' | 'logger' | 'random' | 'identity'>;

/**
 * The options that the flags say, with the files that they name read. Rejects with an error that names the flag, the file, or what does
 * not fit together.
 *
 * @param onSigningError told when signing files have changed into something that cannot be used
 */
export async function readControllerManagerOptions(
  flags: ParsedFlags,
  onSigningError: (error: Error) => void,
): Promise<FlagOptions> {
  const { values } = flags;
  const rootCaFile = values.string('root-ca-file');
  const serviceAccountKeyFile = values.string('service-account-private-key-file');
  const oldDuration = flags.isSet('experimental-cluster-signing-duration') && !flags.isSet('cluster-signing-duration');
  return {
    controllers: values.strings('controllers'),
    leaderElect: readLeaderElection(values),
    ...(await readSigning(values, onSigningError)),
    signingDurationMs: values.durationMs(oldDuration ? 'experimental-cluster-signing-duration' : 'cluster-signing-duration'),
    serviceAccountKeyPem: serviceAccountKeyFile
      ? await readFlagFile('service-account-private-key-file', serviceAccountKeyFile)
      : undefined,
    rootCaPem: rootCaFile ? await readFlagFile('root-ca-file', rootCaFile) : undefined,
    ...('LegacyServiceAccountTokenNoAutoGeneration' in values.map('feature-gates') && {
      legacyServiceAccountTokenAutoGeneration: !readControllerGates(values).enabled('LegacyServiceAccountTokenNoAutoGeneration'),
    }),
    ...readNodeCidrs(values),
    nodeMonitorPeriodMs: values.durationMs('node-monitor-period'),
    nodeMonitorGracePeriodMs: values.durationMs('node-monitor-grace-period'),
    nodeStartupGracePeriodMs: values.durationMs('node-startup-grace-period'),
    nodeEvictionRate: values.float('node-eviction-rate'),
    secondaryNodeEvictionRate: values.float('secondary-node-eviction-rate'),
    unhealthyZoneThreshold: values.float('unhealthy-zone-threshold'),
    largeClusterSizeThreshold: values.int('large-cluster-size-threshold'),
    terminatedPodGcThreshold: values.int('terminated-pod-gc-threshold'),
    enableGarbageCollector: values.bool('enable-garbage-collector'),
    concurrentGcSyncs: values.int('concurrent-gc-syncs'),
    resourceQuotaSyncPeriodMs: values.durationMs('resource-quota-sync-period'),
    concurrentResourceQuotaSyncs: values.int('concurrent-resource-quota-syncs'),
    concurrentSyncs: readConcurrency(values),
    dynamicProvisioning: values.bool('enable-dynamic-provisioning'),
    // Upstream's directory (pkg/volume/hostpath).
    ...(values.bool('enable-hostpath-provisioner') && { hostPathVolumesDirectory: '/tmp/hostpath_pv' }),
    legacyTokenCleanUpPeriodMs: values.durationMs('legacy-service-account-token-clean-up-period'),
    podAutoscaler: {
      syncPeriodMs: values.durationMs('horizontal-pod-autoscaler-sync-period'),
      tolerance: values.float('horizontal-pod-autoscaler-tolerance'),
      downscaleStabilizationMs: values.durationMs('horizontal-pod-autoscaler-downscale-stabilization'),
      cpuInitializationMs: values.durationMs('horizontal-pod-autoscaler-cpu-initialization-period'),
      initialReadinessMs: values.durationMs('horizontal-pod-autoscaler-initial-readiness-delay'),
    },
    disableForceDetachOnTimeout: values.bool('disable-force-detach-on-timeout'),
    maxEndpointsPerSlice: Math.min(1000, Math.max(1, values.int('max-endpoints-per-slice'))),
    mirroringMaxEndpointsPerSubset: Math.min(1000, Math.max(1, values.int('mirroring-max-endpoints-per-subset'))),
  };
}

/** Signers by the flags' files. Each pair is tried now, so that a mistake is told when it is made. */
async function readSigning(
  values: FlagValues,
  onError: (error: Error) => void,
): Promise<Pick<FlagOptions, 'signing' | 'signers'>> {
  const open = async (prefix: string): Promise<AuthoritySource | undefined> => {
    const certificateFile = values.string(`${prefix}-cert-file`);
    const keyFile = values.string(`${prefix}-key-file`);
    // Upstream too needs both and signs nothing with one.
    if (!certificateFile || !keyFile) return undefined;
    const source = authorityFromFiles({ certificateFile, keyFile }, onError);
    await source();
    return source;
  };
  const signing = await open('cluster-signing');
  const signers: Record<string, AuthoritySource> = {};
  for (const [flag, signer] of Object.entries(SIGNER_OF_FLAG)) {
    const source = await open(`cluster-signing-${flag}`);
    if (source && signing)
      throw new FlagError(
        `--cluster-signing-${flag}-cert-file`,
        `cannot specify --cluster-signing-{cert,key}-file and --cluster-signing-${flag}-{cert,key}-file at the same time`,
      );
    if (source) signers[signer] = source;
  }
  return { signing, signers };
}

function readNodeCidrs(values: FlagValues): Partial<FlagOptions> {
  const list = (name: string) =>
    values
      .string(name)
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean);
  const clusterCidrs = list('cluster-cidr');
  const serviceCidrs = list('service-cluster-ip-range');
  if (!values.bool('allocate-node-cidrs')) return {};
  if (clusterCidrs.length === 0)
    throw new FlagError('--cluster-cidr', '--cluster-cidr is required when --allocate-node-cidrs is true');
  const common = values.int('node-cidr-mask-size');
  if (common && clusterCidrs.length > 1)
    throw new FlagError(
      '--node-cidr-mask-size',
      '--node-cidr-mask-size is for one address family: use --node-cidr-mask-size-ipv4 and --node-cidr-mask-size-ipv6',
    );
  return {
    clusterCidrs,
    serviceCidrs,
    nodeCidrMaskSizeIpv4: values.int('node-cidr-mask-size-ipv4') || common || 24,
    nodeCidrMaskSizeIpv6: values.int('node-cidr-mask-size-ipv6') || common || 64,
  };
}
