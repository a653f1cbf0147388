/** Which types fit which, and what type parameters come to stand for (cel-go checker/types.go). */
import { type CelType, DYN, isDyn, listOf, mapOf, type ParameterType, parameter, typeOf } from './types.ts';

/** Types that null fits besides its own. */
const NULLABLE: ReadonlySet<string> = new Set(['null', 'timestamp', 'duration']);

const FRESH = '_var';
const numberOf = ({ name }: ParameterType) => Number(name.slice(FRESH.length));

/** Parts of types that are looked at for one expression. */
const MOST_LOOKED_AT = 3_000_000;
/** Parts of one type. A map whose keys are of the type of its values doubles with each map around it, one variable of a policy after another. */
const LARGEST_TYPE = 2000;

/** Told by `Substitutions`, reported by the checker. */
export class TypesTooLarge extends Error {}

export class Substitutions {
  readonly #bound = new Map<string, CelType>();
  /** What `#bound` held before each change since an attempt began, so that a failed attempt can be taken back. */
  #undo: (readonly [string, CelType | undefined])[] = [];
  #fresh = 0;
  #lookedAt = 0;

  #look(): void {
    if (++this.#lookedAt > MOST_LOOKED_AT) throw new TypesTooLarge();
  }

  /** A parameter that nothing is known of yet. */
  fresh(): ParameterType {
    return parameter(`${FRESH}${this.#fresh++}`);
  }

  /** The types of one use of a declaration: its parameters get names of their own. */
  instantiate(types: readonly CelType[]): CelType[] {
    const names = new Map<string, CelType>();
    const renamed = (type: CelType): CelType => {
      if (type.form === 'parameter') {
        const known = names.get(type.name) ?? this.fresh();
        names.set(type.name, known);
        return known;
      }
      return mapInner(type, renamed);
    };
    return types.map(renamed);
  }

  /** The type with everything put in that is known; parameters that stay unknown are `dyn` when `final`. */
  apply(type: CelType, final = false): CelType {
    const before = this.#lookedAt;
    const applied = this.#applied(type, final);
    if (this.#lookedAt - before > LARGEST_TYPE) throw new TypesTooLarge();
    return applied;
  }

  #applied(type: CelType, final: boolean): CelType {
    this.#look();
    if (type.form === 'parameter') {
      const known = this.#bound.get(type.name);
      if (known) return this.#applied(known, final);
      return final ? DYN : type;
    }
    return mapInner(type, (inner) => this.#applied(inner, final));
  }

  /** Whether each of `types` can be used where `wanted` stands; remembers what that makes of parameters only when all can. */
  assignable(types: readonly CelType[], wanted: readonly CelType[]): boolean {
    if (types.length !== wanted.length) return false;
    this.#undo = [];
    if (types.every((type, i) => this.#fits(type, wanted[i]!))) return true;
    for (const [name, before] of this.#undo.reverse()) {
      if (before) this.#bound.set(name, before);
      else this.#bound.delete(name);
    }
    return false;
  }

  #set(name: string, type: CelType): void {
    this.#undo.push([name, this.#bound.get(name)]);
    this.#bound.set(name, type);
  }

  #resolve(type: CelType): CelType {
    if (type.form !== 'parameter') return type;
    const last = this.#lastOf(type);
    return this.#bound.get(last.name) ?? last;
  }

  /** The parameter that another stands for in the end. */
  #lastOf(param: ParameterType): ParameterType {
    for (let current = param; ; this.#look()) {
      const next = this.#bound.get(current.name);
      if (next?.form !== 'parameter') return current;
      current = next;
    }
  }

  #fits(a: CelType, b: CelType): boolean {
    this.#look();
    if (a.form === 'parameter' && b.form === 'parameter' && a.name === b.name) return true;
    if (b.form === 'parameter') return this.#bind(b, a);
    if (a.form === 'parameter') return this.#bind(a, b);
    if (isDyn(a) || isDyn(b)) return true;
    if (a.form === 'simple' && a.name === 'null')
      return b.form === 'simple' ? NULLABLE.has(b.name) : b.form === 'object' || b.form === 'opaque';
    if (b.form === 'simple' && b.name === 'null' && (a.form === 'object' || a.form === 'opaque')) return true;
    return this.#sameShape(a, b);
  }

  #bind(param: ParameterType, type: CelType): boolean {
    const last = this.#lastOf(param);
    const known = this.#bound.get(last.name);
    if (known) {
      if (!this.#fits(type, known)) return false;
      this.#set(last.name, this.mostGeneral(known, type));
      return true;
    }
    const resolved = this.#resolve(type);
    if (resolved.form === 'parameter') {
      // The newer of two unknown ones stands for the older: a long list of empty lists makes no chain of them.
      const [older, newer] = numberOf(resolved) < numberOf(last) ? [resolved, last] : [last, resolved];
      if (older.name !== newer.name) this.#set(newer.name, older);
      return true;
    }
    if (this.#mentions(last.name, resolved)) return false;
    this.#set(last.name, type);
    return true;
  }

  #mentions(name: string, type: CelType): boolean {
    this.#look();
    const resolved = this.#resolve(type);
    switch (resolved.form) {
      case 'parameter':
        return resolved.name === name;
      case 'list':
        return this.#mentions(name, resolved.of);
      case 'map':
        return this.#mentions(name, resolved.key) || this.#mentions(name, resolved.of);
      case 'opaque':
        return resolved.parameters.some((inner) => this.#mentions(name, inner));
      case 'type':
        return resolved.of !== undefined && this.#mentions(name, resolved.of);
      default:
        return false;
    }
  }

  #sameShape(a: CelType, b: CelType): boolean {
    if (a.form === 'simple' && b.form === 'simple') return a.name === b.name || (b.name === 'null' && NULLABLE.has(a.name));
    if (a.form === 'list' && b.form === 'list') return this.#fits(a.of, b.of);
    if (a.form === 'map' && b.form === 'map') return this.#fits(a.key, b.key) && this.#fits(a.of, b.of);
    if (a.form === 'object' && b.form === 'object') return a.name === b.name;
    if (a.form === 'opaque' && b.form === 'opaque')
      return (
        a.name === b.name &&
        a.parameters.length === b.parameters.length &&
        a.parameters.every((inner, i) => this.#fits(inner, b.parameters[i]!))
      );
    return a.form === 'type' && b.form === 'type';
  }

  /** Of two types that fit each other the one that says less. */
  mostGeneral(a: CelType, b: CelType): CelType {
    return this.#saysLess(a, b) ? a : b;
  }

  #saysLess(a: CelType, b: CelType): boolean {
    this.#look();
    const [left, right] = [this.#resolve(a), this.#resolve(b)];
    if (isDyn(left) || left.form === 'parameter') return true;
    if (isDyn(right) || right.form === 'parameter') return false;
    if (left.form === 'list' && right.form === 'list') return this.#saysLess(left.of, right.of);
    if (left.form === 'map' && right.form === 'map')
      return this.#saysLess(left.key, right.key) && this.#saysLess(left.of, right.of);
    if (left.form === 'opaque' && right.form === 'opaque')
      return left.parameters.every((inner, i) => this.#saysLess(inner, right.parameters[i] ?? inner));
    if (left.form === 'simple' && left.name === 'null') return false;
    return true;
  }
}

function mapInner(type: CelType, change: (inner: CelType) => CelType): CelType {
  switch (type.form) {
    case 'list':
      return listOf(change(type.of), type.maxElements);
    case 'map':
      return mapOf(change(type.key), change(type.of), type.maxElements);
    case 'opaque':
      return type.parameters.length ? { ...type, parameters: type.parameters.map(change) } : type;
    case 'type':
      return type.of ? typeOf(change(type.of)) : type;
    default:
      return type;
  }
}
