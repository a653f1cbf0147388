/** `spec`, `spec.names`, below the empty path just the name; as upstream's field.Path. */
export const child = (path: string, ...names: string[]): string =>
  names.reduce((at, name) => (at === '' ? name : `${at}.${name}`), path);
/** `list[2]` */
export const index = (path: string, at: number): string => `${path}[${at}]`;
/** `map[key]` */
export const key = (path: string, name: string): string => `${path}[${name}]`;
