import { dirname, join, resolve } from 'node:path';
import type { Clock } from '../std/clock.ts';
import { CodedError } from '../std/coded-error.ts';
import { parseGoDuration } from '../std/go-duration.ts';
import type { Logger } from '../std/logger.ts';
import type { KubeletConfiguration } from './configuration/kubelet-configuration.ts';
import type { KubeletMetrics } from './metrics/kubelet-metrics.ts';
import type { PodPaths } from './pods/pod-paths.ts';
import type { Runtime } from './runtime/runtime.ts';

/** What `--runtime` may say. */
export const RUNTIMES = ['auto', 'containerd', 'hollow'] as const;

export interface RuntimeRequest {
  readonly name: string;
  /** `--container-runtime-endpoint`, or the file's; undefined when neither says one: the usual sockets are looked at. */
  readonly endpoint: string | undefined;
  readonly rootDirectory: string;
  readonly podInfraContainerImage?: string;
  /** `--image-pull-progress-deadline`, where it is given. */
  readonly pullProgressTimeoutMs?: number | undefined;
  readonly configuration: KubeletConfiguration;
  readonly metrics: KubeletMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

export interface OpenRuntime {
  readonly runtime: Runtime;
  /** Of real pods; undefined for hollow ones. */
  readonly podPaths: PodPaths | undefined;
  close(): void;
}

/** Where upstream links container logs, for those who read them by name. */
const CONTAINER_LOGS = '/var/log/containers';
const POD_LOGS = '/var/log/pods';

/** Upstream's layout below a root directory; logs elsewhere than usual have their links beside them. */
export function podPathsOf(rootDirectory: string, podLogs: string): PodPaths {
  const containerLogs = podLogs === POD_LOGS ? CONTAINER_LOGS : join(dirname(podLogs), 'containers');
  return { root: resolve(rootDirectory), logs: podLogs, containerLogs };
}

/** @throws CodedError KUBELET_FLAGS_INVALID for what is none of them */
export function checkRuntimeName(name: string): void {
  if ((RUNTIMES as readonly string[]).includes(name)) return;
  throw new CodedError(
    `--runtime ($MUSTER_RUNTIME) ${JSON.stringify(name)} is not supported: choose one of ${RUNTIMES.join(', ')}`,
    { code: 'KUBELET_FLAGS_INVALID' },
  );
}

/**
 * What runs this kubelet's pods. Real pods only where a container runtime answers: a node that says that it runs pods and does not
 * would be found out late, so `hollow` is never chosen by itself.
 *
 * @throws CodedError RUNTIME_UNREACHABLE
 */
export async function openRuntime(request: RuntimeRequest): Promise<OpenRuntime> {
  const { name, configuration, rootDirectory, metrics, clock, logger, random } = request;
  if (name === 'hollow') {
    const { createHollowRuntime } = await import('./runtime/hollow/hollow-runtime.ts');
    logger.warn('Pods on this node are hollow: their state is kept, their containers do not run (--runtime=hollow)');
    return {
      runtime: createHollowRuntime({ clock, random, fallbackPodCidr: configuration.podCIDR }),
      podPaths: undefined,
      close: () => undefined,
    };
  }
  const [{ findRuntimeEndpoint }, { createCriRuntime }, { withLogRemoval }] = await Promise.all([
    import('./runtime/cri/endpoint.ts'),
    import('./runtime/cri/cri-runtime.ts'),
    import('./logs/log-removal.ts'),
  ]);
  const podPaths = podPathsOf(rootDirectory, configuration.podLogsDir);
  try {
    const runtime = await createCriRuntime({
      endpoint: await findRuntimeEndpoint(request.endpoint),
      ...(configuration.imageServiceEndpoint && { imageEndpoint: configuration.imageServiceEndpoint }),
      requestTimeoutMs: parseGoDuration(configuration.runtimeRequestTimeout),
      paths: podPaths,
      seccomp: { seccompDefault: configuration.seccompDefault, profileRoot: join(podPaths.root, 'seccomp') },
      ...(request.podInfraContainerImage && { podInfraContainerImage: request.podInfraContainerImage }),
      ...(request.pullProgressTimeoutMs && { pullProgressTimeoutMs: request.pullProgressTimeoutMs }),
      clock,
      logger,
      metrics,
    });
    return { runtime: withLogRemoval(runtime), podPaths, close: () => runtime.close() };
  } catch (cause) {
    throw new CodedError(
      `${(cause as Error).message}; a node that only keeps the state of its pods starts with --runtime=hollow`,
      { code: 'RUNTIME_UNREACHABLE', cause },
    );
  }
}
