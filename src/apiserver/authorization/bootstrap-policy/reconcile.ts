import { isStatus } from '../../../api/machinery/status-error.ts';
import { clusterRoleKind } from '../../../api/rbac/v1/cluster-role.ts';
import type { Logger } from '../../../std/logger.ts';
import type { ObjectReader, ObjectWriter } from '../../contracts.ts';
import { type DefaultObject, defaultPolicy, type RoleObject } from './default-policy.ts';
import { aggregateRules, planObject } from './plan.ts';

export interface PolicyDeps {
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly logger: Logger;
}

/**
 * Puts the default roles and bindings there. All writes are under way at once, so that the store makes them durable together;
 * when everything is as it should be nothing is written.
 */
export async function reconcileDefaultPolicy({ reader, writer, logger }: PolicyDeps): Promise<void> {
  const wrote = await Promise.allSettled(gatherRules(defaultPolicy(), reader).map((item) => bring(item, reader, writer)));
  const failures = wrote.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  if (failures.length) throw new AggregateError(failures, 'cannot write the default roles and bindings');
  const count = wrote.filter((result) => result.status === 'fulfilled' && result.value).length;
  if (count) logger.info('Wrote default roles and bindings', { count });
}

/** Gives the aggregated roles the rules they gather from the defaults and from whatever else there is. */
function gatherRules(items: readonly DefaultObject[], reader: ObjectReader): DefaultObject[] {
  const roles = new Map((reader.list(clusterRoleKind) as readonly RoleObject[]).map((role) => [role.metadata.name!, role]));
  return items.map((item) => {
    if (item.kind !== clusterRoleKind) return item;
    const role = item.object as RoleObject;
    const wanted = role.aggregationRule ? { ...role, rules: aggregateRules(role, [...roles.values()]) } : role;
    const step = planObject(roles.get(role.metadata.name!), wanted);
    if (step.do !== 'nothing') roles.set(role.metadata.name!, step.object as RoleObject);
    return { ...item, object: wanted };
  });
}

/** Answers whether anything had to be written. */
async function bring({ kind, object }: DefaultObject, reader: ObjectReader, writer: ObjectWriter): Promise<boolean> {
  const { namespace = '', name = '' } = object.metadata;
  const step = planObject(reader.get(kind, namespace, name), object);
  if (step.do === 'nothing') return false;
  if (step.do === 'replace') await writer.delete(kind, namespace, name);
  if (step.do !== 'update') {
    try {
      await writer.create(kind, step.object);
      return true;
    } catch (error) {
      // Another API server was faster; what it wrote is looked at like anything else that was there.
      if (!isStatus(error, 'AlreadyExists')) throw error;
    }
  }
  await writer.modify(kind, namespace, name, (existing) => {
    const again = planObject(existing, object);
    return again.do === 'update' ? again.object : undefined;
  });
  return true;
}
