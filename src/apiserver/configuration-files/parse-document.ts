import { strictProblems } from '../../api/machinery/duplicate-fields.ts';
import { jsonSyntaxError } from '../../api/machinery/json-syntax.ts';

export interface ParsedDocument {
  readonly value: unknown;
  /** What a strict decoder has against the text, and against fields that nobody knows. */
  readonly strictProblems: (unknownFields: readonly string[]) => readonly string[];
}

const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Reads a configuration file's text: JSON when it begins with a brace, otherwise YAML as upstream reads it, of which the first document
 * counts.
 *
 * @throws Error saying what is wrong with the text
 */
export async function parseDocument(text: string): Promise<ParsedDocument> {
  if (text.length > MAX_BYTES) throw new Error(`${text.length} bytes are more than ${MAX_BYTES}`);
  if (text.trimStart().startsWith('{')) {
    const value = parseJson(text);
    return { value, strictProblems: (unknown) => strictProblems(text, unknown) };
  }
  const [{ parseYamlText }, { checkYamlDepth }] = await Promise.all([
    import('../request/parse-yaml.ts'),
    import('../request/yaml-depth.ts'),
  ]);
  const first = firstDocument(text);
  await checkYamlDepth(first);
  try {
    const { value, repeated } = parseYamlText(first);
    const twice = repeated.length ? [`yaml: unmarshal errors:\n${repeated.map((problem) => `  ${problem}`).join('\n')}`] : [];
    return { value: value ?? null, strictProblems: (unknown) => [...twice, ...unknownProblems(unknown)] };
  } catch (cause) {
    throw new Error(`yaml: ${(cause as Error).message}`, { cause });
  }
}

const unknownProblems = (names: readonly string[]) => names.map((name) => `unknown field ${JSON.stringify(name)}`);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // In Go's words: V8 quotes what stands there, which may be a key that encrypts Secrets.
    throw new Error(`couldn't get version/kind; json parse error: ${jsonSyntaxError(text)}`);
  }
}

/** What stands before the line that ends the first document. */
function firstDocument(text: string): string {
  const content = /^(?!---(?:\s|$))[^#%\s]|^---\s+[^#\s]/m.exec(text);
  if (!content) return text;
  const from = content.index + 3;
  const end = /^(?:---|\.\.\.)(?:\s|$)/m.exec(text.slice(from));
  return end ? text.slice(0, from + end.index) : text;
}
