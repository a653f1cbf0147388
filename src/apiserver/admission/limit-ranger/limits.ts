import type { V1LimitRangeItem } from '../../../api/gen/types.ts';
import { compareQuantities, formatQuantity, parseQuantity, type Quantity } from '../../../api/machinery/quantity.ts';
import { parseResourceList, type ResourceList, sortedNames } from '../../../api/machinery/resource-list.ts';

/** What one container, a whole pod or a claim asks for and may use. */
export interface Amounts {
  readonly requests: ResourceList;
  readonly limits: ResourceList;
}

/** The complaint about one resource, or none; texts are upstream's (plugin/pkg/admission/limitranger). */
type Rule = (name: string, enforced: Quantity, amounts: Amounts) => string | undefined;

/**
 * What is wrong with the amounts under one item of a LimitRange. On an update, what is as it `was` is not looked at again: it was
 * let in before the limits were.
 */
export function complaints(item: V1LimitRangeItem, now: Amounts, was: Amounts | undefined): string[] {
  const { type } = item;
  const under = (limits: Readonly<Record<string, string>> | undefined, rule: (type: string) => Rule) => {
    const enforced = parseResourceList(limits);
    return sortedNames(enforced.keys()).flatMap((name) =>
      was && unchanged(name, now, was) ? [] : (rule(type)(name, enforced.get(name)!, now) ?? []),
    );
  };
  return [...under(item.min, minimum), ...under(item.max, maximum), ...under(item.maxLimitRequestRatio, ratio)];
}

/** The same for a claim of storage, which has requests only. */
export function claimComplaints(item: V1LimitRangeItem, now: Amounts, was: Amounts | undefined): string[] {
  return complaints({ type: item.type, ...(item.min && { min: item.min }) }, now, was).concat(
    ...sortedNames(Object.keys(item.max ?? {})).map((name) =>
      was && now.requests.has(name) && unchanged(name, now, was)
        ? []
        : (maximumRequest(item.type)(name, parseQuantity(item.max![name]!), now) ?? []),
    ),
  );
}

function unchanged(name: string, now: Amounts, was: Amounts): boolean {
  return (
    now.requests.get(name)?.nano === was.requests.get(name)?.nano && now.limits.get(name)?.nano === was.limits.get(name)?.nano
  );
}

const minimum =
  (type: string): Rule =>
  (name, enforced, { requests, limits }) => {
    const [request, limit] = [requests.get(name), limits.get(name)];
    const least = `minimum ${name} usage per ${type} is ${formatQuantity(enforced)}`;
    if (!request) return `${least}.  No request is specified`;
    if (compareQuantities(request, enforced) < 0) return `${least}, but request is ${formatQuantity(request)}`;
    if (limit && compareQuantities(limit, enforced) < 0) return `${least}, but limit is ${formatQuantity(limit)}`;
    return undefined;
  };

const maximum =
  (type: string): Rule =>
  (name, enforced, { requests, limits }) => {
    const [request, limit] = [requests.get(name), limits.get(name)];
    const most = `maximum ${name} usage per ${type} is ${formatQuantity(enforced)}`;
    if (!limit) return `${most}.  No limit is specified`;
    if (compareQuantities(limit, enforced) > 0) return `${most}, but limit is ${formatQuantity(limit)}`;
    if (request && compareQuantities(request, enforced) > 0) return `${most}, but request is ${formatQuantity(request)}`;
    return undefined;
  };

const maximumRequest =
  (type: string): Rule =>
  (name, enforced, { requests }) => {
    const request = requests.get(name);
    const most = `maximum ${name} usage per ${type} is ${formatQuantity(enforced)}`;
    if (!request) return `${most}.  No request is specified`;
    return compareQuantities(request, enforced) > 0 ? `${most}, but request is ${formatQuantity(request)}` : undefined;
  };

const ratio =
  (type: string): Rule =>
  (name, enforced, { requests, limits }) => {
    const [request, limit] = [requests.get(name), limits.get(name)];
    const most = `${name} max limit to request ratio per ${type} is ${formatQuantity(enforced)}`;
    if (!request || request.nano === 0n) return `${most}, but no request is specified or request is 0`;
    if (!limit || limit.nano === 0n) return `${most}, but no limit is specified or limit is 0`;
    if (limit.nano * 1_000_000_000n <= request.nano * enforced.nano) return undefined;
    return `${most}, but provided ratio is ${sixDecimals(limit.nano, request.nano)}`;
  };

/** A quotient as `%f` shows it. */
function sixDecimals(dividend: bigint, divisor: bigint): string {
  const millionths = dividend * 1_000_000n;
  let quotient = millionths / divisor;
  const twiceRest = (millionths - quotient * divisor) * 2n;
  if (twiceRest > divisor || (twiceRest === divisor && quotient % 2n === 1n)) quotient++;
  return `${quotient / 1_000_000n}.${String(quotient % 1_000_000n).padStart(6, '0')}`;
}
