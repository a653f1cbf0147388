import type { V1ObjectMeta, V1PodSpec } from '../../../api/gen/types.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import type { CheckedPod } from './violation.ts';

interface Template {
  readonly metadata?: V1ObjectMeta;
  readonly spec?: V1PodSpec;
}

type TemplateOf = (object: DynamicObject) => Template | undefined;

const ofSpec: TemplateOf = (object) => (object['spec'] as { template?: Template } | undefined)?.template;

/** Where the kinds that make pods keep their templates (pod-security-admission, DefaultPodSpecExtractor). */
const TEMPLATES: Readonly<Record<string, TemplateOf>> = {
  podtemplates: (object) => object['template'] as Template | undefined,
  replicationcontrollers: ofSpec,
  'replicasets.apps': ofSpec,
  'deployments.apps': ofSpec,
  'statefulsets.apps': ofSpec,
  'daemonsets.apps': ofSpec,
  'jobs.batch': ofSpec,
  'cronjobs.batch': (object) =>
    (object['spec'] as { jobTemplate?: { spec?: { template?: Template } } } | undefined)?.jobTemplate?.spec?.template,
};

export const hasPodTemplate = (resource: string) => Object.hasOwn(TEMPLATES, resource);

/** The pods that an object makes; undefined when it says nothing of them. */
export function podTemplateOf(resource: string, object: DynamicObject): CheckedPod | undefined {
  const template = TEMPLATES[resource]?.(object);
  return template?.spec && { annotations: template.metadata?.annotations ?? {}, spec: template.spec };
}
