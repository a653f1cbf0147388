/** What containers and pods may ask for (core/validation validateResourceRequirements). */
import type { CoreV1ResourceClaim, V1ResourceRequirements } from '../../gen/types.ts';
import { duplicateField, forbiddenField, invalidField, notFoundField, requiredField } from '../../machinery/field-error.ts';
import { checkDnsLabel } from '../../machinery/names.ts';
import { compareQuantities, parseQuantity, type Quantity } from '../../machinery/quantity.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { allowsOvercommit, checkContainerResourceName, isHugePages, isIntegerResource } from './resource-names.ts';

type NameChecker = (name: string, field: string, errors: FieldError[]) => void;

const WHOLE = 1_000_000_000n;

/** Amounts of all resources are zero or more, those of devices and of things are whole. */
export function checkResourceAmount(name: string, text: string, field: string, errors: FieldError[]): void {
  if (text[0] === '-') errors.push(invalidField(field, text, 'must be greater than or equal to 0'));
  if (isIntegerResource(name) && milli(parseQuantity(text)) % 1000n !== 0n)
    errors.push(invalidField(field, text, 'must be an integer'));
}

const milli = ({ nano }: Quantity) => (nano + (nano % 1_000_000n ? 1_000_000n - (nano % 1_000_000n) : 0n)) / 1_000_000n;

function checkHugePages(name: string, text: string, field: string, errors: FieldError[]): void {
  const sizeText = name.slice('hugepages-'.length);
  if (!/^[0-9]/.test(sizeText)) return;
  let size: Quantity;
  try {
    size = parseQuantity(sizeText);
  } catch {
    return; // a name that says no size; upstream divides by nothing then
  }
  if (size.nano < WHOLE || parseQuantity(text).nano % size.nano !== 0n)
    errors.push(invalidField(field, text, `${text} is not positive integer multiple of ${name}`));
}

/** Complaints about limits and requests, and about claims that are not among the pod's. */
export function validateResources(
  resources: V1ResourceRequirements | undefined,
  path: string,
  claimNames: ReadonlySet<string>,
  errors: FieldError[],
  checkName: NameChecker = checkContainerResourceName,
): void {
  if (!resources) return;
  const { limits, requests, claims } = resources;
  let hugePages = false;
  let compute = false;
  for (const name in limits) {
    const at = `${path}.limits[${name}]`;
    checkName(name, at, errors);
    checkResourceAmount(name, limits[name]!, at, errors);
    if (isHugePages(name)) {
      hugePages = true;
      checkHugePages(name, limits[name]!, at, errors);
    } else compute ||= name === 'cpu' || name === 'memory';
  }
  for (const name in requests) {
    const at = `${path}.requests[${name}]`;
    checkName(name, at, errors);
    checkResourceAmount(name, requests[name]!, at, errors);
    checkAgainstLimit(name, requests[name]!, limits, path, errors);
    if (isHugePages(name)) {
      hugePages = true;
      checkHugePages(name, requests[name]!, at, errors);
    } else compute ||= name === 'cpu' || name === 'memory';
  }
  if (hugePages && !compute) errors.push(forbiddenField(path, 'HugePages require cpu or memory'));
  if (claims) checkClaims(claims, `${path}.claims`, claimNames, errors);
}

function checkAgainstLimit(
  name: string,
  request: string,
  limits: V1ResourceRequirements['limits'],
  path: string,
  errors: FieldError[],
): void {
  const limit = limits && Object.hasOwn(limits, name) ? limits[name]! : undefined;
  if (limit === undefined) {
    if (!allowsOvercommit(name))
      errors.push(requiredField(`${path}.limits`, 'Limit must be set for non overcommitable resources'));
    return;
  }
  if (request === limit) return;
  const order = compareQuantities(parseQuantity(request), parseQuantity(limit));
  if (order !== 0 && !allowsOvercommit(name))
    errors.push(invalidField(`${path}.requests`, request, `must be equal to ${name} limit of ${limit}`));
  else if (order > 0)
    errors.push(invalidField(`${path}.requests`, request, `must be less than or equal to ${name} limit of ${limit}`));
}

function checkClaims(
  claims: readonly CoreV1ResourceClaim[],
  path: string,
  podClaims: ReadonlySet<string>,
  errors: FieldError[],
): void {
  /** A claim's name, or a name and a request: all of a claim covers each request of it. */
  const seen = new Set<string>();
  const withRequest = new Set<string>();
  claims.forEach(({ name, request }, i) => {
    const at = `${path}[${i}]`;
    if (!name) {
      errors.push(requiredField(at));
      return;
    }
    if (seen.has(name)) errors.push(duplicateField(at, name));
    else {
      const key = request ? `${name}/${request}` : name;
      if (request) for (const complaint of checkDnsLabel(request)) errors.push(invalidField(`${at}.request`, request, complaint));
      if (seen.has(key)) errors.push(duplicateField(at, key));
      else if (!request && withRequest.has(name)) errors.push(duplicateField(at, name));
      seen.add(key);
      if (request) withRequest.add(name);
    }
    if (!podClaims.has(name)) errors.push(missingClaim(at, name, podClaims));
  });
}

const missingClaim = (field: string, name: string, podClaims: ReadonlySet<string>): FieldError =>
  notFoundField(field, name, () => {
    const which = podClaims.size ? `: ${[...podClaims].sort().join(', ')}` : ' which is empty';
    return `must be one of the names in pod.spec.resourceClaims${which}`;
  });
