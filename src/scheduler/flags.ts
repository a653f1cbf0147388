import {
  componentFlags,
  flag,
  ignoredFlags,
  leaderElectionFlags,
  logFormatFlag,
  versionFlag,
} from '../client/serving/component-flags.ts';
import type { FlagDefinition } from '../std/flags.ts';

/** kube-scheduler's flags, of its releases 1.10 to 1.36. */
export const SCHEDULER_FLAGS: readonly FlagDefinition[] = [
  ...componentFlags(10259),
  ...leaderElectionFlags('kube-scheduler'),
  flag('config', 'string', 'file with a KubeSchedulerConfiguration'),
  flag('scheduler-name', 'string', 'only pods that name this scheduler are taken', { default: 'default-scheduler' }),
  flag('kube-api-qps', 'float', 'requests a second to the API server; no limit unless given'),
  flag('kube-api-burst', 'int', 'requests beyond that at once', { default: 100 }),
  flag('pod-max-in-unschedulable-pods-duration', 'duration', 'how long a pod that fits nowhere waits for an event', {
    default: '5m',
  }),
  flag('v', 'int', 'verbosity of the log', { shorthand: 'v' }),
  logFormatFlag,
  versionFlag,
  // The plain HTTP port of 1.22 and before: health and metrics are on the secure port only.
  flag('address', 'string', 'address of the plain HTTP port, which there is none of', { default: '0.0.0.0', noEffect: true }),
  flag('port', 'int', 'the plain HTTP port, which there is none of', { default: 10251, noEffect: true }),
  ...ignoredFlags('bool', 'logtostderr', 'alsologtostderr', 'one-output', 'skip-headers', 'skip-log-headers', 'add-dir-header'),
  ...ignoredFlags('bool', 'profiling', 'contention-profiling', 'use-legacy-policy-config'),
  ...ignoredFlags('bool', 'authentication-tolerate-lookup-failure', 'permit-address-sharing'),
  ...ignoredFlags('bool', 'leader-elect-coordinated', 'logging-format-text-split-stream', 'disable-http2-serving'),
  ...ignoredFlags('duration', 'authentication-token-webhook-cache-ttl', 'authorization-webhook-cache-authorized-ttl'),
  ...ignoredFlags('duration', 'authorization-webhook-cache-unauthorized-ttl', 'log-flush-frequency'),
  ...ignoredFlags('int', 'stderrthreshold', 'hard-pod-affinity-symmetric-weight', 'http2-max-streams-per-connection'),
  ...ignoredFlags('string', 'log-dir', 'log-file', 'log-file-max-size', 'log-backtrace-at', 'vmodule', 'cert-dir'),
  ...ignoredFlags('string', 'kube-api-content-type', 'tls-curve-preferences', 'write-config-to'),
  ...ignoredFlags('string', 'algorithm-provider', 'policy-config-file', 'policy-configmap', 'policy-configmap-namespace'),
  ...ignoredFlags('string', 'log-json-info-buffer-size', 'log-text-info-buffer-size', 'min-compatibility-version'),
  ...ignoredFlags('bool', 'log-json-split-stream', 'log-text-split-stream', 'experimental-logging-sanitization'),
  ...ignoredFlags('string', 'show-hidden-metrics-for-version', 'allow-metric-labels-manifest'),
  ...ignoredFlags('string', 'emulated-version', 'emulation-forward-compatible', 'lock-object-name', 'lock-object-namespace'),
  ...ignoredFlags('strings', 'tls-sni-cert-key', 'disabled-metrics', 'allow-metric-labels'),
  ...ignoredFlags('map', 'feature-gates'),
];
