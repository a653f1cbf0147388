import { exactJsonText } from '../../std/exact-json.ts';
import { jsonTextInSteps } from '../../std/json-in-steps.ts';
import type { DocumentForm, DocumentFrame } from './document-writer.ts';
import { convertPathItem, convertSchema } from './openapi-v3.ts';

/** Version 2 in JSON. */
export const SWAGGER_JSON: DocumentForm = {
  path: (path, item) => member(path, exactJsonText(item)),
  *definition(name, schema) {
    return member(name, yield* jsonTextInSteps(schema));
  },
  *join({ swagger, info, parameters, ...frame }, paths, definitions) {
    yield Buffer.from(`${open({ swagger, info })},"paths":{`);
    yield* listed(paths);
    yield Buffer.from('},"definitions":{');
    yield* listed(definitions);
    yield Buffer.from(`},${exactJsonText({ ...frame, parameters }).slice(1)}`);
  },
};

/** Version 3, which comes in JSON only. Its paths and definitions are given in version 2's shape. */
export const OPENAPI_V3_JSON: DocumentForm = {
  path: (path, item) => member(path, exactJsonText(convertPathItem(item))),
  *definition(name, schema) {
    const converted = yield* convertSchema(schema);
    return member(name, yield* jsonTextInSteps(converted));
  },
  *join({ info, securityDefinitions }: DocumentFrame, paths, definitions) {
    yield Buffer.from(`${open({ openapi: '3.0.0', info })},"paths":{`);
    yield* listed(paths);
    yield Buffer.from('},"components":{"schemas":{');
    yield* listed(definitions);
    yield Buffer.from(`},"securitySchemes":${exactJsonText(securityDefinitions)}}}`);
  },
};

const member = (name: string, text: string): Buffer => Buffer.from(`${JSON.stringify(name)}:${text}`);

/** An object's text without its last bracket. */
const open = (fields: object): string => exactJsonText(fields).slice(0, -1);

const COMMA = Buffer.from(',');

function* listed(members: readonly Buffer[]): Iterable<Buffer> {
  for (const [i, each] of members.entries()) {
    if (i > 0) yield COMMA;
    yield each;
  }
}
