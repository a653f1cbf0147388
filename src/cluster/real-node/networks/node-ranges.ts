import { nodeKind } from '../../../api/core/v1/node.ts';
import type { V1Node } from '../../../api/gen/types.ts';
import { createClient } from '../../../client/create-client.ts';
import type { NodeNetworkOptions } from './node-network.ts';

/** How often the Node is asked for the range of its pods. */
const RANGE_POLL_MS = 100;

/** The ranges that the controllers give the node, however long that takes. */
export async function podRangesOf(
  { nodeName, controlPlane, config }: Pick<NodeNetworkOptions, 'nodeName' | 'controlPlane' | 'config'>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const nodes = createClient({ transport: controlPlane.adminTransport, userAgent: 'muster' }).resource<V1Node>(nodeKind);
  for (;;) {
    const { spec } = await nodes.get(nodeName, { signal });
    const ranges = spec?.podCIDRs ?? (spec?.podCIDR ? [spec.podCIDR] : []);
    if (ranges.length > 0) return ranges;
    await config.clock.sleep(RANGE_POLL_MS, signal);
  }
}
