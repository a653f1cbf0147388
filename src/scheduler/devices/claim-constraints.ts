import type { V1Device, V1DeviceConstraint } from '../../api/gen/types.ts';

/** What the devices of one claim must have in common, or must not, while they are chosen. */
export class ClaimConstraints {
  readonly #constraints: readonly V1DeviceConstraint[];
  /** For each constraint, the values of the devices that are chosen. */
  readonly #values: string[][];

  constructor(constraints: readonly V1DeviceConstraint[]) {
    this.#constraints = constraints;
    this.#values = constraints.map(() => []);
  }

  /**
   * Takes a device, unless a constraint is against it.
   *
   * @param request with its alternative: `gpu/large`
   * @returns the way to give it back; undefined when it may not be taken
   */
  take(request: string, driver: string, device: V1Device): (() => void) | undefined {
    const taken: { values: string[]; value: string }[] = [];
    for (const [i, { requests = [], matchAttribute, distinctAttribute }] of this.#constraints.entries()) {
      if (requests.length > 0 && !requests.some((name) => name === request || name === request.split('/')[0])) continue;
      const values = this.#values[i]!;
      const value = attributeOf(driver, device, matchAttribute ?? distinctAttribute ?? '');
      if (value === undefined) return undefined;
      if (matchAttribute !== undefined ? values.length > 0 && values[0] !== value : values.includes(value)) return undefined;
      taken.push({ values, value });
    }
    for (const { values, value } of taken) values.push(value);
    return () => {
      for (const { values } of taken) values.pop();
    };
  }
}

/** As text, equal for equal values of one type. */
function attributeOf(driver: string, { attributes = {} }: V1Device, name: string): string | undefined {
  const short = name.startsWith(`${driver}/`) ? name.slice(driver.length + 1) : undefined;
  const found = [name, short].find((each) => each !== undefined && Object.hasOwn(attributes, each));
  return found === undefined ? undefined : JSON.stringify(attributes[found]);
}
