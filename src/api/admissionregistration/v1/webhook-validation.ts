/** Validation of webhook configurations (pkg/apis/admissionregistration/validation). Heavy to load: it compiles expressions. */
import type { Steps } from '../../../std/pauses.ts';
import type { V1MutatingWebhook, V1ValidatingWebhook } from '../../gen/types.ts';
import { checkEach, checkOneOf, sameMeaning } from '../../machinery/field-checks.ts';
import { addErrors, duplicateField, invalidField, requiredField } from '../../machinery/field-error.ts';
import type { LabelSelectorObject } from '../../machinery/label-selector.ts';
import { validateLabelSelector } from '../../machinery/label-selector-validation.ts';
import { checkDns1035Label, checkDnsSubdomain } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validateWebhookService, validateWebhookUrl } from '../../machinery/webhook-client-config.ts';
import { compilingPace } from '../expressions/admission-expressions.ts';
import { validateMatchConditions } from './match-conditions-validation.ts';
import { FAILURE_POLICIES, MATCH_POLICIES, validateRule } from './match-rules-validation.ts';

type Webhook = V1MutatingWebhook | V1ValidatingWebhook;

const REVIEW_VERSIONS = ['v1', 'v1beta1'];
const NO_SIDE_EFFECTS = ['None', 'NoneOnDryRun'];
const SIDE_EFFECTS = ['None', 'NoneOnDryRun', 'Some', 'Unknown'];

const webhooksOf = (object: DynamicObject | undefined): readonly Webhook[] =>
  (object?.['webhooks'] as Webhook[] | undefined) ?? [];
const acceptable = (versions: readonly string[] = []) => versions.some((version) => REVIEW_VERSIONS.includes(version));

/** What was allowed when the configuration was stored stays allowed. */
interface Leniency {
  readonly sideEffects: boolean;
  readonly reviewVersions: boolean;
  readonly names: boolean;
  readonly selectors: boolean;
  readonly conditions: boolean;
}

function leniencyFor(webhooks: readonly Webhook[], existing: DynamicObject | undefined): Leniency {
  if (!existing) return { sideEffects: false, reviewVersions: false, names: false, selectors: false, conditions: false };
  const old = webhooksOf(existing);
  const conditions = (of: readonly Webhook[]) => of.map(({ matchConditions }) => matchConditions ?? []);
  return {
    sideEffects: old.some(({ sideEffects }) => !NO_SIDE_EFFECTS.includes(sideEffects)),
    reviewVersions: old.some(({ admissionReviewVersions: v }) => (v?.length ?? 0) > 0 && !acceptable(v)),
    names: new Set(old.map(({ name }) => name)).size < old.length,
    selectors: old.some((webhook) => validateSelectors(webhook, '', false).length > 0),
    conditions: old.length === webhooks.length && sameMeaning(conditions(old), conditions(webhooks)),
  };
}

/** Complaints about a Mutating- or ValidatingWebhookConfiguration. */
export function* validateWebhookConfiguration(object: DynamicObject, existing: DynamicObject | undefined): Steps<FieldError[]> {
  const webhooks = webhooksOf(object);
  const leniency = leniencyFor(webhooks, existing);
  const seen = new Set<string>();
  const pace = compilingPace();
  const errors: FieldError[] = [];
  for (const [i, webhook] of webhooks.entries()) {
    const at = `webhooks[${i}]`;
    addErrors(errors, validateWebhook(webhook, at, leniency));
    if (!leniency.conditions) {
      const { matchConditions } = webhook;
      addErrors(errors, yield* validateMatchConditions(matchConditions, `${at}.matchConditions`, { params: false }, pace));
    }
    addErrors(errors, validateReviewVersions(webhook, at, leniency));
    if (webhook.name && seen.has(webhook.name) && !leniency.names) errors.push(duplicateField(`${at}.name`, webhook.name));
    seen.add(webhook.name);
  }
  return errors;
}

function validateWebhookName(name: string, path: string): FieldError[] {
  if (!name) return [requiredField(path)];
  const complaints = checkDnsSubdomain(name);
  if (complaints.length) return [invalidField(path, name, complaints.join(','))];
  return name.split('.').length < 3
    ? [invalidField(path, name, 'should be a domain with at least three segments separated by dots')]
    : [];
}

function validateSelectors({ namespaceSelector, objectSelector }: Webhook, path: string, lenient: boolean): FieldError[] {
  return [
    ...validateLabelSelector(namespaceSelector as LabelSelectorObject | undefined, `${path}.namespaceSelector`, { lenient }),
    ...validateLabelSelector(objectSelector as LabelSelectorObject | undefined, `${path}.objectSelector`, { lenient }),
  ];
}

function validateSideEffects({ sideEffects }: Webhook, path: string, lenient: boolean): FieldError[] {
  const allowed = lenient ? SIDE_EFFECTS : NO_SIDE_EFFECTS;
  if (sideEffects === undefined) return [requiredField(path, `must specify one of ${allowed.join(', ')}`)];
  return checkOneOf(path, sideEffects, allowed);
}

function validateWebhook(webhook: Webhook, path: string, leniency: Leniency): FieldError[] {
  const { failurePolicy, matchPolicy, timeoutSeconds: timeout } = webhook;
  const errors = [
    ...validateWebhookName(webhook.name, `${path}.name`),
    ...checkEach(webhook.rules, `${path}.rules`, validateRule),
    ...(failurePolicy === undefined ? [] : checkOneOf(`${path}.failurePolicy`, failurePolicy, FAILURE_POLICIES)),
    ...(matchPolicy === undefined ? [] : checkOneOf(`${path}.matchPolicy`, matchPolicy, MATCH_POLICIES)),
    ...validateSideEffects(webhook, `${path}.sideEffects`, leniency.sideEffects),
  ];
  if (timeout !== undefined && (timeout > 30 || timeout < 1))
    errors.push(invalidField(`${path}.timeoutSeconds`, timeout, 'the timeout value must be between 1 and 30 seconds'));
  addErrors(errors, validateSelectors(webhook, path, leniency.selectors));
  const reinvocation = 'reinvocationPolicy' in webhook ? webhook.reinvocationPolicy : undefined;
  if (reinvocation !== undefined)
    addErrors(errors, checkOneOf(`${path}.reinvocationPolicy`, reinvocation, ['IfNeeded', 'Never']));
  addErrors(errors, validateClientConfig(webhook, `${path}.clientConfig`));
  return errors;
}

function validateClientConfig({ clientConfig = {} }: Webhook, path: string): FieldError[] {
  const { url, service } = clientConfig;
  if ((url === undefined) === (service === undefined)) return [requiredField(path, 'exactly one of url or service is required')];
  return url === undefined ? validateWebhookService(`${path}.service`, service!) : validateWebhookUrl(`${path}.url`, url);
}

function validateReviewVersions(
  { admissionReviewVersions: versions = [] }: Webhook,
  path: string,
  leniency: Leniency,
): FieldError[] {
  const field = `${path}.admissionReviewVersions`;
  if (!versions.length) return [requiredField(field, `must specify one of ${REVIEW_VERSIONS.join(', ')}`)];
  const seen = new Set<string>();
  const errors = checkEach(versions, field, (version, at) => {
    if (seen.has(version)) return [invalidField(at, version, 'duplicate version')];
    seen.add(version);
    return checkDns1035Label(version).map((complaint) => invalidField(at, version, complaint));
  });
  if (!leniency.reviewVersions && !acceptable(versions))
    errors.push(invalidField(field, versions, `must include at least one of ${REVIEW_VERSIONS.join(', ')}`));
  return errors;
}
