import { Pace, runAtOnce, type Steps } from '../../std/pauses.ts';
import { type Operation, operationsOf, type Parameter, type PathItem, type SchemaObject } from './openapi-document.ts';

/** What version 3 has for a path of version 2. */
export function convertPathItem(item: PathItem): object {
  return {
    ...Object.fromEntries(operationsOf(item).map(([method, operation]) => [method, convertOperation(operation)])),
    ...(item.parameters && { parameters: item.parameters.filter(isWhole).map(convertParameter) }),
  };
}

/** Version 3 documents are made before parameters are shared. */
const isWhole = (parameter: object): parameter is Parameter => !('$ref' in parameter);

function convertOperation({ consumes = [], produces, parameters = [], responses, schemes: _, ...rest }: Operation): object {
  const whole = parameters.filter(isWhole);
  const body = whole.find((parameter) => parameter.in === 'body');
  const others = whole.filter((parameter) => parameter.in !== 'body');
  const content = (types: readonly string[], schema: SchemaObject) =>
    Object.fromEntries(types.map((type) => [type, { schema: runAtOnce(convertSchema(schema)) }]));
  return {
    ...rest,
    ...(others.length && { parameters: others.map(convertParameter) }),
    ...(body?.schema && {
      requestBody: { content: content(consumes, body.schema), ...(body.required && { required: true }) },
    }),
    responses: Object.fromEntries(
      Object.entries(responses).map(([code, { description, schema }]) => [
        code,
        { description, ...(schema && { content: content(produces, schema) }) },
      ]),
    ),
  };
}

function convertParameter({ type, uniqueItems, ...rest }: Parameter): object {
  return { ...rest, schema: { type, ...(uniqueItems && { uniqueItems }) } };
}

/** References point to `components`, and carry other keys only inside an `allOf`. */
export function* convertSchema({ $ref, items, properties, additionalProperties, ...rest }: SchemaObject): Steps<object> {
  if ($ref) {
    const reference = { $ref: $ref.replace('#/definitions/', '#/components/schemas/') };
    return Object.keys(rest).length ? { ...rest, allOf: [reference] } : reference;
  }
  const converted: Record<string, unknown> = { ...rest };
  if (items) converted['items'] = yield* convertSchema(items);
  if (additionalProperties !== undefined)
    converted['additionalProperties'] =
      typeof additionalProperties === 'boolean' ? additionalProperties : yield* convertSchema(additionalProperties);
  if (properties) {
    const inner: [string, object][] = [];
    const pace = new Pace(PROPERTIES);
    for (const [name, value] of Object.entries(properties)) {
      inner.push([name, yield* convertSchema(value)]);
      if (pace.due(1)) yield;
    }
    converted['properties'] = Object.fromEntries(inner);
  }
  return converted;
}

/** So many properties of one object are converted between two pauses. */
const PROPERTIES = 1000;
