/**
 * The protobuf form of an OpenAPI v2 document, which kubectl up to 1.26 asks for before it creates or explains anything.
 * Field numbers: https://github.com/google/gnostic/blob/main/openapiv2/OpenAPIv2.proto
 */
import { exactJsonText } from '../../std/exact-json.ts';
import { Pace, runAtOnce, type Steps } from '../../std/pauses.ts';
import { type DocumentForm, DocumentWriter } from './document-writer.ts';
import type { Operation, Parameter, ParameterReference, PathItem, SchemaObject, SwaggerDocument } from './openapi-document.ts';
import { ProtobufWriter } from './protobuf-writer.ts';

/** What clients ask for this encoding by. */
export const GNOSTIC_ACCEPTED = /application\/com\.github\.proto-openapi\.spec\.v2[@.]v1\.0\+protobuf/;

/** What the answer is called: the older name's `@` is not allowed in a media type, and Go's parser refuses it. */
export const GNOSTIC_MEDIA_TYPE = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

const message = () => new ProtobufWriter();

/** Its bytes decode to the same document as version 2's JSON. */
export const SWAGGER_PROTOBUF: DocumentForm = {
  path: (path, item) =>
    Buffer.from(
      message()
        .message(2, named(path, encodePathItem(item)))
        .finish(),
    ),
  *definition(name, schema) {
    return Buffer.from(
      message()
        .message(1, named(name, yield* encodeSchema(schema)))
        .finish(),
    );
  },
  *join({ swagger, info, parameters = {}, security, securityDefinitions }, paths, definitions) {
    yield message().string(1, swagger).message(2, message().string(1, info.title).string(2, info.version)).finish();
    yield* joinAddition(paths, definitions);
    const writer = message().message(10, eachOf(parameters, encodeParameter));
    for (const requirement of security)
      writer.message(
        12,
        eachOf(requirement, (scopes) => message().strings(1, scopes)),
      );
    const schemes = eachOf(securityDefinitions, ({ type, name, in: place, description }) =>
      message().message(2, message().string(1, type).string(2, name).string(3, place).string(4, description)),
    );
    yield writer.message(13, schemes).finish();
  },
};

/** What is put behind an encoded document to add paths and definitions to it: protobuf joins what it finds twice. */
export function* encodeGnosticAddition({ paths, definitions }: Pick<SwaggerDocument, 'paths' | 'definitions'>): Steps<Buffer[]> {
  const writer = new DocumentWriter(SWAGGER_PROTOBUF);
  yield* writer.addPaths(paths);
  yield* writer.addDefinitions(definitions);
  return yield* writer.finish(joinAddition);
}

function* joinAddition(paths: readonly Buffer[], definitions: readonly Buffer[]): Iterable<Buffer> {
  yield message().head(8, sizeOf(paths)).finish();
  yield* paths;
  yield message().head(9, sizeOf(definitions)).finish();
  yield* definitions;
}

const sizeOf = (parts: readonly Buffer[]) => parts.reduce((sum, { length }) => sum + length, 0);

function eachOf<T>(entries: Readonly<Record<string, T>>, encode: (value: T) => ProtobufWriter): ProtobufWriter {
  const writer = message();
  for (const [name, value] of Object.entries(entries)) writer.message(1, named(name, encode(value)));
  return writer;
}

function named(name: string, value: ProtobufWriter): ProtobufWriter {
  return message().string(1, name).message(2, value);
}

function* encodeSchema(schema: SchemaObject): Steps<ProtobufWriter> {
  const writer = message()
    .string(1, schema.$ref)
    .string(2, schema.format)
    .string(4, schema.description)
    .strings(19, schema.required);
  for (const value of schema.enum ?? []) writer.message(20, message().string(2, `${exactJsonText(value)}\n`));
  if (typeof schema.additionalProperties === 'object')
    writer.message(21, message().message(1, yield* encodeSchema(schema.additionalProperties)));
  else if (schema.additionalProperties) writer.message(21, message().boolean(2, true));
  if (schema.type) writer.message(22, message().strings(1, [schema.type]));
  if (schema.items) writer.message(23, message().message(1, yield* encodeSchema(schema.items)));
  if (schema.properties) {
    const properties = message();
    const pace = new Pace(PROPERTIES);
    for (const [name, property] of Object.entries(schema.properties)) {
      properties.message(1, named(name, yield* encodeSchema(property)));
      if (pace.due(1)) yield;
    }
    writer.message(25, properties);
  }
  return encodeExtensions(writer, 31, schema);
}

/** So many properties of one object are encoded between two pauses. */
const PROPERTIES = 1000;

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
    if (response.schema) body.message(2, message().message(1, runAtOnce(encodeSchema(response.schema))));
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
    return message().message(1, body.message(5, runAtOnce(encodeSchema(parameter.schema ?? {}))));
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
