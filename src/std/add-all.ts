/** Adds all to a list, however many: spread into `push` they would be arguments, of which a stack holds some 120,000. */
export function addAll<T>(list: T[], more: Iterable<T>): void {
  for (const each of more) list.push(each);
}
