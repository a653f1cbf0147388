import { isGrpcStatus } from '../../../std/grpc/grpc-error.ts';
import type { ContainerLogs, ContainerStreams, ContainerUsage, RuntimeStats } from '../runtime-abilities.ts';
import type { CriClient, CriMessage } from './api/cri-client.ts';
import { ContainerState } from './api/enums.ts';
import { usageFromCri } from './images/image-service.ts';
import { milliseconds } from './translate/container-state.ts';
import { CONTAINER_NAME_LABEL, POD_UID_LABEL } from './translate/pod-labels.ts';

export interface ContainerAbilities {
  readonly streams: ContainerStreams;
  readonly logs: ContainerLogs;
  readonly stats: RuntimeStats;
}

/** Commands, streams, logs and numbers of containers. */
export function createContainerAbilities(cri: CriClient, requestTimeoutMs: number): ContainerAbilities {
  return {
    streams: {
      async execSync(containerId, command, timeoutMs) {
        const answer = await cri.call(
          'ExecSync',
          { container_id: containerId, cmd: command, timeout: Math.ceil(timeoutMs / 1000) },
          // The runtime ends the command; the call's own limit is there in case it does not.
          timeoutMs > 0 ? { timeoutMs: timeoutMs + requestTimeoutMs } : {},
        );
        return { stdout: Buffer.from(answer.stdout), stderr: Buffer.from(answer.stderr), exitCode: answer.exit_code };
      },
      async exec({ containerId, command, ...wanted }) {
        return new URL((await cri.call('Exec', { container_id: containerId, cmd: command, ...wanted })).url);
      },
      async attach({ containerId, ...wanted }) {
        return new URL((await cri.call('Attach', { container_id: containerId, ...wanted })).url);
      },
      async portForward(sandboxId, ports) {
        return new URL((await cri.call('PortForward', { pod_sandbox_id: sandboxId, port: ports })).url);
      },
    },
    logs: {
      async pathOf(containerId) {
        const answer = await orUndefined(cri.call('ContainerStatus', { container_id: containerId }));
        return answer?.status?.log_path || undefined;
      },
      async reopen(containerId) {
        await cri.call('ReopenContainerLog', { container_id: containerId });
      },
    },
    stats: {
      async containers() {
        return (await cri.call('ListContainerStats', {})).stats.map(usageOf);
      },
      async pidOf(containerId) {
        const answer = await orUndefined(cri.call('ContainerStatus', { container_id: containerId, verbose: true }));
        return answer?.status?.state === ContainerState.RUNNING ? pidIn(answer.info) : undefined;
      },
      async sandboxPidOf(sandboxId) {
        const answer = await orUndefined(cri.call('PodSandboxStatus', { pod_sandbox_id: sandboxId, verbose: true }));
        return answer && pidIn(answer.info);
      },
    },
  };
}

/** What a runtime tells beyond the API, as JSON under `info`: containerd and CRI-O both tell the pid there. */
export function detailsIn(info: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> {
  try {
    const details: unknown = JSON.parse(info['info'] ?? '{}');
    return typeof details === 'object' && details !== null ? (details as Record<string, unknown>) : {};
  } catch {
    return {}; // not JSON: a runtime that tells it otherwise
  }
}

function pidIn(info: Readonly<Record<string, string>>): number | undefined {
  const { pid } = detailsIn(info);
  return typeof pid === 'number' && pid > 0 ? pid : undefined;
}

function usageOf({ attributes, cpu, memory, writable_layer }: CriMessage<'ContainerStats'>): ContainerUsage {
  const labels = attributes?.labels ?? {};
  return {
    containerId: attributes?.id ?? '',
    podUid: labels[POD_UID_LABEL] ?? '',
    name: labels[CONTAINER_NAME_LABEL] ?? attributes?.metadata?.name ?? '',
    attempt: attributes?.metadata?.attempt ?? 0,
    timestampMs: milliseconds(cpu?.timestamp || memory?.timestamp || writable_layer?.timestamp || 0) ?? 0,
    ...(cpu?.usage_core_nano_seconds && { cpuNanoseconds: cpu.usage_core_nano_seconds.value }),
    ...(memory?.working_set_bytes && { memoryWorkingSetBytes: memory.working_set_bytes.value }),
    ...(writable_layer && { writableLayer: usageFromCri(writable_layer) }),
  };
}

async function orUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isGrpcStatus(error, 'NotFound')) return undefined;
    throw error;
  }
}
