/** Templates of pods in workloads (core/validation ValidatePodTemplateSpec). */
import type { V1PodSpec, V1PodTemplateSpec } from '../../gen/types.ts';
import { addErrors, forbiddenField, notSupportedField } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validateAnnotations, validateLabels } from '../../machinery/validate-metadata.ts';
import { checkProfilesMatch, validatePodAnnotations } from './pod-annotations.ts';
import { validatePodSpec } from './pod-spec-validation.ts';
import { excuseStored } from './stored-faults.ts';

/** The labels and annotations, which are all that is checked of a StatefulSet's template. */
export function validateTemplateMetadata({ metadata, spec }: V1PodTemplateSpec, path: string, errors: FieldError[]): void {
  addErrors(errors, validateLabels(metadata?.labels, `${path}.labels`));
  addErrors(errors, validateAnnotations(metadata?.annotations, `${path}.annotations`));
  validatePodAnnotations(metadata?.annotations, spec, `${path}.annotations`, errors);
}

/** Complaints about a template at `path`; `stored` is what it was before an update. */
export function validatePodTemplate(
  template: V1PodTemplateSpec | undefined,
  path: string,
  stored?: V1PodTemplateSpec,
): FieldError[] {
  const errors = complaintsAbout(template, path, stored?.spec);
  return stored ? excuseStored(errors, () => complaintsAbout(stored, path)) : errors;
}

function complaintsAbout(template: V1PodTemplateSpec | undefined, path: string, stored?: V1PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  const { metadata, spec = { containers: [] } } = template ?? {};
  validateTemplateMetadata({ ...(metadata && { metadata }), spec }, path, errors);
  const labelsFiles = stored?.securityContext?.seLinuxChangePolicy !== undefined;
  validatePodSpec(spec, `${path}.spec`, { isPod: false, labelsFiles }, errors);
  checkProfilesMatch(metadata, spec, `${path}.spec`, errors);
  if (spec.ephemeralContainers?.length)
    errors.push(forbiddenField(`${path}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template'));
  return errors;
}

/** What is true of templates of pods that run until they are no longer wanted. `kind` is named in the complaint. */
export function checkLastingTemplate(
  template: V1PodTemplateSpec | undefined,
  path: string,
  kind: string,
  errors: FieldError[],
): void {
  const { restartPolicy = '', activeDeadlineSeconds } = template?.spec ?? {};
  if (restartPolicy !== 'Always') errors.push(notSupportedField(`${path}.spec.restartPolicy`, restartPolicy, ['Always']));
  if (activeDeadlineSeconds !== undefined)
    errors.push(forbiddenField(`${path}.spec.activeDeadlineSeconds`, `activeDeadlineSeconds in ${kind} is not Supported`));
}
