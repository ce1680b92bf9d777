import type { ComponentChildren } from 'preact';

/** One column: its title with the unit, and what stands in its cells. */
export interface Column<Row> {
  readonly key: string;
  readonly title: string;
  /** Numbers stand right-aligned in tabular figures. */
  readonly numeric?: boolean;
  readonly cell: (row: Row) => ComponentChildren;
}

/** A plain table. `rowFocus` puts linked-highlighting attributes on a row. */
export function DataTable<Row>(props: {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row, index: number) => string | number;
  readonly rowFocus?: (row: Row) => Readonly<Record<`data-${string}`, string | number | undefined>>;
}) {
  const { columns, rows } = props;
  return (
    <table class="data">
      <caption>{props.caption}</caption>
      <thead>
        <tr>
          {columns.map(({ key, title, numeric }) => (
            <th key={key} scope="col" class={numeric === true ? 'number' : undefined}>
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, index) => (
          <tr key={props.rowKey(row, index)} {...props.rowFocus?.(row)}>
            {columns.map(({ key, numeric, cell }) => (
              <td key={key} class={numeric === true ? 'number' : undefined}>
                {cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
