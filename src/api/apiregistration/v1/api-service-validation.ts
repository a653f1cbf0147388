import type { V1APIService } from '../../gen/types.ts';
import { invalidField, requiredField } from '../../machinery/field-error.ts';
import { checkDns1035Label, checkDnsSubdomain } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';

/** As kube-aggregator/pkg/apis/apiregistration/validation. */
export function validateApiService(object: DynamicObject): FieldError[] {
  const { metadata, spec = {} as Partial<NonNullable<V1APIService['spec']>> } = object as V1APIService;
  const {
    group = '',
    version = '',
    groupPriorityMinimum = 0,
    versionPriority = 0,
    service,
    caBundle,
    insecureSkipTLSVerify,
  } = spec;
  const errors: FieldError[] = [];
  const required = `${version}.${group}`;
  if (metadata?.name !== required)
    errors.push(
      invalidField('metadata.name', metadata?.name ?? '', `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(required)}`),
    );
  if (!group && version !== 'v1')
    errors.push(requiredField('spec.group', 'only v1 may have an empty group and it better be legacy kube'));
  if (group) for (const problem of checkDnsSubdomain(group)) errors.push(invalidField('spec.group', group, problem));
  for (const problem of checkDns1035Label(version)) errors.push(invalidField('spec.version', version, problem));
  if (groupPriorityMinimum <= 0 || groupPriorityMinimum > 20_000)
    errors.push(invalidField('spec.groupPriorityMinimum', groupPriorityMinimum, 'must be positive and less than 20000'));
  if (versionPriority <= 0 || versionPriority > 1_000)
    errors.push(invalidField('spec.versionPriority', versionPriority, 'must be positive and less than 1000'));
  if (!service) {
    if (caBundle) {
      const bytes = Buffer.byteLength(caBundle, 'base64');
      errors.push(invalidField('spec.caBundle', `${bytes} bytes`, 'local APIServices may not have a caBundle'));
    }
    if (insecureSkipTLSVerify)
      errors.push(invalidField('spec.insecureSkipTLSVerify', true, 'local APIServices may not have insecureSkipTLSVerify'));
    return errors;
  }
  if (!service.namespace) errors.push(requiredField('spec.service.namespace'));
  if (!service.name) errors.push(requiredField('spec.service.name'));
  const { port } = service;
  if (port !== undefined && (port < 1 || port > 65_535))
    errors.push(invalidField('spec.service.port', port, 'port is not valid: must be between 1 and 65535, inclusive'));
  if (insecureSkipTLSVerify && caBundle)
    errors.push(invalidField('spec.insecureSkipTLSVerify', true, 'may not be true if caBundle is present'));
  return errors;
}
