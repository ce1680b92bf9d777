import { GlassboxError } from '../base/error.ts';

/**
 * One dimension of a shape: a non-negative integer, or a symbol such as `'batch'`. Products and sums
 * of symbols (`'batch*pos'`, `'past+pos'`, `'2*batch'`) are integer polynomials in one canonical
 * spelling, so that equal dimensions are equal strings.
 */
export type Dim = number | string;
/** Sizes of the axes, outermost first; `[]` is a scalar. */
export type Shape = readonly Dim[];

/** Sizes for the symbols of a shape, e.g. `{ batch: 2, pos: 11 }`. */
export type DimBindings = Readonly<Record<string, number>>;

/** A polynomial as monomial (`'batch*pos'`, `''` for the constant term) to coefficient. */
type Polynomial = Map<string, number>;

const SYMBOL = /^[A-Za-z_][A-Za-z0-9_]*$/;

function parse(dim: Dim): Polynomial {
  if (typeof dim === 'number') return new Map(dim === 0 ? [] : [['', dim]]);
  const out: Polynomial = new Map();
  for (const term of dim.split('+')) {
    let coefficient = 1;
    const symbols: string[] = [];
    for (const factor of term.split('*')) {
      if (/^-?\d+$/.test(factor)) coefficient *= Number(factor);
      else if (SYMBOL.test(factor)) symbols.push(factor);
      else {
        throw new GlassboxError(`'${dim}' is not a dimension`, {
          code: 'bad-dimension',
          remedy: "Use an integer, a name such as 'batch', or sums and products of them.",
          details: { dim },
        });
      }
    }
    accumulate(out, symbols.sort().join('*'), coefficient);
  }
  return out;
}

function accumulate(polynomial: Polynomial, monomial: string, coefficient: number): void {
  const sum = (polynomial.get(monomial) ?? 0) + coefficient;
  if (sum === 0) polynomial.delete(monomial);
  else polynomial.set(monomial, sum);
}

function print(polynomial: Polynomial): Dim {
  if (polynomial.size === 0) return 0;
  if (polynomial.size === 1 && polynomial.has('')) return polynomial.get('')!;
  return [...polynomial]
    .sort(([a], [b]) => (a < b ? 1 : -1))
    .map(([monomial, c]) => (monomial === '' ? `${c}` : c === 1 ? monomial : `${c}*${monomial}`))
    .join('+');
}

/** The canonical spelling of a dimension. */
export function canonicalDim(dim: Dim): Dim {
  if (typeof dim === 'number' || SYMBOL.test(dim)) return dim;
  return print(parse(dim));
}

/** a + b as a canonical dimension. */
export function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  const out = parse(a);
  for (const [monomial, coefficient] of parse(b)) accumulate(out, monomial, coefficient);
  return print(out);
}

/** a − b as a canonical dimension. */
export function subtractDims(a: Dim, b: Dim): Dim {
  return addDims(a, multiplyDims(-1, b));
}

/** a · b as a canonical dimension. */
export function multiplyDims(a: Dim, b: Dim): Dim {
  // Adding 0 turns −0, which JSON and Object.is tell apart, into 0.
  if (typeof a === 'number' && typeof b === 'number') return a * b + 0;
  if (a === 1) return canonicalDim(b);
  if (b === 1) return canonicalDim(a);
  const out: Polynomial = new Map();
  const right = parse(b);
  for (const [ma, ca] of parse(a)) {
    for (const [mb, cb] of right) {
      const symbols = [...ma.split('*'), ...mb.split('*')].filter((symbol) => symbol !== '');
      accumulate(out, symbols.sort().join('*'), ca * cb);
    }
  }
  return print(out);
}

/** The number of elements, symbolic when a dimension is. */
export function sizeOf(shape: Shape): Dim {
  return shape.reduce<Dim>(multiplyDims, 1);
}

/** The symbols a dimension is made of, e.g. `['past', 'pos']`. */
export function symbolsOf(dim: Dim): string[] {
  if (typeof dim === 'number') return [];
  const names = [...parse(dim).keys()].flatMap((monomial) => monomial.split('*'));
  return [...new Set(names.filter((name) => name !== ''))];
}

/** A polynomial dimension as terms `coefficient · symbols`, for lowering and evaluation. */
export function termsOf(dim: Dim): { coefficient: number; symbols: string[] }[] {
  return [...parse(dim)].map(([monomial, coefficient]) => ({
    coefficient,
    symbols: monomial === '' ? [] : monomial.split('*'),
  }));
}

/** The value of a dimension under bindings. Throws when a symbol is not bound. */
export function evaluateDim(dim: Dim, bindings: DimBindings): number {
  if (typeof dim === 'number') return dim;
  let total = 0;
  for (const { coefficient, symbols } of termsOf(dim)) {
    let product = coefficient;
    for (const symbol of symbols) {
      const value = bindings[symbol];
      if (value === undefined) {
        throw new GlassboxError(`the size of dimension '${symbol}' is not known`, {
          code: 'unbound-dimension',
          remedy: `Feed an input whose shape contains '${symbol}'.`,
          details: { dim, bound: Object.keys(bindings) },
        });
      }
      product *= value;
    }
    total += product;
  }
  return total;
}

/** The sizes of a shape under bindings. Throws when a symbol is not bound. */
export function evaluateShape(shape: Shape, bindings: DimBindings): number[] {
  return shape.map((dim) => evaluateDim(dim, bindings));
}

/** A shape for messages, e.g. `[batch, pos, 768]`. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

/** Whether two shapes of canonical dimensions are equal, symbols by name. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}
