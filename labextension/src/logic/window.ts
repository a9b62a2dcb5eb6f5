/** Which rows of a long list stand in its viewport. */

export interface IWindow {
  /** The first row to render. */
  first: number;
  /** One past the last. */
  end: number;
}

export function visibleRows(scrollTop: number, height: number, rowHeight: number, total: number, spare = 8): IWindow {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - spare);
  const end = Math.min(total, Math.ceil((scrollTop + height) / rowHeight) + spare);
  return { first: Math.min(first, Math.max(0, total - 1)), end: Math.max(end, 0) };
}

/** The pages (of `size` rows) that these rows are on. */
export function pagesOf(rows: IWindow, size: number): number[] {
  const pages: number[] = [];
  for (let page = Math.floor(rows.first / size); page * size < rows.end; page++) {
    pages.push(page);
  }
  return pages;
}

/** Where to scroll so that a row is seen; null if it is already. */
export function scrollFor(row: number, scrollTop: number, height: number, rowHeight: number): number | null {
  const top = row * rowHeight;
  if (top < scrollTop) {
    return top;
  }
  return top + rowHeight > scrollTop + height ? top + rowHeight - height : null;
}

/** The row that a key leads to; null for any other key. */
export function rowByKey(key: string, row: number, total: number, page: number): number | null {
  const to: Record<string, number> = {
    ArrowDown: row + 1,
    ArrowUp: row - 1,
    PageDown: row + page,
    PageUp: row - page,
    Home: 0,
    End: total - 1
  };
  return key in to && total > 0 ? Math.min(Math.max(to[key], 0), total - 1) : null;
}
