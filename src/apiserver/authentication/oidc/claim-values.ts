/** Claims and users as expressions see them (apiserver/plugin/pkg/authenticator/token/oidc). Heavy to load, as the CEL engine. */
import { unescapeName } from '../../../api/apiextensions/rules/escape-name.ts';
import { jsonValue } from '../../../api/cel/json-values.ts';
import { ListValue, MapValue, type Value } from '../../../api/cel/values.ts';
import type { UserInfo } from '../../contracts.ts';
import type { Claims } from './id-token.ts';

/** All claims. Names are looked up as they are escaped: `claims.kubernetes__dot__io`. Every number is a double, as Go reads JSON. */
export const claimsValue = (claims: Claims): Value => new Fields(claims, (key) => unescapeName(key));

/** The user that has been made of claims. */
export const userValue = ({ name, uid, groups, extra }: UserInfo): Value =>
  claimsValue({ username: name, uid: uid ?? '', groups, extra: extra ?? {} });

/** An object whose keys can be said with escapes as well. */
class Fields extends MapValue {
  readonly #fields: Claims;
  readonly #nameOf: (key: string) => string | undefined;
  readonly #made = new Map<string, Value>();

  constructor(fields: Claims, nameOf: (key: string) => string | undefined) {
    super();
    this.#fields = fields;
    this.#nameOf = nameOf;
  }

  get size(): number {
    return Object.keys(this.#fields).length;
  }

  get(key: Value): Value | undefined {
    const name = typeof key === 'string' ? this.#nameOf(key) : undefined;
    if (name === undefined || !Object.hasOwn(this.#fields, name)) return undefined;
    const value = this.#made.get(name) ?? nested(this.#fields[name]);
    this.#made.set(name, value);
    return value;
  }

  keys(): readonly string[] {
    return Object.keys(this.#fields);
  }
}

class Items extends ListValue {
  readonly #items: readonly unknown[];

  constructor(items: readonly unknown[]) {
    super();
    this.#items = items;
  }

  get size(): number {
    return this.#items.length;
  }

  at(index: number): Value {
    return nested(this.#items[index]);
  }
}

function nested(json: unknown): Value {
  if (typeof json === 'number') return json;
  if (Array.isArray(json)) return new Items(json);
  // Below the claims themselves what is no escaped name is a key as it stands.
  return typeof json === 'object' && json !== null
    ? new Fields(json as Claims, (key) => unescapeName(key) ?? key)
    : jsonValue(json);
}
