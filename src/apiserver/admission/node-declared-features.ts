import type { V1Pod } from '../../api/gen/types.ts';
import { sameMeaning } from '../../api/machinery/field-checks.ts';
import type { AdmissionPlugin, ObjectReader } from '../contracts.ts';
import { nodeOfChangedPod } from './pod-resize-validator.ts';
import { isAbout, refuse } from './refusal.ts';

/** A change of a pod that only some nodes know to make (component-helpers/nodedeclaredfeatures), by name. */
const FEATURES: readonly (readonly [name: string, needed: (before: V1Pod, after: V1Pod) => boolean])[] = [
  [
    'InPlacePodLevelResourcesVerticalScaling',
    ({ spec: before }, { spec: after }) => !sameMeaning(before?.resources, after?.resources),
  ],
  [
    'InPlacePodVerticalScalingInitContainers',
    ({ spec: before }, { spec: after }) =>
      (before?.initContainers ?? []).some(
        ({ restartPolicy, resources }, i) =>
          restartPolicy !== 'Always' && !sameMeaning(resources, after?.initContainers?.[i]?.resources),
      ),
  ],
];

/** A pod is changed only in ways that its node says it knows (plugin/pkg/admission/nodedeclaredfeatures). */
export function createNodeDeclaredFeatureValidator(reader: ObjectReader): AdmissionPlugin {
  return {
    name: 'NodeDeclaredFeatureValidator',
    handles: (attributes) =>
      attributes.operation === 'UPDATE' && (isAbout(attributes, 'pods') || isAbout(attributes, 'pods', 'resize')),
    async validate(attributes) {
      const [before, after] = [attributes.oldObject, attributes.object] as unknown as [V1Pod, V1Pod];
      const needed = FEATURES.filter(([, isNeeded]) => isNeeded(before, after));
      if (!needed.length) return;
      const node = nodeOfChangedPod(attributes, reader);
      if (!node) return;
      const declared: readonly string[] = node.status?.declaredFeatures ?? [];
      const lacking = needed.flatMap(([name]) => (declared.includes(name) ? [] : [name]));
      const name = JSON.stringify(node.metadata?.name);
      if (lacking.length)
        throw refuse(attributes, `pod update requires features ${lacking.join(', ')} which are not available on node ${name}`);
    },
  };
}
