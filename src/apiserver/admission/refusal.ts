import { forbidden, type StatusError } from '../../api/machinery/status-error.ts';
import type { AdmissionAttributes } from '../contracts.ts';

/** The 403 of an admission plugin: `pods "web" is forbidden: …`. */
export function refuse(attributes: AdmissionAttributes, why: string): StatusError {
  const { kind, object } = attributes;
  const name = attributes.name || object?.metadata?.name || object?.metadata?.generateName || 'Unknown';
  return forbidden(kind, name, why);
}

/** Whether a write is about a resource, or the named subresource of one. */
export function isAbout(attributes: AdmissionAttributes, resource: string, subresource = ''): boolean {
  const { kind } = attributes;
  return attributes.subresource === subresource && (kind.group ? `${kind.resource}.${kind.group}` : kind.resource) === resource;
}
