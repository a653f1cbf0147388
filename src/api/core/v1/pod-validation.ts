/** Pods as they are made (core/validation ValidatePodCreate, validatePodMetadataAndSpec). Their metadata is checked like all metadata. */
import type { V1Pod, V1PodSpec } from '../../gen/types.ts';
import { forbiddenField, requiredField } from '../../machinery/field-error.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { checkImageBlanks } from './container-validation.ts';
import { checkProfilesMatch, validatePodAnnotations } from './pod-annotations.ts';
import { MIRROR_POD } from './pod-references.ts';
import { validatePodSpec } from './pod-spec-validation.ts';
import { excuseStored } from './stored-faults.ts';

/** Complaints about a pod; without `existing` it is a new one. */
export function validatePod(object: DynamicObject, _context?: WriteContext, existing?: DynamicObject): FieldError[] {
  const errors = complaintsAbout(object, (existing as V1Pod | undefined)?.spec);
  if (existing) return excusedBy(existing, errors);
  if ((object as V1Pod).spec) checkNew(object as V1Pod, errors);
  return errors;
}

/** What is left of complaints about an update when the stored pod has its own faults excused. */
export const excusedBy = (existing: DynamicObject, errors: FieldError[]): FieldError[] =>
  excuseStored(errors, () => complaintsAbout(existing));

function complaintsAbout(object: DynamicObject, stored?: V1PodSpec): FieldError[] {
  const { metadata, spec } = object as V1Pod;
  if (!spec) return [requiredField('spec.containers')];
  const errors: FieldError[] = [];
  validatePodAnnotations(metadata?.annotations, spec, 'metadata.annotations', errors);
  const isStatic = Object.hasOwn(metadata?.annotations ?? {}, MIRROR_POD);
  const labelsFiles = stored?.securityContext?.seLinuxChangePolicy !== undefined;
  const scope = { isPod: true, isStatic, labelsFiles, ...(metadata?.name && { podName: metadata.name }) };
  validatePodSpec(spec, 'spec', scope, errors);
  if (!spec.serviceAccountName && spec.volumes) checkTokens(object as V1Pod, errors);
  for (const list of ['containers', 'initContainers'] as const)
    spec[list]?.forEach((container, i) => {
      checkImageBlanks(container, `spec.${list}[${i}]`, errors);
    });
  return errors;
}

/** Tokens are of an account. */
function checkTokens({ spec }: V1Pod, errors: FieldError[]): void {
  spec?.volumes?.forEach(({ projected }, v) => {
    projected?.sources?.forEach(({ serviceAccountToken }, s) => {
      if (serviceAccountToken)
        errors.push(
          forbiddenField(
            `spec.volumes[${v}].projected.sources[${s}].serviceAccountToken`,
            'must not be specified when serviceAccountName is not set',
          ),
        );
    });
  });
}

function checkNew({ metadata, spec }: V1Pod, errors: FieldError[]): void {
  if (!spec) return;
  if (spec.ephemeralContainers?.length) errors.push(forbiddenField('spec.ephemeralContainers', 'cannot be set on create'));
  if (spec.nodeName && spec.schedulingGates?.length)
    errors.push(forbiddenField('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'));
  checkProfilesMatch(metadata, spec, 'spec', errors);
}
