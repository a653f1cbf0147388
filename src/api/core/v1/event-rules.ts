import type { CoreV1Event } from '../../gen/types.ts';
import { invalidField, requiredField } from '../../machinery/field-error.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';

/** Events about objects without a namespace are kept here. */
const DEFAULT_NAMESPACE = 'default';

/** An event lives where the object lives that it is about. */
export function validateEvent(object: DynamicObject): FieldError[] {
  const { metadata, involvedObject, eventTime, type, reportingComponent, action, reason } = object as unknown as CoreV1Event;
  const errors: FieldError[] = [];
  const namespace = metadata.namespace ?? '';
  const about = involvedObject.namespace ?? '';
  if (about ? about !== namespace : namespace !== DEFAULT_NAMESPACE && namespace !== 'kube-system' && namespace !== '')
    errors.push(invalidField('involvedObject.namespace', about, 'does not match event.namespace'));
  // Events of the newer kind say so by their time, and are complete.
  if (!eventTime) return errors;
  if (!reportingComponent) errors.push(requiredField('reportingController'));
  if (!(object as unknown as CoreV1Event).reportingInstance) errors.push(requiredField('reportingInstance'));
  if (!action) errors.push(requiredField('action'));
  if (!reason) errors.push(requiredField('reason'));
  if (type !== 'Normal' && type !== 'Warning') errors.push(invalidField('type', '', `has invalid value: ${type ?? ''}`));
  return errors;
}
