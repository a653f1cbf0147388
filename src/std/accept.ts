/** One of the forms that an Accept header asks for. */
export interface AcceptClause {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly weight: number;
}

/** Clauses of an Accept header by falling weight, equal ones as written. */
export function parseAccept(header: string): AcceptClause[] {
  const clauses = header.split(',').map((text) => {
    const [type = '', ...rest] = text.split(';').map((s) => s.trim());
    const parameters = new Map(
      rest.map((p) => {
        const at = p.indexOf('=');
        return at < 0 ? ([p, ''] as const) : ([p.slice(0, at).toLowerCase(), p.slice(at + 1)] as const);
      }),
    );
    const q = Number(parameters.get('q') ?? 1);
    return { type: type.toLowerCase(), parameters, weight: Number.isFinite(q) ? q : 1 };
  });
  return clauses.filter((c) => c.weight > 0).sort((a, b) => b.weight - a.weight);
}
