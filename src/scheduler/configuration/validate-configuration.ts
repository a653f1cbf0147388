import { isExtendedResource } from '../../api/core/v1/resource-names.ts';
import { checkEach, checkField } from '../../api/machinery/field-checks.ts';
import { duplicateField, invalidField, requiredField } from '../../api/machinery/field-error.ts';
import { checkQualifiedName } from '../../api/machinery/names.ts';
import type { FieldError } from '../../api/machinery/status-error.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import type { WrittenProfile } from './create-profile.ts';
import type { WrittenExtender } from './http-extender.ts';
import type { WrittenLeaderElection } from './scheduler-configuration.ts';

/** A configuration whose fields have the right types, with the defaults put in. */
export interface WrittenConfiguration {
  readonly parallelism: number;
  readonly podInitialBackoffSeconds: number;
  readonly podMaxBackoffSeconds: number;
  readonly percentageOfNodesToScore?: number;
  readonly profiles?: readonly WrittenProfile[];
  readonly extenders?: readonly WrittenExtender[];
  readonly clientConnection?: { readonly kubeconfig?: string; readonly qps?: number; readonly burst?: number };
  readonly leaderElection?: WrittenLeaderElection;
}

/** What is wrong with its values, but for plugins and their arguments (apis/config/validation/validation.go). */
export function validateConfiguration(written: WrittenConfiguration): FieldError[] {
  const { parallelism, podInitialBackoffSeconds: initial, podMaxBackoffSeconds: longest, profiles = [] } = written;
  const errors: FieldError[] = [];
  const { burst = 0 } = written.clientConnection ?? {};
  if (burst < 0) errors.push(invalidField('clientConnection.burst', burst, 'must be non-negative'));
  errors.push(...checkElection(written.leaderElection ?? {}));
  if (parallelism <= 0) errors.push(invalidField('parallelism', parallelism, 'should be an integer value greater than zero'));
  const names = new Set<string>();
  for (const [i, { schedulerName = profiles.length === 1 ? undefined : '', percentageOfNodesToScore }] of profiles.entries()) {
    const at = `profiles[${i}]`;
    if (schedulerName === '') errors.push(requiredField(`${at}.schedulerName`));
    errors.push(...checkPercentage(`${at}.percentageOfNodesToScore`, percentageOfNodesToScore));
    if (schedulerName && names.has(schedulerName)) errors.push(duplicateField(`${at}.schedulerName`, schedulerName));
    names.add(schedulerName ?? '');
  }
  errors.push(...checkPercentage('percentageOfNodesToScore', written.percentageOfNodesToScore));
  if (initial <= 0) errors.push(invalidField('podInitialBackoffSeconds', initial, 'must be greater than 0'));
  if (longest < initial)
    errors.push(invalidField('podMaxBackoffSeconds', longest, 'must be greater than or equal to PodInitialBackoffSeconds'));
  return [...errors, ...checkExtenders(written.extenders ?? [])];
}

const checkPercentage = (field: string, value: number | undefined): FieldError[] =>
  value !== undefined && (value < 0 || value > 100) ? [invalidField(field, value, 'not in valid range [0-100]')] : [];

function checkElection(election: WrittenLeaderElection): FieldError[] {
  if (election.leaderElect === false) return [];
  // Zero is as good as nothing said.
  const of = (value: string | undefined, fallback: string) => (value && parseGoDuration(value) !== 0 ? value : fallback);
  const leaseDuration = of(election.leaseDuration, '15s');
  const renewDeadline = of(election.renewDeadline, '10s');
  const retryPeriod = of(election.retryPeriod, '2s');
  const errors = Object.entries({ leaseDuration, renewDeadline, retryPeriod }).flatMap(([name, value]) =>
    parseGoDuration(value) > 0 ? [] : [invalidField(`leaderElection.${name}`, value, 'must be greater than zero')],
  );
  if (parseGoDuration(leaseDuration) < parseGoDuration(renewDeadline))
    errors.push(invalidField('leaderElection.leaseDuration', renewDeadline, 'LeaseDuration must be greater than RenewDeadline'));
  return errors;
}

function checkExtenders(extenders: readonly WrittenExtender[]): FieldError[] {
  const managed = new Set<string>();
  const errors = checkEach(extenders, 'extenders', ({ prioritizeVerb, weight = 0, managedResources }, at) => [
    ...(prioritizeVerb && weight <= 0 ? [invalidField(`${at}.weight`, weight, 'must have a positive weight applied to it')] : []),
    ...checkEach(managedResources, `${at}.managedResources`, ({ name = '' }, place) => {
      const complaints = checkField(`${place}.name`, name, checkQualifiedName);
      if (complaints.length === 0 && !isExtendedResource(name))
        complaints.push(invalidField(`${place}.name`, name, 'is an invalid extended resource name'));
      if (managed.has(name)) complaints.push(invalidField(`${place}.name`, name, 'duplicate extender managed resource name'));
      managed.add(name);
      return complaints;
    }),
  ]);
  const binders = extenders.filter(({ bindVerb }) => bindVerb).length;
  if (binders > 1)
    errors.push(
      invalidField('extenders', `found ${binders} extenders implementing bind`, 'only one extender can implement bind'),
    );
  return errors;
}
