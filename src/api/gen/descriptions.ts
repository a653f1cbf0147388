/** What the official client's comments say of types and fields: the descriptions that `kubectl explain` shows. */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { codeFile } from '../../std/own-files.ts';

/** Type name → field → its description; that of the type itself has the name ''. */
export type Descriptions = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Files read at a time. */
const READERS = 16;

/**
 * The descriptions that the build has packed with the code; in a checkout they are gathered from the installed client. Where there is
 * neither, none.
 */
export async function loadDescriptions(): Promise<Descriptions> {
  try {
    return JSON.parse(await readFile(codeFile('api/gen/descriptions.json'), 'utf8')) as Descriptions;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const directory = modelsDirectory();
  return directory === undefined ? {} : gatherDescriptions(directory);
}

/** Where the installed client declares its models; undefined when it is not installed, as in a published package. */
function modelsDirectory(): string | undefined {
  try {
    return join(dirname(fileURLToPath(import.meta.resolve('@kubernetes/client-node'))), 'gen', 'models');
  } catch {
    return undefined; // a tool for development: nothing else here needs it
  }
}

/** Reads all declarations of a directory, a few at a time so that nothing else has to wait. */
async function gatherDescriptions(directory: string): Promise<Descriptions> {
  const files = (await readdir(directory)).filter((file) => /^[A-Z].*\.d\.ts$/.test(file)).sort();
  const found: Record<string, Readonly<Record<string, string>>> = {};
  const read = async () => {
    for (let file = files.pop(); file; file = files.pop()) {
      const described = describeDeclaration(await readFile(join(directory, file), 'utf8'));
      if (Object.keys(described).length) found[file.slice(0, -'.d.ts'.length)] = described;
    }
  };
  await Promise.all(Array.from({ length: READERS }, read));
  return found;
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

/** `_default` is `default`, `x_kubernetes_validations` is `x-kubernetes-validations`. */
function wireName(property: string): string {
  if (property.startsWith('x_kubernetes_')) return property.replace(/^x_kubernetes_/, 'x-kubernetes-').replaceAll('_', '-');
  return property.replace(/^_/, '');
}
