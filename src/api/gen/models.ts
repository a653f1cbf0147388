/** Reads the models of the official client: the input of the generator. Not used at run time. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** One field as the official client describes it. */
export interface ModelField {
  /** As it is spelled in JSON. */
  readonly name: string;
  /** `string`, `Array<V1Container>`, `{ [key: string]: string; }`, … */
  readonly type: string;
  readonly format: string;
  readonly required: boolean;
}

export interface Model {
  readonly name: string;
  readonly fields: readonly ModelField[];
}

interface Attribute {
  readonly name: string;
  readonly baseName: string;
  readonly type: string;
  readonly format: string;
}

const isModel = (value: unknown): value is { readonly attributeTypeMap: readonly Attribute[] } =>
  typeof value === 'function' && Array.isArray((value as { attributeTypeMap?: unknown }).attributeTypeMap);

/** Every model of the installed `@kubernetes/client-node`, by name. */
export async function readModels(): Promise<Model[]> {
  const directory = join(dirname(fileURLToPath(import.meta.resolve('@kubernetes/client-node'))), 'gen', 'models');
  const all: Record<string, unknown> = await import(pathToFileURL(join(directory, 'all.js')).href);
  const models: Model[] = [];
  for (const name of Object.keys(all).sort()) {
    const model = all[name];
    const declaration = join(directory, `${name}.d.ts`);
    if (!isModel(model) || !existsSync(declaration)) continue;
    const required = requiredFields(readFileSync(declaration, 'utf8'));
    models.push({
      name,
      fields: model.attributeTypeMap.map(({ name: property, baseName, type, format }) => ({
        name: baseName,
        type,
        format,
        required: required.has(property),
      })),
    });
  }
  return models;
}

/** The client maps field names that are no TypeScript names (`_default`); declarations carry the mapped ones. */
function requiredFields(declaration: string): Set<string> {
  return new Set([...declaration.matchAll(/^ {4}'([^']+)': /gm)].map((match) => match[1]!));
}
