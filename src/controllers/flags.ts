import {
  componentFlags,
  flag,
  ignoredFlags as ignored,
  leaderElectionFlags,
  logFormatFlag,
  versionFlag,
} from '../client/serving/component-flags.ts';
import type { FlagDefinition } from '../std/flags.ts';
import { concurrencyFlags } from './concurrency-flags.ts';
import { KNOWN_CONTROLLERS } from './known-controllers.ts';

const SIGNER_FLAGS = ['kubelet-serving', 'kubelet-client', 'kube-apiserver-client', 'legacy-unknown'].flatMap((signer) => [
  flag(`cluster-signing-${signer}-cert-file`, 'string', `certificate that signs for the ${signer} signer alone`),
  flag(`cluster-signing-${signer}-key-file`, 'string', `its key`),
]);

/** kube-controller-manager's flags, of its releases 1.10 to 1.36. */
export const CONTROLLER_MANAGER_FLAGS: readonly FlagDefinition[] = [
  ...componentFlags(10257),
  ...leaderElectionFlags('kube-controller-manager'),
  logFormatFlag,
  versionFlag,
  ...ignored(
    'string',
    'log-json-info-buffer-size',
    'log-text-info-buffer-size',
    'min-compatibility-version',
    'external-cloud-volume-plugin',
  ),
  ...ignored('bool', 'log-json-split-stream', 'log-text-split-stream', 'experimental-logging-sanitization'),
  flag('controllers', 'strings', `controllers to run: '*' all that are on by default, 'x' x, '-x' not x. Known: ${names()}`, {
    default: ['*'],
  }),
  flag('use-service-account-credentials', 'bool', 'let each controller act as a ServiceAccount of its own'),
  flag('kube-api-qps', 'float', 'requests a second to the API server; no limit unless given'),
  flag('kube-api-burst', 'int', 'requests beyond that at once', { default: 30 }),
  flag('service-account-private-key-file', 'string', 'key that signs the tokens in ServiceAccount Secrets'),
  flag('root-ca-file', 'string', "the API server's authority, put into ServiceAccount Secrets and every namespace"),
  flag(
    'feature-gates',
    'map',
    "upstream's; LegacyServiceAccountTokenNoAutoGeneration=false makes a token Secret for every ServiceAccount, as is done anyhow where the API server gives no tokens on request",
  ),
  flag('cluster-signing-cert-file', 'string', 'certificate that signs certificate signing requests'),
  flag('cluster-signing-key-file', 'string', 'its key'),
  ...SIGNER_FLAGS,
  flag('cluster-signing-duration', 'duration', 'the longest that issued certificates are valid', { default: '8760h0m0s' }),
  flag('experimental-cluster-signing-duration', 'duration', 'the older name of cluster-signing-duration', {
    default: '8760h0m0s',
    deprecated: 'use --cluster-signing-duration',
  }),
  flag('allocate-node-cidrs', 'bool', 'give each node a range of pod addresses out of cluster-cidr'),
  flag('cluster-cidr', 'string', 'addresses of pods; one range, or one of each family'),
  flag('service-cluster-ip-range', 'string', 'addresses of Services, not given to nodes'),
  flag('node-cidr-mask-size', 'int', 'mask size of the ranges of nodes, when there is one family', { default: 0 }),
  flag('node-cidr-mask-size-ipv4', 'int', 'the same for IPv4', { default: 0 }),
  flag('node-cidr-mask-size-ipv6', 'int', 'the same for IPv6', { default: 0 }),
  flag('node-monitor-period', 'duration', 'how often nodes are looked at', { default: '5s' }),
  flag('node-monitor-grace-period', 'duration', 'silence after which a node is not healthy', { default: '50s' }),
  flag('node-startup-grace-period', 'duration', 'the same for a node that has just been made', { default: '1m0s' }),
  flag('node-eviction-rate', 'float', 'nodes a second whose pods are evicted in a healthy zone', { default: 0.1 }),
  flag('secondary-node-eviction-rate', 'float', 'the same in a large zone that is mostly unhealthy', { default: 0.01 }),
  flag('unhealthy-zone-threshold', 'float', 'share of nodes not Ready from which a zone is unhealthy', { default: 0.55 }),
  flag('large-cluster-size-threshold', 'int', 'nodes from which a zone is large', { default: 50 }),
  flag('terminated-pod-gc-threshold', 'int', 'ended pods that may stay; 0: all', { default: 12500 }),
  flag('enable-garbage-collector', 'bool', 'delete what has lost its owners', { default: true }),
  flag('concurrent-gc-syncs', 'int', 'objects that the garbage collector works on at a time', { default: 20 }),
  flag('resource-quota-sync-period', 'duration', 'how often everything that quotas limit is measured anew', { default: '5m0s' }),
  flag('concurrent-resource-quota-syncs', 'int', 'quotas that are measured at a time', { default: 5 }),
  ...concurrencyFlags,
  flag('enable-dynamic-provisioning', 'bool', 'have volumes made for claims that name a class', { default: true }),
  flag('enable-hostpath-provisioner', 'bool', 'make volumes of directories of this machine for classes that ask for it'),
  flag(
    'disable-force-detach-on-timeout',
    'bool',
    'leave volumes on silent nodes that use them until they are tainted out-of-service',
  ),
  flag('horizontal-pod-autoscaler-sync-period', 'duration', 'how often autoscalers look at their metrics', { default: '15s' }),
  flag('horizontal-pod-autoscaler-tolerance', 'float', 'share by which a metric may miss its target', { default: 0.1 }),
  flag(
    'horizontal-pod-autoscaler-downscale-stabilization',
    'duration',
    'how far back the highest recommendation counts before a workload shrinks',
    { default: '5m0s' },
  ),
  flag(
    'horizontal-pod-autoscaler-cpu-initialization-period',
    'duration',
    'time from the start of a pod in which its CPU counts only while it is ready',
    { default: '5m0s' },
  ),
  flag(
    'horizontal-pod-autoscaler-initial-readiness-delay',
    'duration',
    'time from the start of a pod in which a change to unready means that it was never ready',
    { default: '30s' },
  ),
  flag('legacy-service-account-token-clean-up-period', 'duration', 'how long tokens in Secrets stay that nobody uses', {
    default: '8760h0m0s',
  }),
  flag('max-endpoints-per-slice', 'int', 'endpoints that a slice may hold', { default: 100 }),
  flag('mirroring-max-endpoints-per-subset', 'int', 'addresses of a subset that are mirrored', { default: 1000 }),
  flag('v', 'int', 'verbosity of the log', { shorthand: 'v' }),
  // Since 1.18 taints evict, and a pod's own tolerationSeconds say when.
  flag('pod-eviction-timeout', 'duration', 'replaced by the tolerationSeconds of pods', { default: '5m0s', noEffect: true }),
  flag('enable-taint-manager', 'bool', 'taints always evict', { default: true, noEffect: true }),
  flag('cluster-name', 'string', 'name of the cluster for cloud providers', { default: 'kubernetes', noEffect: true }),
  ...ignored('strings', 'tls-sni-cert-key', 'disabled-metrics', 'allow-metric-labels', 'external-cloud-volume-plugin-list'),
  ...ignored('duration', 'authentication-token-webhook-cache-ttl', 'authorization-webhook-cache-authorized-ttl'),
  ...ignored('duration', 'authorization-webhook-cache-unauthorized-ttl', 'min-resync-period', 'controller-start-interval'),
  // Gone upstream since 1.16; the stabilization window has taken their place.
  ...ignored('duration', 'horizontal-pod-autoscaler-upscale-delay', 'horizontal-pod-autoscaler-downscale-delay'),
  ...ignored('duration', 'attach-detach-reconcile-sync-period', 'pvclaimbinder-sync-period', 'namespace-sync-period'),
  ...ignored('duration', 'route-reconciliation-period', 'node-sync-period', 'deployment-controller-sync-period'),
  ...ignored('duration', 'leader-migration-period', 'log-flush-frequency', 'controller-shutdown-timeout'),
  ...ignored(
    'duration',
    'endpoint-updates-batch-period',
    'endpointslice-updates-batch-period',
    'mirroring-endpointslice-updates-batch-period',
  ),
  ...ignored('duration', 'service-account-token-sync-period', 'horizontal-pod-autoscaler-initialization-period'),
  ...ignored('int', 'concurrent-service-syncs', 'concurrent-validating-admission-policy-status-syncs', 'port'),
  ...ignored('int', 'concurrent-device-taint-eviction-syncs'),
  ...ignored(
    'int',
    'pv-recycler-increment-timeout-nfs',
    'pv-recycler-minimum-timeout-nfs',
    'pv-recycler-minimum-timeout-hostpath',
  ),
  ...ignored('int', 'pv-recycler-timeout-increment-hostpath', 'http2-max-streams-per-connection', 'stderrthreshold'),
  ...ignored('float', 'registry-qps'),
  ...ignored('bool', 'horizontal-pod-autoscaler-use-rest-clients', 'profiling', 'contention-profiling', 'allow-untagged-cloud'),
  ...ignored('bool', 'authentication-tolerate-lookup-failure', 'configure-cloud-routes'),
  ...ignored('bool', 'disable-attach-detach-reconcile-sync'),
  ...ignored('bool', 'enable-leader-migration', 'permit-address-sharing', 'volume-host-allow-local-loopback'),
  ...ignored(
    'bool',
    'leader-elect-coordinated',
    'logtostderr',
    'alsologtostderr',
    'one-output',
    'skip-headers',
    'skip-log-headers',
  ),
  ...ignored(
    'bool',
    'add-dir-header',
    'logging-format-text-split-stream',
    'disable-http2-serving',
    'insecure-experimental-approve-all',
  ),
  ...ignored('string', 'address', 'cert-dir', 'cloud-provider', 'cloud-config', 'cidr-allocator-type', 'flex-volume-plugin-dir'),
  ...ignored('string', 'kube-api-content-type', 'leader-migration-config', 'log-dir', 'log-file'),
  ...ignored('string', 'log-backtrace-at', 'vmodule', 'volume-host-cidr-denylist', 'show-hidden-metrics-for-version'),
  ...ignored('string', 'pv-recycler-pod-template-filepath-hostpath', 'pv-recycler-pod-template-filepath-nfs', 'emulated-version'),
  ...ignored('string', 'allow-metric-labels-manifest', 'insecure-experimental-approve-all-kubelet-csrs-for-group'),
  ...ignored('string', 'tls-curve-preferences', 'emulation-forward-compatible', 'log-file-max-size'),
];

function names(): string {
  return KNOWN_CONTROLLERS.filter((c) => c.supported)
    .map((c) => c.name)
    .join(', ');
}
