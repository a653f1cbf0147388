import { nodeKind } from '../../api/core/v1/node.ts';
import { podRequests } from '../../api/core/v1/pod-resource-usage.ts';
import type { V1Node, V1Pod } from '../../api/gen/types.ts';
import { parseQuantity, quantityMilliValue, quantityValue } from '../../api/machinery/quantity.ts';
import { StatusError } from '../../api/machinery/status-error.ts';
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from '../contracts.ts';
import { isAbout, refuse } from './refusal.ts';

const RESOURCES = [
  ['cpu', quantityMilliValue],
  ['memory', quantityValue],
] as const;
const NOTHING = parseQuantity('0');
const OS_LABEL = 'kubernetes.io/os';

/** What a pod's node will never have is refused at once, and not left to its kubelet (plugin/pkg/admission/podresize). */
export function createPodResizeValidator(reader: ObjectReader): AdmissionPlugin {
  return {
    name: 'PodResizeValidator',
    handles: (attributes) => attributes.operation === 'UPDATE' && isAbout(attributes, 'pods', 'resize'),
    async validate(attributes) {
      const node = nodeOfChangedPod(attributes, reader);
      if (!node) return;
      const lacking = lackingOn(node, attributes.object as unknown as V1Pod);
      if (lacking.length)
        throw refuseBecause(
          'NodeCapacity',
          refuse(attributes, `Node didn't have enough allocatable resources: ${lacking.join('; ')}`),
        );
      const os = node.metadata?.labels?.[OS_LABEL] ?? '';
      const name = JSON.stringify(node.metadata?.name);
      if (os !== 'linux')
        throw refuseBecause(
          'UnsupportedPlatform',
          refuse(attributes, `pod resize is only supported on linux nodes, node ${name} is ${JSON.stringify(os)}`),
        );
    },
  };
}

/** Vertical autoscalers tell by the cause whether to try again. */
function refuseBecause(reason: string, { status }: StatusError): StatusError {
  return new StatusError({ ...status, details: { ...status.details, causes: [{ reason }] } });
}

function lackingOn({ status }: V1Node, pod: V1Pod): string[] {
  const requests = podRequests(pod);
  return RESOURCES.flatMap(([name, amount]) => {
    const requested = amount(requests.get(name) ?? NOTHING);
    const allocatable = amount(parseQuantity(status?.allocatable?.[name] ?? '0'));
    return requested > allocatable ? [`${name}, requested: ${requested}, allocatable: ${allocatable}`] : [];
  });
}

/** Of a pod that has a node and whose spec changes; undefined for others. Throws a 403 when there is no such node. */
export function nodeOfChangedPod(attributes: AdmissionAttributes, reader: ObjectReader): V1Node | undefined {
  const [pod, before] = [attributes.object, attributes.oldObject];
  const name = (pod as unknown as V1Pod | undefined)?.spec?.nodeName;
  if (!name || pod?.metadata.generation === before?.metadata.generation) return undefined;
  const node = reader.get(nodeKind, '', name);
  if (!node) throw refuse(attributes, `node ${JSON.stringify(name)} not found`);
  return node as unknown as V1Node;
}
