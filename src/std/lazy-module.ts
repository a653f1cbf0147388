/** A module that is loaded when it is first needed and used synchronously from then on: what it takes to load is not paid at start. */
export interface LazyModule<T> {
  load(): Promise<void>;
  /** Throws before `load` has resolved. */
  readonly loaded: T;
}

/** Remembers what the module system remembers anyway: the one module. */
export function lazyModule<T>(importIt: () => Promise<T>): LazyModule<T> {
  let module: T | undefined;
  return {
    async load() {
      module ??= await importIt();
    },
    get loaded() {
      if (module === undefined) throw new Error('the module has not been loaded yet');
      return module;
    },
  };
}
