import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1Container, V1Pod } from '../../api/gen/types.ts';
import { startGrpcServer } from '../../std/grpc/grpc-server.ts';
import type { MessageInput } from '../../std/grpc/message-schema.ts';
import { type Component, deferred } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import type { CpuManager } from '../cpus/cpu-manager.ts';
import { ascending } from '../cpus/cpu-set.ts';
import type { DeviceManager } from '../devices/device-manager.ts';
import { LONGEST_SOCKET_PATH } from '../devices/device-registration.ts';
import { isSidecar } from '../pods/container-kinds.ts';
import { isTerminal } from '../pods/pod-phase.ts';
import { POD_RESOURCES_MESSAGES } from './pod-resources-messages.ts';

export interface PodResourcesOptions {
  /** `<root>/pod-resources`. */
  readonly directory: string;
  readonly pods: () => readonly V1Pod[];
  readonly devices: Pick<DeviceManager, 'givenTo' | 'healthy'>;
  readonly cpus: Pick<CpuManager, 'ownCpusOf' | 'allocatable'>;
  readonly logger: Logger;
}

type Input<Name extends keyof typeof POD_RESOURCES_MESSAGES> = MessageInput<typeof POD_RESOURCES_MESSAGES, Name>;

/** Serves `kubelet.sock` in that directory: which devices and CPUs containers have, for monitors and plugins on the node. */
export function createPodResourcesServer({ directory, pods, devices, cpus, logger }: PodResourcesOptions): Component {
  const done = deferred();

  function containerResources(uid: string, { name }: V1Container): Input<'ContainerResources'> {
    const given = [...devices.givenTo(uid, name)].flatMap(([resource, { byNode }]) =>
      [...byNode].map(([ID, ids]) => ({ resource_name: resource, device_ids: ids, topology: { nodes: [{ ID }] } })),
    );
    return { name, devices: given, cpu_ids: ascending(cpus.ownCpusOf(uid, name) ?? []) };
  }

  function podResources({ metadata, spec }: V1Pod): Input<'PodResources'> {
    const sidecars = spec?.initContainers?.filter(isSidecar) ?? [];
    const containers = [...sidecars, ...(spec?.containers ?? [])];
    return {
      name: metadata?.name,
      namespace: metadata?.namespace,
      containers: containers.map((container) => containerResources(metadata?.uid ?? '', container)),
    };
  }

  const active = () => pods().filter(({ status }) => !isTerminal(status?.phase));
  const list = (): Input<'ListPodResourcesResponse'> => ({ pod_resources: active().map(podResources) });

  function allocatable(): Input<'AllocatableResourcesResponse'> {
    const all = [...devices.healthy()].flatMap(([resource, healthy]) => {
      const byNodes = new Map<string, { nodes: readonly number[] | undefined; ids: string[] }>();
      for (const [id, { numaNodes }] of healthy) {
        const key = numaNodes ? numaNodes.join(' ') : '-';
        const entry = byNodes.get(key) ?? { nodes: numaNodes, ids: [] };
        entry.ids.push(id);
        byNodes.set(key, entry);
      }
      return [...byNodes.values()].map(({ nodes, ids }) => ({
        resource_name: resource,
        device_ids: ids,
        ...(nodes && { topology: { nodes: nodes.map((ID) => ({ ID })) } }),
      }));
    });
    return { devices: all, cpu_ids: ascending(cpus.allocatable() ?? []) };
  }

  function get({ pod_name: name, pod_namespace: namespace }: { pod_name: string; pod_namespace: string }) {
    const pod = active().find(({ metadata }) => metadata?.name === name && metadata.namespace === namespace);
    if (!pod) throw new Error(`pod ${name} in namespace ${namespace} not found`);
    return { pod_resources: podResources(pod) } satisfies Input<'GetPodResourcesResponse'>;
  }

  const listMethod = { request: 'ListPodResourcesRequest', response: 'ListPodResourcesResponse', answer: list };
  return {
    name: 'pod resources API',
    done: done.promise,
    async start(signal) {
      signal.throwIfAborted();
      await mkdir(directory, { recursive: true, mode: 0o750 });
      const socketPath = join(directory, 'kubelet.sock');
      if (Buffer.byteLength(socketPath) > LONGEST_SOCKET_PATH) {
        logger.warn('The pod resources API is not served: the path of its socket is longer than the kernel allows', {
          socketPath,
        });
        signal.addEventListener('abort', () => done.resolve(), { once: true });
        return;
      }
      const server = await startGrpcServer({
        socketPath,
        messages: POD_RESOURCES_MESSAGES,
        methods: {
          'v1.PodResourcesLister/List': listMethod,
          'v1alpha1.PodResourcesLister/List': listMethod,
          'v1.PodResourcesLister/GetAllocatableResources': {
            request: 'AllocatableResourcesRequest',
            response: 'AllocatableResourcesResponse',
            answer: allocatable,
          },
          'v1.PodResourcesLister/Get': {
            request: 'GetPodResourcesRequest',
            response: 'GetPodResourcesResponse',
            answer: get,
          },
        },
      });
      const stop = () => void server.stop().then(done.resolve, done.reject);
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    },
  };
}
