/**
 * What is said of types and fields: the descriptions and choices that `kubectl explain` shows. They come from two packages that are generated from
 * upstream's OpenAPI document: `kubernetes-models`, which has all of them, and the official client, which knows types that the other does
 * not but leaves out what is said of fields that refer to other types.
 */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readCodeFile } from '../../std/own-files.ts';

/** Type name → field → its description; that of the type itself has the name ''. */
export type Descriptions = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** What is known of types, by the type's name in `schema.json` or by its definition's: see `definitionKey`. */
export interface FieldNotes {
  readonly descriptions: Descriptions;
  /** Type → field → the only values that it may have. */
  readonly choices: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  /** What the parameters of requests are for, by their name. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/** `io.k8s.api.core.v1.Pod` → `IoK8sApiCoreV1Pod`, as generated code names a definition. */
export function definitionKey(definition: string): string {
  return definition.replace(/(?:^|[.-])([a-zA-Z0-9])/g, (_, first: string) => first.toUpperCase());
}

/** Files read at a time. */
const READERS = 16;

/**
 * The notes that the build has packed with the code; in a checkout they are gathered from the installed packages. Where there is
 * neither, none.
 */
export async function loadFieldNotes(): Promise<FieldNotes> {
  try {
    return JSON.parse(await readCodeFile('api/gen/field-notes.json')) as FieldNotes;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const notes = {
    descriptions: {} as Record<string, Record<string, string>>,
    choices: {} as Record<string, Record<string, string[]>>,
    parameters: {} as Record<string, string>,
  };
  const client = packageDirectory('@kubernetes/client-node');
  if (client) {
    await eachDeclaration(join(client, 'gen', 'models'), (text, file) => {
      const described = describeDeclaration(text);
      if (Object.keys(described).length) notes.descriptions[file.slice(0, -'.d.ts'.length)] = described;
    });
    notes.parameters = describeParameters(await readFile(join(client, 'gen', 'apis', 'CoreV1Api.d.ts'), 'utf8'));
  }
  for (const name of ['kubernetes-models', '@kubernetes-models/apimachinery']) {
    const directory = packageDirectory(name);
    if (!directory) continue;
    await eachDeclaration(directory, (text) => {
      const found = describeInterface(text);
      if (!found) return;
      notes.descriptions[found.key] = found.descriptions;
      if (Object.keys(found.choices).length) notes.choices[found.key] = found.choices;
    });
  }
  return notes;
}

/** Where an installed package has its main file; undefined when it is not installed, as for users of a published package. */
function packageDirectory(name: string): string | undefined {
  try {
    return dirname(fileURLToPath(import.meta.resolve(name)));
  } catch {
    return undefined; // a tool for development: nothing else here needs it
  }
}

/** Reads all declarations below a directory, a few at a time so that nothing else has to wait. */
async function eachDeclaration(directory: string, take: (text: string, file: string) => void): Promise<void> {
  const files = (await readdir(directory, { recursive: true }))
    .filter((file) => /^(?!_schemas)(.*\/)?[A-Z][^/]*\.d\.ts$/.test(file))
    .sort();
  const read = async () => {
    for (let file = files.pop(); file; file = files.pop()) take(await readFile(join(directory, file), 'utf8'), file);
  };
  await Promise.all(Array.from({ length: READERS }, read));
}

const COMMENTED = /\/\*\*\n\s*\* ?((?:(?!\*\/)[\s\S])*?)\n?\s*\*\/\n\s*(?:export declare class \w+|'([^']+)'\??:)/g;

/** The descriptions of one declared class. Fields have their names in JSON, which a few lose in TypeScript. */
export function describeDeclaration(text: string): Record<string, string> {
  const described: Record<string, string> = {};
  for (const [, comment = '', field = ''] of text.matchAll(COMMENTED)) {
    const description = comment.replace(/\n\s*\* ?/g, '\n').replace(/\\(.)/g, '$1');
    described[wireName(field)] = description;
  }
  return described;
}

const PARAMETER = /^ *\* @param (\w+) (.+)$/gm;
const ESCAPES: Readonly<Record<string, string>> = { amp: '&', gt: '>', lt: '<', quot: '"', '#39': "'", '#x3D': '=', '#x60': '`' };

/** The descriptions of the parameters of a declared API, as its first operation that has them says it. */
export function describeParameters(text: string): Record<string, string> {
  const described = new Map<string, string>();
  for (const [, name = '', comment = ''] of text.matchAll(PARAMETER)) {
    const parameter = wireName(name);
    if (described.has(parameter)) continue;
    const plain = comment.replace(/\\(.)/g, '$1').replace(/&(\w+|#\w+);/g, (whole, code: string) => ESCAPES[code] ?? whole);
    described.set(parameter, plain);
  }
  return Object.fromEntries(described);
}

/** `_default` is `default`, `x_kubernetes_validations` is `x-kubernetes-validations`. */
function wireName(property: string): string {
  if (property.startsWith('x_kubernetes_')) return property.replace(/^x_kubernetes_/, 'x-kubernetes-').replaceAll('_', '-');
  return property.replace(/^_/, '');
}

const INTERFACE = /(?:\/\*\*\n((?: \*[^\n]*\n)*?) \*\/\n)?export interface I\w+[^{]*\{\n([\s\S]*?)\n\}/;
const ALIAS = /export type \{ I\w+ as I(\w+),/;
const FIELD = /(?: {4}\/\*\*\n((?: {5}\*[^\n]*\n)*?) {5}\*\/\n)? {4}"([^"]+)"\??: ([^\n]*)/g;
const CHOICES = /^(?:Array<)?("[^"]*"(?: \| "[^"]*")+)>?;$/;

/** The notes of one declared interface, with its definition's key; undefined for a file that declares none. */
export function describeInterface(
  text: string,
): { key: string; descriptions: Record<string, string>; choices: Record<string, string[]> } | undefined {
  const key = ALIAS.exec(text)?.[1];
  const declared = INTERFACE.exec(text);
  if (!key || !declared) return undefined;
  const descriptions: Record<string, string> = {};
  const choices: Record<string, string[]> = {};
  if (declared[1]) descriptions[''] = plainComment(declared[1]);
  for (const [, comment, field = '', type = ''] of declared[2]!.matchAll(FIELD)) {
    if (comment) descriptions[field] = plainComment(comment);
    const values = CHOICES.exec(type)?.[1];
    if (values) choices[field] = values.split(' | ').map((value) => JSON.parse(value) as string);
  }
  return { key, descriptions, choices };
}

function plainComment(comment: string): string {
  return comment
    .split('\n')
    .map((line) => line.replace(/^ *\* ?/, ''))
    .join('\n')
    .replaceAll('*\\/', '*/')
    .trimEnd();
}
