import type { BootstrapToken } from '../../cluster/bootstrap-token.ts';
import { FlagError } from '../../std/flags.ts';
import { formatTokenTable, tokenDocuments } from './token-table.ts';

/** Writes tokens as `-o` asks for. */
export type TokenFormat = (tokens: readonly BootstrapToken[], nowMs: number) => string;

/** What `-o` of `kubeadm token list` stands for. @throws FlagError */
export async function tokenFormat(output: string, allowMissing: boolean): Promise<TokenFormat> {
  const [, template] = /^jsonpath=(.*)$/s.exec(output) ?? [];
  if (template !== undefined) return jsonPathFormat(template, allowMissing);
  if (output === 'text') return formatTokenTable;
  if (output === 'json')
    return (tokens) =>
      tokenDocuments(tokens)
        .map((token) => `${JSON.stringify(token, null, 4)}\n`)
        .join('');
  if (output === 'yaml') {
    const { stringify } = await import('yaml');
    // As Kubernetes' tools write it: keys in order, items not indented, times as strings.
    const style = { version: '1.1', sortMapEntries: true, indentSeq: false } as const;
    return (tokens) =>
      tokenDocuments(tokens)
        .map((token) => stringify(token, style))
        .join('---\n');
  }
  throw new FlagError(
    '--output',
    `invalid argument ${JSON.stringify(output)} for "-o, --output" flag: must be text, json, yaml or jsonpath=TEMPLATE`,
  );
}

/** `{.token}{"\n"}`: paths and texts in braces, and what stands between them as it is. */
async function jsonPathFormat(template: string, allowMissing: boolean): Promise<TokenFormat> {
  const { parseJsonPath } = await import('../../api/machinery/json-path.ts');
  const wrong = (why: string) => new FlagError('--output', `-o jsonpath=${template}: ${why}`);
  const parts = [
    ...template.matchAll(/\{\s*("(?:[^"\\]|\\.)*"|'[^']*'|(?:[^{}"']|"(?:[^"\\]|\\.)*"|'[^']*')*?)\s*\}|([^{}]+)|[{}]/gs),
  ].map(([whole, inner, between]) => {
    if (between !== undefined) return () => between;
    if (inner === undefined) throw wrong(`unclosed ${JSON.stringify(whole)}`);
    if (/^(range\s|end$)/.test(inner)) throw wrong('range is not supported: the template is used for each token by itself');
    if (/^["']/.test(inner)) {
      const text = literal(inner, wrong);
      return () => text;
    }
    try {
      const path = parseJsonPath(inner);
      return (token: object) => {
        const found = path(token);
        if (found.length === 0 && !allowMissing) throw wrong(`${inner} is not found`);
        return found.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join(' ');
      };
    } catch (error) {
      throw wrong((error as Error).message);
    }
  });
  return (tokens) =>
    tokenDocuments(tokens)
      .map((token) => parts.map((part) => part(token)).join(''))
      .join('');
}

function literal(text: string, wrong: (why: string) => FlagError): string {
  try {
    return text.startsWith('"') ? (JSON.parse(text) as string) : text.slice(1, -1);
  } catch {
    throw wrong(`${text} is not a string`);
  }
}
