import { namespaceKind } from '../../api/core/v1/namespace.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import { checkLabelValue, checkQualifiedName } from '../../api/machinery/names.ts';
import { forbidden, internalError, unnamedFailure } from '../../api/machinery/status-error.ts';
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from '../contracts.ts';
import { isAbout } from './refusal.ts';

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
    if (!namespace) throw internalError(`namespace ${name} does not exist`);
    return parsePairs(namespace.metadata.annotations?.[ANNOTATION] ?? configured(CLUSTER_DEFAULT));
  };
  const selectorOf = ({ object }: AdmissionAttributes) => (object as unknown as V1Pod).spec?.nodeSelector ?? {};
  // Names that are still to be generated are not told.
  const refusal = ({ object }: AdmissionAttributes, why: string) => forbidden(podKind, object?.metadata.name ?? '', why);
  const checkConflicts = (attributes: AdmissionAttributes, wanted: ReadonlyMap<string, string>) => {
    if (Object.entries(selectorOf(attributes)).some(([key, value]) => wanted.has(key) && wanted.get(key) !== value))
      throw refusal(attributes, 'pod node label selector conflicts with its namespace node label selector');
  };
  const checkAllowed = (attributes: AdmissionAttributes) => {
    const allowed = parsePairs(configured(attributes.namespace));
    if (allowed.size && Object.entries(selectorOf(attributes)).some(([key, value]) => allowed.get(key) !== value))
      throw refusal(attributes, 'pod node label selector labels conflict with its namespace whitelist');
  };
  return {
    name: 'PodNodeSelector',
    handles: (attributes) => attributes.operation === 'CREATE' && isAbout(attributes, 'pods'),
    async admit(attributes) {
      const { spec } = attributes.object as unknown as V1Pod;
      const wanted = await ofNamespace(attributes.namespace);
      checkConflicts(attributes, wanted);
      if (spec && wanted.size) spec.nodeSelector = { ...Object.fromEntries(wanted), ...spec.nodeSelector };
      checkAllowed(attributes);
    },
    async validate(attributes) {
      checkConflicts(attributes, await ofNamespace(attributes.namespace));
      checkAllowed(attributes);
    },
  };
}

/** `a=b,c=d`, as upstream splits it: nothing else of a selector is known. */
function parsePairs(text: string): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  if (!text) return pairs;
  for (const label of text.split(',')) {
    const parts = label.split('=');
    if (parts.length !== 2) throw unnamedFailure(`invalid selector: [${parts.join(' ')}]`);
    const [key, value] = parts.map((part) => part.trim()) as [string, string];
    const complain = (path: string, bad: string, complaints: readonly string[]) => {
      if (complaints.length) throw unnamedFailure(`${path}: Invalid value: ${JSON.stringify(bad)}: ${complaints.join('; ')}`);
    };
    complain('<nil>', key, checkQualifiedName(key));
    complain(`[${key}]`, value, checkLabelValue(value));
    pairs.set(key, value);
  }
  return pairs;
}
