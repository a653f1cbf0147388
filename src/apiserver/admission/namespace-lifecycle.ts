import { namespaceKind } from '../../api/core/v1/namespace.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { forbidden, notFound } from '../../api/machinery/status-error.ts';
import type { AdmissionPlugin, ObjectReader } from '../contracts.ts';
import { isAbout, refuse } from './refusal.ts';

const IMMORTAL = ['default', 'kube-system', 'kube-public'];

/**
 * Nothing is made in a namespace that is not there or is ending, and the system's own namespaces are not deleted
 * (apiserver/pkg/admission/plugin/namespace/lifecycle).
 */
export function createNamespaceLifecycle(reader: ObjectReader): AdmissionPlugin {
  const find = async (name: string): Promise<DynamicObject | undefined> => {
    const cached = reader.get(namespaceKind, '', name);
    if (cached) return cached;
    await reader.waitFresh(namespaceKind);
    return reader.get(namespaceKind, '', name);
  };
  return {
    name: 'NamespaceLifecycle',
    handles: ({ operation }) => operation !== 'CONNECT',
    async admit(attributes) {
      const { operation, namespace, name } = attributes;
      if (attributes.kind.resource === 'namespaces' && !attributes.kind.group) {
        if (operation === 'DELETE' && !attributes.subresource && IMMORTAL.includes(name)) {
          throw forbidden(namespaceKind, name, 'this namespace may not be deleted');
        }
        return;
      }
      if (!namespace || operation === 'DELETE') return;
      // Asking whether one might do something is not doing it.
      if (isAbout(attributes, 'localsubjectaccessreviews.authorization.k8s.io')) return;
      const found = await find(namespace);
      if (!found) throw notFound(namespaceKind, namespace);
      if (operation === 'CREATE' && isTerminating(found)) throw endingNamespace(attributes);
    },
  };
}

function isTerminating(namespace: DynamicObject): boolean {
  const phase = (namespace['status'] as { phase?: string } | undefined)?.phase;
  return phase === 'Terminating' || namespace.metadata.deletionTimestamp !== undefined;
}

function endingNamespace(attributes: Parameters<typeof refuse>[0]) {
  const { namespace } = attributes;
  const error = refuse(attributes, `unable to create new content in namespace ${namespace} because it is being terminated`);
  error.status.details = {
    ...error.status.details,
    causes: [
      { reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' },
    ],
  };
  return error;
}
