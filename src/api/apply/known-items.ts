import type { Steps } from '../../std/pauses.ts';
import { isJsonMap } from '../machinery/clone.ts';

import { addItem, elementOrNothing, type ItemsByElement } from './item-key.ts';
import { isAtomic, type ListType, type ObjectType } from './object-type.ts';
import { KEYS_IN_ONE_TURN } from './wide-maps.ts';

interface Known {
  readonly type: ListType;
  /** By place; empty for what cannot be told apart. */
  readonly elements: readonly string[];
  readonly items: ItemsByElement;
}

/**
 * What stands for the items of long lists, found a few thousand at a time before it is asked for: several passes over one object ask for
 * it, each of which is made at once. True while nothing in the lists changes.
 */
export class KnownItems {
  readonly #lists = new WeakMap<readonly unknown[], Known>();
  readonly #long: number;
  #isWide = false;

  constructor(long = KEYS_IN_ONE_TURN) {
    this.#long = long;
  }

  /** Looks for long lists in an object and the structures in it, not within items and entries. */
  *learn(type: ObjectType, value: unknown): Steps<void> {
    const wasWide = this.#isWide;
    const found: (readonly [ListType, readonly unknown[]])[] = [];
    this.#find(type, value, found);
    if (this.#isWide && !wasWide) yield;
    for (const [listType, list] of found) yield* this.#learnList(listType, list);
  }

  /** Whether there were long lists, or wide maps, in what has been learned: what is said of their fields is said in parts. */
  get isWide(): boolean {
    return this.#isWide;
  }

  #find(type: ObjectType, value: unknown, found: (readonly [ListType, readonly unknown[]])[]): void {
    if (isAtomic(type)) return;
    if (!this.#isWide && (Array.isArray(value) ? value.length >= this.#long : type.form === 'map' && isJsonMap(value)))
      this.#isWide = Array.isArray(value) || Object.keys(value as object).length >= this.#long;
    if (type.form === 'list' && Array.isArray(value)) {
      if (value.length >= this.#long && this.#lists.get(value)?.type !== type) found.push([type, value]);
    } else if (type.form === 'structure' && isJsonMap(value)) {
      for (const key in value) {
        const inner = value[key];
        if (typeof inner !== 'object' || inner === null || (Array.isArray(inner) && inner.length < this.#long)) continue;
        const field = type.fields.get(key);
        if (field && !field.ignored) this.#find(field.type(), inner, found);
      }
    }
  }

  *#learnList(type: ListType, list: readonly unknown[]): Steps<void> {
    const elements: string[] = [];
    const items = new Map<string, unknown[]>();
    let areTold = true;
    for (const item of list) {
      const element = elementOrNothing(type, item);
      elements.push(element);
      areTold &&= element !== '';
      addItem(items, element, item);
      if (elements.length % this.#long === 0) yield;
    }
    this.#lists.set(list, { type, elements, items: areTold ? items : undefined });
  }

  elementsOf(type: ListType, list: readonly unknown[]): readonly string[] | undefined {
    return this.#of(type, list)?.elements;
  }

  /** Undefined: nothing is known of it. */
  itemsOf(type: ListType, list: readonly unknown[]): { readonly items: ItemsByElement } | undefined {
    return this.#of(type, list);
  }

  #of(type: ListType, list: readonly unknown[]): Known | undefined {
    if (list.length < this.#long) return undefined;
    const known = this.#lists.get(list);
    return known?.type === type ? known : undefined;
  }
}
