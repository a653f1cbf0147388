import { namespaceKind } from '../../api/core/v1/namespace.ts';
import { qualityOfService } from '../../api/core/v1/quality-of-service.ts';
import type { V1Pod, V1Toleration } from '../../api/gen/types.ts';
import { notFound, unnamedFailure } from '../../api/machinery/status-error.ts';
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from '../contracts.ts';
import { parseTolerations } from './annotated-tolerations.ts';
import { isAbout } from './refusal.ts';
import { areAllowed, mergeTolerations } from './tolerations.ts';

const DEFAULTS = 'scheduler.alpha.kubernetes.io/defaultTolerations';
const WHITELIST = 'scheduler.alpha.kubernetes.io/tolerationsWhitelist';

/** For the pods of namespaces that say nothing themselves. */
export interface ClusterTolerations {
  readonly default: readonly V1Toleration[];
  readonly whitelist: readonly V1Toleration[];
}

/** Pods tolerate what their namespace's annotation says, and nothing beyond its whitelist (plugin/pkg/admission/podtolerationrestriction). */
export function createPodTolerationRestriction(reader: ObjectReader, cluster: ClusterTolerations): AdmissionPlugin {
  const ofNamespace = async (name: string, annotation: string): Promise<readonly V1Toleration[] | undefined> => {
    let namespace = reader.get(namespaceKind, '', name);
    if (!namespace) {
      await reader.waitFresh(namespaceKind);
      namespace = reader.get(namespaceKind, '', name);
    }
    if (!namespace) throw notFound(namespaceKind, name);
    const text = namespace.metadata.annotations?.[annotation];
    return text === undefined ? undefined : parseTolerations(text);
  };
  const check = async (attributes: AdmissionAttributes) => {
    const tolerations = (attributes.object as unknown as V1Pod).spec?.tolerations ?? [];
    if (!tolerations.length) return;
    const own = await ofNamespace(attributes.namespace, WHITELIST);
    if (areAllowed(tolerations, own ?? cluster.whitelist)) return;
    throw unnamedFailure(
      `pod tolerations (possibly merged with namespace default tolerations) conflict with its ${own ? 'namespace' : 'cluster'} whitelist`,
    );
  };
  return {
    name: 'PodTolerationRestriction',
    handles: (attributes) =>
      (attributes.operation === 'CREATE' || attributes.operation === 'UPDATE') && isAbout(attributes, 'pods'),
    async admit(attributes) {
      const { spec } = attributes.object as unknown as V1Pod;
      if (!spec) return;
      const defaults = attributes.operation === 'CREATE' ? await ofNamespace(attributes.namespace, DEFAULTS) : [];
      const added = [...(defaults ?? cluster.default), ...(qualityOfService(spec) === 'BestEffort' ? [] : [MEMORY_PRESSURE])];
      if (added.length) spec.tolerations = mergeTolerations(spec.tolerations ?? [], added);
      await check(attributes);
    },
    validate: check,
  };
}

const MEMORY_PRESSURE: V1Toleration = { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' };
