import type { Steps } from '../../std/pauses.ts';
import {
  type Operation,
  operationsOf,
  type Parameter,
  type PathItem,
  type SchemaObject,
  type SwaggerDocument,
} from './openapi-document.ts';

/** The version 3 document of one group and version, from the version 2 form of the same paths and definitions. */
export function* toOpenApiV3({ info, paths, definitions, securityDefinitions }: SwaggerDocument): Steps<object> {
  return {
    openapi: '3.0.0',
    info,
    paths: yield* convertAll(paths, convertPathItem),
    components: { schemas: yield* convertAll(definitions, convertSchema), securitySchemes: securityDefinitions },
  };
}

/** So many are converted between two pauses, some milliseconds. */
const CONVERTED = 100;

function* convertAll<T>(all: Readonly<Record<string, T>>, convert: (each: T) => object): Steps<Record<string, object>> {
  const converted: [string, object][] = [];
  for (const [name, each] of Object.entries(all)) {
    converted.push([name, convert(each)]);
    if (converted.length % CONVERTED === 0) yield;
  }
  return Object.fromEntries(converted);
}

function convertPathItem(item: PathItem): object {
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
    Object.fromEntries(types.map((type) => [type, { schema: convertSchema(schema) }]));
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
function convertSchema({ $ref, items, properties, additionalProperties, ...rest }: SchemaObject): object {
  if ($ref) {
    const reference = { $ref: $ref.replace('#/definitions/', '#/components/schemas/') };
    return Object.keys(rest).length ? { ...rest, allOf: [reference] } : reference;
  }
  return {
    ...rest,
    ...(items && { items: convertSchema(items) }),
    ...(additionalProperties !== undefined && {
      additionalProperties:
        typeof additionalProperties === 'boolean' ? additionalProperties : convertSchema(additionalProperties),
    }),
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, convertSchema(value)])),
    }),
  };
}
