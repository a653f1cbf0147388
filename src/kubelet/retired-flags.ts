import type { FlagDefinition } from '../std/flags.ts';

/**
 * Flags that kubelets of 1.10 and later had, each with the release that took it away: a unit file of any of them starts this kubelet.
 * None changes anything here.
 */
const RETIRED: Readonly<Record<string, readonly (readonly [name: string, type: FlagDefinition['type']])[]>> = {
  '1.11': [
    ['google-json-key', 'string'],
    ['init-config-dir', 'string'],
    ['low-diskspace-threshold-mb', 'int'],
    ['outofdisk-transition-frequency', 'duration'],
    ['reconcile-cidr', 'bool'],
    ['require-kubeconfig', 'bool'],
    ['resource-container', 'string'],
    ['system-container', 'string'],
    ['docker-exec-handler', 'string'],
    ['enable-custom-metrics', 'bool'],
    ['experimental-fail-swap-on', 'bool'],
    ['experimental-cgroups-per-qos', 'bool'],
    ['host-ipc-sources', 'strings'],
    ['host-network-sources', 'strings'],
    ['host-pid-sources', 'strings'],
    ['rkt-api-endpoint', 'string'],
    ['rkt-path', 'string'],
    ['rkt-stage1-image', 'string'],
  ],
  '1.12': [['docker-disable-shared-pid', 'bool']],
  '1.24': [
    ['docker-env-metadata-whitelist', 'string'],
    ['docker-only', 'bool'],
    ['docker-tls', 'bool'],
    ['docker-tls-ca', 'string'],
    ['docker-tls-cert', 'string'],
    ['docker-tls-key', 'string'],
    ['experimental-check-node-capabilities-before-mount', 'bool'],
    ['experimental-dockershim', 'bool'],
    ['experimental-dockershim-root-directory', 'string'],
    ['experimental-log-sanitization', 'bool'],
    ['experimental-logging-sanitization', 'bool'],
    ['experimental-kernel-memcg-notification', 'bool'],
    ['experimental-qos-reserved', 'string'],
    ['windows-priorityclass', 'string'],
    ['windows-service', 'bool'],
    ['containerd-namespace', 'string'],
  ],
  '1.36': [
    ['application-metrics-count-limit', 'int'],
    ['boot-id-file', 'string'],
    ['container-hints', 'string'],
    ['enable-load-reader', 'bool'],
    ['event-storage-age-limit', 'string'],
    ['event-storage-event-limit', 'string'],
    ['global-housekeeping-interval', 'duration'],
    ['housekeeping-interval', 'duration'],
    ['machine-id-file', 'string'],
    ['storage-driver-buffer-duration', 'duration'],
    ['storage-driver-db', 'string'],
    ['storage-driver-host', 'string'],
    ['storage-driver-password', 'string'],
    ['storage-driver-secure', 'bool'],
    ['storage-driver-table', 'string'],
    ['storage-driver-user', 'string'],
    ['log-json-info-buffer-size', 'string'],
    ['log-json-split-stream', 'bool'],
    ['log-text-info-buffer-size', 'string'],
    ['log-text-split-stream', 'bool'],
  ],
};

export function retiredFlags(): FlagDefinition[] {
  return Object.entries(RETIRED).flatMap(([release, flags]) =>
    flags.map(
      ([name, type]): FlagDefinition => ({
        name,
        type,
        noEffect: true,
        hidden: true,
        description: `Of kubelets before ${release}.`,
      }),
    ),
  );
}
