import type { V1Node } from '../../api/gen/types.ts';
import type { Page } from '../../client/serving/http-page.ts';

/** Put on a Node by the cluster autoscaler just before it goes. */
const TO_BE_DELETED = 'ToBeDeletedByClusterAutoscaler';

/** Whether the rules keep up with the cluster, as load balancers and people ask it. */
export class ProxyHealth {
  readonly #now: () => number;
  readonly #timeoutMs: number;
  #updatedMs: number;
  #pendingSinceMs: number | undefined;
  #node: V1Node | undefined;

  /** `timeoutMs`: how long a change may wait for its rules. */
  constructor(now: () => number, timeoutMs: number) {
    this.#now = now;
    this.#timeoutMs = timeoutMs;
    this.#updatedMs = now();
  }

  changeQueued(): void {
    this.#pendingSinceMs ??= this.#now();
  }

  /** `stillPending`: changes came while the rules were written. */
  synced({ stillPending }: { readonly stillPending: boolean }): void {
    this.#updatedMs = this.#now();
    this.#pendingSinceMs = stillPending ? this.#now() : undefined;
  }

  nodeSeen(node: V1Node | undefined): void {
    this.#node = node;
  }

  get isHealthy(): boolean {
    return this.#pendingSinceMs === undefined || this.#now() - this.#pendingSinceMs < this.#timeoutMs;
  }

  /** A node that is about to go shall get no new connections (KEP-3836). */
  get isNodeEligible(): boolean {
    const { metadata, spec } = this.#node ?? {};
    return !metadata?.deletionTimestamp && !(spec?.taints ?? []).some(({ key }) => key === TO_BE_DELETED);
  }

  healthz(): Page {
    return this.#page(this.isHealthy && this.isNodeEligible, { nodeEligible: this.isNodeEligible });
  }

  livez(): Page {
    return this.#page(this.isHealthy, {});
  }

  #page(good: boolean, more: object): Page {
    const now = this.#now();
    const lastUpdated = new Date(this.isHealthy ? now : this.#updatedMs).toISOString();
    const body = JSON.stringify({ lastUpdated, currentTime: new Date(now).toISOString(), ...more });
    return { status: good ? 200 : 503, type: 'application/json', body };
  }
}
