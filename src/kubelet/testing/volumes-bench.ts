/** For tests: PodVolumes on an API server in memory, with real mounts below a directory of their own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { V1Node, V1Pod, V1PodSpec, V1VolumeMount } from '../../api/gen/types.ts';
import { createMounts } from '../../host/mounts.ts';
import { VirtualClock } from '../../std/clock.ts';
import { completeConfiguration } from '../configuration/defaults.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { createHollowRuntime } from '../runtime/hollow/hollow-runtime.ts';
import { createPodVolumes, type NodeVolumes, type PodVolumesOptions } from '../volumes/pod-volumes.ts';
import { recordingLogger } from './cluster-of-one.ts';
import { FakeApi } from './fake-api.ts';

export const NODE_NAME = 'k8s-n01';
/** Of work that nobody ends. */
export const never = new AbortController().signal;

export interface VolumesBench extends AsyncDisposable {
  readonly api: FakeApi;
  readonly clock: VirtualClock;
  readonly volumes: NodeVolumes;
  readonly root: string;
  readonly lines: readonly string[];
  readonly mounts: ReturnType<typeof createMounts>;
  readonly events: readonly string[];
  node: V1Node;
  file(...names: string[]): string;
  /** What a kubelet started anew knows: nothing but what is on disk. */
  restarted(changes?: PodVolumesOptions): NodeVolumes;
  /** The same, with what runs all the time. */
  startedAnew(): Promise<AsyncDisposable & { readonly volumes: NodeVolumes }>;
}

export async function createVolumesBench(
  options: PodVolumesOptions & { readonly settings?: Record<string, unknown>; readonly metrics?: KubeletMetrics } = {},
): Promise<VolumesBench> {
  const root = await mkdtemp(join(tmpdir(), 'volumes-test-'));
  const clock = new VirtualClock(Date.UTC(2026, 10, 22, 8, 0));
  const api = new FakeApi(clock);
  const { logger, lines } = recordingLogger();
  const mounts = createMounts();
  const events: string[] = [];
  const ends = new AbortController();
  const make = (changes: PodVolumesOptions = {}) =>
    createPodVolumes(
      {
        client: api.client(),
        nodeName: NODE_NAME,
        nodeIps: ['192.0.2.10'],
        node: () => bench.node,
        configuration: completeConfiguration(options.settings ?? {}),
        runtime: createHollowRuntime({ clock, random: () => 0.5 }),
        paths: { root, logs: join(root, 'logs'), containerLogs: join(root, 'links') },
        events: {
          event: (_subject, type, reason, message) => void events.push(`${type} ${reason} ${message}`),
          flush: async () => undefined,
        },
        ...(options.metrics && { metrics: options.metrics }),
        clock,
        logger,
        random: () => 0.5,
      },
      { mounts, ...options, ...changes },
    );
  const volumes = make();
  const bench: VolumesBench = {
    api,
    clock,
    volumes,
    root,
    lines,
    mounts,
    events,
    node: { metadata: { name: NODE_NAME, labels: { zone: 'a' } }, status: { allocatable: { cpu: '4', memory: '64Mi' } } },
    file: (...names) => join(root, ...names),
    restarted: make,
    async startedAnew() {
      const anew = make();
      const end = new AbortController();
      await anew.start(end.signal);
      return {
        volumes: anew,
        [Symbol.asyncDispose]: async () => {
          end.abort();
          await anew.done;
        },
      };
    },
    async [Symbol.asyncDispose]() {
      ends.abort();
      await mounts.unmountAll(root);
      await rm(root, { recursive: true, force: true });
    },
  };
  await volumes.start(ends.signal);
  return bench;
}

/** A pod with one container `main` that mounts each volume at `/<its name>`. */
export function podWith(spec: Partial<V1PodSpec>, name = 'web'): V1Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: `uid-${name}`, labels: { app: name }, annotations: {} },
    spec: {
      nodeName: NODE_NAME,
      serviceAccountName: 'default',
      containers: [{ name: 'main', volumeMounts: (spec.volumes ?? []).map((v) => ({ name: v.name, mountPath: `/${v.name}` })) }],
      ...spec,
    },
  };
}

type Environment = Parameters<NodeVolumes['mountsOf']>[2];

/** The mounts of the pod's container, or of one with other mounts. */
export function mountsOf({ volumes }: VolumesBench, pod: V1Pod, volumeMounts?: V1VolumeMount[], environment: Environment = []) {
  const container = volumeMounts ? { name: 'main', volumeMounts } : pod.spec!.containers[0]!;
  return volumes.mountsOf(pod, container, environment);
}

/** Where the volume that is mounted at `/<name>` is on the host. */
export async function hostPathOf(bench: VolumesBench, pod: V1Pod, name: string): Promise<string> {
  const { mounts } = await mountsOf(bench, pod);
  return mounts.find(({ containerPath }) => containerPath === `/${name}`)!.hostPath;
}
