/**
 * The protobuf form of an OpenAPI v2 document, which kubectl up to 1.26 asks for before it creates or explains anything.
 * Field numbers: https://github.com/google/gnostic/blob/main/openapiv2/OpenAPIv2.proto
 */
import { exactJsonText } from '../../std/exact-json.ts';
import { nextTurn } from '../../std/next-turn.ts';
import type { Operation, Parameter, ParameterReference, PathItem, SchemaObject, SwaggerDocument } from './openapi-document.ts';
import { ProtobufWriter } from './protobuf-writer.ts';

/** What clients ask for this encoding by. */
export const GNOSTIC_ACCEPTED = /application\/com\.github\.proto-openapi\.spec\.v2[@.]v1\.0\+protobuf/;

/** What the answer is called: the older name's `@` is not allowed in a media type, and Go's parser refuses it. */
export const GNOSTIC_MEDIA_TYPE = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

const message = () => new ProtobufWriter();

/** Definitions and paths that are encoded before others get their turn. */
const AT_ONCE = 40;

/** Encodes the document; the answer's bytes decode to the same document as its JSON. Long documents leave time for others. */
export async function encodeGnostic(document: SwaggerDocument): Promise<Uint8Array> {
  const paths = await inTurns(Object.entries(document.paths), 2, (path, item) => named(path, encodePathItem(item)));
  const definitions = await inTurns(Object.entries(document.definitions), 1, (name, schema) => named(name, encodeSchema(schema)));
  const parameters = message();
  for (const [name, parameter] of Object.entries(document.parameters ?? {}))
    parameters.message(1, named(name, encodeParameter(parameter)));
  const writer = message()
    .string(1, document.swagger)
    .message(2, message().string(1, document.info.title).string(2, document.info.version))
    .message(8, paths)
    .message(9, definitions)
    .message(10, parameters);
  for (const requirement of document.security)
    writer.message(
      12,
      eachOf(requirement, (scopes) => message().strings(1, scopes)),
    );
  const schemes = eachOf(document.securityDefinitions, ({ type, name, in: place, description }) =>
    message().message(2, message().string(1, type).string(2, name).string(3, place).string(4, description)),
  );
  return writer.message(13, schemes).finish();
}

/** What is put behind an encoded document to add paths and definitions to it: protobuf joins what it finds twice. */
export async function encodeGnosticAddition({
  paths,
  definitions,
}: Pick<SwaggerDocument, 'paths' | 'definitions'>): Promise<Uint8Array> {
  const writer = message();
  writer.message(8, await inTurns(Object.entries(paths), 2, (path, item) => named(path, encodePathItem(item))));
  writer.message(9, await inTurns(Object.entries(definitions), 1, (name, schema) => named(name, encodeSchema(schema))));
  return writer.finish();
}

function eachOf<T>(entries: Readonly<Record<string, T>>, encode: (value: T) => ProtobufWriter): ProtobufWriter {
  const writer = message();
  for (const [name, value] of Object.entries(entries)) writer.message(1, named(name, encode(value)));
  return writer;
}

async function inTurns<T>(
  entries: readonly (readonly [string, T])[],
  field: number,
  encode: (name: string, value: T) => ProtobufWriter,
): Promise<ProtobufWriter> {
  const writer = message();
  for (const [i, [name, value]] of entries.entries()) {
    if (i % AT_ONCE === 0) await nextTurn();
    writer.message(field, encode(name, value));
  }
  return writer;
}

function named(name: string, value: ProtobufWriter): ProtobufWriter {
  return message().string(1, name).message(2, value);
}

function namedSchemas(schemas: Record<string, SchemaObject>): ProtobufWriter {
  const writer = message();
  for (const [name, schema] of Object.entries(schemas)) writer.message(1, named(name, encodeSchema(schema)));
  return writer;
}

function encodeSchema(schema: SchemaObject): ProtobufWriter {
  const writer = message()
    .string(1, schema.$ref)
    .string(2, schema.format)
    .string(4, schema.description)
    .strings(19, schema.required);
  for (const value of schema.enum ?? []) writer.message(20, message().string(2, `${exactJsonText(value)}\n`));
  if (typeof schema.additionalProperties === 'object')
    writer.message(21, message().message(1, encodeSchema(schema.additionalProperties)));
  else if (schema.additionalProperties) writer.message(21, message().boolean(2, true));
  if (schema.type) writer.message(22, message().strings(1, [schema.type]));
  if (schema.items) writer.message(23, message().message(1, encodeSchema(schema.items)));
  if (schema.properties) writer.message(25, namedSchemas(schema.properties));
  return encodeExtensions(writer, 31, schema);
}

function encodePathItem(item: PathItem): ProtobufWriter {
  const operation = (value: Operation | undefined) => value && encodeOperation(value);
  const writer = message()
    .message(2, operation(item.get))
    .message(3, operation(item.put))
    .message(4, operation(item.post))
    .message(5, operation(item.delete))
    .message(6, operation(item.options))
    .message(7, operation(item.head))
    .message(8, operation(item.patch));
  for (const parameter of item.parameters ?? []) writer.message(9, encodeParameterOrReference(parameter));
  return writer;
}

function encodeOperation(operation: Operation): ProtobufWriter {
  const writer = message()
    .strings(1, operation.tags)
    .string(3, operation.description)
    .string(5, operation.operationId)
    .strings(6, operation.produces)
    .strings(7, operation.consumes);
  for (const parameter of operation.parameters ?? []) writer.message(8, encodeParameterOrReference(parameter));
  const responses = message();
  for (const [code, response] of Object.entries(operation.responses)) {
    const body = message().string(1, response.description);
    if (response.schema) body.message(2, message().message(1, encodeSchema(response.schema)));
    responses.message(1, named(code, message().message(1, body)));
  }
  return encodeExtensions(writer.message(9, responses).strings(10, operation.schemes), 13, operation);
}

function encodeParameterOrReference(parameter: Parameter | ParameterReference): ProtobufWriter {
  if ('$ref' in parameter) return message().message(2, message().string(1, parameter.$ref));
  return message().message(1, encodeParameter(parameter));
}

function encodeParameter(parameter: Parameter): ProtobufWriter {
  if (parameter.in === 'body') {
    const body = message()
      .string(1, parameter.description)
      .string(2, parameter.name)
      .string(3, 'body')
      .boolean(4, parameter.required);
    return message().message(1, body.message(5, encodeSchema(parameter.schema ?? {})));
  }
  const value = message()
    .boolean(1, parameter.required)
    .string(2, parameter.in)
    .string(3, parameter.description)
    .string(4, parameter.name);
  // A query parameter's type stands one field later than a path parameter's.
  const { type, uniqueItems } = parameter;
  if (parameter.in === 'query') return message().message(2, message().message(3, value.string(6, type).boolean(20, uniqueItems)));
  return message().message(2, message().message(4, value.string(5, type).boolean(19, uniqueItems)));
}

/** `x-…` fields: JSON is YAML, so their values are sent as JSON text. */
function encodeExtensions(writer: ProtobufWriter, field: number, holder: object): ProtobufWriter {
  for (const [name, value] of Object.entries(holder)) {
    if (name.startsWith('x-') && value !== undefined)
      writer.message(field, named(name, message().string(2, exactJsonText(value))));
  }
  return writer;
}
