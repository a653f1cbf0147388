import { namespaceKind } from '../../api/core/v1/namespace.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import { parseLabelSelector } from '../../api/machinery/label-selector.ts';
import { internalError, notFound } from '../../api/machinery/status-error.ts';
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from '../contracts.ts';
import { isAbout, refuse } from './refusal.ts';

const ANNOTATION = 'scheduler.alpha.kubernetes.io/node-selector';
const CLUSTER_DEFAULT = 'clusterDefaultNodeSelector';

/** By namespace, which labels its pods' node selectors may have; under `clusterDefaultNodeSelector`, what namespaces without annotation get. */
export type ClusterNodeSelectors = Readonly<Record<string, string>>;

/** Keeps a namespace's pods to the nodes that its annotation names (plugin/pkg/admission/podnodeselector). */
export function createPodNodeSelector(reader: ObjectReader, selectors: ClusterNodeSelectors): AdmissionPlugin {
  const configured = (name: string) => (Object.hasOwn(selectors, name) ? selectors[name]! : '');
  const ofNamespace = async (name: string): Promise<ReadonlyMap<string, string>> => {
    let namespace = reader.get(namespaceKind, '', name);
    if (!namespace) {
      await reader.waitFresh(namespaceKind);
      namespace = reader.get(namespaceKind, '', name);
    }
    if (!namespace) throw notFound(namespaceKind, name);
    return parsePairs(namespace.metadata.annotations?.[ANNOTATION] ?? configured(CLUSTER_DEFAULT));
  };
  const checkConflicts = (attributes: AdmissionAttributes, wanted: ReadonlyMap<string, string>) => {
    const own = Object.entries((attributes.object as unknown as V1Pod).spec?.nodeSelector ?? {});
    if (own.some(([key, value]) => wanted.has(key) && wanted.get(key) !== value))
      throw refuse(attributes, 'pod node label selector conflicts with its namespace node label selector');
  };
  return {
    name: 'PodNodeSelector',
    handles: (attributes) => attributes.operation === 'CREATE' && isAbout(attributes, 'pods'),
    async admit(attributes) {
      const { spec } = attributes.object as unknown as V1Pod;
      const wanted = await ofNamespace(attributes.namespace);
      checkConflicts(attributes, wanted);
      if (spec && wanted.size) spec.nodeSelector = { ...Object.fromEntries(wanted), ...spec.nodeSelector };
    },
    async validate(attributes) {
      checkConflicts(attributes, await ofNamespace(attributes.namespace));
      const allowed = parsePairs(configured(attributes.namespace));
      const own = Object.entries((attributes.object as unknown as V1Pod).spec?.nodeSelector ?? {});
      if (allowed.size && own.some(([key, value]) => allowed.get(key) !== value))
        throw refuse(attributes, 'pod node label selector labels conflict with its namespace whitelist');
    },
  };
}

/** `a=b,c=d`. */
function parsePairs(text: string): ReadonlyMap<string, string> {
  const { requirements } = parseLabelSelector(text);
  for (const { operator } of requirements)
    if (operator !== '=' && operator !== '==') throw internalError(`invalid selector: ${JSON.stringify(text)}`);
  return new Map(requirements.map(({ key, values }) => [key, values[0] ?? '']));
}
