/** `+` of lists. */
import { contains, elementKey } from '../equality.ts';
import { hashKey, ListValue, PlainList, type Value } from '../values.ts';
import { look, type Work } from '../work.ts';

/** Shorter lists are copied, longer ones are shared: `+` takes the same time however long they are. */
const COPIED = 32;
/** What is found out by asking so many lists, one within the other, takes little longer than a look into one. */
const HIGHEST = 16;

/** A list that shares its front with the one it was made from: appending one by one, as `map` and `filter` do, stays linear. */
class GrowingList extends PlainList {
  readonly #length: number;

  constructor(items: Value[], length: number) {
    super(items);
    this.#length = length;
  }
  override get size(): number {
    return this.#length;
  }
  /** Undefined when it would have to be copied for it: something else was appended already. */
  append(added: ListValue): GrowingList | undefined {
    const shared = this.items as Value[];
    if (shared.length !== this.#length && this.#length > COPIED) return undefined;
    const items = shared.length === this.#length ? shared : shared.slice(0, this.#length);
    for (let i = 0; i < added.size; i++) items.push(added.at(i));
    return new GrowingList(items, items.length);
  }
}

/** Two lists as they are, one behind the other. */
class JoinedList extends ListValue {
  readonly #first: ListValue;
  readonly #second: ListValue;
  readonly size: number;
  /** How many lists an item is looked for in, one within the other. */
  readonly height: number;

  constructor(first: ListValue, second: ListValue) {
    super();
    this.#first = first;
    this.#second = second;
    this.size = first.size + second.size;
    this.height = 1 + Math.max(heightOf(first), heightOf(second));
  }
  at(index: number): Value {
    const behind = index - this.#first.size;
    return behind < 0 ? this.#first.at(index) : this.#second.at(behind);
  }
}

const heightOf = (list: ListValue) => (list instanceof JoinedList ? list.height : 0);

/** A merged list keeps its list type: `+` of sets and maps is a union. */
class MergedList extends PlainList {
  override readonly listType: ListValue['listType'];
  override readonly listKeys: readonly string[];

  constructor(items: readonly Value[], like: ListValue) {
    super(items);
    this.listType = like.listType;
    this.listKeys = like.listKeys;
  }
}

/** The list type of the first list says how: sets and maps are merged in linear time. */
export function concatenate(a: ListValue, b: ListValue, work: Work): Value {
  if (a.listType === 'set') return new MergedList(union(a, b, work), a);
  if (a.listType === 'map') {
    const replacing = new Map([...b].map((element) => [elementKey(a, element), element]));
    const kept = [...a].map((element) => {
      const key = elementKey(a, element);
      const replacement = replacing.get(key);
      replacing.delete(key);
      return replacement ?? element;
    });
    return new MergedList([...kept, ...replacing.values()], a);
  }
  if (b.size > COPIED) return a.size === 0 ? b : joined(a, b, work);
  if (a instanceof GrowingList) return a.append(b) ?? joined(a, b, work);
  return a.size > COPIED ? joined(a, b, work) : new GrowingList([...a], a.size).append(b)!;
}

/** Where too many lists are within each other they are copied, which counts. */
function joined(a: ListValue, b: ListValue, work: Work): ListValue {
  const list = new JoinedList(a, b);
  if (list.height <= HIGHEST) return list;
  look(work, list.size);
  return new PlainList([...list]);
}

function union(a: ListValue, b: ListValue, work: Work): Value[] {
  const items = [...a];
  const hashes = new Set(items.map(hashKey));
  // What cannot be hashed is equal to nothing that can, but for lists and maps among themselves.
  for (const item of b) {
    const hash = hashKey(item);
    if (hash === undefined ? contains(a, item, work) : hashes.has(hash)) continue;
    if (hash !== undefined) hashes.add(hash);
    items.push(item);
  }
  return items;
}
