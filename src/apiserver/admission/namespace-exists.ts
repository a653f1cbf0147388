import { namespaceKind } from '../../api/core/v1/namespace.ts';
import { isStatus, notFound } from '../../api/machinery/status-error.ts';
import type { AdmissionPlugin, ObjectReader, ObjectWriter } from '../contracts.ts';
import { refuse } from './refusal.ts';

const hasNamespace = async (reader: ObjectReader, name: string): Promise<boolean> => {
  if (reader.get(namespaceKind, '', name)) return true;
  await reader.waitFresh(namespaceKind);
  return reader.get(namespaceKind, '', name) !== undefined;
};

/** Nothing is done in a namespace that is not there (plugin/pkg/admission/namespace/exists). */
export function createNamespaceExists(reader: ObjectReader): AdmissionPlugin {
  return {
    name: 'NamespaceExists',
    handles: ({ namespace, kind, operation }) => namespace !== '' && kind.namespaced && operation !== 'CONNECT',
    async validate({ namespace }) {
      if (!(await hasNamespace(reader, namespace))) throw notFound(namespaceKind, namespace);
    },
  };
}

/** Makes the namespace that something is to be made in (plugin/pkg/admission/namespace/autoprovision). */
export function createNamespaceAutoProvision(reader: ObjectReader, writer: ObjectWriter): AdmissionPlugin {
  return {
    name: 'NamespaceAutoProvision',
    handles: ({ namespace, kind, operation }) => operation === 'CREATE' && namespace !== '' && kind.namespaced,
    async admit(attributes) {
      const { namespace, dryRun } = attributes;
      if (dryRun || (await hasNamespace(reader, namespace))) return;
      try {
        await writer.create(namespaceKind, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
      } catch (error) {
        // With AlreadyExists somebody else's object was first.
        if (!isStatus(error, 'AlreadyExists')) throw refuse(attributes, (error as Error).message);
      }
      // The plugins behind this one look for it in the cache.
      await reader.waitFresh(namespaceKind);
    },
  };
}
