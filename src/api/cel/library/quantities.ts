/** Quantities: `quantity("1Gi").isGreaterThan(quantity("500Mi"))` (apiserver/pkg/cel/library/quantity.go). */
import { CodedError } from '../../../std/coded-error.ts';
import { addQuantities, compareQuantities, parseQuantity, type Quantity, subtractQuantities } from '../../machinery/quantity.ts';
import { declare, type FunctionDeclaration, member, overload } from '../declarations.ts';
import { BOOL, DOUBLE, INT, opaque, STRING } from '../types.ts';
import { ErrorValue, OpaqueValue } from '../values.ts';
import {
  addAmounts,
  floatOf,
  integerOf,
  negateAmount,
  type QuantityAmount,
  quantityAmount,
  wholeAmount,
} from './quantity-amount.ts';

export const QUANTITY = opaque('kubernetes.Quantity');
const NANO = 1_000_000_000n;

export class QuantityValue extends OpaqueValue {
  readonly type = QUANTITY;
  readonly quantity: Quantity;
  readonly amount: QuantityAmount;
  constructor(quantity: Quantity, amount: QuantityAmount) {
    super();
    this.quantity = quantity;
    this.amount = amount;
  }
  /** Throws QUANTITY_INVALID. */
  static parse(text: string): QuantityValue {
    const quantity = parseQuantity(text);
    return new QuantityValue(quantity, quantityAmount(text, quantity.nano));
  }
  equals(other: QuantityValue): boolean {
    return this.quantity.nano === other.quantity.nano;
  }
}

function parsed(text: string): QuantityValue | ErrorValue {
  try {
    return QuantityValue.parse(text);
  } catch (error) {
    if (error instanceof CodedError) return new ErrorValue(error.message);
    throw error;
  }
}

const fromInt = (value: bigint) => new QuantityValue({ nano: value * NANO, format: 'decimal' }, wholeAmount(value));
const add = (a: QuantityValue, b: QuantityValue) =>
  new QuantityValue(addQuantities(a.quantity, b.quantity), addAmounts(a.amount, b.amount));
const subtract = (a: QuantityValue, b: QuantityValue) =>
  new QuantityValue(subtractQuantities(a.quantity, b.quantity), addAmounts(a.amount, negateAmount(b.amount)));
const compare = (a: QuantityValue, b: QuantityValue) => compareQuantities(a.quantity, b.quantity);

export const quantityFunctions: readonly FunctionDeclaration[] = [
  declare('quantity', overload('string_to_quantity', [STRING], QUANTITY, parsed)),
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
  declare(
    'isInteger',
    member('quantity_is_integer', [QUANTITY], BOOL, ({ amount }: QuantityValue) => integerOf(amount) !== undefined),
  ),
  declare(
    'asInteger',
    member(
      'quantity_as_integer',
      [QUANTITY],
      INT,
      ({ amount }: QuantityValue) => integerOf(amount) ?? new ErrorValue('cannot convert value to integer'),
    ),
  ),
  declare(
    'asApproximateFloat',
    member('quantity_get_float', [QUANTITY], DOUBLE, ({ amount }: QuantityValue) => floatOf(amount)),
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
    member('quantity_add', [QUANTITY, QUANTITY], QUANTITY, add),
    member('quantity_add_int', [QUANTITY, INT], QUANTITY, (a: QuantityValue, b: bigint) => add(a, fromInt(b))),
  ),
  declare(
    'sub',
    member('quantity_sub', [QUANTITY, QUANTITY], QUANTITY, subtract),
    member('quantity_sub_int', [QUANTITY, INT], QUANTITY, (a: QuantityValue, b: bigint) => subtract(a, fromInt(b))),
  ),
];
