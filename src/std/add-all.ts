/** Adds all to a list, however many: spread into `push` they would be arguments, of which a stack holds some 120,000. */
export function addAll<T>(list: T[], more: Iterable<T>): void {
  for (const each of more) list.push(each);
}

/** Adds those that are not in the list yet, each once. */
export function addNew<T>(list: T[], more: Iterable<T>): void {
  let known: Set<T> | undefined;
  for (const each of more) {
    known ??= new Set(list);
    if (known.has(each)) continue;
    known.add(each);
    list.push(each);
  }
}
