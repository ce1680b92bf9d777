/** Outlines of the icons on a 16 px grid, drawn with a 1.4 px line. */
const PATHS = {
  maximise: 'M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10',
  restore: 'M6 2.5V6H2.5M13.5 6H10V2.5M10 13.5V10h3.5M2.5 10H6v3.5',
  link: 'M6.5 9.5l3-3M7 4.5l1.2-1.2a3 3 0 0 1 4.3 4.3L11.3 8.8M9 11.5l-1.2 1.2a3 3 0 0 1-4.3-4.3L4.7 7.2',
  download: 'M8 2.5v7.5M5 7.2L8 10.2l3-3M3 13.2h10',
  code: 'M5.5 4.5L2 8l3.5 3.5M10.5 4.5L14 8l-3.5 3.5',
  close: 'M4 4l8 8M12 4l-8 8',
  microscope: 'M5 2h3.6v6.4H5zM6.8 8.4v1.4M3.4 11.2h6.8M2.6 14h10.8M8.6 4.4c5.2 0 5.6 7.4 1.6 9.6',
  help: 'M5.8 6a2.2 2.2 0 1 1 3.2 2c-.7.4-1 .8-1 1.6M8 12v.2',
  command: 'M3 4.5l3.5 3.5L3 11.5M8 12h5',
  play: 'M5 3.5v9l7-4.5z',
  stop: 'M4.5 4.5h7v7h-7z',
  plus: 'M8 3v10M3 8h10',
  swap: 'M3 5.5h9M9.5 3L12 5.5 9.5 8M13 10.5H4M6.5 8L4 10.5 6.5 13',
  previous: 'M10 3.5L5.5 8l4.5 4.5',
  next: 'M6 3.5L10.5 8 6 12.5',
  pin: 'M6 2.5h4M6.8 2.5v4.2L4.5 9.2h7L9.2 6.7V2.5M8 9.2v4.6',
  warning: 'M8 2.5l6 11H2zM8 6.5v3.5M8 11.8v.2',
} as const;

export type IconName = keyof typeof PATHS;

/** A small picture beside a word; it says nothing to a screen reader. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
