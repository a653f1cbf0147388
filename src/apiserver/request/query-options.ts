import { validateManager } from '../../api/apply/manager-name.ts';
import { decodeStructure } from '../../api/machinery/decode.ts';
import { DecodeFailure } from '../../api/machinery/decode-scalar.ts';
import { forbiddenField, invalidField, notSupportedField } from '../../api/machinery/field-error.ts';
import { type FieldSelector, parseFieldSelector } from '../../api/machinery/field-selector.ts';
import { parseLabelSelectorInSteps, type Selector } from '../../api/machinery/label-selector.ts';
import { badRequest, type FieldError, invalid, unnamedFailure } from '../../api/machinery/status-error.ts';
import { goQuote } from '../../std/go-text.ts';
import { runWithPauses } from '../../std/pauses.ts';
import { isTrue } from './request-info.ts';

/** meta/v1 ListOptions as sent in the query of list, watch and deletecollection. */
export interface ListQuery {
  readonly labels: Selector | undefined;
  readonly fields: FieldSelector | undefined;
  /** How long both selectors are. */
  readonly selectorBytes: number;
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
  labels: undefined,
  fields: undefined,
  selectorBytes: 0,
  limit: 0,
  continueToken: '',
  resourceVersion: '',
  resourceVersionMatch: '',
  allowWatchBookmarks: false,
  sendInitialEvents: false,
  timeoutSeconds: 0,
};

/**
 * Reads ListOptions, long selectors in turns, and checks their combinations as apimachinery/pkg/apis/meta/internalversion/validation does.
 * Of several that are wrong the one is told that upstream looks at first.
 *
 * @throws StatusError 400 for what is no number or no selector, 422 for combinations that upstream refuses
 */
export async function parseListQuery(query: URLSearchParams, watch: boolean): Promise<ListQuery> {
  if (query.size === 0) return NONE;
  const timeoutSeconds = parseInteger(query.get('timeoutSeconds'));
  const limit = parseInteger(query.get('limit'));
  const labels = query.get('labelSelector') ?? '';
  const fields = query.get('fieldSelector') ?? '';
  const options: ListQuery = {
    timeoutSeconds,
    limit,
    labels: labels ? await runWithPauses(parseLabelSelectorInSteps(labels)) : undefined,
    fields: fields ? parseFieldSelector(fields) : undefined,
    selectorBytes: labels.length + fields.length,
    continueToken: query.get('continue') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '',
    resourceVersionMatch: (query.get('resourceVersionMatch') ?? '') as ListQuery['resourceVersionMatch'],
    allowWatchBookmarks: isTrue(query.get('allowWatchBookmarks')),
    sendInitialEvents: isTrue(query.get('sendInitialEvents')),
  };
  const initialEventsSet = query.has('sendInitialEvents');
  const whole = watch && !initialEventsSet && startsWithWhatIsThere(options);
  const chosen: ListQuery = whole ? { ...options, sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' } : options;
  const errors = checkListQuery(chosen, watch, initialEventsSet || whole);
  if (errors.length) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors);
  return chosen;
}

/** A watch that says nowhere to begin is one with initial events, with the bookmark after them (metainternalversion.SetListOptionsDefaults). */
const startsWithWhatIsThere = ({ resourceVersion, resourceVersionMatch }: ListQuery) =>
  resourceVersionMatch === '' && (resourceVersion === '' || resourceVersion === '0');

function checkListQuery(options: ListQuery, watch: boolean, initialEventsSet: boolean): FieldError[] {
  const { resourceVersionMatch: match, resourceVersion, continueToken } = options;
  const errors: FieldError[] = [];
  const refuse = (why: string) => errors.push(forbiddenField('resourceVersionMatch', why));
  const supported = watch ? ['NotOlderThan'] : ['Exact', 'NotOlderThan', ''];
  if (watch && initialEventsSet && match !== 'NotOlderThan')
    refuse('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  if (match) {
    if (watch && !initialEventsSet) refuse('resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided');
    if (!watch && resourceVersion === '') refuse('resourceVersionMatch is forbidden unless resourceVersion is provided');
    if (!watch && continueToken !== '') refuse('resourceVersionMatch is forbidden when continue is provided');
    if (!supported.includes(match)) errors.push(notSupportedField('resourceVersionMatch', match, supported));
    if (watch && continueToken !== '') refuse('resourceVersionMatch is forbidden when continue is provided');
    if (!watch && match === 'Exact' && resourceVersion === '0')
      refuse('resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
  }
  if (!watch && initialEventsSet) errors.push(forbiddenField('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  return errors;
}

/**
 * An int64; nobody can tell the farthest ones from their neighbours.
 *
 * @throws StatusError 400 in the words of Go's strconv
 */
function parseInteger(text: string | null): number {
  if (text === null) return 0;
  if (!/^[+-]?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${goQuote(text)}: invalid syntax`);
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  if (!isInt64(text)) throw badRequest(`strconv.ParseInt: parsing ${goQuote(text)}: value out of range`);
  return Math.sign(value) * Number.MAX_SAFE_INTEGER;
}

function isInt64(text: string): boolean {
  // A query has room for more digits than are quickly read as one number.
  const digits = text.replace(/^([+-]?)0*/, '$1').slice(0, 32);
  const value = BigInt(digits.startsWith('+') ? digits.slice(1) : digits);
  return BigInt.asIntN(64, value) === value;
}

/**
 * The store revision that a resourceVersion stands for; undefined when it is not given.
 *
 * @throws StatusError for anything but a decimal number: 400 where a list asks, 500 where a read of one object or a watch does, as upstream
 */
export function parseResourceVersion(text: string, list: boolean): number | undefined {
  if (text === '') return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const value = JSON.stringify(text);
  const why = /^\d+$/.test(text) ? 'value out of range' : 'invalid syntax';
  const message = `resourceVersion: Invalid value: ${value}: strconv.ParseUint: parsing ${value}: ${why}`;
  throw list ? badRequest(`invalid resource version: ${message}`) : unnamedFailure(message);
}

/** Options that create, update and patch share. */
export interface WriteQuery {
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: 'Ignore' | 'Warn' | 'Strict';
  readonly force: boolean;
}

const PLAIN_WRITE: WriteQuery = { dryRun: false, fieldManager: '', fieldValidation: 'Warn', force: false };

/**
 * @param first what is wrong with them for this verb alone
 * @throws StatusError 422 for that, or for an unknown dryRun or fieldValidation
 */
export function parseWriteQuery(query: URLSearchParams, optionsKind: string, first: readonly FieldError[] = []): WriteQuery {
  if (query.size === 0 && !first.length) return PLAIN_WRITE;
  const fieldValidation = query.get('fieldValidation') || 'Warn';
  const fieldManager = query.get('fieldManager') ?? '';
  const errors = [...first, ...validateManager(fieldManager, 'fieldManager'), ...checkDryRun(query.getAll('dryRun'))];
  if (fieldValidation !== 'Ignore' && fieldValidation !== 'Warn' && fieldValidation !== 'Strict')
    errors.push(notSupportedField('fieldValidation', fieldValidation, ['', 'Ignore', 'Strict', 'Warn']));
  if (errors.length) throw invalid({ group: 'meta.k8s.io', kind: optionsKind }, '', errors);
  return {
    dryRun: query.has('dryRun'),
    fieldManager,
    fieldValidation: fieldValidation as WriteQuery['fieldValidation'],
    force: isTrue(query.get('force')),
  };
}

/** What of the query is set of the options of a create, update or patch, as admission is told of it. */
export function givenWriteOptions(query: URLSearchParams): Readonly<Record<string, unknown>> {
  const [dryRun, fieldManager, fieldValidation] = [
    query.getAll('dryRun'),
    query.get('fieldManager'),
    query.get('fieldValidation'),
  ];
  return {
    ...(dryRun.length && { dryRun }),
    ...(fieldManager && { fieldManager }),
    ...(fieldValidation && { fieldValidation }),
  };
}

/** The same of a deletion. */
export function givenDeleteOptions(choices: DeleteChoices): Readonly<Record<string, unknown>> {
  const { gracePeriodSeconds, preconditions, orphanDependents, propagationPolicy, dryRun } = choices;
  const isPolicyGiven = propagationPolicy !== '' && orphanDependents === undefined;
  return {
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    ...(Object.keys(preconditions).length && { preconditions }),
    ...(orphanDependents !== undefined && { orphanDependents }),
    ...(isPolicyGiven && { propagationPolicy }),
    ...(dryRun && { dryRun: ['All'] }),
  };
}

/** Blames all values together, as upstream does. */
const checkDryRun = (values: readonly string[]): FieldError[] =>
  values.some((value) => value !== 'All') ? [notSupportedField('dryRun', values, ['All'])] : [];

/** meta/v1 DeleteOptions, from the body or, where the body is empty, the query. */
export interface DeleteChoices {
  readonly dryRun: boolean;
  readonly gracePeriodSeconds: number | undefined;
  /** As it was given, in the form that upstream has deprecated; `propagationPolicy` says what follows of it. */
  readonly orphanDependents?: boolean;
  readonly propagationPolicy: '' | 'Orphan' | 'Background' | 'Foreground';
  readonly preconditions: { readonly uid?: string; readonly resourceVersion?: string };
}

/** The fields of DeleteOptions that mean something here, each of its type. */
interface GivenOptions {
  readonly dryRun?: readonly string[];
  readonly gracePeriodSeconds?: number;
  readonly orphanDependents?: boolean;
  readonly preconditions?: DeleteChoices['preconditions'];
  readonly propagationPolicy?: string;
}

/** @throws StatusError 400 for fields of a wrong type, 422 for values and combinations that upstream refuses */
export function parseDeleteOptions(query: URLSearchParams, body: Readonly<Record<string, unknown>> | undefined): DeleteChoices {
  const given = body ? decodeOptions(body) : fromQuery(query);
  const { dryRun = [], orphanDependents: orphan } = given;
  const policy = given.propagationPolicy as DeleteChoices['propagationPolicy'] | undefined;
  const errors: FieldError[] = [];
  if (orphan !== undefined && policy !== undefined)
    errors.push(invalidField('propagationPolicy', policy, 'orphanDependents and deletionPropagation cannot be both set'));
  if (policy !== undefined && !POLICIES.includes(policy))
    errors.push(notSupportedField('propagationPolicy', policy, [...POLICIES, 'nil']));
  errors.push(...checkDryRun(dryRun));
  if (errors.length) throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors);
  const { uid, resourceVersion } = given.preconditions ?? {};
  return {
    dryRun: dryRun.length > 0,
    gracePeriodSeconds: given.gracePeriodSeconds,
    ...(orphan !== undefined && { orphanDependents: orphan }),
    propagationPolicy: policy ?? (orphan === true ? 'Orphan' : orphan === false ? 'Background' : ''),
    preconditions: { ...(uid !== undefined && { uid }), ...(resourceVersion !== undefined && { resourceVersion }) },
  };
}

const POLICIES = ['Foreground', 'Background', 'Orphan'];

function decodeOptions(body: Readonly<Record<string, unknown>>): GivenOptions {
  try {
    return decodeStructure('V1DeleteOptions', { ...body }).value;
  } catch (error) {
    if (!(error instanceof DecodeFailure)) throw error;
    throw badRequest(error.message);
  }
}

function fromQuery(query: URLSearchParams): GivenOptions {
  const seconds = query.get('gracePeriodSeconds');
  const orphan = query.get('orphanDependents');
  const policy = query.get('propagationPolicy');
  const uid = query.get('uid');
  const resourceVersion = query.get('resourceVersion');
  return {
    dryRun: query.getAll('dryRun'),
    ...(seconds !== null && { gracePeriodSeconds: parseInteger(seconds) }),
    ...(policy !== null && { propagationPolicy: policy }),
    ...(orphan !== null && { orphanDependents: isTrue(orphan) }),
    preconditions: { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) },
  };
}
