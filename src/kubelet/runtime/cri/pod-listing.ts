import { isGrpcStatus } from '../../../std/grpc/grpc-error.ts';
import type { PodSandbox, RuntimeContainer } from '../runtime.ts';
import type { CriClient, CriMessage } from './api/cri-client.ts';
import { SandboxState } from './api/enums.ts';
import { lastWordsOf } from './last-words.ts';
import { containerFromCri, podUidOf, sandboxFromCri } from './translate/container-state.ts';
import { POD_UID_LABEL } from './translate/pod-labels.ts';

export interface PodState {
  readonly sandboxes: readonly PodSandbox[];
  readonly containers: readonly RuntimeContainer[];
}

/** Everything in the runtime, as far as one cheap call each tells. */
export interface Overview {
  readonly sandboxes: readonly CriMessage<'PodSandbox'>[];
  readonly containers: readonly CriMessage<'Container'>[];
}

/**
 * Reads sandboxes and containers with their details. Lists tell only states, details cost a call each: they are asked for once a state and
 * kept as long as the list tells the same state. What changes within a state (limits, by this kubelet) is to be forgotten.
 */
export class PodListing {
  readonly #cri: CriClient;
  readonly #sandboxes = new Map<string, { readonly state: number; readonly value: PodSandbox }>();
  readonly #containers = new Map<string, { readonly state: number; readonly value: RuntimeContainer }>();

  constructor(cri: CriClient) {
    this.#cri = cri;
  }

  /** Of one pod, or of all. */
  async list(podUid?: string): Promise<PodState> {
    const { sandboxes, containers } = await this.overview(podUid);
    const uids = new Map(sandboxes.map((sandbox) => [sandbox.id, podUidOf(sandbox)]));
    const [readSandboxes, readContainers] = await Promise.all([
      Promise.all(sandboxes.map((sandbox) => this.#sandbox(sandbox))),
      Promise.all(containers.map((container) => this.#container(container, uids.get(container.pod_sandbox_id) ?? ''))),
    ]);
    return { sandboxes: present(readSandboxes), containers: present(readContainers) };
  }

  async overview(podUid?: string): Promise<Overview> {
    const filter = podUid === undefined ? {} : { label_selector: { [POD_UID_LABEL]: podUid } };
    const [{ items }, { containers }] = await Promise.all([
      this.#cri.call('ListPodSandbox', { filter }),
      this.#cri.call('ListContainers', { filter }),
    ]);
    if (podUid === undefined) {
      keepOnly(this.#sandboxes, items);
      keepOnly(this.#containers, containers);
    }
    return { sandboxes: items, containers };
  }

  forget(containerId: string): void {
    this.#containers.delete(containerId);
  }

  async #sandbox(listed: CriMessage<'PodSandbox'>): Promise<PodSandbox | undefined> {
    const known = this.#sandboxes.get(listed.id);
    if (known?.state === listed.state) return known.value;
    const network = listed.state === SandboxState.READY ? await this.#network(listed.id) : undefined;
    const value = sandboxFromCri(listed, network);
    // One without an address may get it yet, unless the pod has the node's network.
    if (!value.ready || value.ips.length > 0) this.#sandboxes.set(listed.id, { state: listed.state, value });
    return value;
  }

  async #network(id: string): Promise<CriMessage<'PodSandboxNetworkStatus'> | undefined> {
    const answer = await this.#cri.call('PodSandboxStatus', { pod_sandbox_id: id }).catch(undefinedIfGone);
    return answer?.status?.network;
  }

  async #container(listed: CriMessage<'Container'>, podUid: string): Promise<RuntimeContainer | undefined> {
    const known = this.#containers.get(listed.id);
    if (known?.state === listed.state) return known.value;
    return this.read(listed.id, { sandboxId: listed.pod_sandbox_id, podUid });
  }

  /** One container as it is now; undefined when it is gone. */
  async read(id: string, owner: { readonly sandboxId: string; readonly podUid: string }): Promise<RuntimeContainer | undefined> {
    const answer = await this.#cri.call('ContainerStatus', { container_id: id }).catch(undefinedIfGone);
    const status = answer?.status;
    if (!status) return undefined;
    const value = containerFromCri(status, { ...owner, lastWords: await lastWordsOf(status) });
    this.#containers.set(id, { state: status.state, value });
    return value;
  }
}

/** Between the list and the question for details something may go. */
function undefinedIfGone(error: unknown): undefined {
  if (!isGrpcStatus(error, 'NotFound')) throw error;
  return undefined;
}

function present<T>(values: readonly (T | undefined)[]): T[] {
  return values.filter((value) => value !== undefined);
}

function keepOnly(cache: Map<string, unknown>, listed: readonly { readonly id: string }[]): void {
  const ids = new Set(listed.map(({ id }) => id));
  for (const id of cache.keys()) if (!ids.has(id)) cache.delete(id);
}
