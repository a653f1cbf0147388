import type { V1IPAddress, V1ServiceCIDR } from '../../api/gen/types.ts';
import { formatTime } from '../../api/machinery/object.ts';
import { ipAddressKind } from '../../api/networking/v1/ip-address.ts';
import { serviceCidrKind } from '../../api/networking/v1/service-cidr.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source } from '../framework/controller.ts';
import { lacksFinalizer, protect } from '../framework/protection.ts';
import { mayGo, planConditions } from './plan.ts';

const FINALIZER = 'networking.k8s.io/service-cidr-finalizer';
/** Whoever gives addresses may not have heard yet that these are no longer to be given. */
const DELETION_GRACE_MS = 10_000;

/** Keeps ranges of Service addresses for as long as addresses of them are used (upstream's pkg/controller/servicecidrs). */
export function createServiceCidrController(context: ControllerContext): Component {
  const { client, informers, clock, logger, metrics } = context;
  const cidrs = informers.of<V1ServiceCIDR>(serviceCidrKind);
  const addresses = informers.of<V1IPAddress>(ipAddressKind);
  const resource = client.resource<V1ServiceCIDR>(serviceCidrKind);

  const say = async (cidr: V1ServiceCIDR, isReady: boolean, signal: AbortSignal): Promise<void> => {
    const conditions = planConditions(cidr, isReady, formatTime(clock.now()));
    if (!conditions) return;
    const changed = { ...cidr, status: { ...cidr.status, conditions } };
    await unlessReason(resource.update(changed, { subresource: 'status', signal }), 'NotFound');
  };

  const reconcile = async (name: string, signal: AbortSignal): Promise<Outcome> => {
    const cidr = cidrs.get(name);
    if (!cidr) return;
    const deletedAt = cidr.metadata?.deletionTimestamp;
    if (!deletedAt) {
      // Its own write brings it back.
      if (lacksFinalizer(cidr, FINALIZER))
        return protect(cidr, { resource, finalizer: FINALIZER, isUsed: async () => true }, signal);
      return say(cidr, true, signal);
    }
    if (!mayGo(cidr, cidrs.list(), addresses.list())) return say(cidr, false, signal);
    const waitMs = Date.parse(deletedAt) + DELETION_GRACE_MS - clock.now();
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    await protect(cidr, { resource, finalizer: FINALIZER, isUsed: async () => false }, signal);
  };

  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics });
  const enqueueLeaving = () => {
    for (const cidr of cidrs.list()) if (cidr.metadata?.deletionTimestamp) loop.add(keyOf(cidr));
  };
  return createController(context, {
    sources: [
      source(cidrs, (cidr, { type }) => {
        if (type !== 'deleted') loop.add(keyOf(cidr));
        enqueueLeaving();
      }),
      source(addresses, () => enqueueLeaving()),
    ],
    loops: [loop],
  });
}
