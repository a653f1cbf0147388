import { nodeKind } from '../../api/core/v1/node.ts';
import type { V1Binding, V1Pod } from '../../api/gen/types.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from '../contracts.ts';
import { isAbout } from './refusal.ts';

const LABELS = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

/** A pod carries the labels that tell where its node is (plugin/pkg/admission/podtopologylabels). */
export function createPodTopologyLabels(reader: ObjectReader): AdmissionPlugin {
  return {
    name: 'PodTopologyLabels',
    handles: (attributes) =>
      attributes.operation === 'CREATE' && (isAbout(attributes, 'pods') || isAbout(attributes, 'pods', 'binding')),
    async admit(attributes) {
      const { object } = attributes;
      const node = nodeOf(attributes);
      const labels = node ? reader.get(nodeKind, '', node)?.metadata.labels : undefined;
      const copied = LABELS.flatMap((label) => (labels?.[label] === undefined ? [] : [[label, labels[label]] as const]));
      // The node knows better than the pod or binding where it is.
      if (copied.length) object!.metadata.labels = { ...object!.metadata.labels, ...Object.fromEntries(copied) };
    },
  };
}

function nodeOf({ subresource, object }: AdmissionAttributes): string | undefined {
  if (subresource === '') return (object as unknown as V1Pod).spec?.nodeName;
  const { target } = (object ?? {}) as DynamicObject as unknown as Partial<V1Binding>;
  return target?.kind === 'Node' ? target.name : undefined;
}
