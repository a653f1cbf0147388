/** Loaded with the first pod that claims devices: it brings the CEL engine. */
import type { Program } from '../../api/cel/cel.ts';
import { ErrorValue, typeNameOf, type Value } from '../../api/cel/values.ts';
import type { V1Device, V1DeviceSelector } from '../../api/gen/types.ts';
import { compileDeviceExpression } from '../../api/resource/v1/device-expressions.ts';
import { deviceValue } from '../../api/resource/v1/device-values.ts';
import type { OfferedDevice } from './device-pools.ts';

/** Whether a device is what selectors ask for. */
export interface DeviceSelectors {
  /** @param whose for errors: `class gpus`. @throws Error for an expression that fails */
  match(whose: string, selectors: readonly V1DeviceSelector[] | undefined, device: OfferedDevice): boolean;
}

const MOST_PROGRAMS = 1000;

export function createDeviceSelectors(): DeviceSelectors {
  const programs = new Map<string, Program>();
  const values = new WeakMap<V1Device, Value>();
  /** What expressions said of a device: it is asked about again for each node and with each attempt. */
  let answers = new WeakMap<V1Device, Map<string, boolean>>();
  const programOf = (expression: string) => {
    let program = programs.get(expression);
    if (!program) {
      if (programs.size >= MOST_PROGRAMS) {
        programs.clear();
        answers = new WeakMap();
      }
      program = compileDeviceExpression(expression);
      programs.set(expression, program);
    }
    return program;
  };
  const readValue = ({ driver, device }: OfferedDevice) => {
    const value = values.get(device) ?? deviceValue(driver, device);
    values.set(device, value);
    return value;
  };
  return {
    match(whose, selectors = [], device) {
      return selectors.every(({ cel }, i) => {
        if (!cel) throw new Error(`${whose}: selector #${i}: CEL expression empty (unsupported selector type?)`);
        const known = answers.get(device.device)?.get(cel.expression);
        if (known !== undefined) return known;
        const { value } = programOf(cel.expression).evaluate((name) => (name === 'device' ? readValue(device) : undefined));
        if (typeof value === 'boolean') {
          const told = answers.get(device.device) ?? new Map<string, boolean>();
          answers.set(device.device, told.set(cel.expression, value));
          return value;
        }
        const why = value instanceof ErrorValue ? value.message : `expected boolean evaluation result, got ${typeNameOf(value)}`;
        throw new Error(`${whose}: selector #${i}: runtime error: ${why}`);
      });
    },
  };
}
