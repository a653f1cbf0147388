/** Quantities: `quantity("1Gi").isGreaterThan(quantity("500Mi"))` (apiserver/pkg/cel/library/quantity.go). */
import { CodedError } from '../../../std/coded-error.ts';
import {
  addQuantities,
  compareQuantities,
  parseQuantity,
  type Quantity,
  quantityValue,
  subtractQuantities,
} from '../../machinery/quantity.ts';
import { declare, type FunctionDeclaration, member, overload } from '../declarations.ts';
import { BOOL, DOUBLE, INT, opaque, STRING } from '../types.ts';
import { ErrorValue, OpaqueValue, type Value } from '../values.ts';

export const QUANTITY = opaque('kubernetes.Quantity');
const NANO = 1_000_000_000n;

export class QuantityValue extends OpaqueValue {
  readonly type = QUANTITY;
  readonly quantity: Quantity;
  constructor(quantity: Quantity) {
    super();
    this.quantity = quantity;
  }
  equals(other: QuantityValue): boolean {
    return this.quantity.nano === other.quantity.nano;
  }
}

function parsed(text: string): Quantity | ErrorValue {
  try {
    return parseQuantity(text);
  } catch (error) {
    if (error instanceof CodedError) return new ErrorValue(error.message);
    throw error;
  }
}

const made = (text: string): Value => {
  const quantity = parsed(text);
  return quantity instanceof ErrorValue ? quantity : new QuantityValue(quantity);
};
const fromInt = (value: bigint): Quantity => ({ nano: value * NANO, format: 'decimal' });
const isInteger = ({ quantity: { nano } }: QuantityValue) =>
  nano % NANO === 0n && nano / NANO < 2n ** 63n && nano / NANO >= -(2n ** 63n);
const compare = (a: QuantityValue, b: QuantityValue) => compareQuantities(a.quantity, b.quantity);

const NANOS = 1_000_000_000n;

export const quantityFunctions: readonly FunctionDeclaration[] = [
  declare('quantity', overload('string_to_quantity', [STRING], QUANTITY, made)),
  declare(
    'isQuantity',
    overload('is_quantity_string', [STRING], BOOL, (text: string) => !(parsed(text) instanceof ErrorValue)),
  ),
  declare(
    'sign',
    overload('quantity_sign', [QUANTITY], INT, ({ quantity: { nano } }: QuantityValue) =>
      nano > 0n ? 1n : nano < 0n ? -1n : 0n,
    ),
  ),
  declare('isInteger', member('quantity_is_integer', [QUANTITY], BOOL, isInteger)),
  declare(
    'asInteger',
    member('quantity_as_integer', [QUANTITY], INT, (value: QuantityValue) =>
      isInteger(value) ? quantityValue(value.quantity) : new ErrorValue('cannot convert value to integer'),
    ),
  ),
  declare(
    'asApproximateFloat',
    member('quantity_get_float', [QUANTITY], DOUBLE, ({ quantity: { nano } }: QuantityValue) =>
      nano % NANOS === 0n ? Number(nano / NANOS) : Number(nano) / Number(NANOS),
    ),
  ),
  declare(
    'isGreaterThan',
    member('quantity_is_greater_than', [QUANTITY, QUANTITY], BOOL, (a: QuantityValue, b: QuantityValue) => compare(a, b) > 0),
  ),
  declare(
    'isLessThan',
    member('quantity_is_less_than', [QUANTITY, QUANTITY], BOOL, (a: QuantityValue, b: QuantityValue) => compare(a, b) < 0),
  ),
  declare(
    'compareTo',
    member('quantity_compare_to', [QUANTITY, QUANTITY], INT, (a: QuantityValue, b: QuantityValue) => BigInt(compare(a, b))),
  ),
  declare(
    'add',
    member(
      'quantity_add',
      [QUANTITY, QUANTITY],
      QUANTITY,
      (a: QuantityValue, b: QuantityValue) => new QuantityValue(addQuantities(a.quantity, b.quantity)),
    ),
    member(
      'quantity_add_int',
      [QUANTITY, INT],
      QUANTITY,
      (a: QuantityValue, b: bigint) => new QuantityValue(addQuantities(a.quantity, fromInt(b))),
    ),
  ),
  declare(
    'sub',
    member(
      'quantity_sub',
      [QUANTITY, QUANTITY],
      QUANTITY,
      (a: QuantityValue, b: QuantityValue) => new QuantityValue(subtractQuantities(a.quantity, b.quantity)),
    ),
    member(
      'quantity_sub_int',
      [QUANTITY, INT],
      QUANTITY,
      (a: QuantityValue, b: bigint) => new QuantityValue(subtractQuantities(a.quantity, fromInt(b))),
    ),
  ),
];
