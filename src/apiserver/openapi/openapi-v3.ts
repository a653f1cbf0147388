import type { Operation, Parameter, PathItem, SchemaObject, SwaggerDocument } from './openapi-document.ts';

/** The version 3 document of one group and version, from the version 2 form of the same paths and definitions. */
export function toOpenApiV3({ info, paths, definitions }: SwaggerDocument): object {
  return {
    openapi: '3.0.0',
    info,
    paths: Object.fromEntries(Object.entries(paths).map(([path, item]) => [path, convertPathItem(item)])),
    components: {
      schemas: Object.fromEntries(Object.entries(definitions).map(([name, schema]) => [name, convertSchema(schema)])),
    },
  };
}

function convertPathItem(item: PathItem): object {
  return Object.fromEntries(Object.entries(item).map(([method, operation]) => [method, convertOperation(operation)]));
}

function convertOperation({ consumes, produces, parameters, responses, ...rest }: Operation): object {
  const body = parameters.find((parameter) => parameter.in === 'body');
  const content = (types: readonly string[], schema: SchemaObject) =>
    Object.fromEntries(types.map((type) => [type, { schema: convertSchema(schema) }]));
  return {
    ...rest,
    parameters: parameters.filter((parameter) => parameter.in !== 'body').map(convertParameter),
    ...(body?.schema && { requestBody: { required: true, content: content(consumes, body.schema) } }),
    responses: Object.fromEntries(
      Object.entries(responses).map(([code, { description, schema }]) => [
        code,
        { description, ...(schema && { content: content(produces, schema) }) },
      ]),
    ),
  };
}

function convertParameter({ type, ...rest }: Parameter): object {
  return { ...rest, schema: { type } };
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
