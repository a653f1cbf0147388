import { podKind } from '../../api/core/v1/pod.ts';
import type { ResourceV1ResourceClaim, V1DeviceClass, V1Pod } from '../../api/gen/types.ts';
import { apiVersionOf, type ResourceKind } from '../../api/machinery/kind.ts';
import type { DeviceObjects } from '../../api/quota/resource-claim-evaluator.ts';
import { deviceClassKind } from '../../api/resource/v1/device-class.ts';
import { mayBeDevices } from '../../api/resource/v1/extended-resources.ts';
import { resourceClaimKind } from '../../api/resource/v1/resource-claim.ts';
import type { SharedInformers } from '../framework/shared-informers.ts';

const REQUESTS = 'requests.';
const KINDS = [deviceClassKind, podKind, resourceClaimKind];

/** What claims of devices are measured by as extended resources, watched from when a quota names one of these. */
export class QuotaDevices implements DeviceObjects {
  readonly #informers: SharedInformers;
  #isKnown = false;

  constructor(informers: SharedInformers) {
    this.#informers = informers;
  }

  /** Resolves when all is known that a quota on these names takes, of a server that has such kinds. */
  async know(names: readonly string[], served: readonly ResourceKind[]): Promise<void> {
    if (this.#isKnown || !names.some((name) => name.startsWith(REQUESTS) && mayBeDevices(name.slice(REQUESTS.length)))) return;
    const has = (kind: ResourceKind) =>
      served.some((each) => each.resource === kind.resource && apiVersionOf(each) === apiVersionOf(kind));
    if (!KINDS.every(has)) return;
    await this.#informers.sync(...KINDS.map((kind) => this.#informers.of(kind)));
    this.#isKnown = true;
  }

  deviceClasses(): readonly V1DeviceClass[] {
    return this.#isKnown ? this.#informers.of<V1DeviceClass>(deviceClassKind).list() : [];
  }
  pod(namespace: string, name: string): V1Pod | undefined {
    return this.#isKnown ? this.#informers.of<V1Pod>(podKind).get(name, namespace) : undefined;
  }
  claims(namespace: string): readonly ResourceV1ResourceClaim[] {
    return this.#isKnown ? this.#informers.of<ResourceV1ResourceClaim>(resourceClaimKind).list(namespace) : [];
  }
}
