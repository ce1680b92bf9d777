import { type Signal, useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The inner size of an element in px, followed as it changes; `first` until it is measured. */
export function useSize<T extends HTMLElement>(first: Size): [RefObject<T | null>, Signal<Size>] {
  const element = useRef<T>(null);
  const size = useSignal(first);
  useLayoutEffect(() => {
    const measured = element.current;
    if (measured === null) return;
    const measure = () => {
      const { clientWidth: width, clientHeight: height } = measured;
      // A hidden element has no size to go by.
      if (width === 0) return;
      if (width !== size.peek().width || height !== size.peek().height) {
        size.value = { width, height };
      }
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(measured);
    return () => observer.disconnect();
  }, []);
  return [element, size];
}
