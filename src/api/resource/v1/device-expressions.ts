/** Expressions that choose devices (dynamic-resource-allocation/cel). Heavy to load: it brings the CEL engine. */
import { CelCompileError, compile, createEnvironment, type Program } from '../../cel/cel.ts';
import { QUANTITY } from '../../cel/library/quantities.ts';
import { ANY, BOOL, type CelType, formatType, mapOf, objectOf, STRING, sized } from '../../cel/types.ts';
import { forbiddenField, invalidField } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const MOST_COST = 1_000_000;
const MOST_ATTRIBUTES = 32;

const domain = sized(STRING, 63);
const id = sized(STRING, 32);
const byDomain = (value: CelType) => mapOf(domain, mapOf(id, value, MOST_ATTRIBUTES), MOST_ATTRIBUTES);

const environment = createEnvironment({
  bindings: true,
  variables: {
    device: objectOf(
      'kubernetes.DRADevice',
      new Map<string, CelType>([
        ['driver', domain],
        ['allowMultipleAllocations', BOOL],
        ['attributes', byDomain(sized(ANY, 64))],
        ['capacity', byDomain(QUANTITY)],
      ]),
    ),
  },
});

/** An expression as it chooses among devices. Throws CelCompileError for one that is wrong. */
export const compileDeviceExpression = (expression: string): Program => compile(expression, environment);

export function checkDeviceExpression(field: string, expression: string): FieldError[] {
  try {
    const program = compile(expression, environment);
    const type = formatType(program.resultType);
    // An attribute of any type may turn out to be true.
    if (type !== 'bool' && type !== 'any' && type !== 'dyn')
      return [invalidField(field, expression, `must evaluate to bool or the unknown type, not ${type}`)];
    return program.estimateCost().max > MOST_COST ? [forbiddenField(field, 'too complex, exceeds cost limit')] : [];
  } catch (error) {
    if (error instanceof CelCompileError) return [invalidField(field, expression, error.explanation)];
    throw error;
  }
}
