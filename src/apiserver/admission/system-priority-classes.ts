import type { DynamicObject } from '../../api/machinery/object.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import { priorityClassKind } from '../../api/scheduling/v1/priority-class.ts';
import type { ObjectReader, ObjectWriter } from '../contracts.ts';

/** The two classes that every cluster has (pkg/apis/scheduling/v1/helpers.go). */
export const SYSTEM_PRIORITY_CLASSES: Readonly<Record<string, { readonly value: number; readonly description: string }>> = {
  'system-node-critical': {
    value: 2_000_001_000,
    description: 'Used for system critical pods that must not be moved from their current node.',
  },
  'system-cluster-critical': {
    value: 2_000_000_000,
    description: 'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  },
};

/** Makes those that are missing. */
export async function ensureSystemPriorityClasses(reader: ObjectReader, writer: ObjectWriter): Promise<void> {
  await Promise.all(
    Object.entries(SYSTEM_PRIORITY_CLASSES).map(async ([name, fields]) => {
      if (reader.get(priorityClassKind, '', name)) return;
      const object: DynamicObject = {
        apiVersion: 'scheduling.k8s.io/v1',
        kind: priorityClassKind.kind,
        metadata: { name },
        ...fields,
        preemptionPolicy: 'PreemptLowerPriority',
      };
      try {
        await writer.create(priorityClassKind, object);
      } catch (error) {
        if (!isStatus(error, 'AlreadyExists')) throw error; // another API server was faster
      }
    }),
  );
}
