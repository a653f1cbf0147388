import type { V1Pod } from '../../../api/gen/types.ts';
import { parseGoDuration } from '../../../std/go-duration.ts';
import { type Component, ComponentGroup, deferred } from '../../../std/lifecycle.ts';
import type { PodPartContext } from '../pod-parts.ts';
import type { StaticPods } from '../real-pod-options.ts';
import { createManifestFiles, type Manifest } from './manifest-files.ts';
import { createManifestUrl } from './manifest-url.ts';
import { reconcileMirror } from './mirror-pods.ts';
import { type ManifestSource, parseManifest } from './static-pod.ts';

export type StaticPodsOptions = Pick<
  PodPartContext,
  'client' | 'nodeName' | 'node' | 'configuration' | 'events' | 'clock' | 'logger'
>;

interface Known {
  readonly text: string;
  readonly pods: readonly V1Pod[];
}

/** The pods that the node's own manifests name: `staticPodPath` and `staticPodURL`. Undefined when neither is set. */
export function createStaticPods(options: StaticPodsOptions): StaticPods | undefined {
  const { configuration, clock, logger } = options;
  const pods = new ManifestPods(options);
  const duration = (field: string) => parseGoDuration(configuration[field] as string);
  const sources: Component[] = [];
  if (configuration.staticPodPath)
    sources.push(
      createManifestFiles({
        path: configuration.staticPodPath,
        checkMs: duration('fileCheckFrequency'),
        onChange: (manifests) => pods.take('file', manifests),
        clock,
        logger,
      }),
    );
  const url = configuration['staticPodURL'] as string | undefined;
  if (url)
    sources.push(
      createManifestUrl({
        url,
        headers: (configuration['staticPodURLHeader'] as Record<string, string[]> | undefined) ?? {},
        checkMs: duration('httpCheckFrequency'),
        onChange: (manifests) => pods.take('http', manifests),
        clock,
        logger,
      }),
    );
  if (sources.length === 0) return undefined;
  const group = new ComponentGroup();
  const done = deferred();
  return {
    name: 'static pods',
    async start(signal) {
      signal.addEventListener('abort', () => void group.stop().then(done.resolve, done.reject), { once: true });
      for (const source of sources) await group.start(source);
    },
    done: done.promise,
    list: () => pods.list(),
    find: (uid) => pods.find(uid),
    onChange: (listener) => pods.onChange(listener),
    mirror: (pod, mirror) => reconcileMirror(options, pod, mirror),
  };
}

class ManifestPods {
  readonly #options: StaticPodsOptions;
  /** By source and origin. A manifest that was broken since keeps the pods that it had. */
  readonly #known: Record<ManifestSource, Map<string, Known>> = { file: new Map(), http: new Map() };
  readonly #broken = new Map<string, string>();
  readonly #listeners = new Set<(uid: string) => void>();
  #pods = new Map<string, V1Pod>();

  constructor(options: StaticPodsOptions) {
    this.#options = options;
  }

  list(): readonly V1Pod[] {
    return [...this.#pods.values()];
  }

  find(uid: string): V1Pod | undefined {
    return this.#pods.get(uid);
  }

  onChange(listener: (uid: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** All manifests of a source as they are now. */
  async take(source: ManifestSource, manifests: readonly Manifest[]): Promise<void> {
    const known = this.#known[source];
    const origins = new Set(manifests.map(({ origin }) => origin));
    for (const origin of known.keys()) if (!origins.has(origin)) known.delete(origin);
    for (const manifest of manifests) await this.#read(source, manifest);
    this.#tell();
  }

  async #read(source: ManifestSource, { origin, text, error }: Manifest): Promise<void> {
    const { nodeName, clock } = this.#options;
    const known = this.#known[source];
    if (text !== undefined && known.get(origin)?.text === text) return;
    try {
      if (text === undefined) throw error ?? new Error('it cannot be read');
      known.set(origin, { text, pods: await parseManifest(text, { source, origin, nodeName, nowMs: clock.now() }) });
      this.#broken.delete(origin);
    } catch (cause) {
      this.#complain(origin, (cause as Error).message);
    }
  }

  /** Once for each way in which it is broken: manifests are read again and again. */
  #complain(origin: string, message: string): void {
    if (this.#broken.get(origin) === message) return;
    this.#broken.set(origin, message);
    const { logger, events, nodeName } = this.#options;
    logger.error("Can't process manifest file", { path: origin, err: message });
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName, uid: nodeName } };
    events?.event(node, 'Warning', 'FailedStaticPodManifest', `${origin}: ${message}`);
  }

  #tell(): void {
    const before = this.#pods;
    const byName = new Map<string, V1Pod>();
    for (const known of Object.values(this.#known))
      for (const pod of [...known.values()].flatMap(({ pods }) => pods))
        byName.set(`${pod.metadata?.namespace}/${pod.metadata?.name}`, pod);
    this.#pods = new Map([...byName.values()].map((pod) => [pod.metadata?.uid ?? '', pod]));
    const changed = [...before.keys()].filter((uid) => !this.#pods.has(uid));
    for (const uid of this.#pods.keys()) if (!before.has(uid)) changed.push(uid);
    for (const uid of changed) for (const listener of this.#listeners) listener(uid);
  }
}
