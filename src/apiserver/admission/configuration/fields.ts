import type { PluginDocument } from './plugin-document.ts';

/** The fields of a configuration, each read once and with its type; what nobody read is not known and refused. */
export class Fields {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #fail: (problem: string) => Error;
  readonly #read = new Set<string>();

  /** @throws CodedError when the document is of another kind or version, where there are any */
  constructor(document: PluginDocument, kinds: readonly string[] = [], versions: readonly string[] = [], path = '') {
    this.#fail = (problem) => document.fail(problem);
    this.#fields = document.document;
    this.#path = path;
    if (kinds.length && !(kinds.includes(document.kind) && versions.includes(document.apiVersion)))
      throw document.fail(
        `no kind ${JSON.stringify(document.kind)} is registered for version ${JSON.stringify(document.apiVersion)}`,
      );
  }

  has(name: string): boolean {
    return this.#value(name) !== undefined;
  }

  text(name: string): string {
    const value = this.#value(name) ?? '';
    if (typeof value !== 'string') throw this.fail(`${name}: must be a string`);
    return value;
  }

  flag(name: string): boolean {
    const value = this.#value(name) ?? false;
    if (typeof value !== 'boolean') throw this.fail(`${name}: must be a boolean`);
    return value;
  }

  integer(name: string): number {
    const value = this.#value(name) ?? 0;
    if (!Number.isSafeInteger(value)) throw this.fail(`${name}: must be an integer`);
    return value as number;
  }

  texts(name: string): readonly string[] {
    const value = this.#list(name);
    if (value.some((each) => typeof each !== 'string')) throw this.fail(`${name}: must be a list of strings`);
    return value as readonly string[];
  }

  object(name: string): Fields {
    return this.#inner(name, this.#value(name) ?? {});
  }

  objects(name: string): readonly Fields[] {
    return this.#list(name).map((each, i) => this.#inner(`${name}[${i}]`, each));
  }

  /** Refuses what was not asked for. */
  end(): void {
    const unknown = Object.keys(this.#fields).find((name) => !this.#read.has(name));
    if (unknown !== undefined) throw this.#fail(`strict decoding error: unknown field ${JSON.stringify(this.#path + unknown)}`);
  }

  fail(problem: string): Error {
    return this.#fail(this.#path + problem);
  }

  invalid(name: string, value: unknown, why: string): Error {
    return this.fail(`${name}: Invalid value: ${JSON.stringify(value)}: ${why}`);
  }

  #value(name: string): unknown {
    this.#read.add(name);
    return Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined;
  }

  #list(name: string): readonly unknown[] {
    const value = this.#value(name) ?? [];
    if (!Array.isArray(value)) throw this.fail(`${name}: must be a list`);
    return value;
  }

  #inner(name: string, value: unknown): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw this.fail(`${name}: must be an object`);
    const document = { apiVersion: '', kind: '', document: value as Readonly<Record<string, unknown>>, fail: this.#fail };
    return new Fields(document, [], [], `${this.#path}${name}.`);
  }
}
