/** What ranges of limits may say (core/validation ValidateLimitRange). */
import type { V1LimitRange, V1LimitRangeItem } from '../../gen/types.ts';
import { checkEach, checkField } from '../../machinery/field-checks.ts';
import { addErrors, duplicateField, forbiddenField, invalidField, requiredField } from '../../machinery/field-error.ts';
import { checkQualifiedName } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { parseQuantity } from '../../machinery/quantity.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { allowsOvercommit, checkContainerResourceName, checkResourceName } from './resource-names.ts';

type Amounts = 'max' | 'min' | 'default' | 'defaultRequest' | 'maxLimitRequestRatio';
type Item = V1LimitRangeItem;

const TYPES = ['Pod', 'Container', 'PersistentVolumeClaim'];
const ONE = 1_000_000_000n;

/** Of two amounts of a resource, neither may be more than the other; the error is at one of them and shows it. */
interface Order {
  readonly less: Amounts;
  readonly lessIs: string;
  readonly more: Amounts;
  readonly moreIs: string;
  readonly at: Amounts;
  readonly shown: 'less' | 'more';
}

const ORDERS: readonly Order[] = [
  { less: 'min', lessIs: 'min', more: 'max', moreIs: 'max', at: 'min', shown: 'less' },
  { less: 'min', lessIs: 'min', more: 'defaultRequest', moreIs: 'default request', at: 'defaultRequest', shown: 'more' },
  { less: 'defaultRequest', lessIs: 'default request', more: 'max', moreIs: 'max', at: 'defaultRequest', shown: 'less' },
  {
    less: 'defaultRequest',
    lessIs: 'default request',
    more: 'default',
    moreIs: 'default limit',
    at: 'defaultRequest',
    shown: 'less',
  },
  { less: 'min', lessIs: 'min', more: 'default', moreIs: 'default', at: 'default', shown: 'less' },
  { less: 'default', lessIs: 'default', more: 'max', moreIs: 'max', at: 'default', shown: 'more' },
];

export function validateLimitRange(object: DynamicObject): FieldError[] {
  const seen = new Set<string>();
  return checkEach((object as V1LimitRange).spec?.limits ?? [], 'spec.limits', (item, path) => {
    const errors = checkType(item.type, `${path}.type`);
    if (seen.has(item.type)) errors.push(duplicateField(`${path}.type`, item.type));
    seen.add(item.type);
    addErrors(errors, checkNames(item, path));
    for (const resource of resourcesOf(item)) addErrors(errors, checkAmounts(item, resource, path));
    return errors;
  });
}

function checkType(type: string, field: string): FieldError[] {
  const errors = checkField(field, type, checkQualifiedName);
  if (errors.length || type.includes('/') || TYPES.includes(type)) return errors;
  return [invalidField(field, type, 'must be a standard limit type or fully qualified')];
}

function checkNames(item: Item, path: string): FieldError[] {
  const { type } = item;
  const errors: FieldError[] = [];
  const check = type === 'Pod' || type === 'Container' ? checkContainerResourceName : checkResourceName;
  const checkAll = (amounts: Amounts) => {
    for (const name in item[amounts]) check(name, `${path}.${amounts}[${name}]`, errors);
  };
  checkAll('max');
  checkAll('min');
  for (const amounts of ['default', 'defaultRequest'] as const)
    if (type !== 'Pod') checkAll(amounts);
    else if (Object.keys(item[amounts] ?? {}).length)
      errors.push(forbiddenField(`${path}.${amounts}`, "may not be specified when `type` is 'Pod'"));
  if (type === 'PersistentVolumeClaim' && item.min?.['storage'] === undefined && item.max?.['storage'] === undefined)
    errors.push(requiredField(`${path}.limits`, 'either minimum or maximum storage value is required, but neither was provided'));
  checkAll('maxLimitRequestRatio');
  return errors;
}

function resourcesOf(item: Item): Set<string> {
  const { max, min, maxLimitRequestRatio } = item;
  const defaults = item.type === 'Pod' ? {} : { ...item.default, ...item.defaultRequest };
  return new Set(Object.keys({ ...max, ...min, ...defaults, ...maxLimitRequestRatio }));
}

function checkAmounts(item: Item, resource: string, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const text = (amounts: Amounts) => {
    const given = item.type === 'Pod' && amounts.startsWith('default') ? undefined : item[amounts];
    return given && Object.hasOwn(given, resource) ? given[resource] : undefined;
  };
  const amount = (amounts: Amounts) => {
    const given = text(amounts);
    return given === undefined ? undefined : parseQuantity(given).nano;
  };
  for (const order of ORDERS) {
    const less = amount(order.less);
    const more = amount(order.more);
    if (less === undefined || more === undefined || less <= more) continue;
    const detail = `${order.lessIs} value ${text(order.less)} is greater than ${order.moreIs} value ${text(order.more)}`;
    errors.push(invalidField(`${path}.${order.at}[${resource}]`, text(order[order.shown]), detail));
  }
  addErrors(errors, checkRatio(text('maxLimitRequestRatio'), amount, `${path}.maxLimitRequestRatio[${resource}]`));
  const [limit, request] = [amount('default'), amount('defaultRequest')];
  if (!allowsOvercommit(resource) && limit !== undefined && request !== undefined && limit !== request) {
    const detail = `default value ${text('default')} must equal to defaultRequest value ${text('defaultRequest')} in ${resource}`;
    errors.push(invalidField(`${path}.defaultRequest[${resource}]`, text('defaultRequest'), detail));
  }
  return errors;
}

function checkRatio(text: string | undefined, amount: (of: Amounts) => bigint | undefined, field: string): FieldError[] {
  if (text === undefined) return [];
  const ratio = parseQuantity(text).nano;
  const errors = ratio < ONE ? [invalidField(field, text, `ratio ${text} is less than 1`)] : [];
  const [min, max] = [amount('min'), amount('max')];
  if (min === undefined || max === undefined) return errors;
  const most = Number(max) / Number(min);
  if (Number(ratio) / Number(ONE) > most)
    errors.push(invalidField(field, text, `ratio ${text} is greater than max/min = ${most.toFixed(6)}`));
  return errors;
}
