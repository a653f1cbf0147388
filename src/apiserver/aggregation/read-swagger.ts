/** OpenAPI v2 documents of extension servers, which are anybody's text: what is not of the form that it should have is left out. */
import { isJsonMap, setField } from '../../api/machinery/clone.ts';
import type { Operation, OperationMethod, Parameter, PathItem, SchemaObject } from '../openapi/openapi-document.ts';

/** Schemas are not read deeper: what goes down with them calls itself. */
const DEEPEST = 100;
const METHODS: readonly OperationMethod[] = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch'];

export interface ForeignSwagger {
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Record<string, PathItem>;
  readonly definitions: Record<string, SchemaObject>;
  readonly securityDefinitions: Record<string, { type: 'apiKey'; name: string; in: 'header'; description: string }>;
}

/** The parts of a document that this server passes on in other forms. */
export function readSwagger(document: Readonly<Record<string, unknown>>): ForeignSwagger {
  const info = isJsonMap(document['info']) ? document['info'] : {};
  return {
    info: { title: text(info['title']) ?? '', version: text(info['version']) ?? '' },
    paths: mapped(document['paths'], (item) => (isJsonMap(item) ? readPathItem(item) : undefined)),
    definitions: mapped(document['definitions'], (schema) => readSchema(schema)),
    securityDefinitions: {},
  };
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const texts = (value: unknown): string[] | undefined =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'string') : undefined;

function mapped<T>(value: unknown, read: (value: unknown) => T | undefined): Record<string, T> {
  const made: Record<string, T> = {};
  if (!isJsonMap(value)) return made;
  for (const [name, one] of Object.entries(value)) {
    const known = read(one);
    if (known !== undefined) setField(made, name, known);
  }
  return made;
}

/** Only what is there: nothing is undefined. */
const defined = <T extends object>(fields: T): T =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;

const extensions = (holder: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(holder).filter(([name]) => name.startsWith('x-')));

function readPathItem(item: Readonly<Record<string, unknown>>): PathItem {
  const parameters = readParameters(item['parameters']);
  const made: PathItem = { ...(parameters.length && { parameters }) };
  for (const method of METHODS) {
    const operation = item[method];
    if (isJsonMap(operation)) made[method] = readOperation(operation);
  }
  return made;
}

function readOperation(operation: Readonly<Record<string, unknown>>): Operation {
  const consumes = texts(operation['consumes']);
  const parameters = readParameters(operation['parameters']);
  return {
    ...extensions(operation),
    operationId: text(operation['operationId']) ?? '',
    description: text(operation['description']) ?? '',
    tags: texts(operation['tags']) ?? [],
    ...(consumes && { consumes }),
    produces: texts(operation['produces']) ?? [],
    schemes: ['https'],
    ...(parameters.length && { parameters }),
    responses: mapped(operation['responses'], (response) => {
      if (!isJsonMap(response)) return undefined;
      const schema = readSchema(response['schema']);
      return { description: text(response['description']) ?? '', ...(schema && { schema }) };
    }),
  };
}

function readParameters(value: unknown): Parameter[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((parameter): Parameter[] => {
    const place = isJsonMap(parameter) && parameter['in'];
    if (place !== 'query' && place !== 'path' && place !== 'body') return [];
    const { name, description, required, type, uniqueItems, schema } = parameter as Record<string, unknown>;
    return [
      defined({
        name: text(name) ?? '',
        in: place,
        description: text(description),
        required: required === true ? true : undefined,
        type: text(type) as Parameter['type'],
        uniqueItems: uniqueItems === true ? true : undefined,
        schema: readSchema(schema),
      }) as Parameter,
    ];
  });
}

function readSchema(value: unknown, depth = 0): SchemaObject | undefined {
  if (!isJsonMap(value) || depth > DEEPEST) return undefined;
  const { $ref, description, type, format, enum: values, items, properties, additionalProperties, required, ...rest } = value;
  const below = (schema: unknown) => readSchema(schema, depth + 1);
  return defined({
    ...rest,
    $ref: text($ref),
    description: text(description),
    // Written as a list of one, too.
    type: text(Array.isArray(type) ? type[0] : type) as SchemaObject['type'],
    format: text(format),
    enum: texts(values),
    items: below(items),
    properties: isJsonMap(properties) ? mapped(properties, below) : undefined,
    additionalProperties: typeof additionalProperties === 'boolean' ? additionalProperties : below(additionalProperties),
    required: texts(required),
  }) as SchemaObject;
}
