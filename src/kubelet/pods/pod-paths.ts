import { join } from 'node:path';

/** Where a kubelet keeps what belongs to its pods: upstream's layout, which other programs read (log shippers, CSI drivers). */
export interface PodPaths {
  /** `--root-dir`, by default `/var/lib/kubelet`. */
  readonly root: string;
  /** `podLogsDir`, by default `/var/log/pods`. */
  readonly logs: string;
  /** Links `<pod>_<namespace>_<container>-<id>.log` to the newest file of each container: `/var/log/containers`. */
  readonly containerLogs: string;
}

export function podDirectory(paths: PodPaths, uid: string): string {
  return join(paths.root, 'pods', uid);
}

/** `…/volumes/kubernetes.io~configmap/<volume>`: the plugin's name with `~` for `/`. */
export function volumeDirectory(paths: PodPaths, uid: string, plugin: string, volume: string): string {
  return join(podDirectory(paths, uid), 'volumes', plugin.replaceAll('/', '~'), volume);
}

/** Of files that belong to one container: its termination message. */
export function containerDirectory(paths: PodPaths, uid: string, container: string): string {
  return join(podDirectory(paths, uid), 'containers', container);
}

export function podLogDirectory(
  paths: PodPaths,
  pod: { readonly namespace: string; readonly name: string; readonly uid: string },
): string {
  return join(paths.logs, `${pod.namespace}_${pod.name}_${pod.uid}`);
}

/** Relative to the pod's log directory. */
export function containerLogPath(container: string, attempt: number): string {
  return join(container, `${attempt}.log`);
}
