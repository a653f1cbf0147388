/** A list that counts how often its items are read: of what somebody sends, none is to be gone through again for each item of another. */
export function countedReads<T>(items: readonly T[]): { readonly list: T[]; readonly reads: () => number } {
  let count = 0;
  const list = new Proxy([...items], {
    get(target, key, receiver) {
      if (typeof key === 'string' && /^\d+$/.test(key)) count++;
      return Reflect.get(target, key, receiver);
    },
  });
  return { list, reads: () => count };
}
