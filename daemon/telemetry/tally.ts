// SPDX-License-Identifier: Apache-2.0
/**
 * Cells by three label values, found by three look-ups of strings. prom-client checks, sorts and joins the labels of every
 * count; counted here, it has to do so only when somebody scrapes.
 */
export class Tally<Cell> {
  readonly #cells = new Map<string, Map<string, Map<string, Cell>>>();
  readonly #makeCell: () => Cell;

  constructor(makeCell: () => Cell) {
    this.#makeCell = makeCell;
  }

  /** The cell of these values, made where there is none. Whoever asks keeps the values few. */
  at(first: string, second: string, third: string): Cell {
    const cells = innerMap(innerMap(this.#cells, first), second);
    let cell = cells.get(third);
    if (cell === undefined) {
      cell = this.#makeCell();
      cells.set(third, cell);
    }
    return cell;
  }

  /** Calls with each cell and its label values. */
  each(visit: (cell: Cell, first: string, second: string, third: string) => void): void {
    for (const [first, bySecond] of this.#cells)
      for (const [second, byThird] of bySecond) for (const [third, cell] of byThird) visit(cell, first, second, third);
  }
}

function innerMap<V>(outer: Map<string, Map<string, V>>, key: string): Map<string, V> {
  let inner = outer.get(key);
  if (inner === undefined) {
    inner = new Map();
    outer.set(key, inner);
  }
  return inner;
}
