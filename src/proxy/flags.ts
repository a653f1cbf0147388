import { flagType, settings } from '../api/configuration/setting-flags.ts';
import { flag, ignoredFlags } from '../client/serving/component-flags.ts';
import type { FlagDefinition } from '../std/flags.ts';
import { kubeProxyFields } from './configuration/fields.ts';

/** Flags of settings that are read and change nothing. */
const NO_EFFECT = /^(feature-gates$|config-sync-period$|kube-api-content-type$|show-hidden-|proxy-port-range$)/;

/** kube-proxy's flags of the releases from 1.10 to 1.36. */
export function kubeProxyFlags(): readonly FlagDefinition[] {
  return [
    flag('config', 'string', 'The path to the configuration file.'),
    flag('write-config-to', 'string', 'If set, write the default configuration values to this file and exit.'),
    flag('cleanup', 'bool', 'If true cleanup iptables, nftables and ipvs rules and exit.'),
    flag(
      'init-only',
      'bool',
      'If true, perform any initialization steps that must be done with full root privileges, and then exit.',
    ),
    flag('master', 'string', 'The address of the Kubernetes API server (overrides any value in kubeconfig)'),
    flag('version', 'bool', 'Print version information and quit'),
    flag('healthz-port', 'int', 'port of the health server; 0: none', {
      default: 10_256,
      deprecated: 'This flag is deprecated and will be removed in a future release. Please use --healthz-bind-address instead.',
    }),
    flag('metrics-port', 'int', 'port of the metrics server; 0: none', {
      default: 10_249,
      deprecated: 'This flag is deprecated and will be removed in a future release. Please use --metrics-bind-address instead.',
    }),
    ...settings(kubeProxyFields).map(
      (setting): FlagDefinition => ({
        name: setting.flag,
        type: flagType(setting),
        ...(setting.flag === 'v' && { shorthand: 'v' }),
        ...(setting.field.default !== undefined && { default: setting.field.default as FlagDefinition['default'] }),
        description: `The setting ${setting.path.join('.')} of the configuration file.`,
        ...(NO_EFFECT.test(setting.flag) && { noEffect: true }),
      }),
    ),
    ...ignoredFlags(
      ...([
        'bool',
        'logtostderr',
        'alsologtostderr',
        'add-dir-header',
        'skip-headers',
        'skip-log-headers',
        'one-output',
      ] as const),
      ...['cleanup-ipvs', 'cleanup-iptables', 'log-json-split-stream', 'log-text-split-stream'],
      ...['forward-healthcheck-vip', 'enable-dsr', 'windows-service'],
    ),
    ...ignoredFlags(
      ...(['string', 'log-dir', 'log-file', 'stderrthreshold', 'log-backtrace-at', 'vmodule', 'resource-container'] as const),
      ...['log-json-info-buffer-size', 'log-text-info-buffer-size', 'network-name', 'source-vip', 'root-hnsendpoint-name'],
      ...['boot-id-file', 'machine-id-file', 'google-json-key'],
    ),
    ...ignoredFlags('int', 'log-file-max-size', 'conntrack-max'),
    ...ignoredFlags('duration', 'log-flush-frequency', 'udp-timeout'),
  ];
}
