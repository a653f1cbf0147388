/**
 * Values as upstream shows them in complaints: its structures there are not the API's but its own, with Go's names for fields, all of them,
 * set or not.
 */
import { exactJsonText } from '../../../std/exact-json.ts';
import { isJsonMap } from '../../machinery/clone.ts';
import { LateValue } from '../../machinery/field-error.ts';
import { INTERNAL_TYPES } from './internal-types.ts';

interface Field {
  /** Upstream's name, and the API's. */
  readonly shown: string;
  readonly name: string;
  readonly unset: unknown;
  readonly type?: string;
  /** There even when nothing of it is set. */
  readonly always: boolean;
  /** Its own fields stand where it would. */
  readonly spread: boolean;
}

const FIELD = /^(?<shown>\w+)(?:=(?<name>\w+))?(?<mark>["#?%&]?)(?:(?<how>[:!])(?<type>\w+))?$/;
const UNSET: Readonly<Record<string, unknown>> = { '"': '', '#': 0, '?': false, '%': '0' };
/** Metadata and selectors have the API's names also there, in this order, and only what is set. */
const METADATA = [
  'name',
  'generateName',
  'namespace',
  'selfLink',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'labels',
  'annotations',
  'ownerReferences',
  'finalizers',
];
const SELECTOR = ['matchLabels', 'matchExpressions', 'key', 'operator', 'values'];

const read = new Map<string, readonly Field[]>();

function fieldsOf(type: string): readonly Field[] {
  let fields = read.get(type);
  if (!fields) {
    fields = INTERNAL_TYPES[type]!.split(' ').map((text) => {
      const { shown = '', name, mark = '', how, type: of } = FIELD.exec(text)!.groups!;
      const ownName = name ?? shown.charAt(0).toLowerCase() + shown.slice(1);
      const unset = UNSET[mark] ?? null;
      return { shown, name: ownName, unset, ...(of && { type: of }), always: how === '!', spread: mark === '&' };
    });
    read.set(type, fields);
  }
  return fields;
}

/** Of JSON, in characters. Upstream's form of a small volume is twenty times as long. */
const LONGEST_SHOWN = 50_000;

/** A value for a complaint. What is very long is shown as it was written. */
export const shownForm = (type: string, value: unknown): LateValue =>
  new LateValue(() => (exactJsonText(value ?? null).length > LONGEST_SHOWN ? value : internalForm(type, value)));

/**
 * What upstream has for a value of the API. `type` is one of `INTERNAL_TYPES`. `isStored`: it comes from the store, which keeps no empty
 * lists and maps.
 */
export function internalForm(type: string, value: unknown, isStored = false): unknown {
  if (Array.isArray(value)) return isStored && !value.length ? null : value.map((item) => internalForm(type, item, isStored));
  if (value === undefined || value === null) return null;
  const given = (type === 'PodSpec' ? withHostFields(value as PodSpec) : value) as Readonly<Record<string, unknown>>;
  const form: Record<string, unknown> = {};
  for (const { shown, name, unset, type: of, always, spread } of fieldsOf(type)) {
    const set = Object.hasOwn(given, name) ? given[name] : undefined;
    if (spread) Object.assign(form, inOrder(set ?? {}, METADATA));
    else if (of) form[shown] = internalForm(of, set ?? (always ? {} : undefined), isStored);
    else form[shown] = set === undefined || (isStored && isEmpty(set) && !SELECTORS.has(shown)) ? unset : inOrder(set, SELECTOR);
  }
  return form;
}

/** There is a difference between these and none, also in the store. */
const SELECTORS: ReadonlySet<string> = new Set(['LabelSelector', 'NamespaceSelector', 'Selector']);

const isEmpty = (value: unknown) => typeof value === 'object' && value !== null && Object.keys(value).length === 0;

const HOST_FIELDS = ['hostNetwork', 'hostPID', 'hostIPC', 'shareProcessNamespace', 'hostUsers'];

type PodSpec = Readonly<Record<string, unknown>> & { readonly securityContext?: object };

/** Upstream counts what a pod shares with its host among its security. */
function withHostFields(spec: PodSpec): PodSpec {
  const shared = Object.fromEntries(HOST_FIELDS.filter((name) => name in spec).map((name) => [name, spec[name]]));
  const seconds = spec['terminationGracePeriodSeconds'];
  return {
    ...spec,
    // As little as there is.
    ...(typeof seconds === 'number' && seconds < 0 && { terminationGracePeriodSeconds: 1 }),
    securityContext: { ...spec.securityContext, ...shared },
  };
}

/** Labels and selectors, for complaints. */
export const shownInOrder = (value: unknown): unknown => inOrder(value, SELECTOR);

/** Maps by their keys; known fields in their order, before those that are none. */
function inOrder(value: unknown, known: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((item) => inOrder(item, known));
  if (!isJsonMap(value)) return value;
  const keys = Object.keys(value);
  const names = known.filter((name) => keys.includes(name) && !isEmpty(value[name]));
  const others = keys.filter((key) => !known.includes(key)).sort(byBytes);
  return Object.fromEntries([...names, ...others].map((key) => [key, inOrder(value[key], known)]));
}

const byBytes = (a: string, b: string) => (a < b ? -1 : Number(a > b));
