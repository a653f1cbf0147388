import { randomUUID } from 'node:crypto';
import type {
  ResourceV1ResourceClaim,
  V1Container,
  V1ContainerExtendedResourceRequest,
  V1DeviceRequest,
  V1Pod,
} from '../../api/gen/types.ts';
import { parseQuantity, quantityValue } from '../../api/machinery/quantity.ts';
import { EXTENDED_CLAIM_ANNOTATION } from '../../api/resource/v1/extended-resources.ts';

/** No claim can be called so: it is the name of one that is not made yet. */
const UNMADE = '<extended-resources>';

/** What the containers of a pod ask of one claim for all of its extended resources. */
export interface ExtendedRequests {
  readonly requests: readonly V1DeviceRequest[];
  /** Which containers have which of the requests' devices. */
  readonly mappings: readonly V1ContainerExtendedResourceRequest[];
}

interface Request {
  readonly name: string;
  readonly count: number;
}

/** The claim that is made for a pod once it has a node; until then only thought of, with a uid of its own. */
export function unmadeClaim({ metadata }: V1Pod, requests: readonly V1DeviceRequest[]): ResourceV1ResourceClaim {
  const { name = '', namespace = '', uid = '' } = metadata ?? {};
  return {
    metadata: {
      ...{ name: UNMADE, namespace, uid: randomUUID(), generateName: `${name}-extended-resources-` },
      annotations: { [EXTENDED_CLAIM_ANNOTATION]: 'true' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid, controller: true }],
    },
    spec: { devices: { requests: [...requests] } },
  };
}

/**
 * The requests for devices that stand for extended resources. Containers that run together each have their own; init containers that end
 * before the others start use what those after them will have, and share among each other what they need beyond that. Pure.
 *
 * @param classes by the name of the resource, of those that the node has devices for
 */
export function extendedRequests({ spec }: V1Pod, classes: ReadonlyMap<string, string>): ExtendedRequests {
  const initContainers = spec?.initContainers ?? [];
  const containers: readonly V1Container[] = [...initContainers, ...(spec?.containers ?? [])];
  const isPassing = (i: number) => i < initContainers.length && containers[i]!.restartPolicy !== 'Always';
  const requests: V1DeviceRequest[] = [];
  const mappings: V1ContainerExtendedResourceRequest[] = [];
  for (const [resourceName, deviceClassName] of [...classes].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const map = (container: V1Container, { name: requestName }: Request) => ({
      ...{ containerName: container.name, requestName, resourceName },
    });
    const lasting: (Request | undefined)[] = containers.map((container, i) =>
      isPassing(i) ? undefined : requestOf(container, i, resourceName),
    );
    for (const [i, request] of lasting.entries()) if (request) mappings.push(map(containers[i]!, request));
    const passing = passingRequests(containers, lasting, resourceName, isPassing);
    for (const { container, used } of passing.uses) for (const request of used) mappings.push(map(container, request));
    for (const request of [passing.shared, ...lasting])
      if (request)
        requests.push({
          name: request.name,
          exactly: { deviceClassName, allocationMode: 'ExactCount', count: request.count },
        });
  }
  return { requests: requests.sort((a, b) => (a.name < b.name ? -1 : 1)), mappings };
}

/** What init containers that end use: the requests of those that last from their place on, and of the largest rest one in common. */
function passingRequests(
  containers: readonly V1Container[],
  lasting: readonly (Request | undefined)[],
  resourceName: string,
  isPassing: (i: number) => boolean,
) {
  let shared: Request | undefined;
  const own = new Map<number, { readonly used: Request[]; readonly rest: boolean }>();
  for (const [i, container] of containers.entries()) {
    const wanted = isPassing(i) ? requestOf(container, i, resourceName) : undefined;
    if (!wanted) continue;
    const used: Request[] = [];
    let count = 0;
    for (const request of lasting.slice(i)) {
      if (count >= wanted.count) break;
      if (!request) continue;
      used.push(request);
      count += request.count;
    }
    const rest = wanted.count - count;
    if (rest > 0 && rest > (shared?.count ?? 0)) shared = { name: wanted.name, count: rest };
    own.set(i, { used, rest: rest > 0 });
  }
  const uses = [...own].map(([i, { used, rest }]) => ({
    container: containers[i]!,
    used: rest && shared ? [...used, shared] : used,
  }));
  return { shared, uses };
}

/** Named after the container's place among all and the resource's among those that it asks for. */
function requestOf({ resources }: V1Container, i: number, resourceName: string): Request | undefined {
  const asked = resources?.requests ?? {};
  if (!Object.hasOwn(asked, resourceName)) return undefined;
  const count = Number(quantityValue(parseQuantity(String(asked[resourceName]))));
  if (count === 0) return undefined;
  return { name: `container-${i}-request-${Object.keys(asked).sort().indexOf(resourceName)}`, count };
}
