import { deploymentKind } from '../../api/apps/v1/deployment.ts';
import { replicaSetKind } from '../../api/apps/v1/replica-set.ts';
import { statefulSetKind } from '../../api/apps/v1/stateful-set.ts';
import { replicationControllerKind } from '../../api/core/v1/replication-controller.ts';
import type { V1Pod, V1ReplicaSet } from '../../api/gen/types.ts';
import { apiVersionOf, type ResourceKind } from '../../api/machinery/kind.ts';
import type { KubeObject, OwnerReference } from '../../api/machinery/object.ts';
import type { Client } from '../../client/client.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import type { Clock } from '../../std/clock.ts';
import { KnownKinds } from '../framework/discovery.ts';
import type { SharedInformers } from '../framework/shared-informers.ts';
import { controllerOf, refersTo } from '../workloads/owner.ts';

type Scaled = KubeObject & { spec?: { replicas?: number } };

/** Built-in kinds whose scale need not be looked for. */
const SCALABLE: ReadonlySet<string> = new Set([
  'replicasets.apps',
  'deployments.apps',
  'statefulsets.apps',
  'replicationcontrollers.',
]);

/** Who keeps pods and how many they want. Others than those that are known here are asked by their scale subresource. */
export class Keepers {
  readonly #client: Client;
  readonly #informers: SharedInformers;
  readonly #kinds: KnownKinds;

  constructor(client: Client, informers: SharedInformers, clock: Clock) {
    this.#client = client;
    this.#kinds = new KnownKinds(client, clock);
    this.#informers = informers;
  }

  /** What has to be there before `scaleOf` is asked. */
  sources() {
    return [deploymentKind, replicaSetKind, statefulSetKind, replicationControllerKind].map((kind) =>
      this.#informers.of<Scaled>(kind),
    );
  }

  /**
   * How many pods the keepers of these want in all. Rejects when one cannot be found out. Pods without a keeper are told in `unmanaged`.
   */
  async scaleOf(
    pods: readonly V1Pod[],
    signal: AbortSignal,
  ): Promise<{ readonly scale: number; readonly unmanaged: readonly string[] }> {
    const scales = new Map<string, number>();
    const unmanaged: string[] = [];
    for (const pod of pods) {
      const reference = controllerOf(pod);
      const { namespace = '', name = '' } = pod.metadata ?? {};
      if (!reference) unmanaged.push(name);
      else if (!scales.has(reference.uid)) {
        const found = await this.#scaleOfKeeper(reference, namespace, signal);
        // How many should be there, nobody can tell.
        if (!found) throw new Error(`found no controllers for pod ${JSON.stringify(name)}`);
        scales.set(reference.uid, 0).set(found.uid, found.replicas);
      }
    }
    return { scale: [...scales.values()].reduce((sum, replicas) => sum + replicas, 0), unmanaged };
  }

  async #scaleOfKeeper(
    reference: OwnerReference,
    namespace: string,
    signal: AbortSignal,
  ): Promise<{ uid: string; replicas: number } | undefined> {
    return this.#known(reference, namespace) ?? this.#byScale(reference, namespace, signal);
  }

  /** Of built-in kinds, as they are known here: of a ReplicaSet its Deployment. */
  #known(reference: OwnerReference, namespace: string): { uid: string; replicas: number } | undefined {
    if (refersTo(replicaSetKind, reference)) {
      const set = this.#informers.of<V1ReplicaSet>(replicaSetKind).get(reference.name, namespace);
      if (set?.metadata?.uid !== reference.uid) return undefined;
      const parent = controllerOf(set);
      if (parent && refersTo(deploymentKind, parent)) return this.#builtIn(deploymentKind, parent, namespace);
      return { uid: reference.uid, replicas: set.spec?.replicas ?? 1 };
    }
    const kind = [statefulSetKind, replicationControllerKind].find((one) => refersTo(one, reference));
    return kind && this.#builtIn(kind, reference, namespace);
  }

  #builtIn(kind: typeof deploymentKind, { name, uid }: OwnerReference, namespace: string) {
    const keeper = this.#informers.of<Scaled>(kind).get(name, namespace);
    return keeper?.metadata?.uid === uid ? { uid, replicas: keeper.spec?.replicas ?? 1 } : undefined;
  }

  async #byScale({ apiVersion, kind, name, uid }: OwnerReference, namespace: string, signal: AbortSignal) {
    const [version = '', group = ''] = apiVersion.split('/').reverse();
    const found = await this.#kinds.find(group, kind, signal);
    if (!found) throw new Error(`no resource of kind ${kind} is known in ${apiVersion}`);
    const resource = this.#client.resource({ ...found, version }, namespace);
    const scale = (await unlessReason(resource.get(name, { subresource: 'scale', signal }), 'NotFound')) as Scaled | undefined;
    const hasScale = scale !== undefined || SCALABLE.has(`${found.resource}.${group}`);
    if (!hasScale && !(await this.#hasScale({ ...found, version }, signal)))
      throw new Error(`${found.resource}.${group} does not implement the scale subresource`);
    return scale?.metadata?.uid === uid ? { uid, replicas: scale.spec?.replicas ?? 0 } : undefined;
  }

  /** Subresources are listed beside their kinds, under the name of both. */
  async #hasScale(kind: ResourceKind, signal: AbortSignal): Promise<boolean> {
    const { text } = await this.#client.raw({ path: `/apis/${apiVersionOf(kind)}`, signal });
    const { resources = [] } = JSON.parse(text) as { resources?: readonly { readonly name: string }[] };
    return resources.some(({ name }) => name === `${kind.resource}/scale`);
  }
}
