/** Priority levels (pkg/apis/flowcontrol/validation). */
import { shownForm } from '../../core/v1/internal-form.ts';
import type {
  V1LimitedPriorityLevelConfiguration,
  V1LimitResponse,
  V1PriorityLevelConfiguration,
  V1PriorityLevelConfigurationSpec,
  V1QueuingConfiguration,
} from '../../gen/types.ts';
import { sameMeaning } from '../../machinery/field-checks.ts';
import { addErrors, forbiddenField, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validateConditionTypes } from './flow-schema-validation.ts';
import { mandatoryPriorityLevels } from './mandatory.ts';

const MOST_QUEUES = 10_000_000;
/** Told v1beta3 that no shares are meant, not the default; other versions need no such note. */
const ZERO_SHARES = 'flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares';
/** Of the hash that flows are dealt to queues by. */
const HASH_BITS = 60;

export function validatePriorityLevelConfiguration(object: DynamicObject): FieldError[] {
  const { metadata, spec, status } = object as V1PriorityLevelConfiguration;
  const name = metadata?.name ?? '';
  const errors: FieldError[] = Object.hasOwn(metadata?.annotations ?? {}, ZERO_SHARES)
    ? [forbiddenField('metadata.annotations', `annotation '${ZERO_SHARES}' is forbidden`)]
    : [];
  if (spec) addErrors(errors, validateSpec(spec, name));
  const fixed = Object.hasOwn(mandatoryPriorityLevels, name) ? mandatoryPriorityLevels[name]! : undefined;
  // Shares of what is exempt may be changed: they count only for others.
  const compared = name === 'exempt' ? { ...spec, exempt: fixed?.exempt } : spec;
  if (fixed && !sameMeaning(compared, fixed)) {
    const but = name === 'exempt' ? " except the 'spec.exempt' field" : '';
    errors.push(
      invalidField(
        'spec',
        shownForm('PriorityLevelConfigurationSpec', spec),
        `spec of '${name}'${but} must equal the fixed value`,
      ),
    );
  }
  return [...errors, ...validateConditionTypes(status?.conditions ?? [])];
}

function validateSpec({ type, limited, exempt }: V1PriorityLevelConfigurationSpec, name: string): FieldError[] {
  const errors: FieldError[] = [];
  if ((name === 'exempt') !== (type === 'Exempt'))
    errors.push(invalidField('spec.type', type, "type must be 'Exempt' if and only if name is 'exempt'"));
  switch (type) {
    case 'Exempt':
      if (limited) errors.push(forbiddenField('spec.limited', 'must be nil if the type is not Limited'));
      if (!exempt) errors.push(requiredField('spec.exempt', 'must not be empty when type is Exempt'));
      else addErrors(errors, validateShares(exempt, 'spec.exempt'));
      break;
    case 'Limited':
      if (exempt) errors.push(forbiddenField('spec.exempt', 'must be nil if the type is Limited'));
      if (!limited) errors.push(requiredField('spec.limited', 'must not be empty when type is Limited'));
      else addErrors(errors, validateLimited(limited, 'spec.limited'));
      break;
    default:
      errors.push(notSupportedField('spec.type', type, ['Exempt', 'Limited']));
  }
  return errors;
}

interface Shares {
  readonly nominalConcurrencyShares?: number;
  readonly lendablePercent?: number;
}

function validateShares(
  { nominalConcurrencyShares: shares = 0, lendablePercent: lendable = 0 }: Shares,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (shares < 0) errors.push(invalidField(`${path}.nominalConcurrencyShares`, shares, 'must be a non-negative integer'));
  if (lendable < 0 || lendable > 100)
    errors.push(invalidField(`${path}.lendablePercent`, lendable, 'must be between 0 and 100, inclusive'));
  return errors;
}

function validateLimited(limited: V1LimitedPriorityLevelConfiguration, path: string): FieldError[] {
  const errors = validateShares(limited, path);
  if ((limited.borrowingLimitPercent ?? 0) < 0)
    errors.push(
      invalidField(
        `${path}.borrowingLimitPercent`,
        limited.borrowingLimitPercent,
        'if specified, must be a non-negative integer',
      ),
    );
  return [...errors, ...validateResponse(limited.limitResponse ?? { type: '' }, `${path}.limitResponse`)];
}

function validateResponse({ type, queuing }: V1LimitResponse, path: string): FieldError[] {
  switch (type) {
    case 'Reject':
      return queuing ? [forbiddenField(`${path}.queuing`, 'must be nil if limited.limitResponse.type is not Limited')] : [];
    case 'Queue':
      return queuing
        ? validateQueuing(queuing, `${path}.queuing`)
        : [requiredField(`${path}.queuing`, 'must not be empty if limited.limitResponse.type is Limited')];
    default:
      return [notSupportedField(`${path}.type`, type, ['Queue', 'Reject'])];
  }
}

function validateQueuing(queuing: V1QueuingConfiguration, path: string): FieldError[] {
  const { queues = 0, handSize = 0, queueLengthLimit = 0 } = queuing;
  const errors: FieldError[] = [];
  if (queueLengthLimit <= 0) errors.push(invalidField(`${path}.queueLengthLimit`, queueLengthLimit, 'must be positive'));
  if (queues <= 0) errors.push(invalidField(`${path}.queues`, queues, 'must be positive'));
  else if (queues > MOST_QUEUES) errors.push(invalidField(`${path}.queues`, queues, `must not be greater than ${MOST_QUEUES}`));
  const hand = (detail: string) => errors.push(invalidField(`${path}.handSize`, handSize, detail));
  if (handSize <= 0) hand('must be positive');
  else if (handSize > queues) hand(`should not be greater than queues (${queues})`);
  else if (entropyBits(queues, handSize) > HASH_BITS)
    hand(`required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${HASH_BITS}`);
  return errors;
}

/** How many bits it takes to deal a hand (apiserver/pkg/util/shufflesharding). Ends early: a hand may be as large as the deck. */
function entropyBits(deck: number, hand: number): number {
  let bits = 0;
  for (let i = 0; i < hand && bits <= HASH_BITS; i++) bits += Math.log2(deck - i);
  return Math.ceil(bits);
}

export const validateLevelStatus = (updated: DynamicObject): FieldError[] =>
  validateConditionTypes((updated as V1PriorityLevelConfiguration).status?.conditions ?? []);
