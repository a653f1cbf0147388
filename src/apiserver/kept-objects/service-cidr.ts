import type { V1Condition } from '../../api/gen/types.ts';
import { type DynamicObject, formatTime } from '../../api/machinery/object.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import { serviceCidrKind } from '../../api/networking/v1/service-cidr.ts';
import { parseAddressRanges } from '../services/address-range.ts';
import type { KeptObjectsDeps } from './keep-objects.ts';

const NAME = 'kubernetes';

/** Describes what Services get their addresses of, as upstream's default ServiceCIDR controller does. */
export async function ensureServiceCidr({ kinds, reader, writer, clock, serviceClusterIpRange }: KeptObjectsDeps): Promise<void> {
  if (!kinds.includes(serviceCidrKind)) return;
  if (!reader.get(serviceCidrKind, '', NAME)) {
    const cidrs = parseAddressRanges(serviceClusterIpRange).map(({ text }) => text);
    const object = { metadata: { name: NAME }, spec: { cidrs } };
    await writer.create(serviceCidrKind, object as unknown as DynamicObject).catch((error) => {
      if (!isStatus(error, 'AlreadyExists')) throw error;
    });
  }
  const existing = reader.get(serviceCidrKind, '', NAME);
  if (existing && isReady(existing)) return;
  await writer.modify(
    serviceCidrKind,
    '',
    NAME,
    (object) => {
      if (isReady(object) || object.metadata.deletionTimestamp) return undefined;
      const condition = {
        type: 'Ready',
        status: 'True',
        reason: '',
        message: 'Kubernetes default Service CIDR is ready',
        lastTransitionTime: formatTime(clock.now()),
      };
      return { ...object, status: { ...(object['status'] as object), conditions: [condition] } };
    },
    'status',
  );
}

function isReady(object: DynamicObject): boolean {
  const { conditions = [] } = (object['status'] ?? {}) as { conditions?: V1Condition[] };
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}
