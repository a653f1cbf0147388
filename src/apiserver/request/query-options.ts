import { validateManager } from '../../api/apply/manager-name.ts';
import { isJsonMap } from '../../api/machinery/clone.ts';
import { badRequest, type FieldError, invalid } from '../../api/machinery/status-error.ts';
import { isTrue } from './request-info.ts';

/** meta/v1 ListOptions as sent in the query of list, watch and deletecollection. */
export interface ListQuery {
  readonly labelSelector: string;
  readonly fieldSelector: string;
  readonly limit: number;
  readonly continueToken: string;
  readonly resourceVersion: string;
  readonly resourceVersionMatch: '' | 'Exact' | 'NotOlderThan';
  readonly allowWatchBookmarks: boolean;
  readonly sendInitialEvents: boolean;
  /** 0: the server chooses. */
  readonly timeoutSeconds: number;
}

const NONE: ListQuery = {
  labelSelector: '',
  fieldSelector: '',
  limit: 0,
  continueToken: '',
  resourceVersion: '',
  resourceVersionMatch: '',
  allowWatchBookmarks: false,
  sendInitialEvents: false,
  timeoutSeconds: 0,
};

/**
 * Reads ListOptions and checks their combinations as apimachinery/pkg/apis/meta/internalversion/validation does.
 *
 * @throws StatusError 400 for what is no number, 422 for combinations that upstream refuses
 */
export function parseListQuery(query: URLSearchParams, watch: boolean): ListQuery {
  if (query.size === 0) return NONE;
  const options: ListQuery = {
    labelSelector: query.get('labelSelector') ?? '',
    fieldSelector: query.get('fieldSelector') ?? '',
    limit: parseInteger(query.get('limit')),
    continueToken: query.get('continue') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '',
    resourceVersionMatch: (query.get('resourceVersionMatch') ?? '') as ListQuery['resourceVersionMatch'],
    allowWatchBookmarks: isTrue(query.get('allowWatchBookmarks')),
    sendInitialEvents: isTrue(query.get('sendInitialEvents')),
    timeoutSeconds: parseInteger(query.get('timeoutSeconds')),
  };
  const errors = checkListQuery(options, watch, query.has('sendInitialEvents'));
  if (errors.length) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors);
  return options;
}

function checkListQuery(options: ListQuery, watch: boolean, sendInitialEventsSet: boolean): FieldError[] {
  const { resourceVersionMatch: match, resourceVersion } = options;
  const refuse = (field: string, why: string): FieldError[] => [
    { field, reason: 'FieldValueForbidden', message: `Forbidden: ${why}` },
  ];
  if (sendInitialEventsSet) {
    if (!watch) return refuse('sendInitialEvents', 'sendInitialEvents is forbidden for list');
    if (match !== 'NotOlderThan')
      return refuse('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
    return [];
  }
  if (match === '') return [];
  if (watch)
    return refuse('resourceVersionMatch', 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided');
  if (resourceVersion === '')
    return refuse('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided');
  if (options.continueToken !== '')
    return refuse('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided');
  if (match !== 'Exact' && match !== 'NotOlderThan')
    return [
      {
        field: 'resourceVersionMatch',
        reason: 'FieldValueNotSupported',
        message: `Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan"`,
      },
    ];
  if (match === 'Exact' && resourceVersion === '0')
    return refuse('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
  return [];
}

/** @throws StatusError 400 in the words of Go's strconv */
function parseInteger(text: string | null): number {
  if (text === null || text === '') return 0;
  if (!/^[+-]?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: value out of range`);
  return value;
}

/**
 * The store revision that a resourceVersion stands for; undefined when it is not given.
 *
 * @throws StatusError 422 for anything but a decimal number
 */
export function parseResourceVersion(kind: { group: string; resource: string }, text: string): number | undefined {
  if (text === '') return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const value = JSON.stringify(text);
  throw invalid({ group: kind.group, kind: kind.resource }, '', [
    {
      field: 'resourceVersion',
      reason: 'FieldValueInvalid',
      message: `Invalid value: ${value}: strconv.ParseUint: parsing ${value}: invalid syntax`,
    },
  ]);
}

/** Options that create, update and patch share. */
export interface WriteQuery {
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: 'Ignore' | 'Warn' | 'Strict';
  readonly force: boolean;
}

const PLAIN_WRITE: WriteQuery = { dryRun: false, fieldManager: '', fieldValidation: 'Warn', force: false };

/** @throws StatusError 422 for an unknown dryRun or fieldValidation */
export function parseWriteQuery(query: URLSearchParams, optionsKind: string): WriteQuery {
  if (query.size === 0) return PLAIN_WRITE;
  const fieldValidation = query.get('fieldValidation') || 'Warn';
  const fieldManager = query.get('fieldManager') ?? '';
  const errors = [...validateManager(fieldManager, 'fieldManager'), ...checkDryRun(query.getAll('dryRun'))];
  if (fieldValidation !== 'Ignore' && fieldValidation !== 'Warn' && fieldValidation !== 'Strict')
    errors.push(notSupported('fieldValidation', fieldValidation, ['Ignore', 'Strict', 'Warn']));
  if (errors.length) throw invalid({ group: 'meta.k8s.io', kind: optionsKind }, '', errors);
  return {
    dryRun: query.getAll('dryRun').some((v) => v !== ''),
    fieldManager,
    fieldValidation: fieldValidation as WriteQuery['fieldValidation'],
    force: isTrue(query.get('force')),
  };
}

function checkDryRun(values: readonly string[]): FieldError[] {
  return values.filter((v) => v !== '' && v !== 'All').map((v) => notSupported('dryRun', v, ['All']));
}

function notSupported(field: string, value: string, supported: readonly string[]): FieldError {
  const list = supported.map((v) => JSON.stringify(v)).join(', ');
  return {
    field,
    reason: 'FieldValueNotSupported',
    message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${list}`,
  };
}

/** meta/v1 DeleteOptions, from the body or, where the body is empty, the query. */
export interface DeleteChoices {
  readonly dryRun: boolean;
  readonly gracePeriodSeconds: number | undefined;
  readonly propagationPolicy: '' | 'Orphan' | 'Background' | 'Foreground';
  readonly preconditions: { readonly uid?: string; readonly resourceVersion?: string };
}

/** @throws StatusError 400 for fields of a wrong type, 422 for values and combinations that upstream refuses */
export function parseDeleteOptions(query: URLSearchParams, body: Readonly<Record<string, unknown>> | undefined): DeleteChoices {
  const given: Readonly<Record<string, unknown>> = body ?? fromQuery(query);
  const errors: FieldError[] = [];
  const dryRun = stringsOf(given['dryRun'], 'dryRun');
  errors.push(...checkDryRun(dryRun));
  const grace = given['gracePeriodSeconds'];
  if (grace !== undefined && grace !== null && !Number.isInteger(grace)) throw typeError('gracePeriodSeconds');
  const policy = (given['propagationPolicy'] ?? '') as DeleteChoices['propagationPolicy'];
  if (typeof policy !== 'string') throw typeError('propagationPolicy');
  if (!['', 'Orphan', 'Background', 'Foreground'].includes(policy))
    errors.push(notSupported('propagationPolicy', policy, ['Foreground', 'Background', 'Orphan', 'nil']));
  const orphan = given['orphanDependents'] ?? undefined;
  if (orphan !== undefined && typeof orphan !== 'boolean') throw typeError('orphanDependents');
  if (orphan !== undefined && policy !== '')
    errors.push({
      field: 'propagationPolicy',
      reason: 'FieldValueInvalid',
      message: `Invalid value: ${JSON.stringify(policy)}: orphanDependents and deletionPropagation cannot be both set`,
    });
  if (errors.length) throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors);
  const preconditions = preconditionsOf(given['preconditions'] ?? {});
  return {
    dryRun: dryRun.some((v) => v !== ''),
    gracePeriodSeconds: typeof grace === 'number' ? grace : undefined,
    propagationPolicy: policy || (orphan === true ? 'Orphan' : orphan === false ? 'Background' : ''),
    preconditions,
  };
}

function preconditionsOf(given: unknown): DeleteChoices['preconditions'] {
  if (!isJsonMap(given)) throw typeError('preconditions');
  const read = (field: 'uid' | 'resourceVersion') => {
    const value = given[field] ?? undefined;
    if (value !== undefined && typeof value !== 'string') throw typeError(`preconditions.${field}`);
    return value === undefined ? {} : { [field]: value };
  };
  return { ...read('uid'), ...read('resourceVersion') };
}

function fromQuery(query: URLSearchParams): Record<string, unknown> {
  const seconds = query.get('gracePeriodSeconds');
  const orphan = query.get('orphanDependents');
  return {
    dryRun: query.getAll('dryRun'),
    ...(seconds !== null && { gracePeriodSeconds: parseInteger(seconds) }),
    ...(query.get('propagationPolicy') && { propagationPolicy: query.get('propagationPolicy') }),
    ...(orphan !== null && { orphanDependents: isTrue(orphan) }),
  };
}

function stringsOf(value: unknown, field: string): string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((v) => typeof v === 'string')) return value;
  throw typeError(field);
}

const typeError = (field: string) =>
  badRequest(`DeleteOptions in version "v1" cannot be handled as a DeleteOptions: field ${field} has the wrong type`);
