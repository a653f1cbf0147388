/** Columns, subresources, selectable fields and conversions of a definition. */
import {
  addErrors,
  duplicateField,
  forbiddenField,
  invalidField,
  notSupportedField,
  requiredField,
  tooManyField,
} from '../../machinery/field-error.ts';
import { checkDns1035Label } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validateCaBundle, validateWebhookService, validateWebhookUrl } from '../../machinery/webhook-client-config.ts';
import { child, index } from '../schema/field-path.ts';
import type { JsonSchema } from '../schema/json-schema.ts';
import { resolveFieldPath } from '../schema/simple-path.ts';
import type { DefinitionConversion, DefinitionVersion, PrinterColumn, Subresources } from './definition.ts';

const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const COLUMN_FORMATS = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];

export function validateColumn({ name, type, format, jsonPath }: PrinterColumn, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!name) errors.push(requiredField(child(path, 'name')));
  const types = `must be one of ${COLUMN_TYPES.join()}`;
  if (!type) errors.push(requiredField(child(path, 'type'), types));
  else if (!COLUMN_TYPES.includes(type)) errors.push(invalidField(child(path, 'type'), type, types));
  if (format && !COLUMN_FORMATS.includes(format))
    errors.push(invalidField(child(path, 'format'), format, `must be one of ${COLUMN_FORMATS.join()}`));
  const at = child(path, 'JSONPath');
  addErrors(errors, jsonPath ? validateDottedPath(jsonPath, at) : [requiredField(at)]);
  return errors;
}

const validateDottedPath = (text: string, path: string): FieldError[] =>
  text.startsWith('.') ? [] : [invalidField(path, text, 'must be a simple json path starting with .')];

export function validateSubresources(subresources: Subresources | undefined, path: string): FieldError[] {
  const scale = subresources?.scale;
  if (!scale) return [];
  const check = (name: 'specReplicasPath' | 'statusReplicasPath', below: string): FieldError[] => {
    const at = child(path, `scale.${name}`);
    const text = scale[name];
    if (!text) return [requiredField(at)];
    const errors = validateDottedPath(text, at);
    if (errors.length || text.startsWith(`${below}.`)) return errors;
    return [invalidField(at, text, `should be a json path under ${below}`)];
  };
  const errors = [...check('specReplicasPath', '.spec'), ...check('statusReplicasPath', '.status')];
  const selector = scale.labelSelectorPath;
  if (!selector) return errors;
  const at = child(path, 'scale.labelSelectorPath');
  const wrong = validateDottedPath(selector, at);
  if (!wrong.length && !/^\.(spec|status)\./.test(selector))
    wrong.push(invalidField(at, selector, 'should be a json path under either .spec or .status'));
  return [...errors, ...wrong];
}

const MOST_SELECTABLE_FIELDS = 8;

/** `tooMany`: there were more already, and they are left as they are. */
export function validateSelectableFields(
  fields: NonNullable<DefinitionVersion['selectableFields']>,
  schema: JsonSchema,
  path: string,
  tooMany = false,
): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  fields.forEach(({ jsonPath }, i) => {
    const at = child(index(path, i), 'jsonPath');
    if (!jsonPath) {
      errors.push(requiredField(at));
      return;
    }
    const found = resolveFieldPath(jsonPath, schema, false);
    if ('error' in found) {
      errors.push(invalidField(at, jsonPath, `is an invalid path: ${found.error}`));
      return;
    }
    if (found.names[0] === 'metadata') errors.push(invalidField(at, jsonPath, 'must not point to fields in metadata'));
    if (!['string', 'boolean', 'integer'].includes(found.schema?.type ?? ''))
      errors.push(
        invalidField(
          at,
          jsonPath,
          'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
        ),
      );
    const id = found.names.join('.');
    if (seen.has(id)) errors.push(duplicateField(at, jsonPath));
    seen.add(id);
  });
  if (seen.size > MOST_SELECTABLE_FIELDS && !tooMany) errors.push(tooManyField(path, seen.size, MOST_SELECTABLE_FIELDS));
  return errors;
}

const REVIEW_VERSIONS = ['v1', 'v1beta1'];

export interface ConversionOptions {
  /** Until the definition is established, and while what is there is no bundle either. */
  readonly anyCaBundle: boolean;
  /** Old definitions may name only versions that nobody knows. */
  readonly anyReviewVersion: boolean;
}

export function validateConversion(
  conversion: DefinitionConversion | undefined,
  path: string,
  { anyCaBundle, anyReviewVersion }: ConversionOptions,
): FieldError[] {
  if (!conversion) return [];
  const { strategy, webhook } = conversion;
  const errors: FieldError[] = [];
  if (!strategy) errors.push(requiredField(child(path, 'strategy')));
  else if (strategy !== 'None' && strategy !== 'Webhook')
    errors.push(notSupportedField(child(path, 'strategy'), strategy, ['None', 'Webhook']));
  const clientAt = child(path, 'webhookClientConfig');
  const versionsAt = child(path, 'conversionReviewVersions');
  const client = webhook?.clientConfig;
  const versions = webhook?.conversionReviewVersions ?? [];
  if (strategy !== 'Webhook') {
    const why = 'should not be set when strategy is not set to Webhook';
    if (client) errors.push(forbiddenField(clientAt, why));
    if (versions.length) errors.push(forbiddenField(versionsAt, why));
    return errors;
  }
  if (!client) errors.push(requiredField(clientAt, 'required when strategy is set to Webhook'));
  else {
    if ((client.url === undefined) === (client.service === undefined))
      errors.push(requiredField(clientAt, 'exactly one of url or service is required'));
    else if (client.url !== undefined) addErrors(errors, validateWebhookUrl(child(clientAt, 'url'), client.url));
    else addErrors(errors, validateWebhookService(child(clientAt, 'service'), client.service!));
    if (client.caBundle && !anyCaBundle) addErrors(errors, validateCaBundle(child(clientAt, 'caBundle'), client.caBundle));
  }
  return [...errors, ...validateReviewVersions(versions, versionsAt, anyReviewVersion)];
}

function validateReviewVersions(versions: readonly string[], path: string, anyVersion: boolean): FieldError[] {
  if (!versions.length) return [requiredField(path)];
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  versions.forEach((version, i) => {
    if (seen.has(version)) errors.push(invalidField(index(path, i), version, 'duplicate version'));
    else for (const why of checkDns1035Label(version)) errors.push(invalidField(index(path, i), version, why));
    seen.add(version);
  });
  if (!anyVersion && !versions.some((version) => REVIEW_VERSIONS.includes(version)))
    errors.push(invalidField(path, versions, `must include at least one of ${REVIEW_VERSIONS.join(', ')}`));
  return errors;
}

export const knowsReviewVersion = (conversion: DefinitionConversion | undefined): boolean => {
  const versions = conversion?.webhook?.conversionReviewVersions ?? [];
  return !versions.length || versions.some((version) => REVIEW_VERSIONS.includes(version));
};
